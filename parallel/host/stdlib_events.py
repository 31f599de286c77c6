"""The standard library's event handlers (spec 06, section 4); whatever fails in one is an EventError.

It has no clk of its own. The one that the real VM prints for a misaligned array is that of the memory error inside.
"""

from __future__ import annotations

from typing import NoReturn

from parallel.host.protocol import View
from parallel.host.provider import AdviceProvider
from parallel.host.system_events import Handler
from parallel.host.viewing import address_range, word_at
from reference.definition.errors import BeyondLimits, ExecutionFailure
from reference.definition.field import U32_LIMIT, ZERO_WORD, Word

FALCON_MODULUS = 12289
SMT_DEPTH = 64


def event_failure(detail: str) -> ExecutionFailure:
    """The failure of an event that is not a system event."""
    return ExecutionFailure("EventError", detail=detail)


def _u64_div(advice: AdviceProvider, view: View) -> None:
    divisor = _u64(view, 1, 2, "divisor")
    if divisor == 0:
        raise event_failure("u64_div: division by zero")
    quotient, remainder = divmod(_u64(view, 3, 4, "dividend"), divisor)
    advice.push([*_low_high(quotient), *_low_high(remainder)])


def _falcon_div(advice: AdviceProvider, view: View) -> None:
    quotient, remainder = divmod(_u64(view, 1, 2, "dividend"), FALCON_MODULUS)
    advice.push([*reversed(_low_high(quotient)), remainder])


def _u64(view: View, high_position: int, low_position: int, name: str) -> int:
    high, low = view.item(high_position), view.item(low_position)
    if high >= U32_LIMIT or low >= U32_LIMIT:
        raise event_failure(f"the {name} ({high}, {low}) is not two u32 values")
    return high << 32 | low


def _low_high(value: int) -> tuple[int, int]:
    return value % U32_LIMIT, value >> 32


def _smt_peek(advice: AdviceProvider, view: View) -> None:
    key, root = word_at(view, 1), word_at(view, 5)
    try:
        leaf = advice.node(root, SMT_DEPTH, key[3], view.clk)
    except ExecutionFailure as failure:
        raise event_failure(f"smt_peek: {failure}") from failure
    advice.push(ZERO_WORD if leaf == ZERO_WORD else _value_in_leaf(advice, leaf, key))


def _value_in_leaf(advice: AdviceProvider, leaf: Word, key: Word) -> tuple[int, ...]:
    pairs = advice.lookup(leaf)
    if pairs is None:
        raise event_failure("smt_peek: the leaf is not in the advice map")
    if len(pairs) % 8:
        raise event_failure(f"smt_peek: a leaf of {len(pairs)} elements is not a list of pairs of words")
    for start in range(0, len(pairs), 8):
        if tuple(pairs[start : start + 4]) == key:
            return tuple(pairs[start + 4 : start + 8])
    return ZERO_WORD


def _lowerbound_array(advice: AdviceProvider, view: View) -> None:
    _push_lower_bound(advice, view, stride=4, is_full_key=True)


def _lowerbound_key_value(advice: AdviceProvider, view: View) -> None:
    is_full_key = view.item(7)
    if is_full_key > 1:
        raise event_failure(f"lowerbound: the kind of key is 0 or 1, found {is_full_key}")
    _push_lower_bound(advice, view, stride=8, is_full_key=is_full_key == 1)


def _push_lower_bound(advice: AdviceProvider, view: View, *, stride: int, is_full_key: bool) -> None:
    """Push where the first entry >= key is and, below it, whether it equals the key; all entries have to ascend."""
    key = word_at(view, 1)[::-1]  # element 3 counts most, so reversed words compare as tuples do
    try:
        start, end = address_range(view, 5, 6)
    except ExecutionFailure as failure:
        raise event_failure(f"lowerbound: {failure}") from failure
    if start % 4:
        detail = f"lowerbound: the array at {start} is not aligned to words"
        raise ExecutionFailure("EventError", clk=view.clk, detail=detail)
    if (end - start) % stride:
        raise event_failure(f"lowerbound: {end - start} elements are not entries of {stride}")
    found, pointer = False, end
    previous: tuple[int, ...] = ()
    for address in range(start, end, stride):
        entry = tuple(view.element(address + i) if is_full_key or i >= 2 else 0 for i in (3, 2, 1, 0))
        if entry < previous:
            raise event_failure(f"lowerbound: the entry at {address} is less than the one before it")
        if pointer == end and entry >= key:
            found, pointer = entry == key, address
        previous = entry
    advice.push([pointer, int(found)])


def _keccak256(_advice: AdviceProvider, _view: View) -> NoReturn:
    raise BeyondLimits("keccak256 is not computed here; give the case the host's replies")


def _ecdsa(_advice: AdviceProvider, _view: View) -> NoReturn:
    raise BeyondLimits("ecdsa is not computed here; give the case the host's replies")


STDLIB_EVENTS: dict[int, Handler] = {
    16308489928383702680: _u64_div,
    9834516640389212175: _falcon_div,
    3580205917336794987: _smt_peek,
    2382974753388103136: _lowerbound_array,
    486819235893213157: _lowerbound_key_value,
    5779517439479051634: _keccak256,
    7877366289282707984: _ecdsa,
}
"""By event id."""
