"""One chip's columns, lent to whoever reads them: where their cells are, which rows of the trace they are, and for how long.

Columns die with the task that generated them: afterwards nobody reaches the memory through them (spec 09, section B8).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gpu.chips import Cells, Tile
from gpu.device import Buffer, Device, Lane, Tag, View
from gpu.errors import WrongState
from gpu.layout import Extent
from reference.definition.columns import COLUMN


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
