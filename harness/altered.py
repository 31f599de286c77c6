"""A run of which one part is another one: how wrong answers are made on purpose, from right ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from harness.backend import Outcome, Run, Summary, Window, column_digest
from reference.definition.boundary import BoundaryState


class Cell(NamedTuple):
    """Another value for one cell."""

    row: int
    column: int
    value: int


@dataclass(frozen=True)
class AlteredRun:
    """What is None is as the inner run says."""

    inner: Run
    other_outcome: Outcome | None = None
    other_summary: Summary | None = None
    other_boundaries: Sequence[BoundaryState] | None = None
    other_cell: Cell | None = None
    skipped_window: int | None = None
    """Index of a window that is not given; negative ones count from the end."""

    @property
    def outcome(self) -> Outcome:
        """How the program ended."""
        return self.other_outcome or self.inner.outcome

    @property
    def summary(self) -> Summary | None:
        """Lengths and outputs."""
        return self.other_summary or self.inner.summary

    @property
    def built_with_cuts(self) -> bool:
        """As the inner run."""
        return self.inner.built_with_cuts

    def boundaries(self) -> Sequence[BoundaryState]:
        """The state entering each fragment."""
        return self.inner.boundaries() if self.other_boundaries is None else self.other_boundaries

    def windows(self) -> Iterator[Window]:
        """The trace; the window with another cell is a copy."""
        windows = list(self.inner.windows())
        if self.skipped_window is not None:
            del windows[self.skipped_window]
        yield from (self._altered(window) for window in windows)

    def column_digests(self) -> list[str]:
        """Those of the windows."""
        if self.other_cell is None:
            return self.inner.column_digests()
        return [column_digest(column) for column in np.concatenate([window.cells for window in self.windows()], axis=1)]

    def contradictions(self) -> Sequence[str]:
        """As the inner run."""
        return self.inner.contradictions()

    def _altered(self, window: Window) -> Window:
        other = self.other_cell
        if other is None or not 0 <= other.row - window.first_row < window.cells.shape[1]:
            return window
        cells = window.cells.copy()
        cells[other.column, other.row - window.first_row] = other.value
        return Window(window.first_row, cells)
