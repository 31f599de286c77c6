"""Batches on the workers of a dask cluster; what belongs to the campaign's directory is done on this machine.

A batch whose worker was lost is run again by the scheduler on another one. When it has taken as many workers along as the
scheduler allows, the batch is split, until the one case that does it is named.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from harness.campaign.crew import Deliver, Died
from harness.campaign.processes import HANG_SECONDS, Limits, Processes
from harness.campaign.protocol import BatchDone, BatchTask, Message, Refused, Setup, Task, line, read_line
from harness.campaign.remote import died_of, limits_text, run_text
from reference.definition.errors import InputError

_CONNECT_SECONDS: Final = 10.0
_POLL_SECONDS: Final = 0.1
_SAY_SECONDS: Final = 30.0


class Cluster:
    """A crew of a dask scheduler's workers: one name for each thread that they have."""

    remembers = False

    def __init__(
        self, address: str, setup: Setup, limits: Limits, folder: Path, deliver: Deliver, say: Callable[[str], None]
    ) -> None:
        """``say`` is told, for a person, what is waited for."""
        self._address = address
        self._setup = line(setup)
        self._limits = limits_text(limits)
        self._local = Processes(setup, folder, 1, limits, self._hear)
        self._deliver = deliver
        self._waiting = _Waiting(address, min(limits.hang_seconds, HANG_SECONDS), say)
        self._dask = _distributed()
        self._client: Any = None
        self._batches: dict[str, tuple[BatchTask, Any]] = {}
        self._here: deque[tuple[str, Task]] = deque()
        """What is done on this machine, the first of them now; with the names that it was given to."""
        self.jobs = 1

    def open(self, stopped: Callable[[], bool]) -> None:
        """Connect, and wait for the first worker; InputError when nobody answers, and when no worker comes."""
        try:
            # A client that could not even begin would be waited for when it is dropped.
            self._dask.comm.resolve_address(self._address)
            self._client = self._dask.Client(self._address, timeout=_CONNECT_SECONDS, set_as_default=False)
            while not self._threads() and not stopped():
                self._local.wait(_POLL_SECONDS)
        except (OSError, TimeoutError, ValueError) as error:
            raise self._unreachable(error) from None
        self.jobs = max(1, self._threads())

    def free(self) -> Sequence[str]:
        """A name for each thread without a batch; workers may come and go.

        Raises InputError when there has been none for too long.
        """
        self.jobs = max(self.jobs, self._threads())
        names = [f"cluster-{n + 1}" for n in range(self.jobs)]
        return [name for name in names if name not in self._batches and name not in dict(self._here)]

    @property
    def is_busy(self) -> bool:
        """Whether anything is in hand."""
        return bool(self._batches or self._here)

    def give(self, worker: str, task: Task) -> None:
        """Submit a batch; anything else is done here."""
        if isinstance(task, BatchTask):
            future = self._client.submit(run_text, self._setup, self._limits, line(task), pure=False, retries=0)
            self._batches[worker] = (task, future)
            return
        self._here.append((worker, task))
        if len(self._here) == 1:
            self._begin_here()

    def wait(self, seconds: float) -> None:
        """Deliver what has come; InputError when the engines cannot be had, or the scheduler is gone."""
        self._local.wait(min(seconds, _POLL_SECONDS))
        if self._here and not self._local.is_busy:
            self._here.popleft()
            self._begin_here()
        for worker, (task, future) in list(self._batches.items()):
            if future.done():
                del self._batches[worker]
                self._done(worker, task, future)

    def stop(self) -> None:
        """Give the batches up: they are not committed, and so they are run again."""
        self._local.stop()
        while len(self._here) > 1:
            self._here.pop()
        for _, future in self._batches.values():
            future.cancel()
        self._batches.clear()

    def close(self) -> None:
        """Leave the cluster as it is."""
        self._local.close()
        if self._client is not None:
            self._client.close()

    def _begin_here(self) -> None:
        if self._here:
            (process,) = self._local.free()
            self._local.give(process, self._here[0][1])

    def _hear(self, _process: str, said: Message | Died) -> None:
        """What the process on this machine says is said by whoever was given the task."""
        self._deliver(self._here[0][0], said)

    def _threads(self) -> int:
        try:
            threads = int(sum(self._client.nthreads().values()))
        except (OSError, TimeoutError) as error:
            raise self._unreachable(error) from None
        self._waiting.look(threads)
        return threads

    def _done(self, worker: str, task: BatchTask, future: Any) -> None:
        if future.status != "finished":
            self._failed(worker, task, future)
            return
        message = read_line(future.result())
        if isinstance(message, Refused):
            raise InputError(f"a worker of the cluster: {message.reason}")
        self._deliver(worker, message if isinstance(message, BatchDone) else died_of(message, task))

    def _failed(self, worker: str, task: BatchTask, future: Any) -> None:
        error = future.exception() if future.status == "error" else None
        if not isinstance(error, self._dask.KilledWorker):
            raise self._unreachable(error or future.status)
        detail = f"the scheduler gave the batch up: {error}"
        self._deliver(worker, Died(task, "lost: with its machine or process", detail, None, is_lost=True))

    def _unreachable(self, error: object) -> InputError:
        return InputError(f"the cluster at {self._address} does not answer as it should: {error}", place="--cluster")


class _Waiting:
    """For a worker, while the scheduler has none: said at once and from time to time, and not for ever."""

    def __init__(self, address: str, patience: float, say: Callable[[str], None]) -> None:
        self._address = address
        self._patience = patience
        self._say = say
        self._since: float | None = None
        self._said = 0.0

    def look(self, threads: int) -> None:
        """There are so many threads now; InputError when there have been none for too long."""
        now = time.monotonic()
        if threads:
            self._since = None
        elif self._since is None:
            self._since = self._said = now
            self._say(f"waiting for workers: the scheduler at {self._address} has none")
        elif now - self._since >= self._patience:
            raise InputError(
                f"the scheduler at {self._address} had no workers for {self._patience:g} s; start some where fragdiff and "
                f"the engines are installed (`dask worker {self._address}`), then give the same command",
                place="--cluster",
            )
        elif now - self._said >= _SAY_SECONDS:
            self._said = now
            self._say(f"still waiting for workers at {self._address}, for {now - self._since:.0f} s")


def _distributed() -> Any:
    try:
        return import_module("distributed")
    except ImportError as error:
        raise InputError(
            f"needs dask.distributed ({error}); pip install 'fragdiff[cluster]'", place="--cluster"
        ) from None
