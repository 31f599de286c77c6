"""Every cell of a trace is a canonical field element, the random row's too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from harness.audit.field import P
from harness.audit.jit import jit
from harness.audit.rule import Rule
from harness.audit.tile import Tile, Tiles
from harness.audit.violation import CellValue, NotChecked, Violation
from reference.definition.columns import COLUMN_NAMES, WIDTH

BELOW_P: Final = Rule("layout.field", "layout", "every cell < p", "04 notation")


@jit
def rows_beyond_field(rows: Any) -> Any:
    """Compiled: the first row with a cell >= p, or -1, and how many such rows there are."""
    first = -1
    count = 0
    for i in range(rows.shape[0]):
        beyond = False
        for column in range(WIDTH):
            beyond |= rows[i, column] >= P
        if beyond:
            count += 1
            if first < 0:
                first = i
    return first, count


class FieldCells:
    """See :data:`BELOW_P`."""

    rules: Sequence[Rule] = (BELOW_P,)

    def __init__(self) -> None:
        self._count = 0
        self._first: tuple[int, NDArray[np.uint64]] | None = None

    def partial(self, tile: Tile) -> tuple[int, int, NDArray[np.uint64]] | None:
        """Count, number and cells of the tile's first row with a cell beyond the field; None when there is none."""
        first, count = rows_beyond_field(tile.rows[:-1])
        if count:
            count, row, cells = int(count), tile.first_row + int(first), tile.rows[first].copy()
            return (count + self._is_beyond(tile.random_row), row, cells)
        if self._is_beyond(tile.random_row):
            assert tile.random_row is not None
            return 1, tile.trace_rows - 1, tile.random_row
        return None

    @staticmethod
    def _is_beyond(row: NDArray[np.uint64] | None) -> bool:
        return row is not None and bool((row >= P).any())

    def add(self, partial: tuple[int, int, NDArray[np.uint64]] | None) -> None:
        """Takes the next tile's finding."""
        if partial is None:
            return
        self._count += partial[0]
        if self._first is None:
            self._first = partial[1:]

    def finish(self, tiles: Tiles) -> Sequence[Violation | NotChecked]:  # noqa: ARG002 - nothing to explain
        """The first row's cells that are too large."""
        if self._first is None:
            return ()
        row, values = self._first
        cells = tuple(CellValue(COLUMN_NAMES[c], row, int(values[c])) for c in np.flatnonzero(values >= P))
        return (Violation(BELOW_P, row, self._count, cells=cells),)
