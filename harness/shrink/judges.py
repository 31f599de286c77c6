"""Several processes that judge candidates at once, each with the engines open; one that ends or hangs is replaced.

A candidate that ends a worker is given to another one, for anybody may have killed the first. The second time nobody knows what
the engines make of it: it is *lost*, which is no agreement and no difference.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import IO, Any, Final, NamedTuple

from harness.campaign.watchdog import end_family
from harness.localise.signature import Signature
from reference.definition.case import Case
from reference.definition.errors import InputError
from reference.definition.formats.case_json import write_case

HANG_SECONDS: Final = 120.0
"""For one candidate; engines that are other programs have limits of their own, which are shorter."""

OPENING_SECONDS: Final = 900.0
"""For the engines: kernels may have to be compiled first."""

_LIVES: Final = 2
"""Workers that a candidate may end before it is lost."""

PARTING_SECONDS: Final = 5.0
"""For a worker that is told to end to close its engines, so that they leave no programs and no folders; then it is killed."""

_LAST_WORDS: Final = 2000


class Answer(NamedTuple):
    """What became of a candidate."""

    ticket: int
    is_same: bool | None
    """None: lost, because it ended every worker that it was given to."""


@dataclass(slots=True)
class _Job:
    ticket: int
    text: bytes
    lives: int = _LIVES


@dataclass(slots=True)
class _Seat:
    """A place for a worker; the process is started with its first candidate, and after one has ended."""

    process: subprocess.Popen[bytes] | None = None
    words: IO[bytes] | None = None
    """What the process writes to its standard error."""
    is_ready: bool = False
    job: _Job | None = None
    since: float = 0.0
    """When it was started or given the job, or said that it is ready; monotonic."""


@dataclass(slots=True)
class Judges:
    """``jobs`` processes that say whether candidates keep a signature on these engines. Nothing starts before :meth:`give`."""

    engines: Sequence[str]
    signature: Signature
    audit: bool
    jobs: int
    hang_seconds: float = HANG_SECONDS
    _seats: list[_Seat] = field(init=False)
    _heard: queue.SimpleQueue[tuple[_Seat, int, bytes]] = field(default_factory=queue.SimpleQueue, init=False)
    _was_ready: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        """One seat a job."""
        self._seats = [_Seat() for _ in range(self.jobs)]

    def has_room(self) -> bool:
        """Whether a worker has nothing to do."""
        return any(seat.job is None for seat in self._seats)

    def give(self, ticket: int, candidate: Case, row_limit: int) -> None:
        """Have a candidate judged by a worker that has nothing to do; a program of more rows is taken not to end."""
        task = {"case": write_case(candidate), "row_limit": row_limit}
        free = [seat for seat in self._seats if seat.job is None]
        # One that is there already, so that nothing is started before it is needed.
        self._give(max(free, key=lambda seat: seat.process is not None), _Job(ticket, _line(task)))

    def wait(self, seconds: float) -> Answer | None:
        """The next answer; None when there is none within the time. InputError when workers cannot be had at all."""
        try:
            seat, pid, text = self._heard.get(timeout=seconds)
        except queue.Empty:
            return self._look_after()
        if seat.process is None or seat.process.pid != pid:
            return None
        return self._said(seat, json.loads(text)) if text else self._ended(seat, "ended")

    def close(self) -> None:
        """End all workers and what they started."""
        for seat in self._seats:
            _tell_to_end(seat)
        for seat in self._seats:
            self._end(seat)

    # ---- what they say ----------------------------------------------------------------------------------------------

    def _said(self, seat: _Seat, message: dict[str, Any]) -> Answer | None:
        seat.since = time.monotonic()
        match message["is"]:
            case "ready":
                seat.is_ready = self._was_ready = True
                # Not before: a pipe that nobody reads from may be full.
                if seat.job is not None:
                    _send(seat, seat.job.text)
                return None
            case "refused":
                raise InputError(f"a worker cannot go on: {message['reason']}", place="--jobs")
            case _:
                job, seat.job = seat.job, None
                assert job is not None, "a worker answers what it was asked"
                return Answer(job.ticket, message["same"])

    def _look_after(self) -> Answer | None:
        for seat in self._seats:
            patience = self.hang_seconds if seat.is_ready else OPENING_SECONDS
            if seat.job is not None and time.monotonic() - seat.since > patience:
                return self._ended(seat, f"hung for {patience:g} seconds")
        return None

    def _ended(self, seat: _Seat, how: str) -> Answer | None:
        reason = f"{how}{_last_words(seat)}"
        job = seat.job
        self._end(seat)
        if not self._was_ready:
            raise InputError(f"no worker can be started, the first one {reason}; try without it", place="--jobs")
        if job is None:
            return None
        job.lives -= 1
        if not job.lives:
            return Answer(job.ticket, None)
        self._give(seat, job)
        return None

    # ---- processes --------------------------------------------------------------------------------------------------

    def _give(self, seat: _Seat, job: _Job) -> None:
        if seat.process is None:
            self._start(seat)
        seat.job = job
        seat.since = time.monotonic()
        if seat.is_ready:
            _send(seat, job.text)

    def _start(self, seat: _Seat) -> None:
        # Kernels that each use all processors would only wait for one another.
        environment = {**os.environ, "NUMBA_NUM_THREADS": "1"}
        seat.words = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the worker
        process = subprocess.Popen(
            [sys.executable, "-m", "harness.shrink.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=seat.words,
            env=environment,
            start_new_session=True,
        )
        seat.process = process
        threading.Thread(target=self._listen, args=(seat, process), daemon=True).start()
        order = {"engines": list(self.engines), "signature": self.signature.as_json(), "audit": self.audit}
        _send(seat, _line(order))

    def _listen(self, seat: _Seat, process: subprocess.Popen[bytes]) -> None:
        """In a thread of its own; an empty text is the end."""
        assert process.stdout is not None
        with process.stdout:
            for text in process.stdout:
                self._heard.put((seat, process.pid, text))
        self._heard.put((seat, process.pid, b""))

    def _end(self, seat: _Seat) -> None:
        _tell_to_end(seat)
        process, seat.process, seat.job, seat.is_ready = seat.process, None, None, False
        if process is None:
            return
        _wait_for_end(process)
        end_family(process.pid)
        process.wait()
        assert process.stdin is not None and seat.words is not None
        with suppress(BrokenPipeError):
            process.stdin.close()
        seat.words.close()


def _tell_to_end(seat: _Seat) -> None:
    if seat.process is not None:
        # Not by ``terminate``, which would give back the number of one that has ended: it is needed until all is killed.
        os.kill(seat.process.pid, signal.SIGTERM)


def _wait_for_end(process: subprocess.Popen[bytes]) -> None:
    """For as long as a worker may take; who has ended keeps its number, so that nobody else is killed for it."""
    deadline = time.monotonic() + PARTING_SECONDS
    while time.monotonic() < deadline:
        if os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is not None:
            return
        time.sleep(0.01)


def _line(document: dict[str, Any]) -> bytes:
    return json.dumps(document).encode() + b"\n"


def _send(seat: _Seat, text: bytes) -> None:
    assert seat.process is not None and seat.process.stdin is not None
    # That a worker has just died is noticed by the end of what it says.
    with suppress(BrokenPipeError):
        seat.process.stdin.write(text)
        seat.process.stdin.flush()


def _last_words(seat: _Seat) -> str:
    """The last line that the worker wrote to its standard error, after a colon; nothing when there is none."""
    assert seat.words is not None
    seat.words.seek(max(0, seat.words.seek(0, os.SEEK_END) - _LAST_WORDS))
    lines = seat.words.read().decode("utf-8", "replace").strip().splitlines()
    return f": {lines[-1]}" if lines else ""
