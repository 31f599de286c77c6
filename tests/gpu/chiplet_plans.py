"""What the replay leaves for the chiplet chips, found again by another rule: from the decoder and stack columns of a finished
trace of the real VM or of the reference, row by row, as the specification states the requests (spec 05, sections 2, 3, 5, 7).
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from gpu.chiplet_chips import CHIPLET, draw_last_row
from gpu.chips import Cells, Generation, allocate, drop
from gpu.device import Buffer, Device, Tag
from gpu.digest import poison
from gpu.layout import Extent, ShardCounts, extents
from gpu.raw import RawState, pack
from gpu.sides import side_shapes
from gpu.tables import ProgramTables
from parallel.executor import record
from parallel.recording import Recording
from reference.definition.case import Case
from reference.definition.columns import COLUMN, COLUMN_NAMES
from reference.definition.cuts import ONE_FRAGMENT, CutPlan
from reference.definition.formats.case_json import read_case
from reference.definition.isa import OPERATIONS
from reference.definition.lengths import Lengths
from reference.processor import execute

DATA = Path(__file__).parent.parent / "data"
CHIPS = {chip.name: chip for chip in CHIPLET}
NO_ERROR = 2**64 - 1
NAME = {operation.opcode: operation.name for operation in OPERATIONS}
NODE_STARTS = ("JOIN", "SPLIT", "LOOP", "CALL", "SYSCALL", "DYN", "DYNCALL")
RECORDED = 1 << 31


@dataclass(frozen=True)
class Expected:
    """A case, its recording with one fragment, and its trace (72, L), which is that of the real VM."""

    name: str
    recording: Recording
    columns: np.ndarray
    lengths: Lengths


@cache
def _lines(folder: str, file: str) -> dict[str, dict[str, Any]]:
    return {entry["name"]: entry for entry in map(json.loads, (DATA / folder / file).read_text().splitlines())}


MADE = {"ace_at_the_end": ("ace_two_circuits", (("(400)", "(4294967288)"), ("(404)", "(4294967292)")))}
"""Recorded cases that are changed here: the same circuits, whose gates end with the last element of memory."""


def folder_of(name: str) -> str | None:
    """Where a case was recorded; None for one that is made here."""
    return next((folder for folder in ("chiplets", "vm") if name in _lines(folder, "cases.jsonl")), None)


def case_of(name: str) -> Case:
    base, changes = MADE.get(name, (name, ()))
    text = json.dumps(_lines(folder_of(base) or "", "cases.jsonl")[base])
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return read_case(text, name)


def _recorded_trace(name: str) -> np.ndarray | None:
    folder = {"chiplets": "chiplets", "vm": "vm/traces"}.get(folder_of(name) or "")
    archive = DATA / folder / f"{name}.npz" if folder else None
    if archive is None or not archive.exists():
        return None
    with np.load(archive) as arrays:
        columns: np.ndarray = arrays["trace"]
    return columns


@cache
def expected(name: str) -> Expected:
    """The trace that the real VM recorded; where only the digests of its columns were recorded, or the case is made here, the
    reference's trace."""
    case = case_of(name)
    columns, folder = _recorded_trace(name), folder_of(name)
    lengths = Lengths(**_lines(folder, "records.jsonl")[name]["lengths"]) if folder else None
    if columns is None or lengths is None:
        trace = execute(case).trace
        assert trace is not None
        assert lengths in (None, trace.lengths)
        columns, lengths = trace.columns, trace.lengths
    return Expected(name, record(replace(case, cuts=(ONE_FRAGMENT,))), columns, lengths)


def recorded_again(name: str, cut: CutPlan) -> Recording:
    """The case's recording with other cuts."""
    return record(replace(case_of(name), cuts=(cut,)))


def vm_column_digests(name: str) -> list[str]:
    """Digests of the real VM's columns; the ones of cases in the folder chiplets are whole traces instead."""
    digests: list[str] = _lines("vm", "records.jsonl")[name]["columns"]
    return digests


# ---- from the core rows of a trace to plan arrays ----------------------------------------------------------------------


def opcodes(columns: np.ndarray, rows: int) -> list[str]:
    """Operation of every core row."""
    bits = columns[COLUMN["dec_op_bit_0"] : COLUMN["dec_op_bit_0"] + 7, :rows]
    return [NAME[sum(int(bits[bit, row]) << bit for bit in range(7))] for row in range(rows)]


def _cells(columns: np.ndarray, first: str, count: int, row: int) -> tuple[int, ...]:
    return tuple(columns[COLUMN[first] : COLUMN[first] + count, row].tolist())


