"""``--known`` and ``--no-known``: what is excused, and by which list, in a command and in the processes that it starts."""

import json
import os
import shlex
import sys
from pathlib import Path

import pytest

from harness.backend import Availability
from harness.backends.exec import ExecEngine
from harness.known import KNOWN_VARIABLE, known_divergences

TESTS = Path(__file__).parents[1]
ENGINE = f"exec:{shlex.join([sys.executable, str(TESTS / 'harness' / 'recorded_vm.py')])}"
CASES = [
    json.loads(line)["case"] for line in (TESTS / "data" / "vm" / "divergences.jsonl").read_text("utf-8").splitlines()
]


@pytest.fixture
def deep(case_file, monkeypatch):
    """The stack of 6,600 items: D02."""
    # The smallest program, which a probe asks for, is not among the recorded ones.
    monkeypatch.setattr(ExecEngine, "probe", lambda _engine: Availability(True, "recorded"))
    return case_file(next(case for case in CASES if case["name"] == "d02_deep_stack_6600"))


def diff(fragdiff, case, *options):
    return fragdiff("diff", case, "--engine", "reference", "--engine", ENGINE, "--cuts", "one", "--no-audit", *options)


def test_the_list_that_comes_along_excuses(fragdiff, deep):
    result = diff(fragdiff, deep)
    assert "not comparable" in result.stdout.splitlines()[0]
    assert "known D02: outcome:" in result.stdout


def test_without_known_divergences_the_same_is_a_difference(fragdiff, deep):
    before = os.environ.get(KNOWN_VARIABLE)
    result = diff(fragdiff, deep, "--no-known")
    assert "differ" in result.stdout.splitlines()[0]
    assert "completed  |  FailedToExecuteProgram" in result.stdout
    assert "known D02" not in result.stdout
    assert os.environ.get(KNOWN_VARIABLE) == before


@pytest.mark.parametrize(("kept", "verdict"), [("D02", "not comparable"), ("D19", "differ")])
def test_a_list_of_ones_own_is_used_instead(fragdiff, deep, tmp_path, kept, verdict):
    package = json.loads((TESTS.parent / "harness" / "known_divergences.json").read_text("utf-8"))
    own = tmp_path / "own.json"
    own.write_text(json.dumps([entry for entry in package if entry["id"] == kept]), encoding="utf-8")
    assert diff(fragdiff, deep, "--known", own).stdout.splitlines()[0].endswith(verdict)


def test_the_environment_names_the_list_for_other_processes(monkeypatch):
    assert known_divergences()
    monkeypatch.setenv(KNOWN_VARIABLE, "none")
    assert known_divergences() == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "no JSON"),
        ("{}", "expected a list of known divergences"),
        ("[7]", "entry 1: expected an object of texts with the keys condition, engine, id"),
        ('[{"id": "A6"}]', "expected an object of texts"),
        (None, "No such file"),
        ({"condition": "always"}, "there is no condition 'always'; there are circuit_sizes_wrap, "),
        ({"kind": "taste"}, "'taste' is not a valid Kind"),
        ({"observed": "("}, "missing )"),
    ],
)
def test_a_list_that_is_none_is_refused(fragdiff, deep, tmp_path, text, said):
    path = tmp_path / "known.json"
    if isinstance(text, dict):
        texts = {"id": "X", "source": "X", "reason": "X.", "engine": "X", "witness": "X"}
        entry = {**texts, "kind": "cell", "observed": "X", "condition": "has_mpverify", **text}
        path.write_text(json.dumps([entry]), encoding="utf-8")
    elif text is not None:
        path.write_text(text, encoding="utf-8")
    result = diff(fragdiff, deep, "--known", path)
    assert result.exit_code == 2
    assert said in result.stderr
    assert str(path) in result.stderr


def test_one_of_the_two_options_is_enough(fragdiff, deep, tmp_path):
    (tmp_path / "known.json").write_text("[]", encoding="utf-8")
    assert diff(fragdiff, deep, "--known", tmp_path / "known.json", "--no-known").exit_code == 2
