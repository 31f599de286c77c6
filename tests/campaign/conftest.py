"""Campaigns as processes of their own, with engines of these tests installed in them."""

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from reading import rows_of, summary_of

from harness.cli import main

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "cli"))
from made_entry_points import install_made_engines  # noqa: E402 - its folder has just been named

ROOT = HERE.parents[1]
ENGINES = {
    "segfault": "dying_engines:Crashing",
    "killed": "dying_engines:Killed",
    "exiting": "dying_engines:Exiting",
    "hanging": "dying_engines:Hanging",
    "hoarding": "dying_engines:Hoarding",
    "unstartable": "dying_engines:Unstartable",
    "twin": "dying_engines:Twin",
    "taking-along": "dying_engines:TakingAlong",
    "crashing-once": "dying_engines:CrashingOnce",
    "wrong-mul": "faulty_engines:WrongMul",
}


class Fuzz:
    """``fragdiff fuzz`` in a folder."""

    def __init__(self, folder, environment, *always):
        self.folder = folder
        self.environment = environment
        self.always = always

    def command(self, *options):
        return [sys.executable, "-m", "harness.cli", "fuzz", *self.always, *map(str, options)]

    def start(self, *options, **given):
        """The campaign, leader of a group of its own."""
        return subprocess.Popen(
            self.command(*options),
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            **given,
        )

    def __call__(self, *options, **given):
        """The campaign, run to its end."""
        with self.start(*options, **given) as process:
            try:
                stdout, stderr = process.communicate(timeout=300)
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
        return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)

    def summary(self, out="findings"):
        return summary_of(self.folder / out)

    def batches(self, out="findings"):
        """How many are committed; none before there is a state."""
        try:
            return self.rows("SELECT count(*) FROM batches", out)[0][0]
        except sqlite3.OperationalError:
            return 0

    def rows(self, query, out="findings"):
        return rows_of(self.folder / out, query)


@pytest.fixture
def fragdiff(tmp_path, monkeypatch):
    """A command in this process, in an empty folder, with engines made for tests."""
    install_made_engines(monkeypatch)
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: CliRunner().invoke(main, list(map(str, arguments)), catch_exceptions=False)


@pytest.fixture
def fragdiff_here(fragdiff):
    """A campaign of two engines that agree."""

    def run(*options):
        given = () if "--engines" in options else ("--engines", "reference,honest")
        seed = () if "--seed" in options else ("--seed", 3)
        return fragdiff("fuzz", "--no-audit", *given, *seed, *options)

    return run


@pytest.fixture(scope="session")
def environment(tmp_path_factory):
    """Of processes that have the engines of these tests installed."""
    installed = tmp_path_factory.mktemp("installed")
    record = installed / "made_for_tests-1.0.dist-info"
    record.mkdir()
    (record / "METADATA").write_text("Metadata-Version: 2.1\nName: made-for-tests\nVersion: 1.0\n", encoding="utf-8")
    entries = "\n".join(f"{name} = {made}" for name, made in ENGINES.items())
    (record / "entry_points.txt").write_text(f"[fragdiff.engines]\n{entries}\n", encoding="utf-8")
    path = os.pathsep.join(map(str, (installed, HERE, HERE.parent / "cli", ROOT)))
    return {**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}


@pytest.fixture
def fuzz(tmp_path, environment):
    folder = tmp_path / "work"
    folder.mkdir()
    return Fuzz(folder, {**environment, "FRAGDIFF_TEST_MARK": str(tmp_path / "mark")}, "--no-audit")


@pytest.fixture
def fuzz_laws(tmp_path, environment):
    """Campaigns over one engine; what compares is not said."""
    folder = tmp_path / "work"
    folder.mkdir()
    return Fuzz(folder, environment)
