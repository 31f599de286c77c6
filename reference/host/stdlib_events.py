"""The standard library's event handlers (spec 06, section 4).

A handler that fails surfaces as ``EventError``; the reason is in the detail only. Keccak and ECDSA are not computed
here: a program that needs them runs from recorded replies.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from reference.definition.errors import BeyondLimits, ExecutionFailure
from reference.definition.field import U32_LIMIT, ZERO_WORD, Word, as_word
from reference.host.event import Event, address_range
from reference.host.merkle_store import MAX_DEPTH, UnknownNodeError

if TYPE_CHECKING:
    from reference.host.advice import AdviceHost
    from reference.machine import Machine

FALCON_MODULUS = 12289
LEAF_ENTRY = 8
"""A leaf of a sparse Merkle tree lists (key word, value word) pairs."""


def _check_u32(value: int, what: str) -> None:
    if value >= U32_LIMIT:
        raise ExecutionFailure("EventError", detail=f"{what} {value} is not a u32")


def u64_div(machine: Machine, advice: AdviceHost) -> None:
    """Quotient and remainder of a = (s3 hi, s4 lo) by b = (s1 hi, s2 lo); pops give q_lo, q_hi, r_lo, r_hi.

    Raises ExecutionFailure ``EventError``: divisor no u32 limbs, divisor 0, dividend no u32 limbs.
    """
    divisor_hi, divisor_lo, dividend_hi, dividend_lo = (machine.item(position) for position in (1, 2, 3, 4))
    _check_u32(divisor_hi, "divisor_hi")
    _check_u32(divisor_lo, "divisor_lo")
    divisor = divisor_hi << 32 | divisor_lo
    if divisor == 0:
        raise ExecutionFailure("EventError", detail="division by zero")
    _check_u32(dividend_hi, "dividend_hi")
    _check_u32(dividend_lo, "dividend_lo")
    quotient, remainder = divmod(dividend_hi << 32 | dividend_lo, divisor)
    advice.push((quotient % U32_LIMIT, quotient >> 32, remainder % U32_LIMIT, remainder >> 32))


def falcon_div(machine: Machine, advice: AdviceHost) -> None:
    """Quotient and remainder of a = (s1 hi, s2 lo) by 12289; pops give q_hi, q_lo, r.

    Raises ExecutionFailure ``EventError``: lower, then upper limb no u32.
    """
    hi, lo = machine.item(1), machine.item(2)
    _check_u32(lo, "dividend_lo")
    _check_u32(hi, "dividend_hi")
    quotient, remainder = divmod(hi << 32 | lo, FALCON_MODULUS)
    advice.push((quotient >> 32, quotient % U32_LIMIT, remainder))


def smt_peek(machine: Machine, advice: AdviceHost) -> None:
    """Push the value of key W(1) in the sparse Merkle tree W(5), element 0 popped first; zero word if there is none.

    Raises ExecutionFailure ``EventError``: leaf node or its preimage unknown, preimage not made of pairs.
    """
    key, root = machine.word(1), machine.word(5)
    try:
        leaf, _ = advice.store.open(root, MAX_DEPTH, key[3])
    except UnknownNodeError as unknown:
        raise ExecutionFailure("EventError", detail=f"smt_peek: {unknown}") from unknown
    advice.push(ZERO_WORD if leaf == ZERO_WORD else _value_in_leaf(leaf, key, advice))


def _value_in_leaf(leaf: Word, key: Word, advice: AdviceHost) -> Word:
    entries = advice.map.get(leaf)
    if entries is None:
        raise ExecutionFailure("EventError", detail="smt_peek: the leaf is not in the advice map")
    if len(entries) % LEAF_ENTRY:
        raise ExecutionFailure("EventError", detail=f"smt_peek: the leaf has {len(entries)} elements")
    for start in range(0, len(entries), LEAF_ENTRY):
        if entries[start : start + 4] == key:
            return as_word(entries[start + 4 : start + LEAF_ENTRY])
    return ZERO_WORD


def lowerbound_array(machine: Machine, advice: AdviceHost) -> None:
    """Search key W(1) among the ascending words at s5..s6-1; see :func:`_push_lower_bound`."""
    _push_lower_bound(machine, advice, stride=4, full_key=True)


def lowerbound_key_value(machine: Machine, advice: AdviceHost) -> None:
    """Search key W(1) among the ascending (key, value) pairs at s5..s6-1; for s7 = 0 their elements 0 and 1 count as 0.

    Raises ExecutionFailure ``EventError``: s7 not binary; else see :func:`_push_lower_bound`.
    """
    full_key = machine.item(7)
    if full_key > 1:
        raise ExecutionFailure("EventError", detail=f"use_full_key must be 0 or 1, was {full_key}")
    _push_lower_bound(machine, advice, stride=8, full_key=full_key == 1)


def _push_lower_bound(machine: Machine, advice: AdviceHost, *, stride: int, full_key: bool) -> None:
    """Push the address of the first entry not below the key, or the end, then whether it equals the key (pops second).

    Raises ExecutionFailure ``EventError``: bad range, unaligned start (with clk), size no multiple of the stride,
    entries not ascending; the whole array is checked, also behind a hit.
    """
    key = tuple(reversed(machine.word(1)))
    try:
        addresses = address_range(machine, 5, 6)
    except ExecutionFailure as failure:
        raise ExecutionFailure("EventError", detail=str(failure)) from failure
    if addresses.start % 4:
        detail = f"start {addresses.start} is unaligned"
        raise ExecutionFailure("EventError", clk=machine.clk, detail=detail)
    if len(addresses) % stride:
        raise ExecutionFailure("EventError", detail=f"size {len(addresses)} is no multiple of {stride}")

    pointer, found = addresses.stop, False
    previous: tuple[int, ...] = ()
    for address in addresses[::stride]:
        entry = tuple(reversed(machine.memory.peek_word(machine.ctx, address) or ZERO_WORD))
        if not full_key:
            entry = (*entry[:2], 0, 0)
        if entry < previous:
            raise ExecutionFailure("EventError", detail=f"entry at {address} is below its predecessor")
        if pointer == addresses.stop and entry >= key:
            pointer, found = address, entry == key
        previous = entry
    advice.push((pointer, int(found)))


def _needs_replies(name: str) -> Callable[[Machine, AdviceHost], None]:
    def refuse(_machine: Machine, _advice: AdviceHost) -> None:
        raise BeyondLimits(f"{name} is not computed here; give the case the host's replies")

    return refuse


_KECCAK = "stdlib::hash::keccak256::hash_memory"
_ECDSA = "stdlib::crypto::dsa::ecdsa::verify"

STDLIB_EVENTS: Final[tuple[Event, ...]] = (
    Event(5779517439479051634, _KECCAK, _needs_replies(_KECCAK)),
    Event(7877366289282707984, _ECDSA, _needs_replies(_ECDSA)),
    Event(3580205917336794987, "stdlib::collections::smt::smt_peek", smt_peek),
    Event(16308489928383702680, "stdlib::math::u64::u64_div", u64_div),
    Event(9834516640389212175, "stdlib::crypto::dsa::rpo_falcon512::falcon_div", falcon_div),
    Event(2382974753388103136, "stdlib::collections::sorted_array::lowerbound_array", lowerbound_array),
    Event(486819235893213157, "stdlib::collections::sorted_array::lowerbound_key_value", lowerbound_key_value),
)
"""Ids, names and handlers (spec 06, section 2.1)."""
