"""Which batch a worker gets: numbers, size, and the news of what others have covered."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from harness.campaign.numbers import Numbers, Pace
from harness.campaign.protocol import BatchDone, BatchTask
from harness.coverage import CoverageMap


class Giving:
    """The batches of a campaign; ``covered`` grows while it runs."""

    def __init__(self, numbers: Numbers, covered: CoverageMap, kept: int, *, filling: bool) -> None:
        self._numbers = numbers
        self._covered = covered
        self._kept = kept
        self._filling = filling
        self._pace = Pace(1)
        self._remembers = True
        self._suspects: list[tuple[int, int]] = []
        """Numbers, first and count, of which one has taken a whole machine along."""
        self._told: dict[str, NDArray[np.int64]] = {}

    def open(self, jobs: int, *, remembers: bool) -> None:
        """How many workers there are, and whether they know what they were told with earlier batches."""
        self._pace = Pace(jobs)
        self._remembers = remembers

    @property
    def has_more(self) -> bool:
        """Whether any number is not done and not in hand."""
        return bool(self._numbers.left or self._suspects)

    def batch(self, worker: str, elapsed: float, seconds: float | None, slow: tuple[float, float]) -> BatchTask | None:
        """The next batch, to be ended after so many seconds; None when there is none."""
        taken = self._take(elapsed)
        if taken is None:
            return None
        if not self._remembers:
            self.forget(worker)
        covered = self._news(worker) if self._filling else []
        return BatchTask(*taken, seconds, self._kept, slow, covered, not self._remembers)

    def done(self, task: BatchTask, done: BatchDone) -> None:
        """A batch has come back, perhaps before its end."""
        self.give_back([(done.first + done.count, task.count - done.count)])
        self._pace.learn(done.count, done.finished - done.started)

    def give_back(self, parts: Iterable[tuple[int, int]]) -> None:
        """Numbers that were not done, first and count each."""
        for first, count in parts:
            self._numbers.give_back(first, count)

    def halve(self, task: BatchTask) -> None:
        """A batch has taken machines along; its halves come next."""
        half = task.count // 2
        self._suspects += [(task.first, half), (task.first + half, task.count - half)]

    def forget(self, worker: str) -> None:
        """A worker is another process from now on."""
        self._told.pop(worker, None)

    def _take(self, elapsed: float) -> tuple[int, int] | None:
        if self._suspects:
            return self._suspects.pop()
        return self._numbers.take(self._pace.size(elapsed, self._numbers.left))

    def _news(self, worker: str) -> list[tuple[int, int]]:
        """What was covered since the worker was told last."""
        counts = self._covered.counts
        news = counts - self._told[worker] if worker in self._told else counts
        self._told[worker] = counts.copy()
        return [(int(each), int(news[each])) for each in np.flatnonzero(news)]
