"""Killed at any moment, a campaign goes on with what is missing: nothing lost, nothing counted twice."""

import os
import random
import signal
import time
from collections import Counter
from pathlib import Path

import pytest
from faulty_engines import WrongMul
from reading import rows_of, summary_of
from waiting import wait_until

from harness.backends.reference import ReferenceEngine
from harness.campaign import CaseCompared, Settings, Totals, run_cases
from harness.campaign.protocol import Json
from harness.coverage import cell
from harness.verdict import Verdict

SEED = 1
CASES = 40
OPTIONS = ("--engines", "reference,wrong-mul", "--seed", SEED, "--no-filling", "--keep", 2, "--shrink-seconds", 0)


@pytest.fixture(scope="module")
def uninterrupted():
    """What the cases give without a campaign around them: totals, coverage by cell, signatures by number."""
    found = {}

    def listen(event):
        if isinstance(event, CaseCompared) and event.comparison.verdict is Verdict.DIFFER:
            found[event.number] = event.comparison.divergences[0].signature

    settings = Settings(SEED, cases=CASES, audit=False, filling=False)
    totals = run_cases(settings, [ReferenceEngine(), WrongMul()], [listen])
    assert 3 < len(found) < CASES
    totals.findings = Counter(found.values())
    numbers = {cell(each).text: int(totals.coverage.counts[each]) for each in totals.coverage.smallest}
    return without_time(totals.addable()), numbers, found


def without_time(totals: Json) -> Json:
    return {name: value for name, value in totals.items() if name != "comparing_seconds"}


def workers_of(folder: Path) -> list[int]:
    """Worker processes whose running file is in the folder."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            arguments = (entry / "cmdline").read_bytes().split(b"\0") if entry.name.isdecimal() else []
        except OSError:
            continue
        if b"harness.campaign.worker" in arguments and any(str(folder).encode() in each for each in arguments):
            found.append(int(entry.name))
    return found


def kill_until_finished(fuzz, out, draw, most_kills, jobs, longest=9.0):
    """Start the campaign, kill it after some time, again and again; how often it was killed."""
    kills = 0
    while True:
        process = fuzz.start(*OPTIONS, "--cases", CASES, "--jobs", jobs, "--no-replay", "--out", out)
        if kills == most_kills:
            _, stderr = process.communicate(timeout=300)
            assert process.returncode == 1, stderr
            return kills
        # Any moment from before the state is opened to after the last batch.
        deadline = time.monotonic() + draw.uniform(0.2, longest)
        while process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        if process.poll() is not None:
            _, stderr = process.communicate()
            assert process.returncode == 1, stderr
            return kills
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        kills += 1
        # Nobody is left behind.
        wait_until(lambda: not workers_of(fuzz.folder))


def check(directory, uninterrupted):
    totals, coverage, found = uninterrupted
    batches = rows_of(directory, "SELECT first, count FROM batches ORDER BY first")
    numbers = [number for first, count in batches for number in range(first, first + count)]
    assert numbers == list(range(CASES))
    shown = Totals((), 0, 0)
    shown.add(summary_of(directory))
    assert without_time(shown.addable()) == totals
    assert dict(rows_of(directory, "SELECT cell, times FROM coverage")) == coverage
    rows = rows_of(directory, "SELECT number, signature, directory, state FROM findings ORDER BY number")
    assert {number: signature for number, signature, *_ in rows} == found
    assert len(rows) == len(found)
    kept = {name for *_, name, _ in rows if name is not None}
    assert kept == {path.parent.name for path in directory.glob("*/found.case.json")}
    assert {state for *_, name, state in rows if name is not None} == {"not replayed"}
    # Every signature is kept as often as was asked, or as often as it was found.
    by_signature = Counter(signature for _, signature, name, _ in rows if name is not None)
    assert all(by_signature[signature] >= min(2, times) for signature, times in totals["findings"].items())
    # The runs that were killed have no end.
    assert rows_of(directory, "SELECT ending FROM runs ORDER BY id DESC LIMIT 1") == [("finished",)]


def test_killed_three_times(fuzz, uninterrupted):
    # A machine that is quick is done before the first moment comes; then moments are drawn earlier.
    for longest in (4.0, 2.0, 1.0, 0.5):
        out = f"within-{longest}"
        kills = kill_until_finished(fuzz, out, random.Random(7), 3, 2, longest)
        check(fuzz.folder / out, uninterrupted)
        if kills:
            return
    pytest.fail("the campaign was over before it could be killed")


@pytest.mark.slow
def test_killed_fifty_times(fuzz, uninterrupted):
    draw = random.Random(50)
    kills = campaigns = 0
    while kills < 50:
        out = f"campaign-{campaigns}"
        kills += kill_until_finished(fuzz, out, draw, min(9, 50 - kills), draw.choice([1, 2, 3]))
        check(fuzz.folder / out, uninterrupted)
        campaigns += 1
    print(f"{kills} kills, {campaigns} campaigns of {CASES} cases")


def test_a_campaign_without_workers_goes_on_too(fragdiff, uninterrupted, tmp_path):
    options = ("fuzz", "--no-audit", *OPTIONS, "--no-replay")
    fragdiff(*options, "--cases", 13)
    done = fragdiff(*options, "--cases", CASES)
    assert "going on after 13 cases in 1 run" in done.stdout
    assert f"this run: {CASES - 13} cases" in done.stdout
    check(tmp_path / "findings", uninterrupted)
    once_more = fragdiff(*options, "--cases", CASES)
    assert once_more.exit_code == 1
    assert "this run: 0 cases" in once_more.stdout
    check(tmp_path / "findings", uninterrupted)
