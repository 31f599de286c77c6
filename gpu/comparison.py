"""A chip's columns against another engine's windows, block by block.

Blocks of the other engine's cells are uploaded, digested and compared on the device, so whole traces never meet in one
memory. The report narrows: digest of the chip, then the columns whose digests differ, then the first row that differs and the
first cells, with their names and both values. Cells are compared exactly; the digests, which are made independently of that,
have to agree with the comparison (spec 09, B11).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gpu.chips import CELL_BYTES, CORE_CHIPS, Cells, Tile
from gpu.columns import Columns, TileRows, scratch
from gpu.device import Buffer, Tag
from gpu.digest import DIGEST_SCRATCH, ColumnDigests, digest
from gpu.errors import InvariantBroken, ShapeMismatch
from gpu.proof import Findings
from reference.definition.columns import COLUMN, COLUMN_NAMES, WIDTH
from reference.definition.isa import BY_OPCODE

Window = tuple[int, NDArray[np.uint64]]
"""First row, and (72, n) uint64."""
Windows = Callable[[], Iterable[Window]]
"""Gives the windows of a trace from row 0 on without a gap; called once or twice for every chip, from several threads at once
when there are several lanes."""

BLOCK_ROWS: Final = 4096
"""Rows that are uploaded at a time: 24 columns of them are less than a megabyte."""

MOST_CELLS: Final = 16
"""Cells that a report lists."""

_UNSEEN: Final = (1 << 64) - 1


@dataclass(frozen=True, slots=True, order=True)
class DifferingCell:
    """A cell that the two engines have different values for; ordered by row, then column."""

    row: int
    column: int
    chip: str
    ours: int
    theirs: int
    fragment: int | None
    """Of a row of the program, in a core chip."""
    step: int | None
    """Row within the fragment."""
    operation: str | None
    """What the other engine has in its decoder on that row."""

    def __str__(self) -> str:
        place = f"row {self.row}, {COLUMN_NAMES[self.column]}"
        if self.fragment is not None:
            place += f" (fragment {self.fragment}, step {self.step}, {self.operation})"
        return f"{place}: {self.ours}, the other engine has {self.theirs}"


@dataclass(frozen=True, slots=True)
class ChipDifference:
    """A chip that differs."""

    chip: str
    ours: ColumnDigests
    theirs: ColumnDigests
    totals: dict[str, int]
    """Cells that differ, by column name in trace order."""
    first_rows: dict[str, int]
    """First trace row that differs, by column name."""
    cells: tuple[DifferingCell, ...]
    """The first ones, by row and column."""

    def __str__(self) -> str:
        columns = ", ".join(f"{name} {count} from row {self.first_rows[name]}" for name, count in self.totals.items())
        return f"{self.cells[0]}; {sum(self.totals.values())} cells differ: {columns}"


@dataclass(frozen=True, slots=True)
class _Tally:
    """What one tile's comparison counts on the device, and where its rows are."""

    cell: Cells
    rows: TileRows
    first: Buffer
    count: Buffer


