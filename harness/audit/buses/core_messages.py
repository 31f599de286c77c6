"""Messages of the core rows: block stack, block hash, op group and overflow tables, and requests to chiplets
(12 sections 7.2 to 7.5 and 7.7)."""

from __future__ import annotations

from typing import Final

from harness.audit.buses.message import Message, Side, listed
from harness.audit.buses.tables import (
    ACE,
    BITWISE,
    BLOCK_HASH,
    BLOCK_STACK,
    HASHER,
    KERNEL_CALL,
    MEMORY,
    OP_GROUP,
    STACK_OVERFLOW,
)
from harness.audit.core.words import ENDS, EVERY, without
from reference.definition.isa import OPERATIONS

_ADDS: Final = Side.ADDS
_REMOVES: Final = Side.REMOVES
_FN: Final = ("fn0", "fn1", "fn2", "fn3")
_FN_NEXT: Final = ("fn0'", "fn1'", "fn2'", "fn3'")
_FIRST_DIGEST: Final = ("h0", "h1", "h2", "h3")
_SECOND_DIGEST: Final = ("h4", "h5", "h6", "h7")
_OF_CALL: Final = "h6 == 1 or h7 == 1"


def _items(first: int, last: int, prime: str = "") -> tuple[str, ...]:
    """Stack items, deepest first: ``rev(s_last..s_first)`` of the page."""
    return tuple(f"s{item}{prime}" for item in range(last, first - 1, -1))


def _opcodes(start: int, end: int) -> tuple[str, ...]:
    return tuple(info.name for info in OPERATIONS if start <= info.opcode < end)


_BLOCK_STACK: Final = (
    Message(BLOCK_STACK, "start", _ADDS, ("JOIN", "SPLIT", "SPAN", "DYN"), listed("a'", "a", "0")),
    Message(BLOCK_STACK, "LOOP", _ADDS, ("LOOP",), listed("a'", "a", "s0")),
    Message(BLOCK_STACK, "CALL, SYSCALL", _ADDS, ("CALL", "SYSCALL"), listed("a'", "a", "0", "ctx", "B0", "B1", *_FN)),
    Message(BLOCK_STACK, "DYNCALL", _ADDS, ("DYNCALL",), listed("a'", "a", "0", "ctx", "h4", "h5", *_FN)),
    Message(BLOCK_STACK, "RESPAN, next batch", _ADDS, ("RESPAN",), listed("a'", "h1'", "0")),
    Message(BLOCK_STACK, "RESPAN, batch before", _REMOVES, ("RESPAN",), listed("a", "h1'", "0")),
    Message(BLOCK_STACK, "END", _REMOVES, ENDS, listed("a", "a'", "h5"), when=f"not ({_OF_CALL})"),
    Message(
        BLOCK_STACK,
        "END of a call",
        _REMOVES,
        ENDS,
        listed("a", "a'", "h5", "ctx'", "B0'", "B1'", *_FN_NEXT),
        when=_OF_CALL,
    ),
)

_NOT_FIRST: Final = "op' in (END, REPEAT, HALT)"

_BLOCK_HASH: Final = (
    Message(BLOCK_HASH, "JOIN, first child", _ADDS, ("JOIN",), listed("a'", *_FIRST_DIGEST, "1", "0")),
    Message(BLOCK_HASH, "JOIN, second child", _ADDS, ("JOIN",), listed("a'", *_SECOND_DIGEST, "0", "0")),
    Message(BLOCK_HASH, "SPLIT, true", _ADDS, ("SPLIT",), listed("a'", *_FIRST_DIGEST, "0", "0"), when="s0 == 1"),
    Message(BLOCK_HASH, "SPLIT, false", _ADDS, ("SPLIT",), listed("a'", *_SECOND_DIGEST, "0", "0"), when="s0 != 1"),
    Message(BLOCK_HASH, "LOOP, entered", _ADDS, ("LOOP",), listed("a'", *_FIRST_DIGEST, "0", "1"), when="s0 == 1"),
    Message(BLOCK_HASH, "REPEAT", _ADDS, ("REPEAT",), listed("a'", *_FIRST_DIGEST, "0", "1")),
    Message(BLOCK_HASH, "callee", _ADDS, ("DYN", "DYNCALL", "CALL", "SYSCALL"), listed("a'", *_FIRST_DIGEST, "0", "0")),
    Message(
        BLOCK_HASH,
        "END of a first child",
        _REMOVES,
        ENDS,
        listed("a'", *_FIRST_DIGEST, "1", "h4"),
        when=f"not ({_NOT_FIRST})",
    ),
    Message(BLOCK_HASH, "END", _REMOVES, ENDS, listed("a'", *_FIRST_DIGEST, "0", "h4"), when=_NOT_FIRST),
)

