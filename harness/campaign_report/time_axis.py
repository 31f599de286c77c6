"""Time as places on a line: runs have their true length, a pause between two of them has a fixed one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from harness.campaign_report.record import Batch

PAUSE: Final = 26.0
"""Width of a pause between two runs, however long it was."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A run on the line: times are seconds since 1970, places those of the drawing."""

    run: int
    start: float
    end: float
    left: float
    right: float

    def place(self, time: float) -> float:
        """Where the time is; times outside of the run are put at its ends."""
        if self.end <= self.start:
            return self.left
        share = (min(max(time, self.start), self.end) - self.start) / (self.end - self.start)
        return self.left + share * (self.right - self.left)


@dataclass(frozen=True, slots=True)
class Bin:
    """A stretch of a run; ``batches`` is how many of them were worked on in it, in shares: 0 is a gap."""

    left: float
    right: float
    cases_per_second: float
    boundaries_per_second: float
    batches: float


class TimeAxis:
    """The line from ``left`` to ``right``. ``runs`` are (number, start, end), in the order in which they were."""

    def __init__(self, runs: Sequence[tuple[int, float, float]], left: float, right: float) -> None:
        pauses = PAUSE * max(len(runs) - 1, 0)
        total = sum(max(end - start, 0.0) for _, start, end in runs)
        width = max(right - left - pauses, 1.0)
        self.segments: list[Segment] = []
        x = left
        for number, start, end in runs:
            length = width * (max(end - start, 0.0) / total if total > 0 else 1 / len(runs))
            self.segments.append(Segment(number, start, end, x, x + length))
            x += length + PAUSE

    def pauses(self) -> list[tuple[float, float, float]]:
        """(left, right, seconds) of each pause between two runs."""
        return [(one.right, other.left, other.start - one.end) for one, other in pairwise(self.segments)]

    def segment(self, run: int) -> Segment | None:
        """The run's part of the line; None for a run that there is not."""
        return next((each for each in self.segments if each.run == run), None)


def bins(segment: Segment, batches: Sequence[Batch], width: float) -> list[Bin]:
    """The run in stretches of about ``width``, each with the rates of the batches that were worked on in it.

    A batch is spread evenly over its time, because its state says nothing finer.
    """
    seconds = segment.end - segment.start
    count = max(1, round((segment.right - segment.left) / width))
    if seconds <= 0:
        return []
    step = seconds / count
    cases, boundaries, shares = [0.0] * count, [0.0] * count, [0.0] * count
    for batch in batches:
        lasted = max(batch.finished - batch.started, step / 1000)
        first = max(0, int((batch.started - segment.start) / step))
        for at in range(first, count):
            from_time, to_time = segment.start + at * step, segment.start + (at + 1) * step
            share = (min(batch.started + lasted, to_time) - max(batch.started, from_time)) / lasted
            if share <= 0:
                break
            cases[at] += share * batch.count
            boundaries[at] += share * _boundaries(batch)
            shares[at] += share
    length = (segment.right - segment.left) / count
    return [
        Bin(
            segment.left + at * length,
            segment.left + (at + 1) * length,
            cases[at] / step,
            boundaries[at] / step,
            shares[at],
        )
        for at in range(count)
    ]


def _boundaries(batch: Batch) -> float:
    """Or builds, where one engine is judged by the laws."""
    laws = batch.totals.get("laws")
    counts, name = (laws, "builds") if isinstance(laws, dict) else (batch.totals.get("counts"), "boundaries")
    found = counts.get(name) if isinstance(counts, dict) else 0
    return float(found) if isinstance(found, int | float) else 0.0
