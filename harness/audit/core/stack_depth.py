"""Depth of the stack and address of its overflow table (spec 12, sections 4.3 and 8.1)."""

from __future__ import annotations

from typing import Final

from harness.audit.core.words import END_CALL, END_LOOP, EVERY, without
from harness.audit.rule import Rule
from reference.definition.isa import OPERATIONS

_DEPTH: Final = "12 section 4.3"
_EXTRA: Final = "12 section 8.1"

SHIFTS_LEFT: Final = (
    *(info.name for info in OPERATIONS if info.shift_class == "left"),
    "U32ADD3",
    "U32MADD",
    "SPLIT",
    "LOOP",
    "REPEAT",
    "DYN",
    END_LOOP,
)
SHIFTS_RIGHT: Final = (*(info.name for info in OPERATIONS if info.shift_class == "right"), "PUSH", "U32SPLIT")
CALLS: Final = ("CALL", "DYNCALL", "SYSCALL")
_KEEPS_DEPTH: Final = without(EVERY, *SHIFTS_LEFT, *SHIFTS_RIGHT, *CALLS, END_CALL)


def _stack(name: str, zero: str, source: str, *on: str) -> Rule:
    return Rule(f"stack.{name}", "stack", zero, source, on=on)


DEPTH: Final = (
    _stack("depth.left", "B0' - B0 + ov", _DEPTH, *SHIFTS_LEFT),
    _stack("depth.right", "B0' - B0 - 1", _DEPTH, *SHIFTS_RIGHT),
    _stack("depth.call", "B0' - 16", _DEPTH, *CALLS),
    _stack("depth.keep", "B0' - B0", _DEPTH, *_KEEPS_DEPTH),
    _stack("depth.inverse", "(1 - ov)*(B0 - 16)", _DEPTH),
    _stack("overflow.pushed", "B1' - clk", _DEPTH, *SHIFTS_RIGHT),
    _stack("overflow.empty", "(1 - ov)*s15'", _DEPTH, *SHIFTS_LEFT),
    _stack("depth.no inverse", "H0*(1 - ov)", _EXTRA),
    _stack("overflow.no address", "(1 - ov)*B1", _EXTRA),
    _stack("overflow.call", "B1'", _EXTRA, *CALLS),
    _stack("overflow.keep", "B1' - B1", _EXTRA, *_KEEPS_DEPTH),
    _stack("overflow.DYNCALL", "(1 - ov)*s15'", _EXTRA, "DYNCALL"),
    _stack("depth.end of call", "B0 - 16", _EXTRA, END_CALL),
    _stack("overflow.end of call", "B1", _EXTRA, END_CALL),
)
