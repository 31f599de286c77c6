"""Sealed sessions of recorded cases: one shard, or several on as many devices; and what the reference makes of the cases."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np

from gpu.chipset import standard
from gpu.host_device import HostDevice
from gpu.layout import extents
from gpu.raw import pack
from gpu.runs import merge
from gpu.session import Session
from gpu.shards import bounds
from gpu.sides import total
from gpu.tables import ProgramTables
from parallel.executor import record
from parallel.recording import Recording
from reference.definition.cuts import CutPlan, Every
from reference.definition.formats.case_json import read_case
from reference.processor import execute

DATA = Path(__file__).parent.parent / "data"
MOST_CHIPS = ("memory_deltas", "kernel_rom", "bitwise", "ace_two_circuits", "merkle_update_3_5")
"""Recorded programs that together have rows of every chip."""


SEVEN: Final = Every(7)


@cache
def _lines(folder: str) -> dict[str, str]:
    lines = (DATA / folder / "cases.jsonl").read_text().splitlines()
    return {json.loads(line)["name"]: line for line in lines}


@cache
def recording_of(name: str, cut: CutPlan = SEVEN) -> Recording:
    """A recorded case, executed with fragments at this cut plan."""
    folder = "fragment_boundaries" if name.startswith("case_") else "chiplets"
    return record(replace(read_case(_lines(folder)[name], name), cuts=(cut,)))


def noop_recording(operations: int, cut: CutPlan) -> tuple[Recording, np.ndarray]:
    """A block of so many additions of nothing, recorded; and its trace by the reference, (72, L)."""
    program = {"nodes": ["block " + " ".join(["INCR"] * operations)], "roots": [0], "entry": 0, "kernel": []}
    case = read_case(json.dumps({"name": "block", "program": program, "stack": [5], "cuts": [1 << 20]}), "block")
    execution = execute(case.runs()[0])
    assert execution.trace is not None
    return record(replace(case, cuts=(cut,))), np.array(execution.trace.columns, np.uint64)


@contextmanager
def sealed_shards(devices: Sequence[HostDevice], recording: Recording, **options: Any) -> Iterator[list[Session]]:
    """One sealed session per device, together the program; released at the end."""
    tables = ProgramTables.of(recording.lowered)
    cuts = bounds(len(recording.snapshots), len(devices))
    assert len(cuts) == len(devices)
    with ExitStack() as stack:
        sessions = []
        for number, (device, (first, end)) in enumerate(zip(devices, cuts, strict=True)):
            session = stack.enter_context(Session(device, standard(), shard=number, **options))
            session.upload(pack(recording, tables, first, end), tables)
            session.count()
            sessions.append(session)
        for session, runs in zip(sessions, merge([session.sorted_accesses() for session in sessions]), strict=True):
            session.count_memory(runs)
        sides = total([session.take_sides() for session in sessions])
        kernel_rows = len(sides.kernel_calls) + int(sides.kernel_calls.sum())
        counts = [session.shard_counts for session in sessions]
        shapes = extents(counts, kernel_rows=kernel_rows, range_rows=range_rows(sides.hist))
        for session, extent in zip(sessions, shapes, strict=True):
            session.seal(extent, sides)
        yield sessions


@contextmanager
def sealed(device: HostDevice, recording: Recording, **options: Any) -> Iterator[Session]:
    """The sealed session of a whole program."""
    with sealed_shards([device], recording, **options) as (session,):
        yield session


def range_rows(hist: np.ndarray) -> int:
    """R: rows of the range table for these multiplicities, bridge by bridge (spec 05, section 7)."""
    present = sorted({0, 65535, *np.flatnonzero(hist).tolist()})
    rows = 1 + len(present)
    for low, high in pairwise(present):
        gap = high - low
        while gap not in {3**k for k in range(8)}:
            gap -= max(3**k for k in range(8) if 3**k < gap)
            rows += 1
    return rows
