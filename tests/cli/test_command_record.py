"""``fragdiff record``: the records are those of the real VM."""

import json

import pytest
from small_cases import ADDING, FAILING, json_lines


@pytest.fixture
def recorded(data):
    """(case line, record of the real VM), a selection."""
    cases = (data / "vm" / "cases.jsonl").read_text("utf-8").splitlines()
    records = (data / "vm" / "records.jsonl").read_text("utf-8").splitlines()
    by_name = {record["name"]: record for record in map(json.loads, records)}
    return [(line, by_name[json.loads(line)["name"]]) for line in cases[3::25]]


def test_records_are_those_of_the_real_vm(fragdiff, recorded):
    result = fragdiff("record", "-", stdin="\n".join(line for line, _ in recorded))
    assert result.exit_code == 0
    records = json_lines(result.stdout)
    assert len(records) == len(recorded) > 10
    for mine, (_, theirs) in zip(records, recorded, strict=True):
        for key in ("name", "program_hash", "lengths", "columns"):
            assert mine[key] == theirs[key], (mine["name"], key)
        for key in ("status", "stack", "error", "clk"):
            assert mine["outcome"].get(key) == theirs["outcome"].get(key), (mine["name"], key)


def test_a_bad_line_is_rejected_and_the_rest_is_done(fragdiff):
    lines = [json.dumps(ADDING), '{"program": 3}', "", "nonsense", json.dumps(FAILING)]
    result = fragdiff("record", "-", stdin="\n".join(lines))
    assert result.exit_code == 2
    first, second, third, fourth = json_lines(result.stdout)
    assert first["outcome"]["status"] == "completed"
    assert second["rejected"].startswith("<stdin>, line 2: $.program: ")
    assert third["rejected"].startswith("<stdin>, line 4: ")
    assert (fourth["outcome"]["error"], fourth["lengths"], fourth["columns"]) == ("FailedAssertion", None, None)


def test_boundaries_on_request_for_every_cut_plan(fragdiff, tmp_path):
    (tmp_path / "cases.jsonl").write_text(json.dumps({**ADDING, "cuts": [4, {"at": [5]}]}), encoding="utf-8")
    result = fragdiff("record", "cases.jsonl", "--boundaries")
    (record,) = json_lines(result.stdout)
    every, at = record["fragments"]
    assert (every["cut"], at["cut"]) == (4, {"at": [5]})
    assert [state["clk"] for state in every["boundaries"]] == [0, 4, 8]
    assert at["boundaries"][1] == {
        "clk": 5,
        "ctx": 0,
        "fn_hash": "0x" + "0" * 64,
        "transcript_state": "0x" + "0" * 64,
        # The block is the second thing hashed, one hasher cycle of 8 rows after the join; addresses count from 1.
        "current_addr": 9,
        "parent_addr": 1,
        "stack": [7, 9, *[0] * 14],
        "depth": 17,
        "overflow_addr": 2,
        "position": {"tag": "op", "node": 0, "batch": 0, "operation": 3},
        "continuations": [["StartNode", 1], ["FinishJoin", 2]],
    }


def test_without_the_request_there_are_no_boundaries(fragdiff):
    (record,) = json_lines(fragdiff("record", "-", stdin=json.dumps(ADDING)).stdout)
    assert "boundaries" not in record["fragments"][0]


def test_a_trace_that_depends_on_the_cuts_is_named_by_column(fragdiff):
    case = {
        "name": "seam",
        "program": {"nodes": ["block NOOP DROP"], "roots": [0], "entry": 0},
        "cuts": [2**29, 2],
    }
    (record,) = json_lines(fragdiff("record", "-", "--engine", "wrong-seam", stdin=json.dumps(case)).stdout)
    assert [item["differing_columns"] for item in record["fragments"]] == [[], ["dec_op_index"]]


def test_an_engine_that_broke_is_no_success(fragdiff):
    result = fragdiff("record", "-", "--engine", "broken", stdin=json.dumps(ADDING))
    assert result.exit_code == 3
    (record,) = json_lines(result.stdout)
    assert record["outcome"]["status"] == "panicked"


@pytest.mark.parametrize("file", ["missing.jsonl", "./missing.jsonl", "."])
def test_a_file_that_cannot_be_read_is_bad_input(fragdiff, file):
    result = fragdiff("record", file)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"fragdiff: {file}: expected a readable file: ")
