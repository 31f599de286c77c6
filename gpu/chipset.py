"""Everything a session calls to generate columns and to count: the chips by name, and the steps of an assignment.

A session is given its chip set, so that a test or a fallback can put one other chip in its place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from gpu import chiplet_assignment, chiplet_chips, core_chips
from gpu.chips import CHIP_ORDER, Cells, Chip, Generation
from gpu.device import Buffer
from gpu.errors import ShapeMismatch


@dataclass(frozen=True)
class ChipSet:
    """The chips, and what assignment runs besides them. All functions launch on the generation's lane."""

    chips: Mapping[str, Chip]
    assign_core: Callable[[Generation], int]
    """Replays the core for its side effects and for the PLAN arrays that come of it; returns ``Extent.growth``."""
    sort_memory: Callable[[Generation], Buffer]
    """The PLAN array ``order``: the shard's accesses by key, ties in the order in which they happened."""
    count_memory: Callable[[Generation], None]
    """Adds the limbs of all deltas between neighbours of the memory section to the range counters."""
    range_rows: Callable[[Generation], int]
    """R, from the range counters."""
    draw_last_row: Callable[[Generation], Buffer]
    """The PLAN array ``last_row``: the 72 cells of the trace's last row."""
    bus_responses: Callable[[Generation, str, Sequence[Cells]], None]
    """Adds what a chip's columns answer (ACE: also what they ask) to the bus counters."""

    def __post_init__(self) -> None:
        if set(self.chips) != set(CHIP_ORDER):
            raise ShapeMismatch(f"a chip set has the chips {', '.join(CHIP_ORDER)}, not {', '.join(self.chips)}")

    def with_chip(self, chip: Chip) -> ChipSet:
        """The same set with another chip of that name."""
        return replace(self, chips={**self.chips, chip.name: chip})


def standard() -> ChipSet:
    """The chips of this engine."""
    chips: tuple[Chip, ...] = (*core_chips.CORE, *chiplet_chips.CHIPLET)
    return ChipSet(
        chips={chip.name: chip for chip in chips},
        assign_core=lambda g: core_chips.assign_core(g).growth,
        sort_memory=chiplet_assignment.sort_memory,
        count_memory=chiplet_assignment.count_memory,
        range_rows=chiplet_assignment.range_rows,
        draw_last_row=chiplet_assignment.draw_last_row,
        bus_responses=chiplet_assignment.bus_responses,
    )