class _NodeHashes:
    """Where the states of a program's nodes stand in its table, by what the first row of a permutation must be."""

    def __init__(self, tables: ProgramTables) -> None:
        self.table = tables.arrays["hash_table"]
        self.selectors = tables.arrays["hash_sel"]
        self.starts: dict[tuple[int, ...], list[int]] = {}
        for index, states in enumerate(self.table):
            if self.selectors[index] & 1:
                self.starts.setdefault(tuple(states[:, 0].tolist()), []).append(index)

    def find(self, batches: list[tuple[int, ...]], domain: int) -> list[int]:
        """Permutations of the node that hashes these batches of 8 elements."""
        for index in self.starts[(0, domain, 0, 0, *batches[0])]:
            run = range(index, index + len(batches))
            absorbs = [int(self.selectors[q]) >> 1 for q in run]
            groups = [tuple(self.table[q, 4:, 0].tolist()) for q in run]
            if groups == batches and absorbs == [1] * (len(batches) - 1) + [0]:
                return list(run)
        raise AssertionError(f"no node hashes {batches}")


def plan_arrays(
    columns: np.ndarray, lengths: Lengths, tables: ProgramTables, access_clks: np.ndarray
) -> dict[str, np.ndarray]:
    """psrc, pinfo, pidx, bit_*, sec_* and kcount of a whole program, from the core rows of its trace."""
    names = opcodes(columns, lengths.core)
    hashes = _NodeHashes(tables)
    procedures = [tuple(procedure) for procedure in tables.arrays["procs"].tolist()]
    psrc: list[int] = []
    paths: list[tuple[int, int]] = []
    bitwise: list[tuple[int, int, int]] = []
    sections: list[tuple[int, ...]] = []
    calls = [0] * max(1, len(procedures))
    respans = [row for row, name in enumerate(names) if name == "RESPAN"]
    ace_rows = 0

    def request(kind: int, depth: int, index: int) -> None:
        for level in range(depth):
            psrc.append(RECORDED | len(paths))
            paths.append((kind | 4 * (level == 0) | 8 * (level == depth - 1), index >> level))

    for row, name in enumerate(names):
        stack = _cells(columns, "stack_0", 16, row)
        registers = _cells(columns, "dec_h0", 8, row)
        if name in NODE_STARTS:
            operands = (0,) * 8 if name.startswith("DYN") else registers
            psrc += hashes.find([operands], next(code for code, known in NAME.items() if known == name))
            if name == "SYSCALL":
                calls[procedures.index(registers[:4])] += 1
        elif name == "SPAN":
            more = -(-int(columns[COLUMN["dec_group_count"], row]) // 8) - 1
            inside = [later for later in respans if later > row][:more]
            psrc += hashes.find([registers, *(_cells(columns, "dec_h0", 8, later) for later in inside)], 0)
        elif name in ("HPERM", "LOGPRECOMPILE"):
            request(0, 1, 0)
        elif name == "MPVERIFY":
            request(1, stack[4], stack[5])
        elif name == "MRUPDATE":
            request(2, stack[4], stack[5])
            request(3, stack[4], stack[5])
        elif name in ("U32AND", "U32XOR"):
            bitwise.append((stack[1], stack[0], int(name == "U32XOR")))
        elif name == "EVALCIRCUIT":
            reads, evals = (stack[1] & 0xFFFFFFFF) // 2, stack[2] & 0xFFFFFFFF
            access = int(np.searchsorted(access_clks, row))
            sections.append((access, ace_rows, reads, evals, stack[0], int(columns[COLUMN["ctx"], row]), row))
            ace_rows += reads + evals
    arrays: dict[str, np.ndarray] = {
        "psrc": np.array(psrc, np.uint32),
        "pinfo": np.array([info for info, _ in paths], np.uint8),
        "pidx": np.array([index for _, index in paths], np.uint64),
        "kcount": np.array(calls, np.uint32),
    }
    for place, (column, dtype) in enumerate((("bit_a", "u4"), ("bit_b", "u4"), ("bit_op", "u1"))):
        arrays[column] = np.array([entry[place] for entry in bitwise], dtype)
    for place, field in enumerate(("access", "row", "reads", "evals", "ptr", "ctx", "clk")):
        arrays[f"sec_{field}"] = np.array([section[place] for section in sections], np.uint32)
    return arrays


def core_lookups(columns: np.ndarray, lengths: Lengths) -> np.ndarray:
    """(65536,) uint32: the range lookups of the eight u32 operations, which show their limbs in helpers 0 to 3."""
    counts = np.zeros(65536, np.uint32)
    for row, name in enumerate(opcodes(columns, lengths.core)):
        if name in ("U32SPLIT", "U32ADD", "U32ADD3", "U32SUB", "U32MUL", "U32MADD", "U32DIV", "U32ASSERT2"):
            for limb in _cells(columns, "dec_h2", 4, row):
                counts[limb] += 1
    return counts


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


def shown_counts(columns: np.ndarray) -> np.ndarray:
    """(65536,) uint32: the multiplicities that the range columns of a trace show."""
    counts = np.zeros(65536, np.uint32)
    multiplicity, value = columns[COLUMN["range_m"], :-1], columns[COLUMN["range_v"], :-1]
    for m, v in zip(multiplicity.tolist(), value.tolist(), strict=True):
        counts[v] += m
    return counts


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
