"""The supervisor: gives out batches, commits what comes back, keeps findings and has them completed.

Nothing is known to the campaign before it is committed, and a batch is committed with all it adds. So whatever happens to this
process or to a worker, the numbers that are not in the state are run again, and only those.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

from harness.campaign.crew import Crew, Died
from harness.campaign.deaths import totals_of
from harness.campaign.events import (
    AcceptanceLearnt,
    BatchBegun,
    BatchFinished,
    CampaignFinished,
    CampaignResumed,
    CampaignStarted,
    CompletingBegun,
    Event,
    FindingReplayed,
    FindingReported,
    FindingShrunk,
    Listener,
    WorkerDied,
)
from harness.campaign.findings import NOT_REPLAYED, Findings
from harness.campaign.giving import Giving
from harness.campaign.keeper import ComparisonKeeper
from harness.campaign.keeping import set_state
from harness.campaign.law_counts import LawCounts
from harness.campaign.numbers import Numbers
from harness.campaign.protocol import (
    AgainTask,
    BatchDone,
    BatchTask,
    Completed,
    Difference,
    Learnt,
    Message,
    Replayed,
    Setup,
    Shrunk,
    Survived,
    Task,
)
from harness.campaign.running import GENERATING, Running
from harness.campaign.slow import thresholds
from harness.campaign.slow_files import SlowFiles
from harness.campaign.state import Batch, CampaignState
from harness.campaign.totals import Totals
from harness.coverage import CoverageMap
from harness.coverage.map import Smallest
from harness.laws.keeper import LawKeeper
from reference.definition.errors import InputError

_TICK_SECONDS = 0.5
_DEATHS_IN_A_ROW = 3
"""Of workers that had begun nothing: then it is not the cases."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run is to do. ``cases`` is for the whole campaign, ``seconds`` for this run; None: without end."""

    out: Path
    """For findings."""
    place: Path
    """For everything else."""
    first: int = 0
    cases: int | None = None
    seconds: float | None = None
    kept_per_signature: int = 3
    """Further cases with the same signature are counted, neither written nor shrunk: they tell nothing new."""


def _empty_totals(setup: Setup, plan: Plan) -> Totals:
    return Totals(setup.engines, setup.seed, plan.first, laws=LawCounts() if setup.laws else None)


