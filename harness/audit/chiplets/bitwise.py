"""The bitwise chiplet: eight rows a request, one 4-bit limb each, most significant first (12 sections 5.3 and 8.1)."""

from __future__ import annotations

from typing import Final

from harness.audit.chiplets.names import BITWISE_ROWS, KIND_NAMES
from harness.audit.rule import Rule

_FIRST: Final = ("bitwise 0",)
_NOT_LAST: Final = ("bitwise 0", "bitwise 1-6")
_OTHERS: Final = tuple(name for name in KIND_NAMES if name not in BITWISE_ROWS)
_BITS: Final = tuple(f"{operand}{j}" for operand in "ab" for j in range(4))


def _vm(name: str, zero: str, on: tuple[str, ...]) -> Rule:
    return Rule(f"bitwise.{name}", "bitwise", zero, "12 section 5.3", on=on)


_NEXT_SUM: Final = {operand: " + ".join(f"{2**j}*{operand}{j}'" for j in range(4)) for operand in "ab"}

BITWISE_RULES: Final = (
    _vm("sel.binary", "sel^2 - sel", BITWISE_ROWS),
    _vm("sel.stays", "sel - sel'", _NOT_LAST),
    *(_vm(f"{bit}.binary", f"{bit}^2 - {bit}", BITWISE_ROWS) for bit in _BITS),
    _vm("A.first", "A - sum_a", _FIRST),
    _vm("B.first", "B - sum_b", _FIRST),
    _vm("A.next", f"A' - (16*A + {_NEXT_SUM['a']})", _NOT_LAST),
    _vm("B.next", f"B' - (16*B + {_NEXT_SUM['b']})", _NOT_LAST),
    _vm("zp.first", "zp", _FIRST),
    _vm("zp.next", "zp' - z", _NOT_LAST),
    _vm("z", "z - (16*zp + (1 - sel)*sum_and + sel*(sum_a + sum_b - 2*sum_and))", BITWISE_ROWS),
    Rule("bitwise.ends.at.7", "bitwise", "c0' == 1 and c1' == 0", "12 section 8.1", on=_NOT_LAST),
    Rule(
        "bitwise.begins.after.7",
        "bitwise",
        "k == 7 or not (to_bitwise())",
        "12 section 8.1",
        on=_OTHERS,
    ),
)
