"""Boundary states at every row of every recorded case, against what the real VM captured with one row per fragment.

tests/data/vm/boundary_digests.jsonl holds, per completed case, the first 6 hexadecimal digits of the SHA-256 of each row's
state, row after row; the text that is hashed is that of :func:`_text`. A digest names the first wrong row and keeps 189,282
states at a megabyte.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from reference.definition.boundary import BoundaryState
from reference.definition.formats.case_json import read_case
from reference.processor import execute

DATA = Path(__file__).parent.parent / "data" / "vm"
DIGITS = 6


def _lines(name: str) -> list[str]:
    return (DATA / name).read_text().splitlines()


EXPECTED = {record["name"]: record["rows"] for record in map(json.loads, _lines("boundary_digests.jsonl"))}
CASES = {json.loads(line)["name"]: line for line in _lines("cases.jsonl")}


def _text(state: BoundaryState) -> str:
    values = [
        state.clk,
        state.ctx,
        state.fn_hash,
        state.transcript_state,
        state.current_addr,
        state.parent_addr,
        state.stack,
        state.depth,
        state.overflow_addr,
        state.position,
        state.continuations,
    ]
    return json.dumps(values, separators=(",", ":"))


@pytest.mark.parametrize("name", EXPECTED)
def test_boundary_states_are_those_of_the_real_vm(name: str) -> None:
    execution = execute(read_case(CASES[name], name))
    expected = EXPECTED[name]
    assert execution.core_rows == len(expected) // DIGITS
    for row in range(execution.core_rows):
        state = execution.boundary(row)
        digest = hashlib.sha256(_text(state).encode()).hexdigest()[:DIGITS]
        assert digest == expected[row * DIGITS : (row + 1) * DIGITS], f"{name}: boundary entering row {row}: {state}"


def test_every_completed_case_has_its_boundaries_recorded() -> None:
    completed = [json.loads(line)["outcome"]["status"] == "completed" for line in _lines("records.jsonl")]
    assert len(EXPECTED) == sum(completed) == 240


def test_a_row_outside_the_run_has_no_boundary() -> None:
    execution = execute(read_case(CASES["ctl_tiny_703580"], "tiny"))
    for row in (-1, execution.core_rows):
        with pytest.raises(IndexError, match=f"asked for {row}"):
            execution.boundary(row)
