"""Programs on a device, whole or in shards, as a session holds them when it is sealed: with plans made from finished traces."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from chiplet_cases import RECORDED, expected, plan_arrays, recorded_again, shown_counts

from gpu.chiplet_assignment import draw_last_row
from gpu.chiplet_chips import CHIPLET
from gpu.chips import Cells, Generation, allocate, drop
from gpu.device import Buffer, Device, Tag
from gpu.digest import poison
from gpu.layout import Extent, ShardCounts, extents
from gpu.raw import RawState, pack
from gpu.sides import side_shapes
from gpu.tables import ProgramTables
from reference.definition.columns import COLUMN_NAMES
from reference.definition.cuts import CutPlan

CHIPS = {chip.name: chip for chip in CHIPLET}
NO_ERROR = 2**64 - 1

WHOLE_RUN = {
    "run_start": np.zeros(1, np.uint32),
    "run_base": np.zeros(1, np.uint64),
    "run_key": np.zeros(1, np.uint64),
    "run_clk": np.zeros(1, np.uint32),
    "run_first": np.ones(1, np.uint8),
}


def sorted_positions(raw: RawState) -> np.ndarray:
    """Accesses by context, word and occurrence, with Python's sort."""
    keys = raw.arrays["acc_key"][: raw.counts["accesses"]].tolist()
    return np.array(sorted(range(len(keys)), key=keys.__getitem__), np.uint32)


# ---- on a device -------------------------------------------------------------------------------------------------------


def shard_counts(raw: RawState) -> ShardCounts:
    counts = raw.counts
    return ShardCounts(
        fragments=counts["fragments"],
        first_row=counts["first_row"],
        end_row=counts["end_row"],
        hasher_rows=counts["hasher_rows"],
        bitwise_operations=counts["bitwise"],
        accesses=counts["accesses"],
        ace_rows=counts["ace_rows"],
        permutations=counts["permutations"],
    )


@dataclass
class Resident:
    """One shard on a device, as a session holds it."""

    device: Device
    raw: dict[str, Buffer]
    tables: dict[str, Buffer]
    plan: dict[str, Buffer]
    side: dict[str, Buffer]
    error: Buffer
    extent: Extent
    counts: Mapping[str, int]

    def generation(self, *, counting: bool = False) -> Generation:
        side = self.side if counting else {}
        lane = self.device.lane(0)
        return Generation(
            self.device, lane, self.raw, self.tables, self.plan, side, self.extent, self.error, self.counts
        )

    @contextmanager
    def generated(self, name: str) -> Iterator[tuple[Cells, ...]]:
        """A chip's cells, poisoned before they are generated; the error word is for the caller to read."""
        chip, g = CHIPS[name], self.generation()
        cells = allocate(chip, self.extent, self.device)
        try:
            poison(self.device, g.lane, cells)
            chip.generate(g, cells)
            yield cells
        finally:
            drop(cells)

    def error_word(self) -> int:
        return int(self.device.download(self.error)[0])

    def reported(self) -> tuple[int, int, int] | None:
        """(row, code, detail) of the error word, None when nothing was reported."""
        word = self.error_word()
        return None if word == NO_ERROR else (word >> 16, word >> 8 & 0xFF, word & 0xFF)

    def replace(self, where: str, name: str, index: int | tuple[int, ...], value: int) -> None:
        """Alter one entry of a raw or plan array."""
        buffer = getattr(self, where)[name]
        array = self.device.download(buffer)
        array[index] = value
        self.device.write(buffer, array)


def upload(
    device: Device, raw: RawState, tables: ProgramTables, plan: Mapping[str, np.ndarray], extent: Extent
) -> Resident:
    procedures = raw.counts["kernel_procedures"]
    resident = Resident(
        device,
        {name: device.upload(Tag.RAW, name, array) for name, array in raw.arrays.items()},
        {name: device.upload(Tag.RAW, name, array) for name, array in tables.arrays.items()},
        {name: device.upload(Tag.PLAN, name, array) for name, array in plan.items()},
        {
            name: device.full(Tag.SIDE, name, shape, dtype, 0)
            for name, (shape, dtype) in side_shapes(procedures).items()
        },
        device.full(Tag.SIDE, "error", (1,), np.uint64, NO_ERROR),
        extent,
        raw.counts,
    )
    if extent.is_last:
        resident.plan["last_row"] = draw_last_row(resident.generation())
    return resident


def release(resident: Resident) -> None:
    for buffers in (resident.raw, resident.tables, resident.plan, resident.side):
        for buffer in buffers.values():
            buffer.free()
    resident.error.free()


@contextmanager
def whole_program(device: Device, name: str) -> Iterator[Resident]:
    """A program in one shard; the range counters of its plan are those that its range table shows."""
    wanted = expected(name)
    tables = ProgramTables.of(wanted.recording.lowered)
    raw = pack(wanted.recording, tables)
    plan = plan_arrays(wanted.columns, wanted.lengths, tables, raw.arrays["acc_clk"][: raw.counts["accesses"]])
    plan |= WHOLE_RUN | {"order": sorted_positions(raw), "hist": shown_counts(wanted.columns)}
    kernel_rows = len(tables.arrays["procs"]) + int(plan["kcount"].sum())
    (extent,) = extents([shard_counts(raw)], kernel_rows=kernel_rows, range_rows=wanted.lengths.range)
    resident = upload(device, raw, tables, plan, extent)
    try:
        yield resident
    finally:
        release(resident)


