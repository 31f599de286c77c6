"""A campaign on a cluster of two worker processes, one of them killed: every batch is done exactly once."""

import signal

import pytest
from dask_processes import DaskProcesses
from dying_engines import NUMBER, SEED
from reading import rows_of, summary_of
from waiting import wait_until

pytest.importorskip("distributed", reason="needs dask[distributed]")


@pytest.fixture(scope="module")
def cluster(environment, tmp_path_factory):
    """(address, workers, a way to start another): processes, ended at the end."""
    given = {**environment, "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "1"}
    with DaskProcesses(tmp_path_factory.mktemp("cluster"), given) as dask:
        workers = [dask.start_worker("--no-nanny") for _ in range(2)]
        yield dask.address, workers, dask.start_worker


def test_an_engine_that_crashes_takes_no_worker_along(fuzz, cluster):
    address, workers, _ = cluster
    done = fuzz("--engines", "reference,segfault", "--cluster", address, "--cases", 6, "--seed", SEED, "--no-replay")
    assert done.returncode == 1, done.stderr
    assert fuzz.summary()["findings"] == {"engine_failure worker crash: SIGSEGV": 1}
    assert fuzz.rows("SELECT number FROM findings") == [(NUMBER,)]
    assert [each.poll() for each in workers] == [None, None]


def test_an_engine_that_no_worker_of_the_cluster_can_use(fuzz, cluster):
    done = fuzz("--engines", "reference,nobody", "--cluster", cluster[0], "--cases", 6, "--seed", SEED)
    assert (done.returncode, done.stdout) == (2, f"comparing reference with nobody, seed {SEED}\n")
    assert "a worker of the cluster: engine: there is no engine called 'nobody'" in done.stderr


def test_a_worker_of_the_cluster_is_killed(fuzz, fragdiff, cluster, tmp_path):
    address, workers, _ = cluster
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
    fragdiff("fuzz", "--no-audit", *options)
    one, other = fuzz.summary("out"), summary_of(tmp_path / "findings")
    assert {name: one[name] for name in ("verdicts", "counts", "findings", "cuts", "coverage")} == {
        name: other[name] for name in ("verdicts", "counts", "findings", "cuts", "coverage")
    }
    query = "SELECT number, signature FROM findings ORDER BY number"
    assert fuzz.rows(query, "out") == rows_of(tmp_path / "findings", query)


@pytest.mark.parametrize("address", ["", "no address", "foo://localhost:1", "localhost:port"])
def test_what_is_no_address(fragdiff, address):
    result = fragdiff("fuzz", "--engines", "reference,honest", "--cluster", address, "--cases", 6)
    assert result.exit_code == 2
    assert f"--cluster: the cluster at {address} does not answer as it should: " in result.stderr


def test_a_cluster_has_its_own_number_of_workers(fragdiff):
    result = fragdiff("fuzz", "--engines", "reference,honest", "--cluster", "localhost:1", "--jobs", 2)
    assert (result.exit_code, result.stderr) == (
        2,
        "fragdiff: --cluster: has as many workers as the cluster; leave out --jobs\n",
    )


def test_a_cluster_that_is_not_there(fuzz):
    done = fuzz("--engines", "reference,twin", "--cluster", "tcp://127.0.0.1:9", "--cases", 6)
    assert done.returncode == 2
    assert "--cluster: the cluster at tcp://127.0.0.1:9 does not answer" in done.stderr


@pytest.mark.slow
def test_a_case_that_takes_workers_along_is_named(fuzz, cluster):
    """Workers with a nanny that starts them again; each half of a batch takes two along until the case is alone."""
    address, workers, start = cluster
    start()
    for worker in workers:
        worker.kill()
        worker.wait()
    done = fuzz("--engines", "reference,taking-along", "--cluster", address, "--cases", 6, "--seed", SEED)
    assert done.returncode == 1, done.stderr
    assert fuzz.summary()["cases"] == 6
    assert fuzz.rows("SELECT number, signature FROM findings") == [
        (NUMBER, "engine_failure worker lost: with its machine or process")
    ]
