"""The whole trace on the host, put together from the columns that the proofs are given.

Every cell must be written exactly once in a round: a cell that two chips claim, or that none does, is an error of the chips'
tiles and not of their contents. Later rounds of proofs are compared with the first.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gpu.chips import Tile
from gpu.columns import Columns
from gpu.digest import POISON
from gpu.errors import InvariantBroken, ShapeMismatch
from reference.definition.columns import WIDTH


class TraceCollector:
    """A consumer of proofs that keeps all cells: ``trace`` (72, L) uint64, POISON where nothing was written."""

    def __init__(self) -> None:
        self.trace: NDArray[np.uint64] = np.empty((WIDTH, 0), np.uint64)
        self.written = 0
        self._done: set[tuple[int, str]] = set()
        self._lock = threading.Lock()

    def scratch_bytes(self, tiles: Sequence[Tile]) -> int:
        """None: cells are copied to the host."""
        del tiles
        return 0

    def consume(self, columns: Columns) -> None:
        """Takes the chip's cells, or compares them when it had them before."""
        with self._lock:
            if not self.trace.size:
                self.trace = np.full((WIDTH, columns.extent.rows), POISON, np.uint64)
            repeated = (columns.shard, columns.chip) in self._done
            self._done.add((columns.shard, columns.chip))
        for cell in columns.cells:
            if cell.buffer is None:
                continue
            tile = cell.tile
            cells = columns.device.download(cell.buffer).reshape(tile.columns, cell.ld)[:, : tile.rows]
            self._take(columns, tile, columns.rows_of(cell).rows(0, tile.rows), cells, repeated=repeated)

    def _take(
        self, columns: Columns, tile: Tile, rows: NDArray[np.int64], cells: NDArray[np.uint64], *, repeated: bool
    ) -> None:
        place = np.ix_(np.arange(tile.first_column, tile.first_column + tile.columns), rows)
        held = self.trace[place]
        if repeated:
            if not np.array_equal(held, cells):
                raise InvariantBroken("INV-06", f"chip {columns.chip}: another round of proofs has other cells")
            return
        if (held != np.uint64(POISON)).any():
            raise ShapeMismatch(f"chip {columns.chip}: cells of {tile} belong to another chip too")
        self.trace[place] = cells
        with self._lock:
            self.written += cells.size

    def demand_complete(self) -> None:
        """Raises ShapeMismatch when a cell belongs to no chip."""
        missing = np.argwhere(self.trace == np.uint64(POISON))
        if self.written != self.trace.size or len(missing) or not self.trace.size:
            where = f"column {missing[0][0]}, row {missing[0][1]} first" if len(missing) else "none named"
            raise ShapeMismatch(f"{self.written} of {self.trace.size} cells belong to a chip; missing: {where}")
