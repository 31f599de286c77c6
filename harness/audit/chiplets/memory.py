"""The memory table: rows sorted by context, word and cycle (12 sections 5.4 and 8.1)."""

from __future__ import annotations

from typing import Final

from harness.audit.chiplets.names import KIND_NAMES, MEMORY_ROWS
from harness.audit.rule import Rule

_OTHERS: Final = tuple(name for name in KIND_NAMES if name not in MEMORY_ROWS)


def _rule(source: str, name: str, zero: str, on: tuple[str, ...] = MEMORY_ROWS, when: str = "") -> Rule:
    return Rule(f"memory.{name}", "memory", zero, f"12 section {source}", on=on, when=when)


_PAIR: Final = "to_memory()"
"""Both rows are of the table, or, on rows of other kinds, the next one is the table's first."""

MEMORY_RULES: Final = (
    *(_rule("5.4", f"{cell}.binary", f"{cell}^2 - {cell}") for cell in ("rd", "wd", "x0", "x1")),
    _rule("5.4", "n0.binary", "n0^2 - n0", when=_PAIR),
    _rule("5.4", "ctx.stays", "(1 - n0)*(mctx' - mctx)", when=_PAIR),
    _rule("5.4", "n1.binary", "(1 - n0)*(n1^2 - n1)", when=_PAIR),
    _rule("5.4", "word.stays", "(1 - n0)*(1 - n1)*(wa' - wa)", when=_PAIR),
    _rule(
        "5.4",
        "delta",
        "n0*(mctx' - mctx) + (1 - n0)*(n1*(wa' - wa) + (1 - n1)*(mclk' - mclk)) - delta",
        when=_PAIR,
    ),
    _rule("5.4", "scw", "scw' - (1 - n0)*(1 - n1)", when=_PAIR),
    _rule("5.4", "same.cycle.reads", "scw'*(1 - (mclk' - mclk)*dinv')*(1 - rd)*(1 - rd')", when=_PAIR),
    *(_rule("5.4", f"first.v{j}", f"kept{j}*v{j}'", on=_OTHERS, when=_PAIR) for j in range(4)),
    *(_rule("5.4", f"kept.v{j}", f"kept{j}*(scw'*(v{j}' - v{j}) + (1 - scw')*v{j}')", when=_PAIR) for j in range(4)),
    _rule("8.1", "first.d0", "d0' - 1", on=_OTHERS, when=_PAIR),
    _rule("8.1", "first.d1", "d1'", on=_OTHERS, when=_PAIR),
    _rule("8.1", "first.dinv", "dinv' - 1", on=_OTHERS, when=_PAIR),
    _rule("8.1", "first.scw", "scw' - 1", on=_OTHERS, when=_PAIR),
    _rule("8.1", "dinv.of.delta", "delta*(delta*dinv' - 1)", when=_PAIR),
    _rule("8.1", "dinv.of.zero", "dinv'*(delta*dinv' - 1)", when=_PAIR),
    _rule("8.1", "word.x0", "wd*x0"),
    _rule("8.1", "word.x1", "wd*x1"),
    _rule("8.1", "word.aligned", "(wa & 3) == 0"),
    _rule("8.1", "word.u32", "wa < 4294967296"),
    # Only the gates of one EVALCIRCUIT read a word twice in a cycle, in the order of their elements.
    _rule("8.1", "tie.reads", "scw'*(1 - rd*rd')", when=f"{_PAIR} and mclk' == mclk"),
    _rule("8.1", "tie.order", "scw'*(2*x1' + x0' - element - 1)", when=f"{_PAIR} and mclk' == mclk"),
)
