"""Recorded cases with their traces, and what the replay leaves for the chiplet chips, found again by another rule: from the
decoder and stack columns of a finished trace of the real VM or of the reference, row by row, as the specification states the
requests (spec 05, sections 2, 3, 5, 7).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from gpu.tables import ProgramTables
from parallel.executor import record
from parallel.recording import Recording
from reference.definition.case import Case
from reference.definition.columns import COLUMN
from reference.definition.cuts import ONE_FRAGMENT, CutPlan
from reference.definition.formats.case_json import read_case
from reference.definition.isa import OPERATIONS
from reference.definition.lengths import Lengths
from reference.processor import execute

DATA = Path(__file__).parent.parent / "data"
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


def shown_counts(columns: np.ndarray) -> np.ndarray:
    """(65536,) uint32: the multiplicities that the range columns of a trace show."""
    counts = np.zeros(65536, np.uint32)
    multiplicity, value = columns[COLUMN["range_m"], :-1], columns[COLUMN["range_v"], :-1]
    for m, v in zip(multiplicity.tolist(), value.tolist(), strict=True):
        counts[v] += m
    return counts
