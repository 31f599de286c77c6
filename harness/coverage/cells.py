"""The cells of the coverage map: what stands at a cut, in few enough words that a campaign can meet them all.

A cut has two sides. The row behind it begins a fragment: its cell says which operation it is, how the program came to it, and
what crosses the cut. The row before it has a cell of phase ``before``: which operation it is, and what it leaves behind.
Every cell has a number, so that counting the cuts of a case is one operation on arrays.
"""

from __future__ import annotations

from functools import cache
from typing import Final, Literal, NamedTuple, get_args

from reference.definition.isa import BLOCK_OPERATIONS

Phase = Literal[
    "start",
    "body",
    "call",
    "dynamic",
    "foreign",
    "external",
    "first",
    "inside",
    "padding",
    "batch_switch",
    "repeat",
    "end",
    "return",
    "last_row",
    "before",
]
PHASES: Final[tuple[Phase, ...]] = get_args(Phase)
PHASE_MEANINGS: Final[dict[Phase, str]] = {
    "start": "a node begins as a child of JOIN or SPLIT",
    "body": "the body of a loop begins",
    "call": "the callee of CALL or SYSCALL begins",
    "dynamic": "the target of DYN or DYNCALL begins, in the forest of the caller",
    "foreign": "the target of DYN or DYNCALL begins, in another forest",
    "external": "the node that an external node stands for begins",
    "first": "the first operation of a block",
    "inside": "an operation of a block behind its first",
    "padding": "a NOOP that fills a group",
    "batch_switch": "RESPAN, or the operation behind it",
    "repeat": "REPEAT",
    "end": "END of a node that keeps the context",
    "return": "END of CALL, SYSCALL or DYNCALL",
    "last_row": "the last row of the program",
    "before": "the row before a cut, whatever it is",
}

STARTS: Final = ("SPAN", "JOIN", "SPLIT", "LOOP", "CALL", "SYSCALL", "DYN", "DYNCALL")
"""The rows that begin a node."""

ENDS: Final = (
    "END block",
    "END join",
    "END split",
    "END loop",
    "END skipped loop",
    "END call",
    "END syscall",
    "END dyn",
    "END dyncall",
)
"""END rows by what ends; a skipped loop was not entered, and its END pops nothing."""

OPERATIONS: Final[tuple[str, ...]] = (
    *(info.name for info in BLOCK_OPERATIONS),
    *STARTS,
    "RESPAN",
    "REPEAT",
    *ENDS,
)
"""What a row can be; HALT rows are not executed and no fragment begins there."""

DEPTHS: Final = ("16", "17", "18+")
"""Items on the stack entering the cut: overflow table empty, one entry (a pop empties it), more."""

NESTS: Final = ("shallow", "deep", "called", "called twice", "any")
"""Where the cut is: in no call within at most :data:`SHALLOW` nodes, in no call within more, in one call, in a call within
calls; ``any`` in cells that do not tell."""

SHALLOW: Final = 2

QUEUES: Final = ("untouched", "taken", "any")
"""Whether the row before the cut took an entry of a replay queue, so that the queues are cut just behind an entry in use.
Whether the row behind takes one follows from its operation and the depth."""

ITEMS: Final = ("0", "1", "other")
"""The top of the stack entering the cut."""


class Cell(NamedTuple):
    """One cell, in words."""

    operation: str
    phase: Phase
    depth: str
    nest: str
    queue: str
    item: str

    @property
    def text(self) -> str:
        """One line that :func:`parse` reads."""
        return "/".join(self)


AXES: Final[tuple[tuple[str, ...], ...]] = (OPERATIONS, PHASES, DEPTHS, NESTS, QUEUES, ITEMS)
"""The words of a cell, in its order."""

SIZE: Final = len(OPERATIONS) * len(PHASES) * len(DEPTHS) * len(NESTS) * len(QUEUES) * len(ITEMS)
"""Numbers are below this; most of them name no cell."""

PAIR: Final = len(DEPTHS) * len(NESTS) * len(QUEUES) * len(ITEMS)
"""Numbers of the cells that share operation and phase; ``number // PAIR`` tells such groups apart."""


@cache
def number(cell: Cell) -> int:
    """The number of a cell; ValueError for words that are none of the map's."""
    found = 0
    for word, words in zip(cell, AXES, strict=True):
        found = found * len(words) + words.index(word)
    return found


@cache
def cell(number: int) -> Cell:
    """The cell with this number, 0 <= number < SIZE."""
    words: list[str] = []
    for axis in reversed(AXES):
        number, at = divmod(number, len(axis))
        words.append(axis[at])
    operation, phase, depth, nest, queue, item = reversed(words)
    return Cell(operation, phase, depth, nest, queue, item)  # type: ignore[arg-type]  # a word of PHASES


def parse(text: str) -> Cell:
    """The cell that :attr:`Cell.text` wrote; ValueError for any other text."""
    words = text.split("/")
    if len(words) != len(AXES) or any(word not in axis for word, axis in zip(words, AXES, strict=True)):
        raise ValueError(f"expected a cell of the map, found {text!r:.80}")
    operation, phase, depth, nest, queue, item = words
    return Cell(operation, phase, depth, nest, queue, item)  # type: ignore[arg-type]  # a word of PHASES