class Supervisor:
    """One run of a campaign. Give it a crew with :meth:`run`; what the crew says goes to :meth:`deliver`."""

    def __init__(
        self,
        plan: Plan,
        setup: Setup,
        state: CampaignState,
        earlier: CoverageMap,
        listeners: Sequence[Listener],
        stopped: Callable[[], bool],
    ) -> None:
        self._plan = plan
        self._setup = setup
        self._state = state
        self._listeners = list(listeners)
        self._asked_to_stop = stopped
        self._began = time.monotonic()
        self._used_up = False
        self._learnt: AcceptanceLearnt | None = None
        """Told when the campaign has begun."""
        self._lost_reader: BrokenPipeError | None = None
        self._deaths = 0
        self._tasks: dict[str, Task] = {}
        self._ends_batch = False
        self.totals, self.run_totals = _empty_totals(setup, plan), _empty_totals(setup, plan)
        keeper = LawKeeper(setup, plan.out, self._so_far) if setup.laws else ComparisonKeeper(setup, plan.out)
        self._findings = Findings(setup, plan.out, plan.kept_per_signature, state, keeper, self._emit)
        self._slow = SlowFiles(plan.place, state.slow())
        with state.intact():
            self._load(earlier)

    def _load(self, earlier: CoverageMap) -> None:
        state, plan = self._state, self._plan
        for added in state.totals():
            self.totals.add(added)
        done = state.done()
        if self.totals.cases != (cases := sum(count for _, count in done)):
            raise ValueError(f"batches of {cases} cases count {self.totals.cases}")
        self._findings.count(self.totals.findings)
        self.totals.coverage = state.coverage()
        self._covered = CoverageMap()
        self._covered.merge(earlier)
        self._covered.merge(self.totals.coverage)
        self._seconds_before = self.totals.seconds = state.seconds()
        self.totals.states = state.states()
        end = None if plan.cases is None else plan.first + plan.cases
        numbers = Numbers(done, plan.first, end)
        self._giving = Giving(numbers, self._covered, plan.kept_per_signature, filling=self._setup.filling)

    # ---- the run ----------------------------------------------------------------------------------------------------

    def should_stop(self) -> bool:
        """Whether the case in hand is the last; asked by tasks that are done in this process."""
        return self._stopped() or self._ends_batch

    def run(self, crew: Crew) -> None:
        """Run until cases or time are used up, or somebody asks to stop.

        Raises InputError when something cannot be read or written, and when the engines cannot be had; and BrokenPipeError,
        after everything is in order, when nobody reads what is printed.
        """
        self._crew = crew
        runs, was_killed = self._state.run_count(), self._state.last_run_was_killed()
        self._run: int | None = None
        has_begun, ending = False, "failed"
        try:
            # Engines that cannot be had are an error and nothing else: there is no campaign to report on.
            crew.open(self._stopped)
            self._giving.open(crew.jobs, remembers=crew.remembers)
            has_begun = True
            self._begin(runs, was_killed)
            self._began = time.monotonic()
            self._run = self._state.begin_run(crew.jobs, time.time())
            self._work(crew)
            ending = "finished" if self._used_up else "stopped"
        except (KeyboardInterrupt, SystemExit):
            ending = "interrupted"
            raise
        finally:
            crew.close()
            if has_begun:
                self._finish(ending)
        if self._lost_reader is not None:
            raise self._lost_reader

    def _begin(self, runs: int, was_killed: bool) -> None:
        setup, first = self._setup, self._plan.first
        if runs:
            cases = self.totals.cases
            self._emit(CampaignResumed(setup.engines, setup.seed, first, cases, runs, was_killed, setup.laws))
        else:
            self._emit(CampaignStarted(setup.engines, setup.seed, first, setup.laws))
        if self._learnt is not None:
            self._emit(self._learnt)

    def _work(self, crew: Crew) -> None:
        has_stopped = False
        while True:
            if self._stopped() and not has_stopped:
                has_stopped = True
                crew.stop()
            self._assign(crew)
            if not crew.is_busy and (self._stopped() or not self._has_work()):
                return
            crew.wait(_TICK_SECONDS)

    def _finish(self, ending: str) -> None:
        """The last event and the run's end, whatever has gone wrong before; the first error is the one to be told."""
        self._take_time()
        with suppress(InputError) if ending in {"failed", "interrupted"} else nullcontext():
            if self._run is not None:
                self._state.end_run(self._run, time.time(), ending)
            self._findings.list_kept()
            self._emit(CampaignFinished(self.totals, self.run_totals, ending != "finished", ending == "failed"))

    def _stopped(self) -> bool:
        return self._lost_reader is not None or self._asked_to_stop()

    def _elapsed(self) -> float:
        return time.monotonic() - self._began

    def _so_far(self) -> tuple[int, float]:
        return self.totals.judged, self._seconds_before + self._elapsed()

    def _take_time(self) -> None:
        self.run_totals.seconds = self._elapsed()
        self.totals.seconds = self._seconds_before + self._elapsed()

    def _emit(self, event: Event) -> None:
        for listener in tuple(self._listeners):
            try:
                listener(event)
            except BrokenPipeError as error:
                # Whoever read the output has gone. That ends the campaign, in order, and must not take a case along.
                self._lost_reader = error
                self._listeners.remove(listener)

    # ---- giving -----------------------------------------------------------------------------------------------------

    def _has_work(self) -> bool:
        if self._findings.are_waiting:
            return True
        seconds = self._plan.seconds
        is_late = seconds is not None and self._elapsed() >= seconds
        self._used_up = is_late or not self._giving.has_more
        return not self._used_up

    def _assign(self, crew: Crew) -> None:
        for worker in crew.free():
            if self._stopped() or not self._has_work():
                return
            task = self._completing() or self._batch(worker)
            if task is None:
                return
            self._tasks[worker] = task
            self._ends_batch = False
            if isinstance(task, BatchTask):
                self._emit(BatchBegun(worker, task.first, task.count))
            else:
                self._emit(CompletingBegun(worker, Path(task.directory)))
            crew.give(worker, task)

    def _completing(self) -> Task | None:
        """Findings come first, but half of the workers go on looking for others as long as there are cases."""
        busy = sum(not isinstance(task, BatchTask) for task in self._tasks.values())
        if self._giving.has_more and busy >= max(1, self._crew.jobs // 2):
            return None
        return self._findings.task()

    def _batch(self, worker: str) -> Task | None:
        seconds = None if self._plan.seconds is None else self._plan.seconds - self._elapsed()
        if seconds is not None and seconds <= 0:
            return None
        return self._giving.batch(worker, self._elapsed(), seconds, thresholds(self._slow.rows))

    # ---- taking -----------------------------------------------------------------------------------------------------

    def deliver(self, worker: str, said: Message | Died) -> None:
        """A worker has said something, or died; InputError when it cannot be kept."""
        match said:
            case Died():
                self._died(worker, said)
            case Learnt(accepted, lines, seconds):
                self._state.learnt(accepted)
                self._learnt = AcceptanceLearnt(tuple(lines), seconds)
            case Difference():
                # Whoever does everything itself completes a finding before it goes on.
                self._ends_batch |= self._findings.differ(said)
            case BatchDone():
                self._batch_done(worker, said)
            case Replayed(directory, again, reason, text):
                self._emit(FindingReplayed(self._findings.signature(directory), Path(directory), again, reason, text))
            case Shrunk(directory, again, finished, seconds, nodes, text):
                signature = self._findings.signature(directory)
                self._emit(FindingShrunk(signature, Path(directory), again, finished, seconds, nodes, text))
            case Completed(directory, state, full_signature, localised, cut_short):
                del self._tasks[worker]
                if not cut_short:
                    self._become(directory, state, full_signature)
                signature = self._findings.signature(directory)
                self._emit(FindingReported(signature, Path(directory), state, full_signature, localised))
            case Survived(directory, verdict):
                del self._tasks[worker]
                self._settle(directory, "not stable", f"another worker compared it: {verdict}")

    def _batch_done(self, worker: str, done: BatchDone) -> None:
        task = self._tasks.pop(worker)
        assert isinstance(task, BatchTask)
        self._deaths = 0
        for difference in done.differences:
            self._findings.differ(difference)
        self._giving.done(task, done)
        if done.count:
            self._commit(worker, done)

    def _commit(self, worker: str, done: BatchDone) -> None:
        rows = self._findings.rows(done.first, done.count)
        new_cells = sum(not self._covered.counts[each] for each, *_ in done.coverage)
        assert self._run is not None, "a batch belongs to a run"
        with self._slow.after(done.slow) as slow:
            self._state.commit(Batch(done, self._run, worker, new_cells, rows, slow))
        for each, times, name, size, row in done.coverage:
            for coverage in (self.totals.coverage, self._covered, self.run_totals.coverage):
                coverage.put(each, times, Smallest(name, size, row))
        for totals in (self.totals, self.run_totals):
            totals.add(done.totals)
            totals.states.update(row.state for row in rows if row.directory is not None)
        self._take_time()
        self._findings.committed(rows)
        seconds = done.finished - done.started
        self._emit(BatchFinished(worker, done.first, done.count, seconds, new_cells, self.totals))

    def _become(self, directory: str, state: str, full_signature: str | None) -> None:
        """What became of a kept finding."""
        self._state.set_finding(Path(directory).name, state, full_signature)
        self.totals.states = self._state.states()

    def _died(self, worker: str, died: Died) -> None:
        task, running = self._tasks.pop(worker), died.running
        self._giving.forget(worker)
        self._emit(WorkerDied(worker, died.reason, None if running is None else running.number))
        if isinstance(task, BatchTask):
            self._died_of_case(worker, task, died)
        elif isinstance(task, AgainTask) and running is not None:
            self._settle(task.directory, "confirmed", f"a new worker died of it too: {died.reason}")
        elif self._findings.failed(task):
            self._settle(task.directory, NOT_REPLAYED, f"workers died of completing it: {died.reason}")

    def _settle(self, directory: str, state: str, reason: str) -> None:
        """What became of a finding that nobody completes."""
        set_state(Path(directory), state, reason)
        self._become(directory, state, None)

    def _died_of_case(self, worker: str, task: BatchTask, died: Died) -> None:
        running = died.running
        if died.is_lost and task.count > 1:
            self._giving.halve(task)
            return
        if died.is_lost:
            # With nobody to tell how far it was, the number is all that is known of the case.
            running = Running(task.first, time.time(), GENERATING, "")
        if running is None or not task.first <= running.number < task.first + task.count:
            self._giving.give_back([(task.first, task.count)])
            self._deaths += 1
            if self._deaths >= _DEATHS_IN_A_ROW:
                raise InputError(f"workers end before they begin a case: {died.reason}\n{died.detail}".rstrip())
            return
        self._deaths = 0
        number = running.number
        row = self._findings.died(died, running)
        self._giving.give_back([(task.first, number - task.first), (number + 1, task.first + task.count - number - 1)])
        now = time.time()
        totals = totals_of(row.signature, laws=self._setup.laws)
        self._commit(worker, BatchDone(number, 1, running.since, now, totals, [], [], []))
