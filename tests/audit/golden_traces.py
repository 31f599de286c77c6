"""Traces that the real VM made, with what is known of them, for the tests of the audit."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harness.audit.engine import audit
from harness.audit.known import Known
from harness.audit.rule import Variant
from harness.audit.violation import AuditResult
from harness.backend import Window
from reference.definition.formats.case_json import read_case

DATA = Path(__file__).parents[1] / "data"

Cells = NDArray[np.uint64]
"""(72, rows) uint64."""


@dataclass(frozen=True)
class GoldenTrace:
    """A whole main trace of the real VM."""

    name: str
    cells: Cells
    known: Known

    @property
    def rows(self) -> int:
        return self.cells.shape[1]


@cache
def fragment_boundary_traces() -> tuple[GoldenTrace, ...]:
    """27, of 64 and 128 rows; their outputs are not recorded."""
    found = []
    with (DATA / "fragment_boundaries" / "cases.jsonl").open("rb") as lines:
        for line in lines:
            case = read_case(line, "cases.jsonl")
            data = np.load(DATA / "fragment_boundaries" / f"{case.name}.npz")
            cells = np.ascontiguousarray(data["trace"].T)
            found.append(GoldenTrace(case.name, cells, Known.of(case)))
    return tuple(found)


@cache
def vm_traces() -> tuple[GoldenTrace, ...]:
    """97, of 64 to 512 rows, with their outputs, and with replies where the host was asked."""
    with (DATA / "vm" / "records.jsonl").open(encoding="utf-8") as lines:
        records = {record["name"]: record for record in map(json.loads, lines)}
    found = []
    with (DATA / "vm" / "cases.jsonl").open("rb") as lines:
        for line in lines:
            name = json.loads(line)["name"]
            path = DATA / "vm" / "traces" / f"{name}.npz"
            if path.exists():
                known = Known.of(read_case(line, "cases.jsonl"), tuple(records[name]["outcome"]["stack"]))
                known = replace(known, core_rows=records[name]["lengths"]["core"])
                found.append(GoldenTrace(name, np.ascontiguousarray(np.load(path)["trace"]), known))
    return tuple(found)


def all_traces() -> tuple[GoldenTrace, ...]:
    return fragment_boundary_traces() + vm_traces()


def named(name: str) -> GoldenTrace:
    return next(trace for trace in all_traces() if trace.name == name)


def judged(
    cells: Cells, known: Known, variant: Variant = Variant.PARALLEL, without: frozenset[str] = frozenset()
) -> AuditResult:
    """The audit of a trace in one window, by this thread."""
    return audit(lambda: [Window(0, cells)], cells.shape[1], known, variant, 1, without)