_AT_LEAST: Final = {8: "bc0 == 1", 4: "bc0 == 1 or bc1 == 1 and bc2 == 0", 2: "bc0 == 1 or bc1 != bc2"}
"""By number of groups: the batch flags (100, 010, 001, 011 for 8, 4, 2, 1) of a batch with so many or more."""

_OP_GROUP: Final = (
    *(
        Message(
            OP_GROUP,
            f"group {number} of a batch",
            _ADDS,
            ("SPAN", "RESPAN"),
            listed("a'", f"gc - {number}", f"h{number}"),
            when=_AT_LEAST[2 if number < 2 else 4 if number < 4 else 8],
        )
        for number in range(1, 8)
    ),
    Message(OP_GROUP, "immediate", _REMOVES, ("PUSH",), listed("a", "gc", "s0'"), when="sp == 1 and gc - gc' == 1"),
    Message(
        OP_GROUP,
        "next group",
        _REMOVES,
        without(EVERY, "PUSH"),
        listed("a", "gc", "128*h0' + op'"),
        when="sp == 1 and gc - gc' == 1",
    ),
)

_LEFT: Final = (*_opcodes(0x20, 0x30), "U32ADD3", "U32MADD", "SPLIT", "LOOP", "REPEAT", "DYN")
_RIGHT: Final = (*_opcodes(0x30, 0x40), "PUSH", "U32SPLIT")

_STACK_OVERFLOW: Final = (
    Message(STACK_OVERFLOW, "push", _ADDS, _RIGHT, listed("clk", "s15", "B1")),
    Message(STACK_OVERFLOW, "pop", _REMOVES, _LEFT, listed("B1", "s15'", "B1'"), when="ov == 1"),
    Message(STACK_OVERFLOW, "pop by END", _REMOVES, ENDS, listed("B1", "s15'", "B1'"), when="h5 == 1 and ov == 1"),
    Message(STACK_OVERFLOW, "pop by DYNCALL", _REMOVES, ("DYNCALL",), listed("B1", "s15'", "h5"), when="ov == 1"),
)

LINEAR_START: Final = 19
ABSORB: Final = 35
VERIFY_START: Final = 27
OLD_START: Final = 23
NEW_START: Final = 31
RETURN_HASH: Final = 33
RETURN_STATE: Final = 41
"""Hasher labels: 05 section 10, and 16 more at the start of a cycle, 32 more at its end."""


def _asks(
    name: str, on: tuple[str, ...], label: int, address: str, node: str = "0", **states: tuple[str, ...]
) -> Message:
    """A request to the hasher; ``states`` by ``slotN``: state elements from slot N on."""
    slots = {1: str(label), 2: address, 3: node}
    for slot, texts in states.items():
        slots |= listed(*texts, start=int(slot.removeprefix("slot")))
    return Message(HASHER, name, _REMOVES, on, slots)


_GROUPS: Final = tuple(f"h{group}" for group in range(8))
_CAPACITY: Final = ("u1", "u2", "u3", "u4")
_WITH_DIGESTS: Final = ("JOIN", "SPLIT", "LOOP", "CALL", "SYSCALL")

