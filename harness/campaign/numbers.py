"""Which cases are to be run next: the lowest numbers that nobody has done, in batches of about the same time."""

from __future__ import annotations

import math
from bisect import insort
from collections.abc import Iterable
from typing import Final

_SHORTEST: Final = 1.0
_LONGEST: Final = 10.0
"""Seconds of a batch: what a campaign that is killed runs again for each worker."""

_SHARE: Final = 100.0
"""A batch is this part of the time the campaign has run: a night has some thousand batches, not a hundred thousand."""

_FIRST_BATCH: Final = 4
_MEMORY: Final = 0.5
"""Share of the rate that is kept when a batch tells a new one."""


class Numbers:
    """Numbers of cases that are not done, from ``first`` up to but not including ``end`` (None: without end)."""

    def __init__(self, done: Iterable[tuple[int, int]], first: int, end: int | None) -> None:
        self._free: list[tuple[int, float]] = []
        at = first
        for start, count in sorted(done):
            self.give_back(at, start - at)
            at = max(at, start + count)
        self._free.append((at, math.inf))
        limit = math.inf if end is None else end
        self._free = [(start, min(stop, limit)) for start, stop in self._free if start < limit]

    @property
    def left(self) -> float:
        """How many there are; infinity without an end."""
        return sum(stop - start for start, stop in self._free)

    def take(self, count: int) -> tuple[int, int] | None:
        """The lowest ones, at most ``count`` in a row: first and count; None when there are none."""
        if not self._free:
            return None
        start, stop = self._free.pop(0)
        taken = int(min(count, stop - start))
        if start + taken < stop:
            self._free.insert(0, (start + taken, stop))
        return start, taken

    def give_back(self, first: int, count: int) -> None:
        """Numbers that were taken and not done; nothing for a count below 1."""
        if count > 0:
            insort(self._free, (first, float(first + count)))


class Pace:
    """How many cases a batch should have."""

    def __init__(self, jobs: int) -> None:
        self._jobs = jobs
        self._rate = 0.0
        """Cases per second of one worker."""

    def learn(self, cases: int, seconds: float) -> None:
        """A batch has taken this long."""
        if cases and seconds > 0:
            rate = cases / seconds
            self._rate = _MEMORY * self._rate + (1 - _MEMORY) * rate if self._rate else rate

    def size(self, elapsed: float, left: float) -> int:
        """Cases for the next batch, ``elapsed`` seconds after the start; at the end all workers have something to do."""
        if not self._rate:
            return _FIRST_BATCH
        wanted = self._rate * min(max(elapsed / _SHARE, _SHORTEST), _LONGEST)
        return max(1, int(min(wanted, math.ceil(left / self._jobs) if math.isfinite(left) else wanted)))
