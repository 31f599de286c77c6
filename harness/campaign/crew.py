"""Who does the tasks: the interface that this process, worker processes and clusters have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from harness.campaign.doing import Doing
from harness.campaign.protocol import Message, Task
from harness.campaign.running import Running, RunningFile


@dataclass(frozen=True, slots=True)
class Died:
    """A worker has ended, or was killed, before it did its task."""

    task: Task
    reason: str
    """In a few words, the same for equal deaths."""
    detail: str
    """What it wrote to its standard error last; the place in the program where it stood."""
    running: Running | None
    """The case in hand; None when it had none, or nobody knows."""
    is_lost: bool = False
    """Whether nobody knows: the machine went with the worker."""


Deliver = Callable[[str, Message | Died], None]
"""Is told the worker's name and what it said."""


class Crew(Protocol):
    """Workers by name."""

    @property
    def jobs(self) -> int:
        """How many workers there are."""

    @property
    def remembers(self) -> bool:
        """Whether a worker knows what it was told with earlier tasks."""

    def open(self, stopped: Callable[[], bool]) -> None:
        """Have the engines ready in one worker, so that nothing else has to wait for what they compile.

        ``stopped`` ends the waiting. Raises InputError when the engines cannot be had.
        """

    def free(self) -> Sequence[str]:
        """Names of workers that can be given a task."""

    @property
    def is_busy(self) -> bool:
        """Whether a task is in hand."""

    def give(self, worker: str, task: Task) -> None:
        """Have a free worker do the task."""

    def wait(self, seconds: float) -> None:
        """Deliver what is said within the time; return as soon as something was. Raises InputError as :meth:`open`."""

    def stop(self) -> None:
        """Ask all workers to end their tasks with the cases in hand."""

    def close(self) -> None:
        """End all workers; harmless when there are none."""


class Here:
    """This process does everything itself: nothing is started, and an engine that crashes ends the campaign."""

    NAME: Final = "here"
    jobs = 1
    remembers = True

    def __init__(self, doing: Doing, running: RunningFile, deliver: Deliver) -> None:
        self._doing = doing
        self._running = running
        self._deliver = deliver
        self.is_busy = False

    def open(self, stopped: Callable[[], bool]) -> None:  # noqa: ARG002 - one process has nobody to wait for
        """The engines are open."""
        self._doing.prepare()

    def free(self) -> Sequence[str]:
        """This process, always."""
        return (self.NAME,)

    def give(self, worker: str, task: Task) -> None:
        """Do the task."""
        self._deliver(worker, self._doing.do(task))

    def wait(self, seconds: float) -> None:
        """Nothing to wait for."""

    def stop(self) -> None:
        """The tasks ask for themselves."""

    def close(self) -> None:
        """The case in hand, if there is one, stays on disk."""
        self._running.close()
