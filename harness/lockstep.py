"""Traces of several engines, side by side, a block of rows at a time.

Engines window their traces as they like. A :class:`RowStream` turns one engine's windows into rows on demand and holds
the engine to the contract: every row once, in order, 72 canonical columns, as many rows as its summary says. So memory
is proportional to a window, and an engine that gives too little can never agree by giving nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from harness.backend import NOT_GIVEN, Cells, EngineFailure, NotComparable, Window
from reference.definition.columns import COLUMN, COLUMN_NAMES, WIDTH
from reference.definition.field import P
from reference.definition.isa import BY_OPCODE, OPCODE_BITS

SMALL_WINDOWS = 4096
"""Windows are joined up to this many rows (2.4 MB a trace): one-row fragments would cost a NumPy call per row."""

BLOCK_ROWS = 65536
"""Compared at once at most (38 MB a trace), whatever the windows."""

_FIRST_BIT = COLUMN["dec_op_bit_0"]


class RowStream:
    """The rows of one engine's trace, in order."""

    def __init__(self, engine: str, windows: Iterable[Window], rows: int) -> None:
        self._engine = engine
        self._windows = iter(windows)
        self._rows = rows
        self.given = 0
        """Rows taken so far."""
        self.last_row: Cells | None = None
        """The row before the next one, (72,) uint64; None at the start."""
        self._pulled = 0
        self._refusal: NotComparable | None = None
        self._others: list[tuple[int, Cells]] = []
        self._buffer: Cells = np.empty((WIDTH, 0), np.uint64)

    def available(self) -> int:
        """Rows that :meth:`take` can give now; 0 at the end of the trace.

        Raises EngineFailure when the windows break the contract, and NotComparable once all rows before the first that the
        engine does not give are taken.
        """
        pieces = [self._buffer] if self._buffer.shape[1] else []
        held = int(self._buffer.shape[1])
        while held < SMALL_WINDOWS and self._refusal is None:
            try:
                cells = self._pull()
            except NotComparable as refusal:
                self._refusal = refusal
                break
            if cells is None:
                break
            pieces.append(cells)
            held += int(cells.shape[1])
        if self._refusal is not None and not held:
            raise self._refusal
        if len(pieces) == 1:
            self._buffer = pieces[0]
        elif pieces:
            self._buffer = np.concatenate(pieces, axis=1)
        return held

    def take(self, count: int) -> Cells:
        """The next ``count`` rows, (72, count) uint64; at most :meth:`available`.

        Raises EngineFailure for a cell that is not a canonical field element.
        """
        taken, self._buffer = self._buffer[:, :count], self._buffer[:, count:]
        too_large = taken >= np.uint64(P)
        if self._others:
            too_large &= taken != np.uint64(NOT_GIVEN)
        if too_large.any():
            column, row = (int(index) for index in np.argwhere(too_large)[0])
            raise self._broken(f"the cell {COLUMN_NAMES[column]} of row {self.given + row} is not below the modulus")
        self.given += count
        self.last_row = taken[:, -1]
        return taken

    def other_than(self, first_row: int, count: int) -> Cells | None:
        """For cells of these rows that are not given, (72, count): a value that each does not have; None without such cells."""
        if not self._others:
            return None
        found: Cells = np.full((WIDTH, count), NOT_GIVEN, np.uint64)
        for start, cells in self._others:
            first, end = max(first_row, start), min(first_row + count, start + int(cells.shape[1]))
            if first < end:
                found[:, first - first_row : end - first_row] = cells[:, first - start : end - start]
        return found

    def _pull(self) -> Cells | None:
        window = next(self._windows, None)
        if window is None:
            if self._pulled != self._rows:
                raise self._broken(f"its windows end at row {self._pulled}, its summary says {self._rows} rows")
            return None
        cells = window.cells
        if window.first_row != self._pulled:
            raise self._broken(f"a window begins at row {window.first_row}, expected row {self._pulled}")
        if cells.ndim != 2 or cells.shape[0] != WIDTH or cells.dtype != np.uint64:
            raise self._broken(f"a window is {cells.dtype}{list(cells.shape)}, expected uint64[{WIDTH}, n]")
        if cells.shape[1] == 0:
            raise self._broken(f"the window at row {window.first_row} is empty")
        if window.other_than is not None:
            self._others.append((self._pulled, window.other_than))
        self._pulled += cells.shape[1]
        if self._pulled > self._rows:
            raise self._broken(f"its windows go on to row {self._pulled}, its summary says {self._rows} rows")
        return cells

    def _broken(self, reason: str) -> EngineFailure:
        return EngineFailure(self._engine, reason)


class Settled(NamedTuple):
    """Two blocks of cells with those that nobody can compare made equal."""

    right: Cells
    unknown: int | None
    """The first row, counted in the block, with such a cell; None without any."""


def settle(left: Cells, right: Cells, not_left: Cells | None, not_right: Cells | None) -> Settled:
    """Of cells that are not given only those are known to differ that do not have the other engine's value.

    All are (72, n); ``not_left`` and ``not_right`` as :meth:`RowStream.other_than` gives them.
    """
    if not_left is None and not_right is None:
        return Settled(right, None)
    unknown = np.zeros(left.shape, np.bool_)
    for mine, theirs, not_mine in ((left, right, not_left), (right, left, not_right)):
        if not_mine is not None:
            unknown |= (mine == np.uint64(NOT_GIVEN)) & (theirs != not_mine)
    rows = np.flatnonzero(unknown.any(axis=0))
    return Settled(np.where(unknown, left, right), int(rows[0])) if rows.size else Settled(right, None)


class Region(NamedTuple):
    """Cells that an excused divergence covers: rows ``first_row .. last_row`` of columns ``first_column .. columns - 1``."""

    first_row: int
    last_row: int
    columns: int
    first_column: int = 0


class WrongRow(NamedTuple):
    """The first wrong row of a block: offset within it, and the wrong columns."""

    offset: int
    columns: NDArray[np.intp]


def first_wrong_row(left: Cells, right: Cells, first_row: int, regions: Iterable[Region]) -> WrongRow | None:
    """The first row in which two blocks of equal shape differ outside the regions; None when they do not.

    ``first_row`` is the trace row of the blocks' first row.
    """
    wrong = left != right
    if not wrong.any():
        return None
    for region in regions:
        first = max(0, region.first_row - first_row)
        wrong[region.first_column : region.columns, first : max(0, region.last_row + 1 - first_row)] = False
    rows = np.flatnonzero(wrong.any(axis=0))
    if not rows.size:
        return None
    return WrongRow(int(rows[0]), np.flatnonzero(wrong[:, rows[0]]))


def covered_cells(regions: Iterable[Region], first_row: int, end_row: int) -> int:
    """How many cells of rows ``first_row .. end_row - 1`` the regions cover; regions do not overlap."""
    return sum(
        (region.columns - region.first_column)
        * max(0, min(region.last_row + 1, end_row) - max(region.first_row, first_row))
        for region in regions
    )


def operation_name(row: Cells) -> str:
    """The operation that a row's opcode bits name; row is (72,) uint64. ``?`` where the bits name none."""
    bits = [int(bit) for bit in row[_FIRST_BIT : _FIRST_BIT + OPCODE_BITS]]
    if any(bit > 1 for bit in bits):
        return "?"
    info = BY_OPCODE.get(sum(bit << position for position, bit in enumerate(bits)))
    return info.name if info else "?"
