"""Bytes per tag after every step of a session's life, beside what spec 09, B5 says they have to be.

What is measured comes from the arena, what is expected from shapes: the recording's counts, the plans' tiles, the commitment's
formula. A row whose measured bytes differ from the expected ones breaks INV-03.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import groupby

from gpu.arena import Arena, Tag

RESIDENT_TAGS = (Tag.RAW, Tag.PLAN, Tag.SIDE)
WORKING_TAGS = (Tag.TRACE, Tag.SEED, Tag.SCRATCH)

Observer = Callable[[str, Mapping[Tag, int], Mapping[Tag, int]], None]
"""Called after a step with its name, the exact bytes that must be live, and the most that each named tag may have had."""


def no_observer(step: str, live: Mapping[Tag, int], at_most: Mapping[Tag, int]) -> None:
    """Observes nothing."""
    del step, live, at_most


@dataclass(frozen=True)
class StepBytes:
    """One step: live bytes after it, the most while it ran, and what they have to be."""

    shard: int
    step: str
    live: Mapping[Tag, int]
    peak: Mapping[Tag, int]
    total_peak: int
    expected: Mapping[Tag, int]
    """Live bytes of every tag that the step determines."""
    at_most: Mapping[Tag, int]
    """Most bytes of a tag while the step ran, where the step bounds them."""

    @property
    def wrong(self) -> tuple[str, ...]:
        """What does not hold, in words."""
        live = [
            f"{tag} {self.live[tag]} bytes, {expected} expected"
            for tag, expected in self.expected.items()
            if self.live[tag] != expected
        ]
        peak = [
            f"{tag} had {self.peak[tag]} bytes, at most {bound} expected"
            for tag, bound in self.at_most.items()
            if self.peak[tag] > bound
        ]
        return tuple(live + peak)


@dataclass
class ByteTable:
    """Collects the steps of a walk; ``shard`` is put into each."""

    arena: Arena
    shard: int = 0
    steps: list[StepBytes] = field(default_factory=list)

    def observe(self, step: str, live: Mapping[Tag, int], at_most: Mapping[Tag, int]) -> None:
        """Takes what is live and the peaks since the step before, and starts the peaks again."""
        arena = self.arena
        self.steps.append(
            StepBytes(self.shard, step, arena.live, arena.peak, arena.total_peak, dict(live), dict(at_most))
        )
        arena.reset_peaks()

    @property
    def peaks(self) -> dict[Tag, int]:
        """Most bytes of every tag over all steps."""
        return {tag: max((step.peak[tag] for step in self.steps), default=0) for tag in Tag}

    def lines(self) -> list[str]:
        """The table as text: live bytes, the peaks of what comes and goes, and T, the most TRACE that a step may have.

        Repeated steps share a line with their largest peaks; ``!`` marks what is not as expected.
        """
        peaks = [f"peak {tag.value}" for tag in WORKING_TAGS]
        rows = [["step", *(tag.value for tag in Tag), *peaks, "T", ""]]
        several = len({step.shard for step in self.steps}) > 1
        for (shard, name), group in groupby(self.steps, key=lambda step: (step.shard, step.step)):
            same = list(group)
            last, bound = same[-1], same[-1].at_most.get(Tag.TRACE)
            label = f"shard {shard} {name}" if several else name
            rows.append(
                [
                    label if len(same) == 1 else f"{label} x {len(same)}",
                    *(str(last.live[tag]) for tag in Tag),
                    *(str(max(step.peak[tag] for step in same)) for tag in WORKING_TAGS),
                    "" if bound is None else str(bound),
                    "!" if any(step.wrong for step in same) else "",
                ]
            )
        return _aligned(rows)


def _aligned(rows: Iterable[list[str]]) -> list[str]:
    listed = list(rows)
    widths = [max(len(row[column]) for row in listed) for column in range(len(listed[0]))]
    lines = []
    for row in listed:
        cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        lines.append("  ".join(cells).rstrip())
    return lines
