"""What a source is: the thing that fed a cell, and the side whose cell it is."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from parallel.recording import Recording


class Style(StrEnum):
    """How an engine builds."""

    SEQUENTIAL = "row after row"
    SNAPSHOT = "fragments that write their own first row"
    SEAM = "fragments whose first row the fragment before writes"


class From(StrEnum):
    """Kinds of sources."""

    SNAPSHOT = "snapshot"
    QUEUE = "queue"
    PROGRAM = "program"
    ROW = "row"
    """Computed from one row's cells, or moved from one of them."""
    STATE = "state"
    """State of the machine that stands in no cell: block stack, overflow stack, memory, hasher counter, host."""
    REQUEST = "request"
    """A chiplet's row that answers an executed row."""
    WHOLE = "whole program"
    """Made once from everything: range table, kernel ROM, padding, last row."""


class CellAt(NamedTuple):
    """A cell of the trace."""

    row: int
    column: str


@dataclass(frozen=True, slots=True)
class Source:
    """What fed a cell. Rows are rows of the trace; None where there is nothing to name."""

    kind: From
    name: str
    """``depth`` of a snapshot, a queue with the field of its entry, the operation that computed it, ..."""
    text: str
    """The whole story in one sentence without a full stop."""
    fragment: int | None = None
    row: int | None = None
    """The step that made or recorded it."""
    operation: str = ""
    index: int | None = None
    """Of the queue entry, counted from the program's first."""
    index_in_fragment: int | None = None
    cells: tuple[CellAt, ...] = ()
    """Cells of earlier rows that it was made from, where they are known one by one."""
    origin_row: int | None = None
    """Where the value came into the machine, when that is another row."""
    origin_operation: str = ""
    expected: object = None
    """What the entry or field must be, by the reference's rows."""
    recorded: object = None
    """What the engine's own recording has there; None when it shows none."""


@dataclass(frozen=True)
class Side:
    """One engine, as far as provenance depends on it."""

    name: str
    style: Style
    starts: Sequence[int]
    """Rows that begin a fragment, row 0 first; (0,) for a sequential engine."""
    recording: Recording | None = None

    def fragment(self, row: int) -> int:
        """The fragment that holds an executed row."""
        return bisect_right(self.starts, row) - 1
