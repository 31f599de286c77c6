"""Chips and steps of an assignment that do something wrong, for planted faults and their tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from gpu import core_chips
from gpu.arena import Tag
from gpu.chips import Cells, Chip, Generation, Tile
from gpu.chipset import ChipSet
from gpu.device import Buffer, Device
from gpu.layout import Extent

# ---- altered chips --------------------------------------------------------------------------------------------------


class AlteredChip:
    """A chip that does something besides, or instead, in the phases for which ``when`` holds."""

    def __init__(
        self,
        chip: Chip,
        alter: Callable[[Generation, Sequence[Cells]], None],
        when: Callable[[str], bool] = lambda phase: True,
        *,
        extra: int = 0,
    ) -> None:
        self.chip = chip
        self.alter = alter
        self.when = when
        self.extra = extra
        self.name = chip.name

    def tiles(self, extent: Extent) -> tuple[Tile, ...]:
        return self.chip.tiles(extent)

    def extra_bytes(self, extent: Extent, device: Device) -> Mapping[Tag, int]:
        extra = dict(self.chip.extra_bytes(extent, device))
        return extra | {Tag.SCRATCH: extra.get(Tag.SCRATCH, 0) + self.extra}

    def generate(self, g: Generation, cells: Sequence[Cells]) -> None:
        self.chip.generate(g, cells)
        if self.when(g.device.phase):
            self.alter(g, cells)


class AlteredFragments(AlteredChip):
    """The same for a core chip, of which openings make some fragments alone."""

    def generate_fragments(self, g: Generation, first: int, count: int, cells: Cells) -> None:
        assert isinstance(self.chip, core_chips.CoreChip)
        self.chip.generate_fragments(g, first, count, cells)
        if self.when(g.device.phase):
            self.alter(g, (cells,))


class OtherTiles(AlteredChip):
    """Claims a row less in the phases for which ``when`` holds."""

    phase = ""

    def tiles(self, extent: Extent) -> tuple[Tile, ...]:
        (tile,) = self.chip.tiles(extent)
        return (tile._replace(rows=tile.rows - 1),) if self.when(self.phase) else (tile,)


def set_cell(value: int) -> Callable[[Generation, Sequence[Cells]], None]:
    """Writes into the first cell of the first tile that has one."""

    def alter(g: Generation, cells: Sequence[Cells]) -> None:
        buffer = next(cell.buffer for cell in cells if cell.buffer is not None)
        held = g.device.download(buffer)
        held[0] = value
        g.device.write(buffer, held)

    return alter


def fail(g: Generation, cells: Sequence[Cells]) -> None:
    raise ZeroDivisionError("planted")


def take_scratch(nbytes: int) -> Callable[[Generation, Sequence[Cells]], None]:
    def alter(g: Generation, cells: Sequence[Cells]) -> None:
        g.device.empty(Tag.SCRATCH, "planted", nbytes, "u1").free()

    return alter


def ask_for_counters(g: Generation, cells: Sequence[Cells]) -> None:
    g.device.launch("krm_bus", 0, None, 0, 0, g.side["bus"])


class KeepsCounters:
    """Keeps the counters that it was given at assignment and uses them in a replay."""

    def __init__(self, use: Callable[[Generation, Buffer], None]) -> None:
        self.kept: Buffer | None = None
        self.use = use

    def __call__(self, g: Generation, cells: Sequence[Cells]) -> None:
        if g.device.phase.endswith("assign"):
            self.kept = g.side["hist"]
        elif self.kept is not None:
            self.use(g, self.kept)


def count_again(g: Generation, hist: Buffer) -> None:
    held = g.device.download(hist)
    held[7] += 1
    g.device.write(hist, held)


def launch_with_counters(g: Generation, hist: Buffer) -> None:
    runs = [g.plan[name] for name in ("run_start", "run_key", "run_clk", "run_first")]
    g.device.launch(
        "mem_count", 0, g.plan["order"], g.raw["acc_key"], g.raw["acc_clk"], *runs, 0, 0, hist, g.error, lane=g.lane
    )


def replaying(phase: str) -> bool:
    return not phase.endswith("assign")


def opening(phase: str) -> bool:
    return phase.endswith("opening")


# ---- altered steps of assignment ------------------------------------------------------------------------------------


def counted_more(name: str, place: Any, amount: int) -> Callable[[ChipSet], ChipSet]:
    """The core replay leaves a counter too high."""

    def altered(plain: ChipSet) -> ChipSet:
        def assign_core(g: Generation) -> int:
            growth = plain.assign_core(g)
            held = g.device.download(g.side[name])
            held[place] += np.array(amount, held.dtype)
            g.device.write(g.side[name], held)
            return growth

        return replace(plain, assign_core=assign_core)

    return altered


def memory_counted_twice(plain: ChipSet) -> ChipSet:
    def count_memory(g: Generation) -> None:
        plain.count_memory(g)
        plain.count_memory(g)

    return replace(plain, count_memory=count_memory)


def longer_range_table(plain: ChipSet) -> ChipSet:
    return replace(plain, range_rows=lambda g: plain.range_rows(g) + 1)


def silent_chip(chip: str) -> Callable[[ChipSet], ChipSet]:
    """A chip's columns answer nothing."""

    def altered(plain: ChipSet) -> ChipSet:
        def bus_responses(g: Generation, name: str, cells: Sequence[Cells]) -> None:
            if name != chip:
                plain.bus_responses(g, name, cells)

        return replace(plain, bus_responses=bus_responses)

    return altered


def fewer_places(name: str) -> Callable[[ChipSet], ChipSet]:
    """The replay is given a plan array with one place too few."""

    def altered(plain: ChipSet) -> ChipSet:
        def assign_core(g: Generation) -> int:
            short = g.device.full(Tag.SCRATCH, name, g.plan[name].size - 1, g.plan[name].dtype, 0)
            try:
                return plain.assign_core(replace(g, plan={**g.plan, name: short}))
            finally:
                short.free()

        return replace(plain, assign_core=assign_core)

    return altered
