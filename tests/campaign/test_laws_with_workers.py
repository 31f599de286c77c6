"""A campaign by the laws has the same workers, watchdog and state as any other: killed and resumed, nothing is lost."""

import json
import os
import random
import shlex
import signal
import sys
import time
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest
from dying_engines import NUMBER, SEED, is_deadly
from waiting import wait_until

from reference.definition.formats.load import load_cases

BUILDER = Path(__file__).parents[1] / "laws" / "fake_builder.py"
CASES = 160
OPTIONS = ("--seed", 1, "--max-rows", 30, "--keep", 1, "--shrink-seconds", 0, "--no-replay")


def builder(*arguments):
    return "exec:" + shlex.join([sys.executable, str(BUILDER), *arguments])


SLOWLY = builder("cells", "U32AND", "--pause=0.01")


def contents(fuzz, out):
    """What a campaign has come to: totals without times, numbers of cases, findings."""
    summary = fuzz.summary(out)
    totals = {name: value for name, value in summary.items() if name not in ("run", "seconds", "cases_per_second")}
    batches = fuzz.rows("SELECT first, count FROM batches ORDER BY first", out)
    numbers = [number for first, count in batches for number in range(first, first + count)]
    findings = fuzz.rows("SELECT number, signature FROM findings ORDER BY number", out)
    return totals, numbers, findings


