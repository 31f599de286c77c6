"""A campaign on a cluster of two worker processes, one of them killed: every batch is done exactly once."""

import contextlib
import json
import signal
import subprocess
import sys

import pytest
from waiting import wait_until

pytest.importorskip("distributed", reason="needs dask[distributed]")


@pytest.fixture
def cluster(fuzz, tmp_path):
    """(address, scheduler, workers): processes, ended at the end."""
    file = tmp_path / "scheduler.json"
    environment = {**fuzz.environment, "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "1"}
    started = []

    def start(module, *options):
        command = [sys.executable, "-m", f"distributed.cli.{module}", *options, "--scheduler-file", str(file)]
        with (tmp_path / f"{module}-{len(started)}.log").open("w") as log:
            process = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=log, stderr=subprocess.STDOUT)
        started.append(process)
        return process

    scheduler = start("dask_scheduler", "--port", "0", "--no-dashboard", "--host", "127.0.0.1")
    wait_until(lambda: file.exists() and file.read_text("utf-8"))
    address = json.loads(file.read_text("utf-8"))["address"]
    worker = ("--nthreads", "1", "--no-nanny", "--no-dashboard", "--memory-limit", "0", "--host", "127.0.0.1")
    workers = [start("dask_worker", *worker) for _ in range(2)]
    yield address, scheduler, workers
    for process in started:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        process.wait()


def test_a_worker_of_the_cluster_is_killed(fuzz, cluster):
    address, _, workers = cluster
    options = ("--engines", "reference,wrong-mul", "--seed", 1, "--no-filling", "--keep", 1, "--shrink-seconds", 0)
    options = (*options, "--no-replay", "--cases", 60)
    with fuzz.start(*options, "--cluster", address, "--out", "out") as campaign:
        wait_until(lambda: fuzz.batches("out") >= 2)
        workers[0].send_signal(signal.SIGKILL)
        _, stderr = campaign.communicate(timeout=120)
    assert campaign.returncode == 1, stderr
    assert workers[1].poll() is None
    batches = fuzz.rows("SELECT first, count FROM batches ORDER BY first", "out")
    assert [number for first, count in batches for number in range(first, first + count)] == list(range(60))
    # The same as without a cluster.
    fuzz(*options, "--out", "here")
    one, other = fuzz.summary("out"), fuzz.summary("here")
    assert {name: one[name] for name in ("verdicts", "counts", "findings", "cuts", "coverage")} == {
        name: other[name] for name in ("verdicts", "counts", "findings", "cuts", "coverage")
    }
    assert fuzz.rows("SELECT number, signature FROM findings ORDER BY number", "out") == fuzz.rows(
        "SELECT number, signature FROM findings ORDER BY number", "here"
    )


def test_an_engine_that_crashes_takes_no_worker_along(fuzz, cluster):
    address, _, workers = cluster
    done = fuzz("--engines", "reference,segfault", "--cluster", address, "--cases", 6, "--seed", 14, "--no-replay")
    assert done.returncode == 1, done.stderr
    assert fuzz.summary()["findings"] == {"engine_failure worker crash: SIGSEGV": 1}
    assert fuzz.rows("SELECT number FROM findings") == [(3,)]
    assert [each.poll() for each in workers] == [None, None]


def test_a_cluster_that_is_not_there(fuzz):
    done = fuzz("--engines", "reference,twin", "--cluster", "tcp://127.0.0.1:9", "--cases", 6)
    assert done.returncode == 2
    assert "--cluster: the cluster at tcp://127.0.0.1:9 does not answer" in done.stderr
