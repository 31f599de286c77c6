"""What an operation's row has in the decoder registers dec_h0..dec_h7, by name (spec 03 section 3, 01 section 5).

Names of helper registers: v.lo and v.hi are the 16-bit halves of v; a result is hi * 2^32 + lo; m = inv0(2^32 - 1 - hi);
r is the hasher address of the first permutation.
"""

from __future__ import annotations

from typing import Final

from reference.definition.columns import MEANING
from reference.definition.isa import BLOCK_OPERATIONS

REGISTER_COLUMNS: Final = tuple(f"dec_h{i}" for i in range(8))

HELPER_COLUMNS: Final = REGISTER_COLUMNS[2:]
"""The helper registers hlp0..hlp5 of a block's operations."""

_LIMBS: Final = ("lo.lo", "lo.hi", "hi.lo", "hi.hi")
_HORNER: Final = ("alpha0 = mem[s13]", "alpha1 = mem[s13+1]", "mem[s13+2]", "mem[s13+3]", "tmp0", "tmp1")

HELPER_NAMES: Final[dict[str, tuple[str, ...]]] = {
    "EQ": ("inv0(s0 - s1)",),
    "EQZ": ("inv0(s0)",),
    "EXPACC": ("s1 if s3 is odd, else 1",),
    "U32SPLIT": (*_LIMBS, "m"),
    "U32ADD": _LIMBS,
    "U32ADD3": _LIMBS,
    "U32SUB": ("difference.lo", "difference.hi"),
    "U32MUL": (*_LIMBS, "m"),
    "U32MADD": (*_LIMBS, "m"),
    "U32DIV": ("(s1 - q).lo", "(s1 - q).hi", "(s0 - r - 1).lo", "(s0 - r - 1).hi"),
    "U32ASSERT2": ("s1.lo", "s1.hi", "s0.lo", "s0.hi"),
    "HPERM": ("r",),
    "MPVERIFY": ("r",),
    "MRUPDATE": ("r",),
    "LOGPRECOMPILE": ("r", "cap0", "cap1", "cap2", "cap3"),
    "FRIE2F4": ("ev0", "ev1", "es0", "es1", "x", "inv0(x)"),
    "HORNERBASE": _HORNER,
    "HORNEREXT": _HORNER,
}
"""Names of the first helper registers, by operation; the others, and all of other operations, are 0."""


def _digests(first: str, second: str = "") -> tuple[str, ...]:
    return tuple(f"{digest} {i}" if digest else "0" for digest in (first, second) for i in range(4))


_GROUPS: Final = tuple(f"group {i}" for i in range(8))

_CONTROL_NAMES: Final[dict[str, tuple[str, ...]]] = {
    "JOIN": _digests("first child's digest", "second child's digest"),
    "SPLIT": _digests("digest on true", "digest on false"),
    "LOOP": _digests("body's digest"),
    "CALL": _digests("callee's digest"),
    "SYSCALL": _digests("callee's digest"),
    "DYN": _digests("callee's digest"),
    "DYNCALL": (*_digests("callee's digest")[:4], "caller's depth", "caller's overflow address", "0", "0"),
    "SPAN": _GROUPS,
    "RESPAN": _GROUPS,
    "REPEAT": (*_digests("body's digest")[:4], "1", "0", "0", "0"),
    "END": (*_digests("digest of the node")[:4], "is_loop_body", "loop_entered", "is_call", "is_syscall"),
    "HALT": _digests("program hash"),
}


def _block_names(name: str) -> tuple[str, ...]:
    helpers = HELPER_NAMES.get(name, ())
    return (
        "opcodes left in the group",
        "address of the parent",
        *helpers,
        *("0",) * (len(HELPER_COLUMNS) - len(helpers)),
    )


REGISTER_NAMES: Final[dict[str, tuple[str, ...]]] = {
    **_CONTROL_NAMES,
    **{info.name: _block_names(info.name) for info in BLOCK_OPERATIONS},
}
"""Names of all eight registers, by operation; ``0`` for one that is always 0."""


def meaning(column: str, operation: str) -> str:
    """What stands in a column on the row of an operation; of an operation that is none, what the column is for."""
    if column in REGISTER_COLUMNS and operation in REGISTER_NAMES:
        return REGISTER_NAMES[operation][REGISTER_COLUMNS.index(column)]
    return MEANING[column]
