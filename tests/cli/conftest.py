"""The commands as a user types them, with the engines of ``faulty_engines`` installed beside the reference."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from made_entry_points import install_made_engines
from small_cases import ADDING, FAILING, MULTIPLYING

from harness.cli import main

DATA = Path(__file__).parents[1] / "data"


@pytest.fixture
def installed(monkeypatch):
    install_made_engines(monkeypatch)


@pytest.fixture
def fragdiff(installed, tmp_path, monkeypatch):
    """Runs a command in an empty folder; the result has exit_code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FRAGDIFF_DEBUG", raising=False)

    def run(*arguments, stdin=None):
        return CliRunner().invoke(main, [str(each) for each in arguments], input=stdin, catch_exceptions=False)

    return run


@pytest.fixture
def case_file(tmp_path):
    """Writes a case file and gives its path."""

    def write(case, name=None):
        path = tmp_path / f"{name or case['name']}.case.json"
        path.write_text(json.dumps(case), encoding="utf-8")
        return path

    return write


@pytest.fixture
def adding(case_file):
    return case_file(ADDING)


@pytest.fixture
def failing(case_file):
    return case_file(FAILING)


@pytest.fixture
def data():
    return DATA


@pytest.fixture
def multiplying(case_file):
    return case_file(MULTIPLYING)


@pytest.fixture
def corpus(fragdiff, adding, failing, multiplying):
    """Three cases with what the reference makes of them."""
    result = fragdiff("corpus", "add", adding, failing, multiplying, "--to", "corpus", "--reason", "why", "--expect")
    assert result.exit_code == 0, result.stderr
    return Path("corpus")
