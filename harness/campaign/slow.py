"""Which cases are slow: those that took the most seconds, and those that took the most seconds for their rows."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Final, Protocol, TypeVar

from harness.campaign.protocol import SlowCase

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


_OF_BATCH: Final = 3
"""Of either kind, of one batch."""


class SlowCases:
    """The slowest cases of a batch."""

    def __init__(self, thresholds: tuple[float, float], *, is_cold: bool) -> None:
        self._thresholds = thresholds
        self._is_cold = is_cold
        """Then the time of the first case means nothing."""
        self.cases: list[SlowCase] = []

    def add(self, number: int, seconds: float, rows: int, text: Callable[[], str]) -> None:
        """A case has taken so long; its text is written when it stays, which most do not."""
        long, tough = self._thresholds
        if not self._is_cold and (seconds > long or seconds_per_row(seconds, rows) > tough):
            case = SlowCase(number, round(seconds, 6), rows, "")
            self.cases = slowest([*self.cases, case], _OF_BATCH)
            self.cases = [replace(each, case=text()) if each is case else each for each in self.cases]
        self._is_cold = False
