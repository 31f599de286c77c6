"""Everything a session calls to generate columns and to count: the chips by name, and the steps of an assignment.

A session is given its chip set, so that a test or a fallback can put one other chip in its place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from gpu.chips import CHIP_ORDER, Cells, Chip, Generation
from gpu.device import Buffer
from gpu.errors import ShapeMismatch


@dataclass(frozen=True)
class ChipSet:
    """The chips, and what assignment runs besides them. All functions launch on the generation's lane."""

    chips: Mapping[str, Chip]
    assign_core: Callable[[Generation], Mapping[str, Buffer]]
    """Replays the core for its side effects alone; returns the PLAN arrays that the replay found."""
    sort_memory: Callable[[Generation], Buffer]
    """The PLAN array ``order``: the shard's accesses by key, ties in the order in which they happened."""
    count_memory: Callable[[Generation], None]
    """Adds the limbs of all deltas between neighbours of the memory section to the range counters."""
    range_rows: Callable[[Generation], int]
    """R, from the range counters."""
    bus_responses: Callable[[Generation, str, Sequence[Cells]], None]
    """Adds what a chip's columns answer (ACE: also what they ask) to the bus counters."""

    def __post_init__(self) -> None:
        if set(self.chips) != set(CHIP_ORDER):
            raise ShapeMismatch(f"a chip set has the chips {', '.join(CHIP_ORDER)}, not {', '.join(self.chips)}")

    def with_chip(self, chip: Chip) -> ChipSet:
        """The same set with another chip of that name."""
        return replace(self, chips={**self.chips, chip.name: chip})
