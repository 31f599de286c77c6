"""Traces of the real VM that were made for the audit, because no other recorded one has what they have."""

from __future__ import annotations

from functools import cache

import numpy as np
from golden_traces import DATA, GoldenTrace

from harness.audit.known import Known
from reference.definition.formats.load import load_cases

FOLDER = DATA / "audit"


@cache
def audit_traces() -> dict[str, GoldenTrace]:
    """By name: ``merkle_update_3_4`` and ``log_precompile_twice``."""
    found = {}
    for case in load_cases(FOLDER / "cases.jsonl"):
        cells = np.load(FOLDER / f"{case.name}.npz")["trace"]
        found[case.name] = GoldenTrace(case.name, cells, Known.of(case))
    return found
