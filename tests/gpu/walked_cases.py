"""Recorded cases of the real VM for walks: recordings at any cut, and the column digests that the real VM's trace has."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import numpy as np

from gpu.host_device import HostDevice
from gpu.lifecycle import walk
from gpu.walk import Options, Walk
from parallel.executor import record
from parallel.recording import Recording
from reference.definition.case import Case
from reference.definition.cuts import CutPlan, Every
from reference.definition.formats.case_json import read_case

DATA: Final = Path(__file__).parent.parent / "data" / "vm"

VARIED: Final = (
    "ctl_sys_many_703280",
    "op_u32and_700370",
    "mix_720020",
    "mix_720090",
    "ctl_dyn_lib_703350",
    "op_pipe_700722",
)
"""Programs that together have kernel calls, circuits, bitwise operations, permutations, deep stacks, contexts, libraries."""

EDGES: Final = ("shape_core_62_705580", "shape_core_63_705590", "shape_core_64_705600", "shape_core_65_705610")
"""62, 63, 64 and 65 core rows, no bitwise, memory, circuit or kernel row."""


@cache
def _lines() -> dict[str, str]:
    return {json.loads(line)["name"]: line for line in (DATA / "cases.jsonl").read_text().splitlines()}


@cache
def vm_records() -> dict[str, Any]:
    """What the real VM said about each case."""
    return {item["name"]: item for item in map(json.loads, (DATA / "records.jsonl").read_text().splitlines())}


def vm_case(name: str) -> Case:
    """A recorded case."""
    return read_case(_lines()[name], name)


@cache
def recording_of(name: str, cut: CutPlan = Every(7)) -> Recording:  # noqa: B008 - a frozen value
    """A case executed at one cut plan."""
    return record(replace(vm_case(name), cuts=(cut,)))


def column_digests(trace: np.ndarray) -> list[str]:
    """Of each of the 72 columns, as the records have them."""
    return [sha256(np.ascontiguousarray(column, dtype="<u8").tobytes()).hexdigest()[:32] for column in trace]


def demand_vm_trace(name: str, found: Walk) -> None:
    """The walk's trace and lengths are the real VM's."""
    expected = vm_records()[name]
    lengths = {field: getattr(found.lengths, field) for field in expected["lengths"]}
    assert lengths == expected["lengths"]
    digests = column_digests(found.trace())
    assert [column for column in range(72) if digests[column] != expected["columns"][column]] == []


def walked(device: HostDevice, name: str, cut: CutPlan | None = None, **options: Any) -> Walk:
    """A walk of a recorded case, whose trace is the real VM's."""
    found = walk(recording_of(name, cut or Every(7)), device, Options(**options))
    demand_vm_trace(name, found)
    return found