class Comparison:
    """Compares every chip it is given with the same cells of another engine, into ``findings`` and :attr:`differences`.

    ``windows`` gives the other engine's whole trace; ``fragments`` the rows that fragments begin with, of the program or of the
    shard: the report numbers fragments as this list does.
    """

    def __init__(
        self,
        findings: Findings,
        windows: Windows,
        *,
        fragments: Sequence[int] = (0,),
        block_rows: int = BLOCK_ROWS,
    ) -> None:
        if block_rows < 1:
            raise ValueError(f"blocks of {block_rows} rows")
        self.findings = findings
        self.differences: dict[str, ChipDifference] = {}
        self._windows = windows
        self._fragments = np.asarray(fragments, np.int64)
        self._block_rows = block_rows

    def scratch_bytes(self, tiles: Sequence[Tile]) -> int:
        """Tallies of all tiles, a block of the widest, its runs, and the digest's sums."""
        tallies = sum(2 * CELL_BYTES * tile.columns for tile in tiles if tile.rows)
        blocks = [min(tile.rows, self._block_rows) * (CELL_BYTES * tile.columns + 12) for tile in tiles]
        return tallies + max(blocks, default=0) + DIGEST_SCRATCH

    def consume(self, columns: Columns) -> None:
        """Compares one chip. Raises ShapeMismatch when the windows are not a whole trace of this length, InvariantBroken
        (INV-17) when digests differ and cells do not."""
        tallies: list[_Tally] = []
        try:
            for cell in columns.cells:
                tallies.append(_tally(columns, cell))
            theirs = self._compare_all(columns, tallies)
            self._judge(columns, tallies, theirs)
        finally:
            for tally in tallies:
                tally.first.free()
                tally.count.free()

    def _compare_all(self, columns: Columns, tallies: Sequence[_Tally]) -> ColumnDigests:
        theirs = ColumnDigests({})
        for first, cells in self._checked_windows(columns):
            for tally in tallies:
                for begin, block in self._blocks(tally, first, cells):
                    theirs = theirs + _compare_block(columns, tally, begin, block)
        return theirs

    def _judge(self, columns: Columns, tallies: Sequence[_Tally], theirs: ColumnDigests) -> None:
        device, lane = columns.device, columns.lane
        ours = digest(device, lane, columns.cells, columns.extent.rows, columns.plan)
        totals: dict[int, int] = {}
        firsts: dict[int, int] = {}
        for tally in tallies:
            first, count = device.download(tally.first).tolist(), device.download(tally.count).tolist()
            for local, number in enumerate(count):
                if number:
                    column, row = tally.cell.tile.first_column + local, tally.rows.row(first[local])
                    totals[column] = totals.get(column, 0) + number
                    firsts[column] = min(firsts.get(column, row), row)
        suspected = {column for column, value in ours.columns.items() if theirs.columns.get(column) != value}
        if suspected - totals.keys():
            names = ", ".join(COLUMN_NAMES[column] for column in sorted(suspected - totals.keys()))
            raise InvariantBroken("INV-17", f"chip {columns.chip}: digests of {names} differ, and no cell does")
        compared = sum(tally.cell.tile.cells for tally in tallies)
        if not totals:
            self.findings.note(columns, "comparison", compared)
            return
        cells = self._first_cells(columns, tallies, min(firsts.values()))
        difference = ChipDifference(
            columns.chip,
            ours,
            theirs,
            {COLUMN_NAMES[column]: totals[column] for column in sorted(totals)},
            {COLUMN_NAMES[column]: firsts[column] for column in sorted(firsts)},
            cells,
        )
        self.differences[columns.chip] = difference
        self.findings.note(columns, "comparison", compared, str(difference))

    def _first_cells(self, columns: Columns, tallies: Sequence[_Tally], row: int) -> tuple[DifferingCell, ...]:
        """The windows once more, from the first row that differs until there are enough."""
        found: list[DifferingCell] = []
        for first, cells in self._checked_windows(columns):
            if first + cells.shape[1] <= row:
                continue
            for tally in tallies:
                for begin, theirs in self._blocks(tally, first, cells):
                    found += self._differing(columns, tally, begin, theirs, (first, cells))
            if len(found) >= MOST_CELLS:
                break
        return tuple(sorted(found)[:MOST_CELLS])

    def _differing(
        self, columns: Columns, tally: _Tally, begin: int, theirs: NDArray[np.uint64], window: Window
    ) -> list[DifferingCell]:
        ours = _block_of(columns, tally, begin, theirs.shape[1])
        places = np.argwhere((ours != theirs).T)[:MOST_CELLS]
        return [
            self._described(
                columns.chip, tally.rows.row(begin + row), tally.cell.tile.first_column + column,
                (int(ours[column, row]), int(theirs[column, row])), window,
            )
            for row, column in places.tolist()
        ]  # fmt: skip

    def _described(self, chip: str, row: int, column: int, values: tuple[int, int], window: Window) -> DifferingCell:
        if chip not in CORE_CHIPS:
            return DifferingCell(row, column, chip, *values, None, None, None)
        fragment = max(0, int(np.searchsorted(self._fragments, row, side="right")) - 1)
        first, cells = window
        return DifferingCell(
            row, column, chip, *values, fragment, row - int(self._fragments[fragment]), _operation(cells[:, row - first])
        )  # fmt: skip

    def _checked_windows(self, columns: Columns) -> Iterator[Window]:
        """The windows, refused unless they are the rows of the trace, each once and in order."""
        expected, rows = 0, columns.extent.rows
        for first, cells in self._windows():
            if cells.ndim != 2 or cells.shape[0] != WIDTH or cells.dtype != np.uint64:
                raise ShapeMismatch(f"a window is ({WIDTH}, n) uint64, not {cells.shape} {cells.dtype}")
            if first != expected or first + cells.shape[1] > rows:
                end = first + cells.shape[1]
                raise ShapeMismatch(f"rows {first} to {end} come where row {expected} of {rows} is expected")
            yield first, cells
            expected += cells.shape[1]
        if expected != rows:
            raise ShapeMismatch(f"the other engine's windows end before row {expected}, the trace has {rows} rows")

    def _blocks(self, tally: _Tally, first: int, cells: NDArray[np.uint64]) -> Iterator[tuple[int, NDArray[np.uint64]]]:
        """The part of a window that belongs to a tile: row of the tile, and (columns, n) contiguous."""
        tile = tally.cell.tile
        begin, end = tally.rows.between(first, first + cells.shape[1])
        for row in range(begin, end, self._block_rows):
            wanted = tally.rows.rows(row, min(row + self._block_rows, end)) - first
            yield row, np.ascontiguousarray(cells[tile.first_column : tile.first_column + tile.columns, wanted])


