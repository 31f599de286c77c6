"""Bytes per tag after every step of a session's life, beside what spec 09, B5 says they have to be.

What is measured comes from the arena, what is expected from shapes: the recording's counts, the plans' tiles, the commitment's
formula. A row whose measured bytes differ from the expected ones breaks INV-03.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

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
        """The table as text: live bytes, then the peaks of what comes and goes; ``!`` marks what is not as expected."""
        head = ["step", *(f"{tag.value}" for tag in Tag), "peak TRACE", "peak SEED", "peak SCRATCH", ""]
        rows = [head]
        for step in self.steps:
            name = f"shard {step.shard} {step.step}" if any(each.shard for each in self.steps) else step.step
            peaks = [str(step.peak[tag]) for tag in WORKING_TAGS]
            rows.append([name, *(str(step.live[tag]) for tag in Tag), *peaks, "!" if step.wrong else ""])
        return _aligned(rows)


def _aligned(rows: Iterable[list[str]]) -> list[str]:
    listed = list(rows)
    widths = [max(len(row[column]) for row in listed) for column in range(len(listed[0]))]
    lines = []
    for row in listed:
        cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        lines.append("  ".join(cells).rstrip())
    return lines
