"""The core chips by themselves: a recorded case packed, assigned and regenerated without a session."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from gpu import core_chips, layout
from gpu.chips import Generation, allocate, drop
from gpu.device import Buffer, Device, Tag
from gpu.errors import NO_ERROR, GpuError, from_error_word
from gpu.raw import RawState, pack
from gpu.tables import ProgramTables
from parallel.executor import record
from parallel.recording import Recording
from reference.definition.case import Case
from reference.definition.cuts import CutPlan
from reference.definition.formats.case_json import read_case

VM_CASES = Path(__file__).parent.parent / "data" / "vm" / "cases.jsonl"
POISON = 2**64 - 1


@cache
def vm_cases() -> dict[str, Case]:
    """The recorded cases of the real VM by name."""
    lines = VM_CASES.read_text().splitlines()
    return {json.loads(line)["name"]: read_case(line, "cases.jsonl") for line in lines}


def recording_of(case: Case, cut: CutPlan) -> Recording:
    """A run of a case at one cut plan."""
    return record(replace(case, cuts=(cut,)))


def core_extent(raw: RawState, recording: Recording) -> layout.Extent:
    """An extent whose length is that of the core rows alone: what the core chips need."""
    counts = raw.counts
    shard = layout.ShardCounts(
        counts["fragments"], 0, counts["end_row"] - counts["first_row"], counts["hasher_rows"], counts["bitwise"],
        counts["accesses"], counts["ace_rows"],
    )  # fmt: skip
    (extent,) = layout.extents([shard], kernel_rows=0, range_rows=layout.EMPTY_RANGE_ROWS)
    rows = layout.trace_rows(max(recording.core_rows, extent.padding_first + 1))
    return replace(
        extent, first_row=counts["first_row"], end_row=counts["end_row"], core_rows=recording.core_rows, rows=rows,
        is_last=bool(counts["is_last"]),
    )  # fmt: skip


@dataclass
class CoreRun:
    """A shard on the device, assigned; ``g`` is its generation in replay mode."""

    g: Generation
    side: dict[str, Buffer]
    result: core_chips.SideResult

    def columns(self, chip: core_chips.CoreChip, first: int = 0, count: int | None = None) -> np.ndarray:
        """Cells (columns, rows) of a run of fragments, POISON where nothing was written."""
        extent = self.g.extent
        if count is not None:
            clks = self.g.device.download(self.g.raw["hdr"])[1]
            extent = replace(extent, first_row=int(clks[first]), end_row=int(clks[first + count]), is_last=False)
        cells = allocate(chip, extent, self.g.device)
        (tile,) = cells
        assert tile.buffer is not None
        try:
            self.g.device.write(tile.buffer, np.full(tile.buffer.shape, POISON, np.uint64))
            if count is None:
                chip.generate(self.g, cells)
            else:
                chip.generate_fragments(self.g, first, count, tile)
            raise_error(self.g)
            found = self.g.device.download(tile.buffer).reshape(tile.tile.columns, tile.ld)
            return found[:, : tile.tile.rows].copy()
        finally:
            drop(cells)


def raise_error(g: Generation) -> None:
    """Raises what kernels left in the error word; the fragment is the one whose rows hold the error's row."""
    word = int(g.device.download(g.error)[0])
    clks = g.device.download(g.raw["hdr"])[1]
    error = from_error_word(word, lambda row: max(0, int(np.searchsorted(clks, row, side="right")) - 1))
    if error is not None:
        raise error


@contextmanager
def core_run(device: Device, recording: Recording, first: int = 0, end: int | None = None) -> Iterator[CoreRun]:
    """Uploads, assigns, and frees everything afterwards. Raises what packing or the kernels refuse."""
    tables = ProgramTables.of(recording.lowered)
    yield from _run(device, pack(recording, tables, first, end), tables, recording)


def _run(device: Device, raw: RawState, tables: ProgramTables, recording: Recording) -> Iterator[CoreRun]:
    counts = raw.counts
    taken: list[Buffer] = []

    def keep(buffer: Buffer) -> Buffer:
        taken.append(buffer)
        return buffer

    def zeros(tag: Tag, name: str, shape: Any, dtype: Any, value: int = 0) -> Buffer:
        return keep(device.full(tag, name, shape, dtype, value))

    try:
        state = {name: keep(device.upload(Tag.RAW, name, array)) for name, array in raw.arrays.items()}
        table = {name: keep(device.upload(Tag.RAW, name, array)) for name, array in tables.arrays.items()}
        plan = {
            "bit_a": zeros(Tag.PLAN, "bit_a", counts["bitwise"], np.uint32),
            "bit_b": zeros(Tag.PLAN, "bit_b", counts["bitwise"], np.uint32),
            "bit_op": zeros(Tag.PLAN, "bit_op", counts["bitwise"], np.uint8),
            "psrc": zeros(Tag.PLAN, "psrc", counts["hasher_rows"] // 8, np.uint32, 2**32 - 1),
            "pinfo": zeros(Tag.PLAN, "pinfo", counts["permutations"], np.uint8),
            "pidx": zeros(Tag.PLAN, "pidx", counts["permutations"], np.uint64),
        }
        for name in ("sec_access", "sec_row", "sec_reads", "sec_evals", "sec_ptr", "sec_ctx", "sec_clk"):
            plan[name] = zeros(Tag.PLAN, name, counts["circuits"], np.uint32)
        side = {
            "hist": zeros(Tag.SIDE, "hist", 65536, np.uint32),
            "bus": zeros(Tag.SIDE, "bus", (2, 12, 2), np.uint64),
            "kcount": zeros(Tag.SIDE, "kcount", max(1, counts["kernel_procedures"]), np.uint32),
            "u32ops": zeros(Tag.SIDE, "u32ops", 1, np.uint64),
        }
        error = zeros(Tag.SIDE, "error", 1, np.uint64, NO_ERROR)
        extent = core_extent(raw, recording)
        g = Generation(device, device.lane(0), state, table, plan, side, extent, error, counts)
        result = core_chips.assign_core(g)
        raise_error(g)
        yield CoreRun(replace(g, side={}, extent=replace(extent, growth=result.growth)), side, result)
    finally:
        for buffer in taken:
            buffer.free()


def refusal(device: Device, recording: Recording, **changed: np.ndarray) -> GpuError | None:
    """What refuses a recording whose packed arrays were replaced; None when all three chips are generated."""
    tables = ProgramTables.of(recording.lowered)
    raw = pack(recording, tables)
    altered = replace(raw, arrays={**raw.arrays, **changed})
    try:
        with contextmanager(_run)(device, altered, tables, recording) as run:
            for chip in core_chips.CORE:
                run.columns(chip)
    except GpuError as error:
        return error
    return None
