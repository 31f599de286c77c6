"""Which cells no program can reach, as data with a reason: the rest is what a campaign can be measured against.

A rule names what it excludes axis by axis; an axis that it leaves out is any. Whether a rule is right is checked all the
time: a cell that is counted although a rule excludes it is shown by ``fragdiff cover``, and means that the rule or an engine
is wrong.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from harness.coverage.cells import AXES, DEPTHS, ENDS, ITEMS, NESTS, QUEUES, STARTS, Cell, Phase, number
from reference.definition.isa import BLOCK_OPERATIONS

BLOCK: Final = tuple(info.name for info in BLOCK_OPERATIONS)

_CALLED: Final = ("called", "called twice")
_DEEPER: Final = ("17", "18+")
_RETURNS: Final = ("END call", "END syscall", "END dyncall")
_INNER: Final[tuple[Phase, ...]] = ("first", "inside", "batch_switch")
_BEGINS: Final[tuple[Phase, ...]] = ("start", "body", "call", "dynamic", "foreign", "external")
_CUT: Final[tuple[Phase, ...]] = (*_INNER, *_BEGINS)

GROWING: Final = (
    *(info.name for info in BLOCK_OPERATIONS if info.shift_class == "right"),
    *("PUSH", "U32SPLIT"),
)
"""Operations behind which the stack is at least 17 deep."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Cells that cannot occur; an empty axis is any word."""

    reason: str
    operations: tuple[str, ...] = ()
    phases: tuple[Phase, ...] = ()
    depths: tuple[str, ...] = ()
    nests: tuple[str, ...] = ()
    queues: tuple[str, ...] = ()
    items: tuple[str, ...] = ()

    @property
    def axes(self) -> tuple[tuple[str, ...], ...]:
        """The words excluded, in the order of a cell's."""
        return self.operations, self.phases, self.depths, self.nests, self.queues, self.items

    def excludes(self, cell: Cell) -> bool:
        """Whether every axis has the cell's word."""
        return all(not axis or word in axis for word, axis in zip(cell, self.axes, strict=True))


def _fails(reason: str, operations: tuple[str, ...], items: tuple[str, ...]) -> Rule:
    return Rule(f"the program would fail: {reason}", operations, _CUT, items=items)


def _leaves(reason: str, operations: tuple[str, ...], items: tuple[str, ...]) -> Rule:
    return Rule(reason, operations, ("before",), items=items)


