"""The coverage map: how often a fragment has begun at each cell, and the smallest case that did it.

Maps add up: a campaign's map is that of all its cases, and a directory's that of all its campaigns.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from harness.coverage.cells import SIZE
from harness.coverage.impossible import possible_numbers
from harness.coverage.rows import RowCells
from reference.definition.cuts import CutPlan

NO_CASE: Final = 2**62
"""More rows than any program has."""


class Smallest(NamedTuple):
    """The smallest case seen at a cell: its name, its rows, and the row that is cut."""

    case: str
    rows: int
    row: int


class CutCells(NamedTuple):
    """The cells at the cuts of a plan on one run."""

    rows: int
    """Of the run."""
    found: NDArray[np.int64]
    """Numbers of the cells, each once, ascending."""
    times: NDArray[np.int64]
    cut_rows: NDArray[np.int64]
    """Per cell a row that is cut there."""

    @staticmethod
    def of(cells: RowCells, plan: CutPlan) -> CutCells | None:
        """None for a plan that cuts nowhere in a run with these cells."""
        starts = np.array(plan.starts(cells.rows)[1:], np.int64)
        if not len(starts):
            return None
        numbers = np.concatenate((cells.behind[starts], cells.before[starts]))
        found, first, times = np.unique(numbers, return_index=True, return_counts=True)
        return CutCells(cells.rows, found, times, starts[first % len(starts)])


class CoverageMap:
    """Counts by cell; add cases with :meth:`add`, other maps with :meth:`merge`."""

    def __init__(self) -> None:
        self.counts: NDArray[np.int64] = np.zeros(SIZE, np.int64)
        """Cuts seen at each cell."""
        self.smallest: dict[int, Smallest] = {}
        """By number of the cell, for every cell that was counted."""
        self._rows: NDArray[np.int64] = np.full(SIZE, NO_CASE, np.int64)

    def add(self, cells: RowCells, plan: CutPlan, case: str) -> int:
        """Count the cuts of a plan on a run with these cells; how many of the cells were new."""
        cut = CutCells.of(cells, plan)
        return 0 if cut is None else self.count(cut, case)

    def count(self, cut: CutCells, case: str) -> int:
        """Count the cuts; how many of their cells were new."""
        found = cut.found
        before = self.counts[found]
        self.counts[found] = before + cut.times
        smaller = self._rows[found] > cut.rows
        if smaller.any():
            for cell, row in zip(found[smaller].tolist(), cut.cut_rows[smaller].tolist(), strict=True):
                self._keep(cell, Smallest(case, cut.rows, row))
        return len(before) - int(np.count_nonzero(before))

    def merge(self, other: CoverageMap) -> None:
        """Add what another map has seen."""
        self.counts += other.counts
        for cell, smallest in other.smallest.items():
            if smallest.rows < self._rows[cell]:
                self._keep(cell, smallest)

    def put(self, cell: int, count: int, smallest: Smallest) -> None:
        """Add one cell of a saved map."""
        self.counts[cell] += count
        if smallest.rows < self._rows[cell]:
            self._keep(cell, smallest)

    def _keep(self, cell: int, smallest: Smallest) -> None:
        self.smallest[cell] = smallest
        self._rows[cell] = smallest.rows

    # ---- what is covered --------------------------------------------------------------------------------------------

    @property
    def covered(self) -> int:
        """Possible cells that were counted."""
        return int(((self.counts > 0) & possible_numbers()).sum())

    @property
    def possible(self) -> int:
        """Cells that some program can reach."""
        return int(possible_numbers().sum())

    @property
    def share(self) -> float:
        """Covered of possible cells, 0 to 1."""
        return self.covered / self.possible

    @property
    def contradictions(self) -> list[int]:
        """Cells that were counted although no program can reach them: a rule or an engine is wrong."""
        return np.flatnonzero((self.counts > 0) & ~possible_numbers()).tolist()

    # ---- what is wanted ---------------------------------------------------------------------------------------------

    def rows_with_empty_cells(self, cells: RowCells) -> list[int]:
        """Rows whose cuts would fill every empty cell of the run, each by its first row; ascending."""
        wanted: set[int] = set()
        filled: set[int] = set()
        empty = [self.counts[numbers] == 0 for numbers in cells]
        for row in np.flatnonzero(empty[0] | empty[1]).tolist():
            found = {int(numbers[row]) for numbers, is_empty in zip(cells, empty, strict=True) if is_empty[row]}
            if row and not found <= filled:
                wanted.add(row)
                filled |= found
        return sorted(wanted)
