"""Which cases are slow: those that took the most seconds, and those that took the most seconds for their rows."""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from typing import Final, Protocol, TypeVar

KEPT: Final = 10
"""Of either kind."""

_ROWS_APART: Final = 1000
"""Added to the rows of a case: what every run costs whatever its length. Without it the shortest programs were the slowest."""


class Timed(Protocol):
    """A case with its time."""

    @property
    def number(self) -> int:
        """Of the case."""

    @property
    def seconds(self) -> float:
        """That it took, over all its cut plans."""

    @property
    def rows(self) -> int:
        """That were compared, over all its cut plans."""


Each = TypeVar("Each", bound=Timed)


def seconds_per_row(seconds: float, rows: int) -> float:
    """With what a run costs whatever its length."""
    return seconds / (rows + _ROWS_APART)


def slowest(cases: Iterable[Each], kept: int = KEPT) -> list[Each]:
    """The ``kept`` slowest of either kind, by number; at most twice as many."""
    found = list(cases)
    longest = heapq.nlargest(kept, found, key=lambda case: case.seconds)
    tough = heapq.nlargest(kept, found, key=lambda case: seconds_per_row(case.seconds, case.rows))
    return sorted({case.number: case for case in (*longest, *tough)}.values(), key=lambda case: case.number)


def thresholds(cases: Iterable[Timed], kept: int = KEPT) -> tuple[float, float]:
    """Seconds, and seconds per row, below which a case is not among the slowest; zeros while there are few."""
    found = list(cases)
    if len(found) < kept:
        return 0.0, 0.0
    longest = heapq.nlargest(kept, (case.seconds for case in found))
    tough = heapq.nlargest(kept, (seconds_per_row(case.seconds, case.rows) for case in found))
    return longest[-1], tough[-1]
