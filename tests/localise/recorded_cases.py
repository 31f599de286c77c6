"""The small cases that the real VM ran, by name, and what localisation knows of them."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from pathlib import Path

from harness.localise.rows import ProgramRows
from reference.definition.case import Case
from reference.definition.cuts import CutPlan
from reference.definition.formats.case_json import read_case
from reference.definition.formats.children_first import children_first
from reference.processor import execute

_FILE = Path(__file__).parents[1] / "data" / "vm" / "cases.jsonl"
_LINES = {json.loads(line)["name"]: line for line in _FILE.read_text("utf-8").splitlines()}
SMALL = [name for name in _LINES if not name.startswith("big_")]


def recorded_case(name: str, *cuts: CutPlan) -> Case:
    case = children_first(read_case(_LINES[name], name))
    return replace(case, cuts=cuts) if cuts else replace(case, cuts=case.cuts[:1])


@cache
def recorded_rows(name: str) -> ProgramRows | None:
    """None for a program that fails."""
    execution = execute(recorded_case(name))
    return None if execution.trace is None else ProgramRows(execution)


def with_operations(*operations: str) -> list[str]:
    """For each operation the first case that completes and executes it."""
    return [next(name for name in SMALL if _executes(name, operation)) for operation in operations]


def _executes(name: str, operation: str) -> bool:
    if operation not in _LINES[name]:
        return False
    rows = recorded_rows(name)
    return rows is not None and bool(rows.is_operation(operation).any())
