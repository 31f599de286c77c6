"""A batch that takes machines along is split until the one case is named; the others are done exactly once."""

import json
import time
from contextlib import closing
from dataclasses import replace

import pytest

from harness.campaign.crew import Died
from harness.campaign.protocol import BatchDone, BatchTask, Completed, Difference, Setup
from harness.campaign.running import Running
from harness.campaign.state import CampaignState, Identity
from harness.campaign.supervisor import Plan, Supervisor
from harness.coverage import CoverageMap
from harness.generate import Profile, generate_case
from harness.reporting import divergence_json
from harness.verdict import Difference as Column
from harness.verdict import Divergence, Kind
from reference.definition.cuts import Every
from reference.definition.formats.case_json import write_case

SETUP = Setup(("one", "two"), 3, Profile(), replaying=False)


class Machines:
    """A crew that compares nothing; ``deadly`` numbers take the machine along, or a worker that can be asked."""

    jobs = 2
    remembers = False

    def __init__(self, deadly, *, is_lost):
        self.deadly = deadly
        self.is_lost = is_lost
        self.given = []
        self.tasks = {}
        self.deliver = None

    def open(self, stopped):
        pass

    def free(self):
        return [name for name in ("a", "b") if name not in self.tasks]

    @property
    def is_busy(self):
        return bool(self.tasks)

    def give(self, worker, task):
        assert isinstance(task, BatchTask)
        assert task.afresh
        self.given.append((task.first, task.count))
        self.tasks[worker] = task

    def wait(self, seconds):
        worker, task = self.tasks.popitem()
        numbers = range(task.first, task.first + task.count)
        deadly = next((number for number in numbers if number in self.deadly), None)
        if deadly is None:
            self.deliver(worker, BatchDone(task.first, task.count, 1.0, 1.5, {"cases": task.count}, [], [], []))
            return
        running = None if self.is_lost else Running(deadly, 1.0, "guiding", "")
        self.deliver(worker, Died(task, "lost: gone", "nobody knows", running, self.is_lost))

    def stop(self):
        pass

    def close(self):
        pass


@pytest.fixture
def supervised(tmp_path):
    """Runs a campaign of 50 cases with a crew; (totals, rows of findings, numbers done)."""

    def run(crew):
        with closing(CampaignState(tmp_path)) as state:
            state.create(Identity(SETUP.engines, SETUP.seed, 0, SETUP.profile), time.time())
            plan = Plan(tmp_path, tmp_path, cases=50, kept_per_signature=2)
            supervisor = Supervisor(plan, SETUP, state, CoverageMap(), [], lambda: False)
            crew.deliver = supervisor.deliver
            supervisor.run(crew)
            done = [number for first, count in state.done() for number in range(first, first + count)]
            return supervisor.totals, done

    return run


@pytest.mark.parametrize("is_lost", [True, False])
@pytest.mark.parametrize("deadly", [{0}, {49}, {13}, {5, 6, 31}, {20, 21}])
def test_the_cases_are_named_and_the_others_done_once(supervised, deadly, is_lost, tmp_path):
    crew = Machines(deadly, is_lost=is_lost)
    totals, done = supervised(crew)
    assert done == list(range(50))
    assert totals.cases == 50
    assert totals.findings == {"engine_failure worker lost: gone": len(deadly)}
    kept = sorted(tmp_path.glob("*/finding.json"))
    assert len(kept) == min(2, len(deadly))
    for path in kept:
        assert (path.parent / "found.case.json").exists() == (not is_lost)
    # A lost batch is halved: no batch is tried more often than it has halves.
    alone = {first for first, count in crew.given if count == 1}
    assert not is_lost or deadly <= alone
    assert len(crew.given) < 50


def test_nothing_is_lost_in_vain(supervised):
    """A crew that loses nothing is asked for no batch twice."""
    crew = Machines(set(), is_lost=True)
    _, done = supervised(crew)
    assert done == list(range(50))
    assert sum(count for _, count in crew.given) == 50


class Clumsy(Machines):
    """Every case of its first batch differs in one way, and whoever completes a finding dies."""

    def __init__(self, deaths):
        super().__init__(set(), is_lost=False)
        self.deaths = deaths
        self.completed = []

    def give(self, worker, task):
        if isinstance(task, BatchTask):
            super().give(worker, task)
        else:
            self.tasks[worker] = task

    def wait(self, seconds):
        worker, task = self.tasks.popitem()
        if isinstance(task, BatchTask):
            differences = [difference(number) for number in range(task.first, task.first + task.count) if number < 4]
            totals = {"cases": task.count, "findings": {"cell one|two": len(differences)}}
            self.deliver(worker, BatchDone(task.first, task.count, 1.0, 1.5, totals, [], differences, []))
        elif self.deaths:
            self.deaths -= 1
            self.deliver(worker, Died(task, "crash: SIGSEGV", "", None))
        else:
            self.completed.append(task.directory)
            self.deliver(worker, Completed(task.directory, "confirmed", "cell one|two x", True, False))


def difference(number):
    case = replace(generate_case(3, number).case, cuts=(Every(1),))
    told = divergence_json(Divergence(Kind.CELL, "one", "two", (Column("stack_0", 1, 2),), 3, None, "ADD", "MUL"))
    return Difference(number, "cell one|two", write_case(case), [told])


@pytest.mark.parametrize(("deaths", "states"), [(0, {"confirmed": 2}), (1, {"confirmed": 2})])
def test_a_finding_is_completed_by_the_next_worker(supervised, deaths, states):
    crew = Clumsy(deaths)
    totals, done = supervised(crew)
    assert done == list(range(50))
    assert (totals.findings, totals.states) == ({"cell one|two": 4}, states)
    assert len(crew.completed) == len(set(crew.completed)) == 2


def test_a_finding_of_which_workers_die_is_given_up(supervised, tmp_path):
    totals, done = supervised(Clumsy(100))
    assert done == list(range(50))
    assert totals.states == {"not replayed": 2}
    for path in tmp_path.glob("*/finding.json"):
        assert json.loads(path.read_text("utf-8"))["state"] == "not replayed"
        report = path.with_name("report.txt").read_text("utf-8")
        assert "state       not replayed: workers died of completing it: crash: SIGSEGV" in report
