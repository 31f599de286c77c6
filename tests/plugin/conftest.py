"""Runs pytest with the plugin inside this process, on engines made for it; what it did is told by its reports.

In this process, because another one would import the compiler and prepare the engines once more for every test.
"""

import json
import sys
from collections import Counter
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "cli"))

from made_entry_points import install_made_engines


class Recorder:
    """What a run reported."""

    def __init__(self):
        self.reports = {}
        self.items = []
        self.errors = []
        self.exit_code = None
        self.output = ""

    def pytest_collection_finish(self, session):
        self.items = [item.nodeid for item in session.items]
        self.marks = {item.nodeid: {mark.name for mark in item.iter_markers()} for item in session.items}

    def pytest_collectreport(self, report):
        if report.failed:
            self.errors.append(str(report.longrepr))

    def pytest_runtest_logreport(self, report):
        if report.when == "call" or report.outcome != "passed":
            self.reports[report.nodeid] = report

    @property
    def outcomes(self):
        return Counter(report.outcome for report in self.reports.values())

    def text(self, nodeid):
        return str(self.reports[nodeid].longrepr)


@pytest.fixture
def installed(monkeypatch):
    install_made_engines(monkeypatch)


@pytest.fixture
def corpus(tmp_path):
    """An empty directory for cases, and a way to write them."""
    directory = tmp_path / "corpus"
    directory.mkdir()
    return directory


@pytest.fixture
def write(corpus):
    def write(case, name=None, directory=None, **more):
        path = (directory or corpus) / f"{name or case['name']}.case.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(case | more), encoding="utf-8")
        return path

    return write


@pytest.fixture
def run_pytest(installed, tmp_path, monkeypatch, capfd):
    """Runs pytest in an empty project; gives its reports, node ids, output and exit code."""

    def run(*arguments, ini=""):
        (tmp_path / "pytest.ini").write_text(f"[pytest]\n{ini}", encoding="utf-8")
        monkeypatch.chdir(tmp_path)
        recorder = Recorder()
        plain = ["-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:hypothesispytest", "-p", "no:timeout"]
        strict = ["--strict-markers", "--strict-config", "-W", "error", "-ra"]
        code = pytest.main([*plain, *strict, *map(str, arguments)], plugins=[recorder])
        recorder.exit_code = int(code)
        said = capfd.readouterr()
        recorder.output = said.out + said.err
        return recorder

    return run
