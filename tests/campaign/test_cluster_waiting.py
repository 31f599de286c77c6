"""A scheduler that has no workers, or goes itself: what is said of it, and that it is not waited for without end."""

from types import SimpleNamespace

import pytest
from dask_processes import DaskProcesses

from harness.campaign.cluster import Cluster
from harness.campaign.processes import Limits
from harness.campaign.protocol import Setup
from harness.generate import Profile
from reference.definition.errors import InputError

pytest.importorskip("distributed", reason="needs dask[distributed]")

LIMITS = Limits()


def made_cluster(folder, client, limits=LIMITS, say=print):
    """A crew of a scheduler that is an object of this process."""
    crew = Cluster("tcp://there:1", Setup(("reference",), 1, Profile()), limits, folder, lambda *_: None, say)
    crew._client = client
    return crew


class Scheduler:
    """Has as many threads as is said."""

    threads = 0

    def nthreads(self):
        return {"a": self.threads} if self.threads else {}


@pytest.fixture
def clock(monkeypatch):
    """A monotonic clock of the cluster that stands still until it is told."""
    now = [1000.0]
    monkeypatch.setattr("harness.campaign.cluster.time", SimpleNamespace(monotonic=lambda: now[0]))
    return now


def test_a_scheduler_that_goes_meanwhile(tmp_path):
    class Lost:
        def nthreads(self):
            raise OSError("connection reset by peer")

    crew = made_cluster(tmp_path, Lost())
    with pytest.raises(InputError, match="the cluster at tcp://there:1 does not answer as it should: connection reset"):
        crew.free()


@pytest.mark.parametrize(("given", "patience"), [(LIMITS, 120), (Limits(600.0), 120), (Limits(45.0), 45)])
def test_missing_workers_are_waited_for_aloud_and_not_for_ever(tmp_path, clock, given, patience):
    said = []
    scheduler = Scheduler()
    crew = made_cluster(tmp_path, scheduler, given, said.append)
    begin = clock[0]
    for second in range(patience):
        clock[0] = begin + second
        crew.free()
    assert said == [
        "waiting for workers: the scheduler at tcp://there:1 has none",
        *(f"still waiting for workers at tcp://there:1, for {after} s" for after in range(30, patience, 30)),
    ]
    clock[0] = begin + patience
    with pytest.raises(InputError, match=f"--cluster: the scheduler at tcp://there:1 had no workers for {patience} s"):
        crew.free()


def test_a_worker_that_comes_ends_the_waiting(tmp_path, clock):
    said = []
    scheduler = Scheduler()
    crew = made_cluster(tmp_path, scheduler, say=said.append)
    crew.free()
    clock[0] += 119
    crew.free()
    scheduler.threads = 2
    assert crew.free() == ["cluster-1", "cluster-2"]
    scheduler.threads = 0
    clock[0] += 119
    crew.free()
    clock[0] += 119
    crew.free()
    assert len(said) == 4


def test_a_campaign_without_workers_ends(fuzz, environment, tmp_path):
    with DaskProcesses(tmp_path, environment) as dask:
        scheduler = dask.address
        options = ("--engines", "reference,twin", "--cases", 6, "--hang-seconds", 1)
        done = fuzz(*options, "--cluster", scheduler)
    assert (done.returncode, done.stdout) == (2, "")
    waiting, error = done.stderr.splitlines()
    assert waiting == f"waiting for workers: the scheduler at {scheduler} has none"
    assert error.startswith(f"fragdiff: --cluster: the scheduler at {scheduler} had no workers for 1 s; start some")
    assert f"`dask worker {scheduler}`" in error
