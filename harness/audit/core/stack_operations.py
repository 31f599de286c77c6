"""Results of operations on the stack and the helpers that they use (spec 12, sections 4.4, 4.5 and 8.1)."""

from __future__ import annotations

from typing import Final

from harness.audit.core.words import BLOCK, without
from harness.audit.rule import Rule

_SINGLE: Final = "12 section 4.4"
_GENERAL: Final = "12 section 4.5"
_EXTRA: Final = "12 section 8.1"

U32: Final = ("U32ADD", "U32SUB", "U32MUL", "U32DIV", "U32SPLIT", "U32ASSERT2", "U32ADD3", "U32MADD")
"""The eight operations whose helpers 0..3 are 16-bit limbs."""
_WIDE: Final = ("U32MUL", "U32SPLIT", "U32MADD")

RESULTS: Final[dict[str, tuple[str, ...]]] = {
    "ASSERT": ("s0 - 1",),
    "ADD": ("s0 + s1 - s0'",),
    "NEG": ("s0 + s0'",),
    "MUL": ("s0*s1 - s0'",),
    "INV": ("s0*s0' - 1",),
    "INCR": ("s0 + 1 - s0'",),
    "NOT": ("s0 + s0' - 1",),
    "AND": ("s1^2 - s1", "s0' - s0*s1"),
    "OR": ("s1^2 - s1", "s0' - (s0 + s1 - s0*s1)"),
    "EQ": ("(s0 - s1)*s0'", "s0' - (1 - (s0 - s1)*u0)"),
    "EQZ": ("s0*s0'", "s0' - (1 - s0*u0)"),
    "EXPACC": ("s1' - s1^2", "u0 - 1 - (s1 - 1)*s0'", "s2' - s2*u0", "s3 - 2*s3' - s0'"),
    "EXT2MUL": (
        "s0' - s0",
        "s1' - s1",
        # a1, a0, b1, b0 = s0..s3
        "s2' - ((s3 + s2)*(s0 + s1) - s3*s1)",
        "s3' - (s3*s1 - 2*s2*s0)",
    ),
    "PAD": ("s0'",),
    "CSWAP": ("s0' - (s1*(1 - s0) + s2*s0)", "s1' - (s1*s0 + s2*(1 - s0))"),
    "CSWAPW": (
        *(f"s{i}' - (s{i + 1}*(1 - s0) + s{i + 5}*s0)" for i in range(4)),
        *(f"s{i + 4}' - (s{i + 1}*s0 + s{i + 5}*(1 - s0))" for i in range(4)),
    ),
    "U32SPLIT": ("s0 - v64",),
    "U32ADD": ("s0 + s1 - v48",),
    "U32ADD3": ("s0 + s1 + s2 - v48",),
    "U32SUB": ("s1 - (s0 + s1' - 4294967296*s0')", "s0'^2 - s0'"),
    "U32MUL": ("s0*s1 - v64",),
    "U32MADD": ("s0*s1 + s2 - v64",),
    "U32DIV": ("s0*s1' + s0' - s1", "s1 - s1' - lo", "s0 - s0' - (hi + 1)"),
}

HELPER_USERS: Final[tuple[tuple[str, ...], ...]] = (
    (
        "EQ",
        "EQZ",
        "EXPACC",
        "HPERM",
        "MPVERIFY",
        "MRUPDATE",
        *U32,
        "LOGPRECOMPILE",
        "FRIE2F4",
        "HORNERBASE",
        "HORNEREXT",
    ),
    (*U32, "LOGPRECOMPILE", "FRIE2F4", "HORNERBASE", "HORNEREXT"),
    (*U32, "LOGPRECOMPILE", "FRIE2F4", "HORNERBASE", "HORNEREXT"),
    (*U32, "LOGPRECOMPILE", "FRIE2F4", "HORNERBASE", "HORNEREXT"),
    ("U32SPLIT", "U32MUL", "U32MADD", "LOGPRECOMPILE", "FRIE2F4", "HORNERBASE", "HORNEREXT"),
    ("FRIE2F4", "HORNERBASE", "HORNEREXT"),
)
"""By helper: the operations that write it; on all others it is 0."""

INVERSES: Final[dict[str, tuple[tuple[str, ...], str, str]]] = {
    "EQ": (("EQ",), "(s0 - s1)", "u0"),
    "EQZ": (("EQZ",), "s0", "u0"),
    "u32": (_WIDE, "(4294967295 - hi)", "u4"),
    "FRIE2F4": (("FRIE2F4",), "u4", "u5"),
}
"""By name: operations, a value d and the cell y that holds its inverse, 0 for 0."""


def _stack(name: str, zero: str, source: str, *on: str) -> Rule:
    return Rule(f"stack.{name}", "stack", zero, source, on=on)


RESULT_RULES: Final = (
    *(
        _stack(f"{operation}.result.{number}", zero, _SINGLE, operation)
        for operation, expressions in RESULTS.items()
        for number, zero in enumerate(expressions)
    ),
    _stack("u32.no overflow", "(1 - u4*(4294967295 - hi))*lo", _SINGLE, *_WIDE),
    _stack("u32.lower half", "s1' - lo", _SINGLE, *without(U32, "U32DIV", "U32ASSERT2")),
    _stack("u32.upper half", "s0' - hi", _SINGLE, *without(U32, "U32DIV", "U32ASSERT2", "U32SUB")),
    _stack("binary operand", "s0^2 - s0", _GENERAL, "NOT", "AND", "OR", "CSWAP", "CSWAPW"),
    _stack("U32ASSERT2.lower", "s1 - lo", _EXTRA, "U32ASSERT2"),
    _stack("U32ASSERT2.upper", "s0 - hi", _EXTRA, "U32ASSERT2"),
    _stack("EXPACC.parity", "s0' - (s3 & 1)", _EXTRA, "EXPACC"),
    _stack("pointer", "s12' - s12 - 8", _EXTRA, "PIPE", "MSTREAM"),
)

HELPER_RULES: Final = (
    *(_stack(f"unused helper.{j}", f"u{j}", _EXTRA, *without(BLOCK, *users)) for j, users in enumerate(HELPER_USERS)),
    _stack("U32SUB.helper.2", "u2", _EXTRA, "U32SUB"),
    _stack("U32SUB.helper.3", "u3", _EXTRA, "U32SUB"),
    *(
        _stack(f"inverse.{name}.{part}", f"{factor}*({d}*{y} - 1)", _EXTRA, *on)
        for name, (on, d, y) in INVERSES.items()
        for part, factor in (("value", d), ("zero", y))
    ),
)
