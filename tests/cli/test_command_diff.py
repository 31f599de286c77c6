"""``fragdiff diff``: verdicts, counts, exit codes."""

import json
import shlex

import pytest
from small_cases import json_lines


def test_agreement_is_counted(fragdiff, adding):
    result = fragdiff("diff", adding, "--engines", "reference,honest", "--json")
    assert result.exit_code == 0
    comparison, total = json_lines(result.stdout)
    assert comparison["verdict"] == "agree"
    assert comparison["counts"]["rows"] == 64
    assert comparison["counts"]["cells"] == 64 * 72
    # 11 rows, a fragment of 4 after another
    assert comparison["counts"]["boundaries"] == 3
    assert total == {"total": comparison["counts"], "exit_code": 0}


def test_a_wrong_cell_is_described(fragdiff, multiplying):
    result = fragdiff("diff", multiplying, "--engines", "reference,wrong-mul")
    assert result.exit_code == 1
    assert "differ" in result.stdout.splitlines()[0]
    assert "first wrong row 3 (DROP, after MUL), last equal row 2" in result.stdout
    assert "stack_2  7  |  8" in result.stdout


def test_the_next_commands_are_named_and_work(fragdiff, multiplying):
    result = fragdiff("diff", multiplying, "--engines", "reference,wrong-mul", "--cuts", "at:3;one")
    _, _, shown = result.stdout.partition("next:\n")
    lines = [line.partition("fragdiff ") for line in shown.splitlines()]
    assert [what.strip() for what, _, _ in lines] == [
        "where it comes from", "the smallest case", "rows of reference", "rows of wrong-mul",
    ]  # fmt: skip
    commands = [["fragdiff", *shlex.split(rest)] for _, _, rest in lines]
    engines, cuts = "--engines=reference,wrong-mul", "--cuts=at:3"
    assert commands == [
        ["fragdiff", "locate", str(multiplying), engines, cuts],
        ["fragdiff", "shrink", str(multiplying), engines, cuts],
        ["fragdiff", "show", str(multiplying), "--engine=reference", "--rows=0:6", cuts],
        ["fragdiff", "show", str(multiplying), "--engine=wrong-mul", "--rows=0:6", cuts],
    ]
    located, shrunk, *decoded = (fragdiff(*command[1:]) for command in commands)
    assert (located.exit_code, shrunk.exit_code) == (1, 1)
    assert located.stdout.splitlines()[1] == "cell reference|wrong-mul any cuts MUL op stack items"
    assert [each.exit_code for each in decoded] == [0, 0]
    first, second = (each.stdout.splitlines()[1:] for each in decoded)
    assert next(index for index, line in enumerate(first) if line != second[index]) == 1 + 1 + 3


def test_after_an_agreement_there_is_nothing_to_do(fragdiff, adding):
    assert "next:" not in fragdiff("diff", adding, "--engines", "reference,honest").stdout


def test_a_wrong_cell_as_json(fragdiff, multiplying):
    result = fragdiff("diff", multiplying, "--engines", "reference,wrong-mul", "--json")
    comparison, total = json_lines(result.stdout)
    divergence, _ = comparison["divergences"]
    assert divergence["signature"] == "cell reference|wrong-mul MUL stack"
    assert (divergence["row"], divergence["nearest_cut"]) == (3, 3)
    assert divergence["columns"] == [{"name": "stack_2", "left": 7, "right": 8}]
    assert total["exit_code"] == 1


def test_of_traces_that_differ_the_audit_names_the_wrong_one(fragdiff, multiplying):
    result = fragdiff("diff", multiplying, "--engines", "reference,wrong-mul", "--json")
    comparison, _ = json_lines(result.stdout)
    _, audited = comparison["divergences"]
    # Item 1 of row 2 falls to the next place; the fault makes it 8 in row 3.
    assert audited["signature"] == "audit wrong-mul MUL violates stack.left.N"
    assert (audited["left"], audited["right"], audited["row"]) == ("wrong-mul", "wrong-mul", 2)
    assert comparison["counts"]["audits"] == 2