def _tally(columns: Columns, cell: Cells) -> _Tally:
    device, rows = columns.device, columns.rows_of(cell)
    first = device.full(Tag.SCRATCH, "first rows", cell.tile.columns, "u8", _UNSEEN)
    try:
        return _Tally(cell, rows, first, device.full(Tag.SCRATCH, "differing cells", cell.tile.columns, "u8", 0))
    except BaseException:
        first.free()
        raise


def _compare_block(columns: Columns, tally: _Tally, begin: int, block: NDArray[np.uint64]) -> ColumnDigests:
    """Counts what differs in a block; the digest of the other engine's block."""
    device, lane, tile = columns.device, columns.lane, tally.cell.tile
    count = block.shape[1]
    theirs = device.upload(Tag.SCRATCH, "other engine's block", block.reshape(-1))
    try:
        arguments = (tally.cell.buffer, tally.cell.ld, theirs, begin, count, tile.columns, tally.first, tally.count)
        device.launch("proof_compare", block.size, *arguments, lane=lane)
        if not tile.runs:
            cells = Cells(tile._replace(first_row=tile.first_row + begin, rows=count), theirs, count)
            return digest(device, lane, [cells], columns.extent.rows)
        with _runs_of(columns, tally, begin, count) as runs:
            cells = Cells(tile._replace(rows=count), theirs, count)
            return digest(device, lane, [cells], columns.extent.rows, runs)
    finally:
        theirs.free()


@contextmanager
def _runs_of(columns: Columns, tally: _Tally, begin: int, count: int) -> Iterator[dict[str, Buffer]]:
    """The runs in which the rows of a block stand."""
    rows = tally.rows.rows(begin, begin + count) - tally.cell.tile.first_row
    starts = np.flatnonzero(np.diff(rows, prepend=rows[0] - 2) != 1)
    start = columns.device.upload(Tag.SCRATCH, "run_start", starts.astype(np.uint32))
    try:
        base = columns.device.upload(Tag.SCRATCH, "run_base", rows[starts].astype(np.uint64))
        try:
            yield {"run_start": start, "run_base": base}
        finally:
            base.free()
    finally:
        start.free()


def _block_of(columns: Columns, tally: _Tally, begin: int, count: int) -> NDArray[np.uint64]:
    """Our cells of a block, (columns, count)."""
    device, cell = columns.device, tally.cell
    which = device.upload(Tag.SCRATCH, "rows of the block", np.arange(begin, begin + count, dtype=np.uint64))
    try:
        with scratch(device, "our block", cell.tile.columns * count) as block:
            arguments = (cell.buffer, cell.ld, cell.tile.rows, cell.tile.columns, which, count, block)
            device.launch("proof_gather", block.size, *arguments, lane=columns.lane)
            return device.download(block).reshape(cell.tile.columns, count)
    finally:
        which.free()


def _operation(row: NDArray[np.uint64]) -> str:
    """Name of the operation in the decoder's bits, or what stands there."""
    bits = [int(row[COLUMN[f"dec_op_bit_{i}"]]) for i in range(7)]
    code = sum(bit << i for i, bit in enumerate(bits))
    return BY_OPCODE[code].name if max(bits) <= 1 and code in BY_OPCODE else f"opcode bits {bits}"