def events(fuzz, out):
    lines = (fuzz.folder / out / "events.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line)["event"] for line in lines]


@pytest.fixture
def uninterrupted(fuzz_laws):
    """The campaign in one process, from its first case to its last."""
    done = fuzz_laws("--laws", builder("cells", "U32AND"), *OPTIONS, "--cases", CASES, "--out", "whole")
    assert done.returncode == 1, done.stderr
    totals, numbers, findings = contents(fuzz_laws, "whole")
    assert numbers == list(range(CASES))
    assert totals["findings"] == {"law 1 wrong cells that its own check rejects": len(findings)}
    assert len(findings) > 2
    return totals, numbers, findings


def has_come_so_far(fuzz, process, batches):
    return fuzz.batches("killed") >= batches or process.poll() is not None


def same_but_for_the_name(one, other):
    """The builder that takes its time has another command line, and nothing else of its own."""
    (totals, *rest), (others, *other_rest) = one, other
    assert {**totals, "engines": None} == {**others, "engines": None}
    assert rest == other_rest


def test_killed_at_any_moment_it_goes_on_and_two_workers_give_what_one_process_gives(fuzz_laws, uninterrupted):
    # While it starts and learns, and then after more and more batches.
    check_killed(fuzz_laws, uninterrupted, random.Random(11), (0, 1, 3, 5), 2)


@pytest.mark.slow
@pytest.mark.parametrize("jobs", [1, 2, 3])
def test_killed_ten_times(fuzz_laws, uninterrupted, jobs):
    check_killed(fuzz_laws, uninterrupted, random.Random(jobs), (0, 0, 1, 1, 2, 3, 4, 5, 6, 7), jobs)


def check_killed(fuzz_laws, uninterrupted, draw, moments, jobs):
    """Kill it some time after so many batches are committed, once each, and look at what it comes to."""
    options = ("--laws", SLOWLY, *OPTIONS, "--cases", CASES, "--jobs", jobs, "--out", "killed")
    kills = 0
    for batches in moments:
        process = fuzz_laws.start(*options)
        if batches:
            wait_until(partial(has_come_so_far, fuzz_laws, process, batches))
        time.sleep(draw.uniform(0.0, 0.4))
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            kills += 1
        process.communicate()
    assert kills >= len(moments) // 2
    done = fuzz_laws(*options)
    assert done.returncode == 1, done.stderr
    same_but_for_the_name(contents(fuzz_laws, "killed"), uninterrupted)
    # What the engine accepts was learnt once, or not kept by a run that was killed before it began.
    assert events(fuzz_laws, "killed").count("learnt") == 1
    assert fuzz_laws.rows("SELECT ending FROM runs ORDER BY id DESC LIMIT 1", "killed") == [("finished",)]
    kept = fuzz_laws.rows("SELECT directory FROM findings WHERE directory IS NOT NULL", "killed")
    assert {name for (name,) in kept} == {
        path.parent.name for path in (fuzz_laws.folder / "killed").glob("*/finding.json")
    }


def test_an_interrupted_campaign_has_its_report_and_goes_on(fuzz_laws, uninterrupted):
    options = ("--laws", SLOWLY, *OPTIONS, "--cases", CASES, "--out", "stopped")
    with fuzz_laws.start(*options) as process:
        wait_until(lambda: fuzz_laws.batches("stopped") >= 1)
        process.send_signal(signal.SIGINT)
        stdout, _ = process.communicate(timeout=60)
    assert "stopped before the end" in stdout
    assert 0 < fuzz_laws.summary("stopped")["cases"] < CASES
    # The directory knows which campaign it holds.
    done = fuzz_laws("--out", "stopped", "--cases", CASES, "--keep", 1, "--shrink-seconds", 0, "--no-replay")
    assert done.returncode == 1, done.stderr
    assert "learnt" not in done.stdout
    same_but_for_the_name(contents(fuzz_laws, "stopped"), uninterrupted)


def running_with(word):
    """Command lines of processes that hold the word."""
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        # It may have ended meanwhile.
        with suppress(OSError):
            lines.append(path.read_bytes())
    return [line for line in lines if word.encode() in line]


def test_a_program_that_hangs_is_a_finding(fuzz_laws):
    # Its command line is like no other one.
    done = fuzz_laws(
        *("--laws", builder("hangs", "loop+call", str(fuzz_laws.folder)), "--seed", 1),
        # On a loaded machine a program that is well may take a while to begin.
        *("--jobs", 2, "--hang-seconds", 6),
        *("--cases", 50, "--max-rows", 30, "--keep", 1, "--shrink-seconds", 0),
    )
    assert done.returncode == 1, done.stderr
    summary = fuzz_laws.summary()
    ((signature, times),) = summary["findings"].items()
    assert signature == "engine_failure worker hang: nothing begun or ended for N seconds"
    assert times == 2
    assert summary["cases"] == 50 == summary["verdicts"]["agree"] + times
    assert summary["states"] == {"confirmed": 1}
    assert summary["laws"]["broken"] == {"answer": times}
    assert events(fuzz_laws, "findings").count("worker died") == times + 1
    (path,) = (fuzz_laws.folder / "findings").glob("*/finding.json")
    data = json.loads(path.read_text("utf-8"))
    assert (data["signature"], data["state"]) == (signature, "confirmed")
    (case,) = load_cases(path.parent / "found.case.json")
    # Together with the cuts that were in hand.
    assert len(case.cuts) > 2
    report = (path.parent / "report.txt").read_text("utf-8")
    assert "state       confirmed" in report
    assert "fragdiff laws --engine" in report
    assert "record_subject.py" in report
    # None of those that hang is left behind.
    wait_until(lambda: not running_with(str(fuzz_laws.folder)), seconds=10)


@pytest.mark.parametrize("engine", ["segfault", pytest.param("hoarding", marks=pytest.mark.slow)])
def test_an_engine_that_takes_its_process_along_is_a_finding(fuzz_laws, engine):
    limits = ("--memory", "500MiB") if engine == "hoarding" else ()
    done = fuzz_laws("--laws", engine, "--jobs", 1, "--seed", SEED, "--cases", 6, *limits)
    assert done.returncode == 1, done.stderr
    summary = fuzz_laws.summary()
    assert summary["states"] == {"confirmed": 1}
    assert summary["cases"] == 6
    (path,) = (fuzz_laws.folder / "findings").glob("*/finding.json")
    assert json.loads(path.read_text("utf-8"))["number"] == NUMBER
    (case,) = load_cases(path.parent / "found.case.json")
    assert is_deadly(case)
    # The engine is asked for one cut at a time.
    assert len(case.cuts) == 1
    assert "dying_engines.py" in (path.parent / "report.txt").read_text("utf-8")
