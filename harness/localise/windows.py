"""The rows of both traces around the cause: what a person looks at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np

from harness.backend import Cells, Run
from reference.definition.columns import WIDTH

ROWS_AROUND: Final = 4
"""Before and behind a row of interest: two batch switches of short blocks, and it fits a page with the cut's rows."""
LARGEST_GAP: Final = 2
"""Fewer rows than this between two windows are shown too: a gap takes as much room."""


@dataclass(frozen=True)
class Windows:
    """Some rows of two traces.

    ``cells`` are (72, n) uint64 for the n ``rows``, ascending; None for an engine without a trace.
    """

    names: tuple[str, str]
    rows: tuple[int, ...]
    cells: tuple[Cells | None, Cells | None]
    cuts: tuple[int, ...]
    """Rows that begin a fragment, of all rows of the program."""

    def wrong(self, position: int, column: int) -> bool:
        """Whether both traces are there and differ in a cell; ``position`` is an index into ``rows``."""
        left, right = self.cells
        return left is not None and right is not None and bool(left[column, position] != right[column, position])

    def segments(self) -> list[range]:
        """Positions of rows that follow one another."""
        breaks = [index for index, (one, other) in enumerate(pairwise(self.rows), 1) if other != one + 1]
        edges = [0, *breaks, len(self.rows)]
        return [range(first, end) for first, end in pairwise(edges)]


def rows_around(centres: Sequence[int], total: int, *, around: int = ROWS_AROUND) -> tuple[int, ...]:
    """The rows next to some rows of a trace of ``total`` rows, ascending; small gaps filled."""
    wanted = sorted(
        {row for centre in centres for row in range(centre - around, centre + around + 1) if 0 <= row < total}
    )
    filled = set(wanted)
    for one, other in pairwise(wanted):
        if other - one - 1 <= LARGEST_GAP:
            filled.update(range(one, other))
    return tuple(sorted(filled))


def cells_of(run: Run, rows: Sequence[int]) -> Cells | None:
    """The cells of ``rows``, ascending, (72, n) uint64; None when the trace ends before the last of them.

    Raises EngineFailure and NotComparable as the run's windows do.
    """
    found: Cells = np.zeros((WIDTH, len(rows)), np.uint64)
    done = 0
    for window in run.windows():
        count = window.cells.shape[1]
        while done < len(rows) and rows[done] < window.first_row + count:
            found[:, done] = window.cells[:, rows[done] - window.first_row]
            done += 1
        if done == len(rows):
            return found
    return None