def test_engines_that_agree_on_a_wrong_trace_do_not_pass(fragdiff, multiplying):
    result = fragdiff("diff", multiplying, "--engines", "wrong-mul,wrong-mul-too")
    assert result.exit_code == 1
    assert "2 engines agree on this trace" in result.stdout
    assert "MUL violates stack.left.2" in result.stdout
    unaudited = fragdiff("diff", multiplying, "--engines", "wrong-mul,wrong-mul-too", "--no-audit")
    assert unaudited.exit_code == 0


def test_three_engines(fragdiff, multiplying):
    engines = ("--engines", "reference,honest", "--engine", "wrong-mul")
    result = fragdiff("diff", multiplying, *engines, "--json", "--no-audit")
    (divergence,) = json_lines(result.stdout)[0]["divergences"]
    assert (divergence["left"], divergence["right"]) == ("reference", "wrong-mul")


def test_equal_failures_agree(fragdiff, failing):
    result = fragdiff("diff", failing, "--engines", "reference,honest")
    assert result.exit_code == 0
    assert "1 equal failures" in result.stdout


def test_an_engine_that_raises_is_a_divergence_and_no_traceback(fragdiff, multiplying):
    result = fragdiff("diff", multiplying, "--engines", "reference,crashing")
    assert result.exit_code == 1
    assert "engine_failure: crashing" in result.stdout
    assert "raised IndexError in alter: list index out of range" in result.stdout
    assert "Traceback" not in result.stdout + result.stderr


def test_nothing_compared_is_no_agreement(fragdiff, adding):
    result = fragdiff("diff", adding, "--engines", "reference,refusing")
    assert result.exit_code == 1
    assert "not comparable" in result.stdout
    assert "refusing: no such programs" in result.stdout
    assert "nothing was compared" in result.stdout


@pytest.mark.parametrize("engines", [["--engines", "reference"], [], ["--engines", "reference,reference"]])
def test_fewer_than_two_engines_are_bad_usage(fragdiff, adding, engines):
    result = fragdiff("diff", adding, *engines)
    assert result.exit_code == 2
    assert result.stderr.startswith("fragdiff: --engines: ")


def test_a_fault_at_a_seam_shows_at_that_cut_only(fragdiff, multiplying):
    result = fragdiff("diff", multiplying, "--engines", "reference,wrong-seam", "--cuts", "one;3;at:2", "--json")
    *comparisons, _ = json_lines(result.stdout)
    assert [item["verdict"] for item in comparisons] == ["agree", "differ", "agree"]


def test_files_that_cannot_be_read_stop_it_before_anything_runs(fragdiff, multiplying):
    result = fragdiff("diff", multiplying, "missing.json", "--engines", "reference,wrong-mul")
    assert (result.exit_code, result.stdout) == (2, "")


@pytest.fixture
def panicking(data, case_file):
    """MPVERIFY of depth 0: the real VM panics (D04), every other engine fails with a named error."""
    lines = (data / "vm" / "divergences.jsonl").read_text("utf-8").splitlines()
    case = next(item["case"] for item in map(json.loads, lines) if item["name"] == "d04_mpverify_depth0")
    return case_file({**case, "cuts": [2**29]})


def test_a_known_divergence_is_named_and_no_difference(fragdiff, adding, panicking):
    result = fragdiff("diff", panicking, adding, "--engines", "reference,panicking-vm")
    assert result.exit_code == 0
    assert "known D04: engine_failure: panicking-vm" in result.stdout


def test_a_known_divergence_alone_is_no_agreement(fragdiff, panicking):
    result = fragdiff("diff", panicking, "--engines", "reference,panicking-vm")
    assert result.exit_code == 1
    assert "nothing was compared" in result.stdout
