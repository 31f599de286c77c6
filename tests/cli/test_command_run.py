"""``fragdiff run``."""

import json

import pytest
from small_cases import json_lines


def test_a_completed_program_shows_lengths_and_outputs(fragdiff, adding):
    result = fragdiff("run", adding)
    assert result.exit_code == 0
    # JOIN, SPAN, PUSH PUSH ADD, the NOOP pad of its 4th group, END, SPAN, DROP, END, END
    assert "core 11" in result.stdout
    assert "outputs 9 0.." in result.stdout


def test_a_failed_program_is_an_outcome(fragdiff, failing):
    result = fragdiff("run", failing)
    assert result.exit_code == 0
    assert "failed: FailedAssertion at clk 2" in result.stdout


def test_each_cut_plan_is_a_run(fragdiff, adding):
    result = fragdiff("run", adding, "--cuts", "7; every:2", "--cuts", "at:3,9", "--cuts", "one", "--json")
    assert [run["cut"] for run in json_lines(result.stdout)] == [7, 2, {"at": [3, 9]}, 2**29]


def test_lengths_outcomes_and_hashes_are_those_that_the_real_vm_recorded(fragdiff, data, tmp_path):
    records = {item["name"]: item for item in json_lines((data / "vm" / "records.jsonl").read_text("utf-8"))}
    lines = (data / "vm" / "cases.jsonl").read_text("utf-8").splitlines()[::20]
    (tmp_path / "some.jsonl").write_text("\n".join(lines), encoding="utf-8")
    result = fragdiff("run", "some.jsonl", "--json", "--cuts", "one")
    runs = json_lines(result.stdout)
    assert len(runs) == len(lines) > 10
    for run in runs:
        recorded = records[run["name"]]
        assert run["lengths"] == recorded["lengths"]
        assert run["program_hash"] == recorded["program_hash"]
        assert run["outcome"]["status"] == recorded["outcome"]["status"]
        assert run["outcome"].get("stack") == recorded["outcome"].get("stack")


def test_a_compiled_program_runs(fragdiff, data):
    result = fragdiff("run", data / "formats" / "bits.masb", "--json")
    compiled = json.loads(result.stdout)
    assert compiled["outcome"]["status"] == "completed"
    assert compiled["rows_per_second"] > 0


@pytest.mark.parametrize(
    ("engine", "code", "said"), [("broken", 3, "raised ZeroDivisionError in run"), ("refusing", 2, "no such programs")]
)
def test_an_engine_that_gives_nothing_is_no_success(fragdiff, adding, engine, code, said):
    result = fragdiff("run", adding, "--engine", engine)
    assert result.exit_code == code
    assert said in result.stdout
