"""The 16 system events, known to every live host (spec 01 section 9, 06 section 3)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from reference.definition.errors import BeyondLimits, ExecutionFailure
from reference.definition.field import U32_LIMIT, extension_inverse_or_zero
from reference.definition.rpo import digest_of, hash_elements, merge, permute
from reference.host.event import Event, address_range
from reference.host.merkle_store import check_node_index

if TYPE_CHECKING:
    from reference.host.advice import AdviceHost
    from reference.machine import Machine

MAX_MAPPED_ELEMENTS = 2**24
"""Elements that one mem_to_map may copy. A program may ask for 2^32; twice this takes seconds and half a gigabyte."""


def merkle_node_merge(machine: Machine, advice: AdviceHost) -> None:
    """The store learns the parent of left = W(5) and right = W(1); neither needs to be known."""
    advice.store.add(machine.word(5), machine.word(1))


def merkle_node_to_stack(machine: Machine, advice: AdviceHost) -> None:
    """Push the node at depth s1, index s2 under root W(3), element 0 popped first.

    Raises ExecutionFailure ``AdviceError.InvalidMerkleTreeNodeIndex``, ``AdviceError.MerkleStoreLookupFailed...``.
    """
    depth, index = machine.item(1), machine.item(2)
    check_node_index(depth, index, machine.clk)
    advice.push(advice.node(machine.word(3), depth, index, machine.clk))


def map_value_to_stack(machine: Machine, advice: AdviceHost) -> None:
    """Push the list under key W(1), element 0 popped first; raises ExecutionFailure ``AdviceError.MapKeyNotFound``."""
    advice.push(advice.values(machine.word(1), machine.clk))


def map_value_to_stack_n(machine: Machine, advice: AdviceHost) -> None:
    """As map_value_to_stack, then the length of the list on top."""
    values = advice.values(machine.word(1), machine.clk)
    advice.push((len(values), *values))


def has_map_key(machine: Machine, advice: AdviceHost) -> None:
    """Push 1 if the map has key W(1), else 0."""
    advice.push((int(machine.word(1) in advice.map),))


def ext2_inv(machine: Machine, advice: AdviceHost) -> None:
    """Push the inverse of (s2, s1), c0 popped first; raises ExecutionFailure ``DivideByZero``."""
    element = (machine.item(2), machine.item(1))
    if element == (0, 0):
        raise ExecutionFailure("DivideByZero", clk=machine.clk)
    advice.push(extension_inverse_or_zero(element))


def _leading_zeros(n: int) -> int:
    return 32 - n.bit_length()


def _trailing_zeros(n: int) -> int:
    return (n & -n).bit_length() - 1 if n else 32


def _leading_ones(n: int) -> int:
    return _leading_zeros(n ^ U32_LIMIT - 1)


def _trailing_ones(n: int) -> int:
    return _trailing_zeros(n ^ U32_LIMIT - 1)


def _push_count(count: Callable[[int], int], machine: Machine, advice: AdviceHost) -> None:
    value = machine.item(1)
    if value >= U32_LIMIT:
        raise ExecutionFailure("NotU32Values", detail=f"values [{value}], error code 0")
    advice.push((count(value),))


def u32_clz(machine: Machine, advice: AdviceHost) -> None:
    """Push the number of leading zero bits of the u32 s1; raises ExecutionFailure ``NotU32Values``."""
    _push_count(_leading_zeros, machine, advice)


def u32_ctz(machine: Machine, advice: AdviceHost) -> None:
    """Push the number of trailing zero bits of the u32 s1, 32 for 0; raises ExecutionFailure ``NotU32Values``."""
    _push_count(_trailing_zeros, machine, advice)


def u32_clo(machine: Machine, advice: AdviceHost) -> None:
    """Push the number of leading one bits of the u32 s1; raises ExecutionFailure ``NotU32Values``."""
    _push_count(_leading_ones, machine, advice)


def u32_cto(machine: Machine, advice: AdviceHost) -> None:
    """Push the number of trailing one bits of the u32 s1; raises ExecutionFailure ``NotU32Values``."""
    _push_count(_trailing_ones, machine, advice)


def ilog2(machine: Machine, advice: AdviceHost) -> None:
    """Push floor(log2 s1) of the full 64-bit s1; raises ExecutionFailure ``LogArgumentZero``."""
    value = machine.item(1)
    if value == 0:
        raise ExecutionFailure("LogArgumentZero", clk=machine.clk)
    advice.push((value.bit_length() - 1,))


def mem_to_map(machine: Machine, advice: AdviceHost) -> None:
    """map[W(1)] := memory elements s5..s6-1 of this context, 0 where nothing was written.

    Raises ExecutionFailure as :func:`reference.host.event.address_range` or ``AdviceError.MapKeyAlreadyPresent``;
    BeyondLimits for more than MAX_MAPPED_ELEMENTS.
    """
    addresses = address_range(machine, 5, 6)
    if len(addresses) > MAX_MAPPED_ELEMENTS:
        raise BeyondLimits(f"mem_to_map copies at most {MAX_MAPPED_ELEMENTS} elements here")
    values = tuple(machine.memory.peek_element(machine.ctx, address) or 0 for address in addresses)
    advice.insert(machine.word(1), values, machine.clk)


def hdword_to_map(machine: Machine, advice: AdviceHost) -> None:
    """map[merge(A, B)] := A, B with B = W(1), A = W(5).

    Raises ExecutionFailure ``AdviceError.MapKeyAlreadyPresent``.
    """
    a, b = machine.word(5), machine.word(1)
    advice.insert(merge(a, b), (*a, *b), machine.clk)


def hdword_to_map_with_domain(machine: Machine, advice: AdviceHost) -> None:
    """As hdword_to_map, hashed in the domain s9."""
    a, b = machine.word(5), machine.word(1)
    advice.insert(merge(a, b, machine.item(9)), (*a, *b), machine.clk)


def hqword_to_map(machine: Machine, advice: AdviceHost) -> None:
    """map[hash(A, B, C, D)] := A, B, C, D with D = W(1) to A = W(13), which ends at position 16.

    Raises ExecutionFailure ``AdviceError.MapKeyAlreadyPresent``.
    """
    values = (*machine.word(13), *machine.word(9), *machine.word(5), *machine.word(1))
    advice.insert(hash_elements(values), values, machine.clk)


def hperm_to_map(machine: Machine, advice: AdviceHost) -> None:
    """map[digest of RPO(C, A, B)] := A, B with B = W(1), A = W(5), C = W(9).

    Raises ExecutionFailure ``AdviceError.MapKeyAlreadyPresent``.
    """
    a, b = machine.word(5), machine.word(1)
    advice.insert(digest_of(permute((*machine.word(9), *a, *b))), (*a, *b), machine.clk)


SYSTEM_EVENTS: Final[tuple[Event, ...]] = (
    Event(7243907139105902342, "sys::merkle_node_merge", merkle_node_merge),
    Event(6873007751276594108, "sys::merkle_node_to_stack", merkle_node_to_stack),
    Event(17843484659000820118, "sys::map_value_to_stack", map_value_to_stack),
    Event(7354377147644073171, "sys::map_value_to_stack_n", map_value_to_stack_n),
    Event(5642583036089175977, "sys::has_map_key", has_map_key),
    Event(9660728691489438960, "sys::ext2_inv", ext2_inv),
    Event(1503707361178382932, "sys::u32_clz", u32_clz),
    Event(10656887096526143429, "sys::u32_ctz", u32_ctz),
    Event(12846584985739176048, "sys::u32_clo", u32_clo),
    Event(6773574803673468616, "sys::u32_cto", u32_cto),
    Event(7444351342957461231, "sys::ilog2", ilog2),
    Event(5768534446586058686, "sys::mem_to_map", mem_to_map),
    Event(5988159172915333521, "sys::hdword_to_map", hdword_to_map),
    Event(6143777601072385586, "sys::hdword_to_map_with_domain", hdword_to_map_with_domain),
    Event(11723176702659679401, "sys::hqword_to_map", hqword_to_map),
    Event(6190830263511605775, "sys::hperm_to_map", hperm_to_map),
)
"""Ids, names and handlers (spec 06, section 2.1)."""
