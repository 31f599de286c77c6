"""The 16 system events: operands behind the id, effects on the advice provider only (spec 06, section 3)."""

from __future__ import annotations

from collections.abc import Callable

from parallel.host.hashing import hash_elements, merge, permute
from parallel.host.protocol import View
from parallel.host.provider import AdviceProvider
from parallel.host.viewing import address_range, word_at
from reference.definition.errors import BeyondLimits, ExecutionFailure
from reference.definition.field import U32_LIMIT, P, as_word

MAX_MAPPED_ELEMENTS = 2**24
"""Elements of one mem_to_map; a program may ask for 2^32, and twice this takes seconds and half a gigabyte."""

Handler = Callable[[AdviceProvider, View], None]

U32_ONES = U32_LIMIT - 1


def _merkle_node_merge(advice: AdviceProvider, view: View) -> None:
    advice.merge_roots(word_at(view, 5), word_at(view, 1))


def _merkle_node_to_stack(advice: AdviceProvider, view: View) -> None:
    advice.push(advice.node(word_at(view, 3), view.item(1), view.item(2), view.clk))


def _map_value_to_stack(advice: AdviceProvider, view: View) -> None:
    advice.push(advice.required(word_at(view, 1), view.clk))


def _map_value_to_stack_n(advice: AdviceProvider, view: View) -> None:
    values = advice.required(word_at(view, 1), view.clk)
    advice.push([len(values), *values])


def _has_map_key(advice: AdviceProvider, view: View) -> None:
    advice.push([int(advice.lookup(word_at(view, 1)) is not None)])


def _ext2_inv(advice: AdviceProvider, view: View) -> None:
    a1, a0 = view.item(1), view.item(2)
    if a0 == a1 == 0:
        raise ExecutionFailure("DivideByZero", clk=view.clk)
    # The norm is 0 for no other element: phi^2 - phi + 2 has no root in the base field.
    inverse_norm = pow(a0 * a0 + a0 * a1 + 2 * a1 * a1, -1, P)
    advice.push([(a0 + a1) * inverse_norm % P, (P - a1) * inverse_norm % P])


def _u32(view: View) -> int:
    value = view.item(1)
    if value >= U32_LIMIT:
        raise ExecutionFailure("NotU32Values", detail=f"{value} is not below 2^32")
    return value


def _leading_zeros(value: int) -> int:
    return 32 - value.bit_length()


def _trailing_zeros(value: int) -> int:
    return (value & -value).bit_length() - 1 if value else 32


def _u32_clz(advice: AdviceProvider, view: View) -> None:
    advice.push([_leading_zeros(_u32(view))])


def _u32_ctz(advice: AdviceProvider, view: View) -> None:
    advice.push([_trailing_zeros(_u32(view))])


def _u32_clo(advice: AdviceProvider, view: View) -> None:
    advice.push([_leading_zeros(_u32(view) ^ U32_ONES)])


def _u32_cto(advice: AdviceProvider, view: View) -> None:
    advice.push([_trailing_zeros(_u32(view) ^ U32_ONES)])


def _ilog2(advice: AdviceProvider, view: View) -> None:
    value = view.item(1)
    if value == 0:
        raise ExecutionFailure("LogArgumentZero", clk=view.clk)
    advice.push([value.bit_length() - 1])


def _mem_to_map(advice: AdviceProvider, view: View) -> None:
    start, end = address_range(view, 5, 6)
    if end - start > MAX_MAPPED_ELEMENTS:
        raise BeyondLimits(f"mem_to_map copies at most {MAX_MAPPED_ELEMENTS} elements here")
    advice.insert({word_at(view, 1): [view.element(address) for address in range(start, end)]}, view.clk)


def _hdword_to_map(advice: AdviceProvider, view: View) -> None:
    _insert_hashed_pair(advice, view, domain=0)


def _hdword_to_map_with_domain(advice: AdviceProvider, view: View) -> None:
    _insert_hashed_pair(advice, view, domain=view.item(9))


def _insert_hashed_pair(advice: AdviceProvider, view: View, *, domain: int) -> None:
    lower, upper = word_at(view, 5), word_at(view, 1)
    advice.insert({merge(lower, upper, domain): lower + upper}, view.clk)


def _hqword_to_map(advice: AdviceProvider, view: View) -> None:
    values = word_at(view, 13) + word_at(view, 9) + word_at(view, 5) + word_at(view, 1)
    advice.insert({hash_elements(values): values}, view.clk)


def _hperm_to_map(advice: AdviceProvider, view: View) -> None:
    capacity, values = word_at(view, 9), word_at(view, 5) + word_at(view, 1)
    advice.insert({as_word(permute(capacity + values)[4:8]): values}, view.clk)


SYSTEM_EVENTS: dict[int, Handler] = {
    7243907139105902342: _merkle_node_merge,
    6873007751276594108: _merkle_node_to_stack,
    17843484659000820118: _map_value_to_stack,
    7354377147644073171: _map_value_to_stack_n,
    5642583036089175977: _has_map_key,
    9660728691489438960: _ext2_inv,
    1503707361178382932: _u32_clz,
    10656887096526143429: _u32_ctz,
    12846584985739176048: _u32_clo,
    6773574803673468616: _u32_cto,
    7444351342957461231: _ilog2,
    5768534446586058686: _mem_to_map,
    5988159172915333521: _hdword_to_map,
    6143777601072385586: _hdword_to_map_with_domain,
    11723176702659679401: _hqword_to_map,
    6190830263511605775: _hperm_to_map,
}
"""By event id; these win over any other handler of the same id."""