RULES: Final[tuple[Rule, ...]] = (
    # ---- what the row before is
    Rule("SPAN takes the address of its block", phases=("first",), queues=("untouched",)),
    Rule("RESPAN takes nothing from a queue", BLOCK, ("batch_switch",), queues=("taken",)),
    Rule(
        "JOIN, SPLIT, a call or END comes before, and each takes an entry",
        phases=("start", "call", "dynamic", "foreign"),
        queues=("untouched",),
    ),
    Rule(
        "above depth 16 REPEAT pops from the overflow table, and every other row before a body takes an entry",
        phases=("body", "external"),
        depths=("17", "18+"),
        queues=("untouched",),
    ),
    Rule(
        "the END of a child comes before, or the LOOP row, and each takes an entry",
        tuple(name for name in ENDS if name != "END block"),
        ("end", "return"),
        queues=("untouched",),
    ),
    Rule("the END of the body comes before", phases=("repeat",), queues=("untouched",)),
    # ---- contexts
    Rule("a callee begins at depth 16", phases=("call",), depths=_DEEPER),
    Rule("the callee is in a call", phases=("call",), nests=("shallow", "deep")),
    Rule("a callee that ends deeper than 16 fails", phases=("return",), depths=_DEEPER),
    Rule("the END of a call is in the call", phases=("return",), nests=("shallow", "deep")),
    Rule("CALL, SYSCALL and DYNCALL begin a stack of depth 16", ("CALL", "SYSCALL", "DYNCALL"), ("before",), _DEEPER),
    # ---- the end of the program
    Rule(
        "a program that ends deeper than 16 fails",
        tuple(name for name in ENDS if name != "END loop"),
        ("last_row",),
        _DEEPER,
    ),
    Rule("a program that ends deeper than 16 fails; END of a loop pops one", ("END loop",), ("last_row",), ("18+",)),
    Rule(
        "a program that begins with DYN finds no target: memory is empty, and no procedure's hash is 0",
        ("END dyn", "END dyncall"),
        ("last_row",),
    ),
    Rule(
        "in two nodes DYN is the second child of the program's JOIN, as row 1 has no target in memory; then the program ends",
        ("END dyn",),
        ("end",),
        _DEEPER,
        ("shallow",),
    ),
    Rule(
        "in two nodes a skipped loop is the program's first code, which begins at 16, or its last, behind which it ends",
        ("END skipped loop",),
        ("end",),
        _DEEPER,
        ("shallow",),
    ),
    Rule(
        "in two nodes a target is the end of the program, at depth 16, and a call leaves the depth as it was",
        ("CALL", "SYSCALL"),
        ("dynamic", "foreign"),
        _DEEPER,
        ("shallow",),
    ),
    Rule(
        "in two nodes a target is the end of the program, at depth 16, and DYNCALL takes one item off",
        ("DYNCALL",),
        ("dynamic", "foreign"),
        ("18+",),
        ("shallow",),
    ),
    Rule(
        "in two nodes a target is the end of the program, at depth 16, and a skipped loop takes one item off",
        ("LOOP",),
        ("dynamic", "foreign"),
        ("18+",),
        ("shallow",),
        items=("0",),
    ),
    # ---- conditions and operands
    Rule(
        "END of a loop that ran pops its condition, which is 0",
        ("END loop",),
        ("end", "last_row"),
        items=("1", "other"),
    ),
    Rule("REPEAT pops its condition, which is 1", ("REPEAT",), ("repeat",), items=("0", "other")),
    _fails("the condition is not binary", ("SPLIT", "LOOP"), ("other",)),
    _fails("the operand is not binary", ("NOT", "AND", "OR", "CSWAP", "CSWAPW"), ("other",)),
    _fails("0 has no inverse", ("INV",), ("0",)),
    _fails("division by zero", ("U32DIV",), ("0",)),
    _fails("the assertion", ("ASSERT",), ("0", "other")),
    _fails("1 is no address of a word", ("MLOADW", "MSTOREW", "DYN", "DYNCALL", "EVALCIRCUIT"), ("1",)),
    _fails("0 and 1 are no events", ("EMIT",), ("0", "1")),
    # ---- what an operation leaves behind
    Rule("it leaves at least 17 items", GROWING, ("before",), ("16",)),
    _leaves("it pushes 0", ("PAD",), ("1", "other")),
    _leaves("it pushes the depth, 16 or more", ("SDEPTH",), ("0", "1")),
    _leaves("it pushes its own row, and row 0 is no operation", ("CLK",), ("0",)),
    Rule("it pushes its own row, and row 1 begins at depth 16", ("CLK",), ("before",), ("18+",), items=("1",)),
    _leaves("its result is binary", ("EQ", "EQZ", "NOT", "AND", "OR", "EXPACC"), ("other",)),
    _leaves("the top of its result is a carry or a borrow", ("U32ADD", "U32SUB"), ("other",)),
    _leaves("an inverse is not 0", ("INV",), ("0",)),
    _leaves("the id of the event stays", ("EMIT",), ("0", "1")),
    _leaves("the address stays", ("EVALCIRCUIT",), ("1",)),
    _leaves("the top is part of a hash, which nobody can choose", ("HPERM", "LOGPRECOMPILE", "MRUPDATE"), ("0", "1")),
    _leaves("the top is part of a hash, or 0 in no call", ("CALLER",), ("1",)),
)


@cache
def reason_impossible(cell: Cell) -> str | None:
    """Why no program can reach the cell; None for a cell that some program can reach."""
    return next((rule.reason for rule in RULES if rule.excludes(cell)), None)


def phases_of(operation: str) -> tuple[Phase, ...]:
    """Where a row of this operation can stand."""
    if operation in STARTS:
        return (*_BEGINS, "before")
    if operation in ENDS:
        return ("return" if operation in _RETURNS else "end", "last_row", "before")
    if operation == "RESPAN":
        return ("batch_switch", "before")
    if operation == "REPEAT":
        return ("repeat", "before")
    return (*_INNER, "padding", "before") if operation == "NOOP" else (*_INNER, "before")


def all_cells() -> Iterator[Cell]:
    """Every cell whose words go together; the impossible ones too."""
    for operation in (*BLOCK, *STARTS, "RESPAN", "REPEAT", *ENDS):
        for phase in phases_of(operation):
            coarse = phase in ("before", "last_row")
            for depth in DEPTHS:
                for nest in ("any",) if coarse else NESTS[:-1]:
                    for queue in ("any",) if coarse else QUEUES[:-1]:
                        for item in ITEMS:
                            yield Cell(operation, phase, depth, nest, queue, item)


@cache
def possible_numbers() -> NDArray[np.bool_]:
    """(SIZE,): which numbers are those of cells that some program can reach."""
    found = np.zeros([len(axis) for axis in AXES], bool)
    flat = found.reshape(-1)
    flat[[number(cell) for cell in all_cells()]] = True
    for rule in RULES:
        found[np.ix_(*(_places(axis, words) for axis, words in zip(AXES, rule.axes, strict=True)))] = False
    return flat


def _places(axis: tuple[str, ...], words: tuple[str, ...]) -> list[int]:
    return [at for at, word in enumerate(axis) if not words or word in words]
