"""What proves a chip: consumers that are given its columns while they live, and a collector of what they find.

Columns die with the task: afterwards nobody can reach the memory through them. A consumer says how much memory it takes, so
that the task books it, and reports what it checked as well as what it found: a check of nothing is not a passed check
(spec 09, sections B8 and B11).
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from gpu.chips import CELL_BYTES, Cells, Tile
from gpu.device import Buffer, Device, Lane, Tag, View
from gpu.errors import WrongState
from gpu.layout import Extent
from reference.definition.columns import COLUMN, COLUMN_NAMES
from reference.definition.field import P


@dataclass(frozen=True, slots=True)
class TileRows:
    """Which rows of the trace a tile's rows are: neighbours from ``first``, or those listed, ascending."""

    first: int
    count: int
    listed: NDArray[np.int64] | None = None

    def row(self, index: int) -> int:
        """Trace row of a row of the tile."""
        return self.first + index if self.listed is None else int(self.listed[index])

    def rows(self, begin: int, end: int) -> NDArray[np.int64]:
        """Trace rows of the tile's rows ``begin .. end - 1``."""
        return np.arange(self.first + begin, self.first + end) if self.listed is None else self.listed[begin:end]

    def between(self, begin: int, end: int) -> tuple[int, int]:
        """The tile's rows whose trace rows are ``begin .. end - 1``: the first, and one past the last."""
        return self._before(begin), self._before(end)

    def _before(self, row: int) -> int:
        if self.listed is None:
            return min(max(row - self.first, 0), self.count)
        return int(np.searchsorted(self.listed, row))


def tile_rows(device: Device, tile: Tile, plan: Mapping[str, Buffer]) -> TileRows:
    """Where a tile's rows are; ``plan`` has run_start and run_base for a tile whose rows stand in runs."""
    if not tile.runs or not tile.rows:
        return TileRows(tile.first_row, tile.rows)
    start = device.download(plan["run_start"]).astype(np.int64)
    base = device.download(plan["run_base"]).astype(np.int64)
    lengths = np.diff(start, append=tile.rows)
    listed = tile.first_row + np.repeat(base - start, lengths) + np.arange(tile.rows)
    return TileRows(tile.first_row, tile.rows, listed)


class Columns:
    """One chip's generated columns, to be read until :meth:`close`."""

    def __init__(
        self,
        device: Device,
        chip: str,
        extent: Extent,
        cells: Sequence[Cells],
        plan: Mapping[str, Buffer],
        *,
        lane: Lane | None = None,
        shard: int = 0,
        phase: str = "proof",
    ) -> None:
        self.device = device
        self.chip = chip
        self.extent = extent
        self.plan = plan
        self.lane = lane or device.lane(0)
        self.shard = shard
        self.phase = phase
        self._cells: tuple[Cells, ...] | None = tuple(cells)

    @property
    def cells(self) -> tuple[Cells, ...]:
        """The tiles that have rows. Raises WrongState when the task is over."""
        if self._cells is None:
            raise WrongState(f"the columns of chip {self.chip} were dropped with the task that they were generated for")
        return tuple(cell for cell in self._cells if cell.buffer is not None and cell.tile.cells)

    def close(self) -> None:
        """Ends the access; the memory is the session's to drop."""
        self._cells = None

    def tiles_with(self, name: str) -> Iterator[tuple[Cells, View]]:
        """Every tile that has the named column, and a pointer to the column's first cell."""
        wanted = COLUMN[name]
        for cell in self.cells:
            local = wanted - cell.tile.first_column
            if 0 <= local < cell.tile.columns and cell.buffer is not None:
                yield cell, cell.buffer.offset(local * cell.ld)

    def rows_of(self, cell: Cells) -> TileRows:
        """Trace rows of one of the tiles."""
        return tile_rows(self.device, cell.tile, self.plan)


@contextmanager
def scratch(device: Device, name: str, words: int, value: int | None = None) -> Iterator[Buffer]:
    """A u64 buffer (tag SCRATCH) for the time of a block, filled with ``value`` or arbitrary. Raises BudgetExceeded."""
    if value is None:
        buffer = device.empty(Tag.SCRATCH, name, words, "u8")
    else:
        buffer = device.full(Tag.SCRATCH, name, words, "u8", value)
    try:
        yield buffer
    finally:
        buffer.free()


class Consumer(Protocol):
    """Something that reads the columns of a chip during its proof."""

    def scratch_bytes(self, tiles: Sequence[Tile]) -> int:
        """Most bytes of SCRATCH that :meth:`consume` takes for a chip of these tiles."""

    def consume(self, columns: Columns) -> None:
        """Reads the columns, and only reads them; keeps none of them."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A check that failed."""

    shard: int
    chip: str
    phase: str
    check: str
    detail: str


@dataclass
class Findings:
    """Collects what consumers checked and found; several lanes may share one."""

    failures: list[Finding] = field(default_factory=list)
    checked: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Items by (chip, check): cells or rows that a check looked at."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, columns: Columns, check: str, items: int, failure: str | None = None) -> None:
        """Counts what was checked, and keeps the failure if there is one."""
        with self._lock:
            self.checked[columns.chip, check] += items
            if failure is not None:
                self.failures.append(Finding(columns.shard, columns.chip, columns.phase, check, failure))

    @property
    def passed(self) -> bool:
        """No failure, and something was checked."""
        return not self.failures and sum(self.checked.values()) > 0

    def table(self) -> list[str]:
        """One line per failure, in an order that does not depend on lanes."""
        ordered = sorted(self.failures, key=lambda each: (each.shard, each.chip, each.phase, each.check, each.detail))
        return [f"shard {each.shard}  {each.chip}  {each.phase}  {each.check}: {each.detail}" for each in ordered]


SUM_CHUNK: Final = 256
"""Rows that one thread adds up: enough that the partial sums are small against the columns."""


class ColumnSums:
    """Sums every column of a chip modulo p, over all its tiles: ``sums[chip][column name]``."""

    def __init__(self) -> None:
        self.sums: dict[str, dict[str, int]] = {}

    def scratch_bytes(self, tiles: Sequence[Tile]) -> int:
        """Partial sums and sums of the largest tile."""
        return max((CELL_BYTES * tile.columns * (1 + _chunks(tile.rows)) for tile in tiles if tile.rows), default=0)

    def consume(self, columns: Columns) -> None:
        """Adds the chip's entry."""
        totals: dict[str, int] = {}
        for cell in columns.cells:
            first = cell.tile.first_column
            for name, value in zip(COLUMN_NAMES[first:], _tile_sums(columns, cell), strict=False):
                totals[name] = (totals.get(name, 0) + value) % P
        self.sums[columns.chip] = totals


def _chunks(rows: int) -> int:
    return -(-rows // SUM_CHUNK)


def _tile_sums(columns: Columns, cell: Cells) -> list[int]:
    device, tile, lane = columns.device, cell.tile, columns.lane
    chunks = _chunks(tile.rows)
    with (
        scratch(device, "partial sums", tile.columns * chunks) as partial,
        scratch(device, "sums", tile.columns) as sums,
    ):
        shape = (cell.ld, tile.rows, tile.columns)
        arguments = (cell.buffer, *shape, SUM_CHUNK, chunks, partial)
        device.launch("proof_partial_sums", tile.columns * chunks, *arguments, lane=lane)
        device.launch("proof_total_sums", tile.columns, partial, tile.columns, chunks, sums, lane=lane)
        return [int(value) for value in device.download(sums)]
