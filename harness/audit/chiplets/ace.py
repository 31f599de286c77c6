"""The ACE table: sections of READ rows and EVAL rows, one section an EVALCIRCUIT (05 section 5, 12 section 8.1).

No constraint of the real VM is on these rows.
"""

from __future__ import annotations

from typing import Final

from harness.audit.chiplets.names import ACE_ROWS, KIND_NAMES
from harness.audit.rule import Rule

_OTHERS: Final = tuple(name for name in KIND_NAMES if name not in ACE_ROWS)
_WITHIN: Final = "to_ace() and s_start' == 0"
_LAST: Final = "not (to_ace() and s_start' == 0)"
_READ: Final = "s_block == 0"
_EVAL: Final = "s_block == 1"


def _rule(name: str, zero: str, when: str = "", on: tuple[str, ...] = ACE_ROWS) -> Rule:
    return Rule(f"ace.{name}", "ace", zero, "12 section 8.1", on=on, when=when)


ACE_RULES: Final = (
    _rule("start.binary", "s_start^2 - s_start"),
    _rule("block.binary", "s_block^2 - s_block"),
    _rule("start.is.read", "s_start*s_block"),
    _rule("table.starts", "s_start' - 1", on=_OTHERS, when="to_ace()"),
    _rule("ctx.stays", "actx' - actx", when=_WITHIN),
    _rule("clk.stays", "aclk' - aclk", when=_WITHIN),
    _rule("ptr.step", "ptr' - (ptr + 4 - 3*s_block)", when=_WITHIN),
    _rule("id0.step", "id0' - (id0 - 2 + s_block)", when=_WITHIN),
    _rule("evals.after.reads", "s_block*(1 - s_block')", when=_WITHIN),
    _rule("evals.stays", "(1 - s_block')*(evals' - evals)", when=f"{_WITHIN} and {_READ}"),
    _rule("evals.first", "s_block'*(id0' - evals)", when=f"{_WITHIN} and {_READ}"),
    _rule("read.id1", "id1 - (id0 - 1)", when=_READ),
    _rule("read.gate.zero", "gate", when=_READ),
    _rule("read.c17.zero", "right0", when=_READ),
    _rule("eval.gate", "gate*(gate^2 - 1)", when=_EVAL),
    # Subtraction -1, product 0, addition 1, in F_p[x] / (x^2 - x + 2).
    *(
        _rule(
            f"eval.value.{j}",
            f"gate^2*(left{j} + gate*right{j}) + (1 - gate^2)*({product}) - out{j}",
            when=_EVAL,
        )
        for j, product in enumerate(("left0*right0 - 2*left1*right1", "left0*right1 + left1*right0 + left1*right1"))
    ),
    _rule("ends.with.id0", "id0", when=_LAST),
    _rule("ends.with.zero.0", "out0", when=_LAST),
    _rule("ends.with.zero.1", "out1", when=_LAST),
    _rule("ends.with.eval", "1 - s_block", when=_LAST),
    _rule("clk.grows", "aclk < aclk'", when="to_ace() and s_start' == 1"),
)
