"""``fragdiff laws`` and ``fuzz --laws`` as a user types them."""

import json
import shlex
import sys
from pathlib import Path

import pytest
from small_cases import ADDING, FAILING, json_lines

BUILDER = Path(__file__).parents[1] / "laws" / "fake_builder.py"


def builder(*arguments):
    return " ".join(["exec:" + sys.executable, str(BUILDER), *arguments])


def test_an_engine_that_keeps_the_laws(fragdiff, adding):
    result = fragdiff("laws", adding, "--engine", builder("good"), "--up-to", 12)
    assert result.exit_code == 0
    assert "keeps the laws" in result.stdout
    assert "law 3        kept        a row's boundary state is its own" in result.stdout


def test_a_broken_law_is_told_with_sizes_row_and_columns(fragdiff, adding):
    result = fragdiff("laws", adding, "--engine", builder("cells"), "--up-to", 12)
    assert result.exit_code == 1
    assert "breaks the laws" in result.stdout
    assert "silently wrong  3, 7" in result.stdout
    assert "first wrong row 6: column 1, column 3" in result.stdout
    assert "law 4        kept" in result.stdout


def test_json_says_the_same(fragdiff, adding, case_file):
    result = fragdiff(
        "laws", adding, case_file(FAILING), "--engine", builder("cells", "PUSH(3)"), "--up-to", 8, "--json"
    )
    assert result.exit_code == 1
    first, second, last = json_lines(result.stdout)
    assert (first["name"], first["verdict"], second["verdict"]) == ("adding", "breaks", "keeps")
    assert first["sizes"]["silently_wrong"] == [3, 7]
    assert {item["law"] for item in first["violations"]} == {"law 1", "law 2", "constraints"}
    assert first["violations"][0]["row"] == 6
    assert last == {"total": {"breaks": 1, "keeps": 1}, "exit_code": 1}


def test_a_refused_case_is_not_judged_and_no_pass(fragdiff, case_file):
    broken = ADDING | {"name": "other"}
    result = fragdiff("laws", case_file(broken), "--engine", builder("refuses", "PUSH(3)"))
    assert result.exit_code == 1
    assert "not judged: this is no pass" in result.stdout
    assert "refused: rejected: no such operation" in result.stdout


def test_an_engine_that_never_cuts_cannot_be_judged(fragdiff, adding):
    reference = fragdiff("laws", adding, "--engine", "reference")
    assert reference.exit_code == 1
    assert "not judged  it builds its trace without cutting" in reference.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--engine", "nobody"), "there is no engine called 'nobody'"),
        (("--engine", "exec:/no/such/program"), "cannot be judged"),
        (("--engine", "exec:"), "needs a command"),
    ],
)
def test_an_engine_that_is_not_there(fragdiff, adding, arguments, said):
    result = fragdiff("laws", adding, *arguments)
    assert result.exit_code == 2
    assert said in result.stderr


def test_an_engine_that_ends_at_once_is_quoted(fragdiff, adding):
    code = "import sys; sys.exit('out of luck')"
    result = fragdiff("laws", adding, "--engine", f"exec:{shlex.quote(sys.executable)} -c {shlex.quote(code)}")
    assert result.exit_code == 2
    assert "cannot be judged: ended with code 1: out of luck" in result.stderr


def test_no_engine_is_a_mistake_of_usage(fragdiff, adding):
    assert fragdiff("laws", adding).exit_code == 2


# ---- fuzz --laws ----------------------------------------------------------------------------------------------------


def test_a_campaign_by_the_laws(fragdiff, tmp_path):
    arguments = ("--seed", 1, "--cases", 20, "--max-rows", 30, "--shrink-seconds", 1, "--keep", 1, "--json")
    result = fragdiff(
        "fuzz", "--laws", builder("cells", "U32AND"), "--out", tmp_path / "out", "--no-replay", *arguments
    )
    assert result.exit_code == 1
    events = json_lines(result.stdout)
    kinds = ["started", "learnt", "finding", "replayed", "shrunk", "reported", "finished"]
    assert [event["event"] for event in events] == kinds
    assert events[1]["not_accepted"] == []
    assert events[-1]["cases"] == 20
    directory = Path(events[2]["directory"])
    assert json.loads((directory / "finding.json").read_text())["sizes"]["silently_wrong"] == [3, 7]
    assert json.loads((tmp_path / "out" / "summary.json").read_text())["cases"] == 20


def test_a_campaign_without_findings(fragdiff, tmp_path):
    arguments = ("--seed", 1, "--cases", 3, "--max-rows", 20)
    result = fragdiff("fuzz", "--laws", builder("good"), "--out", tmp_path / "out", *arguments)
    assert result.exit_code == 0
    assert "keep the laws 3, break a law 0" in result.stdout


def test_a_campaign_that_judged_no_trace_is_no_pass(fragdiff, tmp_path):
    arguments = ("--seed", 1, "--cases", 30, "--max-rows", 20)
    result = fragdiff("fuzz", "--laws", "reference", "--out", tmp_path / "out", *arguments)
    assert result.exit_code == 1, result.stdout + result.stderr
    assert "judged       law 1" in result.stdout
    assert "no case with a trace was judged: this run has failed" in result.stdout


def test_a_program_that_crashes_is_quoted(fragdiff, adding):
    text = fragdiff("laws", adding, "--engine", builder("crashes"), "--up-to", 6)
    assert text.exit_code == 1
    assert "    at cuts: 5\n" in text.stdout
    assert "    ended with code 9\n    standard error ended with:\n      fragment 5 of 9\n" in text.stdout
    told = fragdiff("laws", adding, "--engine", builder("crashes"), "--up-to", 6, "--json")
    violation = json_lines(told.stdout)[0]["violations"][0]
    assert (violation["kind"], violation["said"]) == ("breaks", "ended with code 9")
    assert violation["stderr"].endswith("thread 'main' panicked: queue 3 is empty")