def _runs_of_shards(raws: list[RawState]) -> list[dict[str, np.ndarray]]:
    """The run arrays of every shard, by walking the whole memory section row by row."""
    section = sorted(
        (int(raw.arrays["acc_key"][at]), shard, at)
        for shard, raw in enumerate(raws)
        for at in range(raw.counts["accesses"])
    )
    entries: list[list[tuple[int, int, int, int, int]]] = [[] for _ in raws]
    positions = [0] * len(raws)
    for row, (_, shard, _) in enumerate(section):
        if row == 0 or section[row - 1][1] != shard:
            key, clk = 0, 0
            if row:
                key, owner, at = section[row - 1]
                clk = int(raws[owner].arrays["acc_clk"][at])
            entries[shard].append((positions[shard], row, key, clk, int(row == 0)))
        positions[shard] += 1
    dtypes = {"run_start": "u4", "run_base": "u8", "run_key": "u8", "run_clk": "u4", "run_first": "u1"}
    return [
        {name: np.array([entry[place] for entry in found or [(0, 0, 0, 0, 1)]], dtype)
         for place, (name, dtype) in enumerate(dtypes.items())}
        for found in entries
    ]  # fmt: skip


def _part_of_plan(whole: Mapping[str, np.ndarray], raws: list[RawState], shard: int) -> dict[str, np.ndarray]:
    """A shard's part of the plan of the whole program; positions count from the shard's first entry."""

    def span(count: str) -> slice:
        before = sum(raw.counts[count] for raw in raws[:shard])
        return slice(before, before + raws[shard].counts[count])

    rows, permutations, bitwise, circuits = (
        span(name) for name in ("hasher_rows", "permutations", "bitwise", "circuits")
    )
    part = {
        "psrc": whole["psrc"][rows.start // 8 : rows.stop // 8].copy(),
        **{name: whole[name][permutations] for name in ("pinfo", "pidx")},
        **{name: whole[name][bitwise] for name in ("bit_a", "bit_b", "bit_op")},
        **{name: array[circuits].copy() for name, array in whole.items() if name.startswith("sec_")},
    }
    recorded = part["psrc"] >= RECORDED
    part["psrc"][recorded] -= np.uint32(permutations.start)
    part["sec_access"] -= np.uint32(span("accesses").start)
    part["sec_row"] -= np.uint32(span("ace_rows").start)
    return part


@contextmanager
def shards_of(device: Device, name: str, cut: CutPlan, ends: tuple[int, ...]) -> Iterator[list[Resident]]:
    """A program in shards that end with these fragments, exclusive; the last shard has the rest."""
    wanted = expected(name)
    recording = recorded_again(name, cut)
    tables = ProgramTables.of(recording.lowered)
    bounds = [0, *ends, len(recording.snapshots)]
    raws = [pack(recording, tables, first, end) for first, end in itertools.pairwise(bounds)]
    clks = recording.queues["accesses"]["clk"]
    whole = plan_arrays(wanted.columns, wanted.lengths, tables, clks)
    kernel_rows = len(tables.arrays["procs"]) + int(whole["kcount"].sum())
    places = extents([shard_counts(raw) for raw in raws], kernel_rows=kernel_rows, range_rows=wanted.lengths.range)
    residents: list[Resident] = []
    try:
        for number, (raw, runs, extent) in enumerate(zip(raws, _runs_of_shards(raws), places, strict=True)):
            plan = _part_of_plan(whole, raws, number) | runs | {"order": sorted_positions(raw)}
            if extent.is_last:
                plan |= {"hist": shown_counts(wanted.columns), "kcount": whole["kcount"]}
            residents.append(upload(device, raw, tables, plan, extent))
        yield residents
    finally:
        for resident in residents:
            release(resident)


def section_rows(resident: Resident) -> np.ndarray:
    """Row within the memory section of every sorted access of the shard."""
    start, base = (resident.device.download(resident.plan[name]).tolist() for name in ("run_start", "run_base"))
    rows = []
    for run, (first, row) in enumerate(zip(start, base, strict=True)):
        end = start[run + 1] if run + 1 < len(start) else resident.extent.memory_rows
        rows += range(row, row + end - first)
    return np.array(rows, np.int64)


def tile_of(resident: Resident, cells: Cells) -> np.ndarray:
    """(columns, rows) of a tile."""
    assert cells.buffer is not None
    held = resident.device.download(cells.buffer).reshape(cells.tile.columns, cells.ld)
    return held[:, : cells.tile.rows]


def expected_tile(resident: Resident, cells: Cells, columns: np.ndarray) -> np.ndarray:
    tile = cells.tile
    rows: Any = np.arange(tile.first_row, tile.first_row + tile.rows)
    if tile.runs:
        rows = tile.first_row + section_rows(resident)
    part: np.ndarray = columns[tile.first_column : tile.first_column + tile.columns, rows]
    return part


def first_difference(found: np.ndarray, wanted: np.ndarray, cells: Cells) -> str | None:
    """The first wrong cell of a tile in words; None when all are equal."""
    wrong = np.argwhere(found.T != wanted.T)
    if not len(wrong):
        return None
    row, column = wrong[0].tolist()
    name = COLUMN_NAMES[cells.tile.first_column + column]
    return f"{len(wrong)} cells, first {name} row {row} of the tile: {found[column, row]}, not {wanted[column, row]}"
