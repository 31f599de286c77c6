"""Tasks are done here, one after another, by whoever has the engines open: this process or a worker."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from harness.backend import Engine
from harness.campaign.batch import learn, run_batch
from harness.campaign.completing import complete
from harness.campaign.keeping import read_finding
from harness.campaign.protocol import AgainTask, BatchTask, CompleteTask, Message, Setup, Survived, Task
from harness.campaign.running import RunningFile
from harness.compare import compare
from harness.compiled_hash import compiled_hash
from harness.coverage import CoverageMap


class Doing(Protocol):
    """Whoever does the tasks."""

    def prepare(self) -> None:
        """Whatever has to be done before the first task."""

    def do(self, task: Task) -> Message:
        """Do the task; the message that ends it. Raises InputError when something cannot be read or written."""


class Comparing:
    """Engines that are compared."""

    def __init__(
        self,
        setup: Setup,
        engines: Sequence[Engine],
        running: RunningFile,
        say: Callable[[Message], None],
        stopped: Callable[[], bool],
    ) -> None:
        self._setup = setup
        self._engines = engines
        self._running = running
        self._say = say
        self._stopped = stopped
        self._covered = CoverageMap()
        self._is_cold = True

    def prepare(self) -> None:
        """They are ready."""

    def do(self, task: Task) -> Message:
        """As :meth:`Doing.do`."""
        match task:
            case BatchTask():
                return self._batch(task)
            case CompleteTask(directory):
                return self._complete(directory)
            case AgainTask(directory):
                return self._again(Path(directory))

    def _batch(self, task: BatchTask) -> Message:
        if task.afresh:
            self._covered = CoverageMap()
        learn(self._covered, task.covered)
        is_first, self._is_cold = self._is_cold, False
        return run_batch(
            self._setup,
            task,
            self._engines,
            self._covered,
            is_first=is_first,
            listeners=[self._running],
            say=self._say,
            stopped=self._stopped,
        )

    def _complete(self, directory: str) -> Message:
        with compiled_hash():
            return complete(Path(directory), self._setup, self._engines, self._say, self._running.alive, self._stopped)

    def _again(self, directory: Path) -> Message:
        finding = read_finding(directory)
        self._running.begin(finding.number, finding.case)
        comparison = compare(finding.case, self._engines, audit=self._setup.audit)
        self._running.clear()
        return Survived(str(directory), comparison.verdict.value)
