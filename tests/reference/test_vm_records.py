"""Every recorded program of the real VM: outcome, lengths and all 72 columns; whole traces where they were kept."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from compared import column_digests, first_difference

from reference.definition.formats.case_json import read_case
from reference.definition.outcome import Completed, Failed
from reference.processor import execute

DATA = Path(__file__).parent.parent / "data"


def recorded(folder):
    """(case line, record) by name."""
    cases = [json.loads(line) for line in (DATA / folder / "cases.jsonl").read_text().splitlines()]
    records = [json.loads(line) for line in (DATA / folder / "records.jsonl").read_text().splitlines()]
    assert [case["name"] for case in cases] == [record["name"] for record in records]
    return {record["name"]: (case, record) for case, record in zip(cases, records, strict=True)}


VM = recorded("vm")
CHIPLETS = recorded("chiplets")


def run(case):
    return execute(read_case(json.dumps(case), case["name"]).runs()[0])


def expected_outcome(outcome):
    if outcome["status"] == "completed":
        return Completed(tuple(outcome["stack"]))
    assert outcome["status"] == "failed"
    return Failed(outcome["error"], outcome["clk"])


def without_replies(case):
    return {key: value for key, value in case.items() if key != "replies"}


def assert_as_recorded(execution, record, archive):
    assert execution.outcome == expected_outcome(record["outcome"])
    if record["lengths"] is None:
        assert execution.trace is None
        return
    if archive.exists():
        with np.load(archive) as stored:
            difference = first_difference(execution.trace.columns, stored["trace"])
        assert difference is None, difference
    assert asdict(execution.trace.lengths) == record["lengths"]
    if "columns" in record:
        assert column_digests(execution.trace.columns) == record["columns"]


def test_the_set_is_complete():
    outcomes = [record["outcome"]["status"] for _, record in VM.values()]
    assert (outcomes.count("completed"), outcomes.count("failed")) == (240, 99)
    assert len(list((DATA / "vm" / "traces").glob("*.npz"))) == 97
    assert {path.stem for path in (DATA / "vm" / "traces").glob("*.npz")} <= VM.keys()


@pytest.mark.parametrize("name", VM)
def test_a_recorded_program_with_a_live_host(name):
    case, record = VM[name]
    assert_as_recorded(run(without_replies(case)), record, DATA / "vm" / "traces" / f"{name}.npz")


@pytest.mark.parametrize("name", [name for name, (case, _) in VM.items() if "replies" in case])
def test_a_recorded_program_with_recorded_replies(name):
    case, record = VM[name]
    assert_as_recorded(run(case), record, DATA / "vm" / "traces" / f"{name}.npz")


@pytest.mark.parametrize(
    "name", [name for name, (_, record) in CHIPLETS.items() if record["outcome"]["status"] != "panicked"]
)
def test_a_program_that_aims_at_a_chiplet(name):
    case, record = CHIPLETS[name]
    assert_as_recorded(run(case), record, DATA / "chiplets" / f"{name}.npz")


def test_where_the_real_vm_panics_there_is_an_outcome_of_our_own():
    case, record = CHIPLETS["ace_wrapped_panic"]
    assert record["outcome"] == {"message": "too many wires", "status": "panicked"}
    outcome = run(case).outcome
    assert isinstance(outcome, Failed)
    assert outcome.error == "CircuitTooLarge"


DIVERGENCES = {
    entry["name"]: entry
    for entry in map(json.loads, (DATA / "vm" / "divergences.jsonl").read_text().splitlines())
    if entry["name"] != "a14_fragment_0"  # a fragment of 0 rows is no case of ours
}
DEEP_STACKS = ("d02_deep_stack_6600", "d02_deep_stack_12800")
PANICS = {"d04_mpverify_depth0": "EmptyMerklePath", "d06_mrupdate_depth0": "EmptyMerklePath", "d19_hqword_235": None}


@pytest.mark.parametrize("name", [name for name in DIVERGENCES if name not in (*DEEP_STACKS, *PANICS)])
def test_where_the_real_engines_disagree_the_parallel_one_is_followed(name):
    entry = DIVERGENCES[name]
    assert_as_recorded(run(entry["case"]), entry["record"], DATA / "vm" / "traces" / f"{name}.npz")


@pytest.mark.parametrize("name", DEEP_STACKS)
def test_deep_stacks_have_no_limit_as_in_the_sequential_engine(name):
    entry = DIVERGENCES[name]
    assert entry["record"]["outcome"]["error"] == "FailedToExecuteProgram"
    assert run(entry["case"]).outcome == expected_outcome(entry["record"]["sequential_outcome"])


@pytest.mark.parametrize("name", PANICS)
def test_panics_of_the_parallel_engine(name):
    entry = DIVERGENCES[name]
    assert entry["record"]["outcome"]["status"] == "panicked"
    outcome = run(entry["case"]).outcome
    if PANICS[name] is None:
        assert outcome == expected_outcome(entry["record"]["sequential_outcome"])
    else:
        assert isinstance(outcome, Failed)
        assert outcome.error == PANICS[name]