_HASHER: Final = (
    _asks("control start", _WITH_DIGESTS, LINEAR_START, "a'", slot5=("op",), slot8=_GROUPS),
    _asks("dynamic start", ("DYN", "DYNCALL"), LINEAR_START, "a'", slot5=("op",)),
    _asks("SPAN", ("SPAN",), LINEAR_START, "a'", slot8=_GROUPS),
    _asks("RESPAN", ("RESPAN",), ABSORB, "a' - 1", slot8=_GROUPS),
    _asks("END", ENDS, RETURN_HASH, "a + 7", slot8=_FIRST_DIGEST),
    _asks("HPERM, input", ("HPERM",), LINEAR_START, "u0", slot4=_items(0, 11)),
    _asks("HPERM, output", ("HPERM",), RETURN_STATE, "u0 + 7", slot4=_items(0, 11, "'")),
    _asks("LOGPRECOMPILE, input", ("LOGPRECOMPILE",), LINEAR_START, "u0", slot4=_CAPACITY, slot8=_items(0, 7)),
    _asks("LOGPRECOMPILE, output", ("LOGPRECOMPILE",), RETURN_STATE, "u0 + 7", slot4=_items(0, 11, "'")),
    _asks("MPVERIFY, value", ("MPVERIFY",), VERIFY_START, "u0", "s5", slot8=_items(0, 3)),
    _asks("MRUPDATE, old value", ("MRUPDATE",), OLD_START, "u0", "s5", slot8=_items(0, 3)),
    _asks("root", ("MPVERIFY", "MRUPDATE"), RETURN_HASH, "u0 + 8*s4 - 1", slot8=_items(6, 9)),
    _asks("MRUPDATE, new value", ("MRUPDATE",), NEW_START, "u0 + 8*s4", "s5", slot8=_items(10, 13)),
    _asks("MRUPDATE, new root", ("MRUPDATE",), RETURN_HASH, "u0 + 16*s4 - 1", slot8=_items(0, 3, "'")),
)

WRITE_ELEMENT: Final = 4
READ_ELEMENT: Final = 12
WRITE_WORD: Final = 20
READ_WORD: Final = 28
FRAME_POINTER_ADDRESS: Final = 2**32 - 2
FRAME_POINTER_VALUE: Final = 2**31


def _accesses(name: str, on: tuple[str, ...], label: int, ctx: str, address: str, *values: str) -> Message:
    return Message(MEMORY, name, _REMOVES, on, listed(str(label), ctx, address, "clk", *values))


_MEMORY: Final = (
    _accesses(
        "frame pointer",
        ("CALL", "DYNCALL"),
        WRITE_ELEMENT,
        "ctx'",
        str(FRAME_POINTER_ADDRESS),
        str(FRAME_POINTER_VALUE),
    ),
    _accesses("callee", ("DYN", "DYNCALL"), READ_WORD, "ctx", "s0", *_FIRST_DIGEST),
    _accesses("MLOAD", ("MLOAD",), READ_ELEMENT, "ctx", "s0", "s0'"),
    _accesses("MSTORE", ("MSTORE",), WRITE_ELEMENT, "ctx", "s0", "s0'"),
    _accesses("MLOADW", ("MLOADW",), READ_WORD, "ctx", "s0", *_items(0, 3, "'")),
    _accesses("MSTOREW", ("MSTOREW",), WRITE_WORD, "ctx", "s0", *_items(0, 3, "'")),
    *(
        message
        for name, label in (("MSTREAM", READ_WORD), ("PIPE", WRITE_WORD))
        for message in (
            _accesses(f"{name}, first word", (name,), label, "ctx", "s12", *_items(4, 7, "'")),
            _accesses(f"{name}, second word", (name,), label, "ctx", "s12 + 4", *_items(0, 3, "'")),
        )
    ),
    _accesses("point", ("HORNERBASE", "HORNEREXT"), READ_WORD, "ctx", "s13", "u0", "u1", "u2", "u3"),
)

_OTHERS: Final = (
    Message(BITWISE, "U32AND", _REMOVES, ("U32AND",), listed("2", "s1", "s0", "s0'")),
    Message(BITWISE, "U32XOR", _REMOVES, ("U32XOR",), listed("6", "s1", "s0", "s0'")),
    Message(ACE, "EVALCIRCUIT", _REMOVES, ("EVALCIRCUIT",), listed("8", "clk", "ctx", "s0", "s1", "s2")),
    Message(KERNEL_CALL, "SYSCALL", _REMOVES, ("SYSCALL",), listed("16", *_FIRST_DIGEST)),
)

CORE_MESSAGES: Final = (*_BLOCK_STACK, *_BLOCK_HASH, *_OP_GROUP, *_STACK_OVERFLOW, *_HASHER, *_MEMORY, *_OTHERS)
