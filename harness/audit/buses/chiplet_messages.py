"""Messages of the chiplet rows: answers to requests, siblings of Merkle paths, memory reads and wires of the ACE table
(12 sections 7.7 to 7.9)."""

from __future__ import annotations

from typing import Final

from harness.audit.buses.core_messages import (
    ABSORB,
    LINEAR_START,
    NEW_START,
    OLD_START,
    READ_ELEMENT,
    READ_WORD,
    RETURN_HASH,
    RETURN_STATE,
    VERIFY_START,
)
from harness.audit.buses.message import Message, Side, listed
from harness.audit.buses.tables import ACE, BITWISE, HASHER, KERNEL_CALL, MEMORY, SIBLINGS, WIRING
from harness.audit.chiplets.names import ACE_ROWS, KERNEL_ROM_ROWS, MEMORY_ROWS

_ADDS: Final = Side.ADDS
_REMOVES: Final = Side.REMOVES
_FIRST: Final = ("hasher 0",)
_LAST: Final = ("hasher 7",)
_ADDRESS: Final = "row + 1"
_EVEN: Final = "(node & 1) == 0"
_ODD: Final = "(node & 1) == 1"


def _state(first: int, last: int, prime: str = "") -> tuple[str, ...]:
    return tuple(f"H{element}{prime}" for element in range(first, last + 1))


def _selectors(t0: int, t1: int, t2: int) -> str:
    return f"t0 == {t0} and t1 == {t1} and t2 == {t2}"


def _answers(name: str, on: tuple[str, ...], label: int, when: str, first_slot: int, state: tuple[str, ...]) -> Message:
    slots = {1: str(label), 2: _ADDRESS, 3: "node"} | listed(*state, start=first_slot)
    return Message(HASHER, name, _ADDS, on, slots, when=when)


_PATHS: Final = (
    ("verify", VERIFY_START, _selectors(1, 0, 1)),
    ("old root", OLD_START, _selectors(1, 1, 0)),
    ("new root", NEW_START, _selectors(1, 1, 1)),
)

_HASHER: Final = (
    _answers("linear start", _FIRST, LINEAR_START, _selectors(1, 0, 0), 4, _state(0, 11)),
    *(
        message
        for name, label, selectors in _PATHS
        for message in (
            _answers(f"{name}, even node", _FIRST, label, f"{selectors} and {_EVEN}", 8, _state(4, 7)),
            _answers(f"{name}, odd node", _FIRST, label, f"{selectors} and {_ODD}", 8, _state(8, 11)),
        )
    ),
    _answers("digest", _LAST, RETURN_HASH, _selectors(0, 0, 0), 8, _state(4, 7)),
    _answers("state", _LAST, RETURN_STATE, _selectors(0, 0, 1), 4, _state(0, 11)),
    _answers("next batch", _LAST, ABSORB, _selectors(1, 0, 0), 8, _state(4, 11, "'")),
)

_SIBLINGS: Final = tuple(
    Message(
        SIBLINGS,
        f"{name}, {parity}, {place}",
        side,
        on,
        {3: "node"} | listed(*state, start=slot),
        when=f"{selectors} and {condition}",
    )
    for name, selectors, side in (
        ("old root", _selectors(1, 1, 0), _ADDS),
        ("new root", _selectors(1, 1, 1), _REMOVES),
    )
    for place, on, prime in (("first row", _FIRST, ""), ("next row", _LAST, "'"))
    for parity, condition, slot, state in (
        ("even node", _EVEN, 12, _state(8, 11, prime)),
        ("odd node", _ODD, 8, _state(4, 7, prime)),
    )
)

_BITWISE: Final = tuple(
    Message(BITWISE, name, _ADDS, ("bitwise 7",), listed(label, "A", "B", "z"), when=f"sel == {sel}")
    for name, sel, label in (("and", 0, "2"), ("xor", 1, "6"))
)

_LABEL: Final = "4 + 8*rd + 16*wd"
_MEMORY_ADDRESS: Final = "wa + 2*x1 + x0"

_MEMORY: Final = (
    Message(
        MEMORY,
        "word",
        _ADDS,
        MEMORY_ROWS,
        listed(_LABEL, "mctx", _MEMORY_ADDRESS, "mclk", "v0", "v1", "v2", "v3"),
        when="wd == 1",
    ),
    *(
        Message(
            MEMORY,
            f"element {element}",
            _ADDS,
            MEMORY_ROWS,
            listed(_LABEL, "mctx", _MEMORY_ADDRESS, "mclk", f"v{element}"),
            when=f"wd != 1 and x1 == {element >> 1} and x0 == {element & 1}",
        )
        for element in range(4)
    ),
    Message(
        MEMORY,
        "ACE, two variables",
        _REMOVES,
        ACE_ROWS,
        listed(str(READ_WORD), "actx", "ptr", "aclk", "out0", "out1", "left0", "left1"),
        when="s_block != 1",
    ),
    Message(
        MEMORY,
        "ACE, gate",
        _REMOVES,
        ACE_ROWS,
        listed(str(READ_ELEMENT), "actx", "ptr", "aclk", f"id1 + {2**30}*id2 + {2**60}*(gate + 1)"),
        when="s_block == 1",
    ),
)

_OTHERS: Final = (
    Message(
        ACE,
        "section",
        _ADDS,
        ACE_ROWS,
        listed("8", "aclk", "actx", "ptr", "id0 - evals", "evals + 1"),
        when="s_start == 1",
    ),
    Message(KERNEL_CALL, "call", _ADDS, KERNEL_ROM_ROWS, listed("16", "r0", "r1", "r2", "r3"), when="s_first != 1"),
)


def _wire(node: str, low: str, high: str) -> dict[int, str]:
    return listed("aclk", "actx", node, low, high)


_WIRING: Final = (
    Message(WIRING, "result or first variable", _ADDS, ACE_ROWS, _wire("id0", "out0", "out1"), times="m0"),
    Message(
        WIRING, "second variable", _ADDS, ACE_ROWS, _wire("id1", "left0", "left1"), when="s_block != 1", times="m1"
    ),
    Message(WIRING, "left input", _REMOVES, ACE_ROWS, _wire("id1", "left0", "left1"), when="s_block == 1"),
    Message(WIRING, "right input", _REMOVES, ACE_ROWS, _wire("id2", "right0", "right1"), when="s_block == 1"),
)

CHIPLET_MESSAGES: Final = (*_HASHER, *_SIBLINGS, *_BITWISE, *_MEMORY, *_OTHERS, *_WIRING)
