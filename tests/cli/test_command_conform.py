"""``fragdiff conform`` as a user types it; what the parts ask is tested with the example engine."""

import shlex
import sys
from pathlib import Path

import pytest
from small_cases import json_lines

ENGINE = Path(__file__).parents[1] / "example_engines" / "line_engine.py"
CORPUS = Path(__file__).parents[1] / "data" / "conform"


def engine(*arguments):
    return "exec:" + shlex.join([sys.executable, str(ENGINE), *arguments])


def test_the_verdict_table_of_an_engine_that_is_wrong(fragdiff, tmp_path):
    arguments = ("--seconds", 0.1, "--corpus", CORPUS, "--out", "wrong")
    result = fragdiff("conform", "--engine", engine("--sabotage", "cell"), *arguments)
    assert result.exit_code == 1
    assert "operations failed: each of the 80 operations" in result.stdout
    assert "does not conform: corpus, operations, cuts, fuzz failed" in " ".join(result.stdout.split())
    kept = sorted((tmp_path / "wrong").glob("corpus-*.case.json"))
    assert len(kept) == 1
    # The case that was kept shows it to another command.
    names = ("--engine", "reference", "--engine", engine("--sabotage", "cell"))
    assert fragdiff("diff", kept[0], *names, "--no-audit").exit_code == 1


def test_without_a_corpus_it_is_not_shown_to_conform(fragdiff):
    result = fragdiff("conform", "--engine", engine("--sabotage", "error"), "--seconds", 0, "--json")
    assert result.exit_code == 1
    *parts, last = json_lines(result.stdout)
    verdicts = {part["part"]: part["verdict"] for part in parts}
    assert verdicts["corpus"] == "not judged"
    assert verdicts["errors"] == "fail"
    assert verdicts["laws"] == verdicts["cuts"] == "pass"
    assert last["conforms"] is False
    assert last["exit_code"] == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--engine", "reference"), "the reference is what engines are held against"),
        (("--engine", "nobody"), "there is no engine called 'nobody'"),
        (("--engine", "reference-two", "--corpus", "nowhere"), "expected a folder of cases"),
    ],
)
def test_bad_input(fragdiff, arguments, said):
    result = fragdiff("conform", *arguments)
    assert result.exit_code == 2
    assert said in result.stderr
