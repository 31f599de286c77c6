"""How campaigns end, and what the next run makes of it."""

import json
import os
import signal
import time

import pytest
from dying_engines import NUMBER, SEED
from reading import rows_of, summary_of
from waiting import wait_until

from harness.campaign.profiles import campaign_profile
from reference.definition.formats.load import load_cases

WRONG = ("--engines", "reference,wrong-mul", "--seed", 1, "--no-filling", "--keep", 1, "--no-replay")


def test_a_finding_that_was_kept_is_completed_by_the_next_run(fuzz):
    options = (*WRONG, "--cases", 6, "--jobs", 1)
    with fuzz.start(*options, "--shrink-seconds", 300) as campaign:
        findings = fuzz.folder / "findings"
        wait_until(lambda: list(findings.glob("*/smallest.case.json")))
        os.killpg(campaign.pid, signal.SIGKILL)
        campaign.communicate()
    assert fuzz.rows("SELECT state FROM findings WHERE directory IS NOT NULL") == [("new",)]
    cases = fuzz.rows("SELECT sum(count) FROM batches")[0][0]
    done = fuzz(*options, "--shrink-seconds", 1)
    assert "; the last one was killed" in done.stdout
    assert fuzz.rows("SELECT state FROM findings WHERE directory IS NOT NULL") == [("not replayed",)]
    (directory,) = {path.parent for path in findings.glob("*/found.case.json")}
    assert json.loads((directory / "finding.json").read_text("utf-8"))["state"] == "not replayed"
    assert (directory / "report.html").exists()
    assert (fuzz.summary()["cases"], fuzz.summary()["run"]["cases"]) == (6, 6 - cases)
    kinds = [json.loads(line)["event"] for line in (findings / "events.jsonl").read_text("utf-8").splitlines()]
    assert kinds[0] == "started"
    assert kinds[kinds.index("resumed") :].count("reported") == 1
    assert kinds[-1] == "finished"


def test_stopped_twice_it_ends_at_once(fuzz):
    options = ("--engines", "reference,hanging", "--seed", SEED, "--cases", 6, "--jobs", 1)
    with fuzz.start(*options) as campaign:
        running = fuzz.folder / "findings" / "running" / "worker-1"
        wait_until(lambda: running.exists() and f'"number": {NUMBER}' in running.read_text("utf-8"))
        campaign.send_signal(signal.SIGINT)
        # The first signal has been taken when its handler is Python's own again.
        time.sleep(3.0)
        campaign.send_signal(signal.SIGINT)
        _, stderr = campaign.communicate(timeout=120)
    assert (campaign.returncode, stderr) == (130, "fragdiff: interrupted\n")
    assert fuzz.rows("SELECT ending FROM runs") == [("interrupted",)]
    # The batch that hung is not known; the next run has it once more, and this time it is a finding.
    done = fuzz(*options, "--hang-seconds", 5, "--no-replay")
    assert done.returncode == 1
    assert fuzz.summary()["cases"] == 6
    assert fuzz.rows("SELECT number, state FROM findings") == [(NUMBER, "not replayed")]


@pytest.mark.slow
def test_a_death_that_does_not_happen_again_is_not_stable(fuzz):
    done = fuzz("--engines", "reference,crashing-once", "--seed", SEED, "--cases", 6, "--jobs", 1)
    assert done.returncode == 1
    assert f"worker-1 died of case {NUMBER}: crash: SIGSEGV" in done.stdout
    assert fuzz.summary()["states"] == {"not stable": 1}
    report = next((fuzz.folder / "findings").glob("*/report.txt")).read_text("utf-8")
    assert "state       not stable: another worker compared it: agree" in report


@pytest.mark.slow
def test_workers_that_cannot_be_started(fuzz):
    done = fuzz("--engines", "reference,unstartable", "--cases", 6, "--jobs", 2)
    assert (done.returncode, done.stdout) == (2, "")
    assert "a worker cannot be started: crash: exit code 9" in done.stderr


def test_an_engine_that_no_worker_can_use(fuzz):
    done = fuzz("--engines", "reference,nobody", "--cases", 6, "--jobs", 2)
    assert (done.returncode, done.stdout) == (2, "")
    assert "there is no engine called 'nobody'" in done.stderr


def test_slow_cases_are_kept_as_files(fragdiff, tmp_path):
    findings = tmp_path / "findings"
    fragdiff("fuzz", "--no-audit", "--engines", "reference,honest", "--cases", 40, "--seed", 2, "--no-filling")
    rows = rows_of(findings, "SELECT number, seconds, rows, file FROM slow ORDER BY number")
    # A batch keeps at least three, and on a quick machine the 40 cases are one batch.
    assert 3 <= len(rows) <= 20
    assert {str(path.relative_to(findings)) for path in (findings / "slow").iterdir()} == {file for *_, file in rows}
    for number, seconds, compared, file in rows:
        (case,) = load_cases(findings / file)
        assert case.name.endswith(f"-{number}")
        assert seconds > 0
        assert compared >= 0


def test_a_profile_gives_what_is_left_out(fragdiff, tmp_path):
    assert campaign_profile("long").seconds is None
    assert campaign_profile("nightly").seconds == 8 * 3600
    assert campaign_profile("long").max_rows == 1000
    result = fragdiff("fuzz", "--engines", "reference,honest", "--profile", "smoke", "--seconds", 0.5, "--max-rows", 20)
    assert result.exit_code == 0
    ((profile,),) = rows_of(tmp_path / "findings", "SELECT value FROM meta WHERE key = 'profile'")
    assert json.loads(profile)["max_rows"] == 20
    assert summary_of(tmp_path / "findings")["seconds"] < 30
