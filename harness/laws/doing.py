"""The tasks of a campaign by the laws, done by whoever has the engine open: this process or a worker."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.campaign.events import PlanBegun
from harness.campaign.protocol import (
    AgainTask,
    BatchTask,
    CompleteTask,
    Learnt,
    Message,
    Setup,
    Survived,
    Task,
)
from harness.campaign.running import RunningFile
from harness.compiled_hash import compiled_hash
from harness.laws.acceptance import Accepted, learn, read_accepted
from harness.laws.batch import run_batch
from harness.laws.build import Subject, Told
from harness.laws.completing import complete
from harness.laws.judge import judge
from harness.laws.keeping import read_finding
from harness.laws.record_subject import RecordSubject
from reference.definition.case import Case
from reference.definition.formats.children_first import children_first


class Judging:
    """One engine that is judged; :meth:`harness.campaign.doing.Doing.prepare` learns what it accepts, unless that is known."""

    def __init__(
        self,
        setup: Setup,
        subject: Subject,
        running: RunningFile,
        say: Callable[[Message], None],
        stopped: Callable[[], bool],
    ) -> None:
        self._setup = setup
        self._subject = subject
        self._running = running
        self._say = say
        self._stopped = stopped
        self._accepted: Accepted | None = None
        self._is_cold = True

    def prepare(self) -> None:
        """Learn what the engine accepts, and say so; or read it from the setup."""
        if self._setup.accepted is not None:
            self._accepted = read_accepted(self._setup.accepted)
            if isinstance(self._subject, RecordSubject):
                self._subject.write = self._accepted.naming.write
            return
        began = time.monotonic()
        with compiled_hash(), self._telling(self._alive):
            self._accepted = learn(self._subject)
        seconds = time.monotonic() - began
        self._say(Learnt(self._accepted.as_json(), self._accepted.lines(), round(seconds, 3)))

    def do(self, task: Task) -> Message:
        """As :meth:`harness.campaign.doing.Doing.do`."""
        with compiled_hash():
            match task:
                case BatchTask():
                    return self._batch(task)
                case CompleteTask(directory):
                    with self._telling(self._alive):
                        return complete(Path(directory), self._setup, self._subject, self._say, self._stopped)
                case AgainTask(directory):
                    return self._again(Path(directory))

    def _batch(self, task: BatchTask) -> Message:
        assert self._accepted is not None, "the first task comes after the preparation"
        is_first, self._is_cold = self._is_cold, False
        with self._telling(self._begin_plan):
            return run_batch(
                self._setup,
                task,
                self._subject,
                self._accepted,
                self._running,
                is_first=is_first,
                say=self._say,
                stopped=self._stopped,
            )

    def _again(self, directory: Path) -> Message:
        """Judge the case that ended a worker at the cuts that it had in hand."""
        finding = read_finding(directory)
        case = children_first(finding.case)
        self._running.begin(finding.number, case)
        with self._telling(self._begin_plan):
            judgement = judge(self._subject, case, case.cuts, locating=False)
        self._running.clear()
        return Survived(str(directory), "a law is broken" if judgement.violations else "no law is broken")

    @contextmanager
    def _telling(self, told: Told) -> Iterator[None]:
        before, self._subject.told = self._subject.told, told
        try:
            yield
        finally:
            self._subject.told = before

    def _begin_plan(self, case: Case) -> None:
        self._running(PlanBegun(case))

    def _alive(self, _case: Case) -> None:
        self._running.alive()
