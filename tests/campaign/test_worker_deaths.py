"""A worker that crashes, hangs or hoards is a finding, and the campaign goes on."""

import json
import os
import signal
import time
from contextlib import closing
from pathlib import Path

import pytest
from dying_engines import NUMBER, SEED, is_deadly
from waiting import wait_until

from harness.campaign import processes
from harness.campaign.processes import Limits, Processes, _signal_name
from harness.campaign.protocol import Setup
from harness.campaign.running import Running, case_in_hand, read_running
from harness.campaign.watchdog import children
from harness.generate import Profile
from reference.definition.errors import InputError
from reference.definition.formats.load import load_cases

CASES = 6


@pytest.mark.parametrize(
    ("engine", "options", "signature"),
    [
        ("segfault", (), "crash: SIGSEGV"),
        pytest.param("killed", (), "crash: SIGKILL", marks=pytest.mark.slow),
        pytest.param("exiting", (), "crash: exit code N", marks=pytest.mark.slow),
        ("hanging", ("--hang-seconds", 4.5, "--no-replay"), "hang: nothing begun or ended for N.N seconds"),
        ("hoarding", ("--memory", "500MiB", "--no-replay"), "memory: more than N MiB"),
    ],
)
def test_a_death_is_a_finding(fuzz, engine, options, signature):
    done = fuzz(
        "--engines", f"reference,{engine}", "--jobs", 1, "--cases", CASES, "--seed", SEED, "--keep", 1, *options
    )
    assert done.returncode == 1, done.stderr
    signature = f"engine_failure worker {signature}"
    summary = fuzz.summary()
    assert summary["findings"] == {signature: 1}
    assert summary["cases"] == CASES == 1 + summary["verdicts"]["agree"]
    state = "not replayed" if "--no-replay" in options else "confirmed"
    assert summary["states"] == {state: 1}
    (data,) = (json.loads(path.read_text("utf-8")) for path in (fuzz.folder / "findings").glob("*/finding.json"))
    assert (data["signature"], data["state"]) == (signature, state)
    directory = next((fuzz.folder / "findings").glob("*/finding.json")).parent
    (case,) = load_cases(directory / "found.case.json")
    assert is_deadly(case)
    assert data["number"] == NUMBER
    listed = (fuzz.folder / "findings" / "index.txt").read_text("utf-8").splitlines()
    assert listed == [signature, f"  {state:<12}  {directory.name}"]
    assert len(case.cuts) == 1
    if engine in {"segfault", "hanging", "hoarding"}:
        # Where it stood, from the worker's last words.
        assert "dying_engines.py" in (directory / "report.txt").read_text("utf-8")


def test_a_worker_that_is_told_to_stop_is_replaced(fuzz):
    with fuzz.start(
        "--engines", "reference,twin", "--jobs", 1, "--cases", 60, "--seed", SEED, "--no-filling"
    ) as campaign:
        wait_until(lambda: fuzz.batches() >= 1)
        (worker,) = (pid for pid in children()[campaign.pid] if b"harness.campaign.worker" in arguments_of(pid))
        os.kill(worker, signal.SIGTERM)
        stdout, stderr = campaign.communicate(timeout=120)
    assert campaign.returncode == 0, stdout + stderr
    assert fuzz.summary()["cases"] == 60


def arguments_of(pid):
    return Path(f"/proc/{pid}/cmdline").read_bytes()


@pytest.mark.parametrize(("number", "name"), [(9, "SIGKILL"), (35, "signal 35")])
def test_the_signal_that_ended_a_worker_is_named(number, name):
    assert _signal_name(number) == name


def test_a_worker_that_never_gets_ready_is_killed(tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "_OPENING_SECONDS", 0.0)
    setup = Setup(("reference",), 1, Profile())
    crew = Processes(setup, tmp_path, 1, Limits(), lambda *_: None)
    with (
        closing(crew),
        pytest.raises(InputError, match="a worker cannot be started: hang: nothing begun or ended for 0 s"),
    ):
        crew.open(lambda: False)


def test_a_file_that_was_being_written_names_the_case(tmp_path):
    """The worker was killed between the new text and the cut after it."""
    file = tmp_path / "worker"
    file.write_text('{"number": 3, "since": 1.0, "phase": "comparing"}\n{"format": "fragdi\nrest of before\n', "utf-8")
    running = read_running(file)
    assert running == Running(3, 1.0, "comparing", '{"format": "fragdi')
    case = case_in_hand(running, Setup(("reference",), 1, Profile()))
    assert case.name == "generated-1-3"


def test_a_machine_that_stood_still_is_no_hang(fuzz):
    """Stopped for longer than the limit, the campaign first and its worker last to go on: nobody listened, nobody is killed."""
    with fuzz.start(
        "--engines", "reference,twin", "--jobs", 1, "--cases", 300, "--seed", SEED, "--hang-seconds", 4
    ) as campaign:
        running = fuzz.folder / "findings" / "running" / "worker-1"
        wait_until(lambda: running.exists() and '"number"' in running.read_text("utf-8"))
        (worker,) = (pid for pid in children()[campaign.pid] if b"harness.campaign.worker" in arguments_of(pid))
        try:
            for each in (campaign.pid, worker):
                os.kill(each, signal.SIGSTOP)
            time.sleep(9)
        finally:
            os.kill(campaign.pid, signal.SIGCONT)
            time.sleep(1)
            os.kill(worker, signal.SIGCONT)
        stdout, stderr = campaign.communicate(timeout=120)
    assert campaign.returncode == 0, stdout + stderr
    summary = fuzz.summary()
    assert (summary["cases"], summary["findings"]) == (300, {})
