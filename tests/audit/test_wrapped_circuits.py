"""The real VM completes EVALCIRCUIT with sizes that wrap past 2^64 (spec 08, B2). Such traces are real and wrong."""

from __future__ import annotations

import numpy as np
import pytest
from golden_traces import DATA, judged

from harness.audit.known import Known
from harness.audit.violation import AuditResult
from reference.definition.formats.load import load_cases

CASES = {case.name: case for case in load_cases(DATA / "audit" / "wrapped_circuits.jsonl")}


def result_of(name: str) -> AuditResult:
    cells = np.load(DATA / "audit" / f"{name}.npz")["trace"]
    return judged(cells, Known.of(CASES[name]))


def test_a_circuit_evaluated_with_wrapped_sizes_is_rejected_by_the_bus_that_asks_for_it() -> None:
    result = result_of("b2_ace_wrap_circuit")
    assert not result.accepted
    (violation,) = result.violations
    assert (violation.rule.name, violation.operation) == ("buses.ace", "EVALCIRCUIT")
    asked = f"reads {2**33 + 2}, evals {2**64 - 2**33 + 4 - (2**64 - 2**32 + 1) + (2**64 - 2**32 + 1)}"
    assert asked in violation.details[0]
    assert "reads 2, evals 4" in violation.details[1]


def test_a_section_without_gates_is_rejected_by_the_rules_on_its_end_too() -> None:
    result = result_of("b2_ace_wrap_no_gates")
    names = [violation.rule.name for violation in result.violations]
    assert names == ["buses.ace", "ace.ends.with.id0", "ace.ends.with.eval"]


@pytest.mark.parametrize("name", CASES)
def test_nothing_else_is_wrong_with_them(name: str) -> None:
    groups = {violation.rule.group for violation in result_of(name).violations}
    assert groups <= {"buses", "ace"}
