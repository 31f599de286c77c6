"""Workers as processes of their own, watched: one that crashes, hangs or takes too much memory is killed and told of."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, NamedTuple

from harness.campaign.crew import Deliver, Died
from harness.campaign.protocol import CompleteTask, Learnt, Ready, Refused, Setup, Task, ends_task, line, read_line
from harness.campaign.running import read_running
from harness.campaign.watchdog import children, end, end_family, family, resident
from reference.definition.errors import InputError

HANG_SECONDS: Final = 120.0
"""Engines that are other programs have limits of their own, which are shorter."""

_OPENING_SECONDS: Final = 900.0
"""For starting: kernels may have to be compiled first."""

_COMPLETING_SECONDS: Final = 300.0
"""Besides the limit: a finding is replayed in a new process and localised, each without a word."""

_LOOK_SECONDS: Final = 0.25
_STOOD_STILL_SECONDS: Final = 5.0
"""Between two looks: then this process, and most likely the machine, did not run, and no worker is to blame for its silence."""
_LAST_WORDS_SECONDS: Final = 2.0
_CHUNK: Final = 2**18
_KEPT_STDERR: Final = 16384
_DETAIL_LINES: Final = 40


class Limits(NamedTuple):
    """What a worker may do before it is killed."""

    hang_seconds: float = HANG_SECONDS
    """Without a case begun or ended, or a cut plan of one."""
    memory: int | None = None
    """Bytes that it and its programs may hold."""


@dataclass(slots=True)
class _Seat:
    """A place for a worker; the process is started with the first task and whenever the one before has ended."""

    name: str
    path: Path
    process: subprocess.Popen[bytes] | None = None
    is_ready: bool = False
    task: Task | None = None
    heard: float = 0.0
    """When it last said anything, monotonic; later by the time that nobody listened."""
    answer: bytearray = field(default_factory=bytearray)
    stderr: bytearray = field(default_factory=bytearray)


class Processes:
    """A crew of processes on this machine."""

    remembers = True

    def __init__(self, setup: Setup, folder: Path, jobs: int, limits: Limits, deliver: Deliver) -> None:
        self.jobs = jobs
        self._setup = setup
        self._limits = limits
        self._deliver = deliver
        self._seats = {name: _Seat(name, folder / name) for name in (f"worker-{n + 1}" for n in range(jobs))}
        self._selector = selectors.DefaultSelector()
        self._looked = time.monotonic()
        self._is_prepared = False
        self._why_not = ""

    def open(self, stopped: Callable[[], bool]) -> None:
        """Start the first worker; the others find what it has compiled. InputError when it ends before it is ready."""
        seat = next(iter(self._seats.values()))
        self._start(seat)
        while not self._is_prepared and not stopped():
            self.wait(_LOOK_SECONDS)
            if seat.process is None:
                raise InputError(f"a worker cannot be started: {self._why_not}")

    def free(self) -> Sequence[str]:
        """Workers without a task."""
        return [seat.name for seat in self._seats.values() if seat.task is None]

    @property
    def is_busy(self) -> bool:
        """Whether any worker has a task."""
        return any(seat.task is not None for seat in self._seats.values())

    def give(self, worker: str, task: Task) -> None:
        """Send the task, to a new process when there is none."""
        seat = self._seats[worker]
        if seat.process is not None and seat.process.poll() is not None:
            self._end(seat)
        if seat.process is None:
            self._start(seat)
        seat.task = task
        seat.heard = time.monotonic()
        self._send(seat, line(task))

    def wait(self, seconds: float) -> None:
        """Deliver what workers say, and look after them."""
        for key, _ in self._selector.select(min(seconds, _LOOK_SECONDS)):
            seat, is_answer = key.data
            # Another message may have ended this worker meanwhile.
            if seat.process is not None and key.fileobj in (seat.process.stdout, seat.process.stderr):
                self._hear(seat) if is_answer else self._hear_stderr(seat)
        now = time.monotonic()
        if (unwatched := now - self._looked) >= _LOOK_SECONDS:
            self._looked = now
            if unwatched >= _STOOD_STILL_SECONDS:
                for seat in self._seats.values():
                    seat.heard = min(now, seat.heard + unwatched)
            known = {} if self._limits.memory is None else children()
            for seat in self._seats.values():
                self._look_after(seat, known)

    def stop(self) -> None:
        """Ask for the end of all tasks; workers that have not begun yet are ended."""
        for seat in self._seats.values():
            if seat.process is not None and seat.is_ready:
                seat.process.send_signal(signal.SIGTERM)
            elif seat.process is not None:
                self._end(seat)

    def close(self) -> None:
        """Kill whatever runs."""
        for seat in self._seats.values():
            self._end(seat)
            with suppress(OSError):
                seat.path.unlink(missing_ok=True)
        self._selector.close()

    # ---- processes --------------------------------------------------------------------------------------------------

    def _start(self, seat: _Seat) -> None:
        seat.stderr.clear()
        seat.answer.clear()
        seat.is_ready = False
        seat.heard = time.monotonic()
        with suppress(OSError):
            seat.path.unlink(missing_ok=True)
        # Kernels that each use all processors would only wait for one another.
        environment = {**os.environ, "NUMBA_NUM_THREADS": "1"}
        seat.process = subprocess.Popen(
            [sys.executable, "-m", "harness.campaign.worker", str(seat.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            start_new_session=True,
        )
        assert seat.process.stdout is not None and seat.process.stderr is not None
        for pipe, is_answer in ((seat.process.stdout, True), (seat.process.stderr, False)):
            os.set_blocking(pipe.fileno(), False)
            self._selector.register(pipe, selectors.EVENT_READ, (seat, is_answer))
        self._send(seat, line(self._setup))

    def _send(self, seat: _Seat, text: str) -> None:
        assert seat.process is not None and seat.process.stdin is not None
        # A worker that has just died is noticed by its end of the other pipe.
        with suppress(BrokenPipeError):
            seat.process.stdin.write(text.encode() + b"\n")
            seat.process.stdin.flush()

    def _end(self, seat: _Seat) -> None:
        """Kill the worker and all it started; its task is nobody's any more."""
        process, seat.process, seat.task, seat.is_ready = seat.process, None, None, False
        if process is None:
            return
        end_family(process.pid)
        process.wait()
        for pipe in (process.stdin, process.stdout, process.stderr):
            assert pipe is not None
            # Not the one that is written to, nor one that has ended.
            with suppress(KeyError):
                self._selector.unregister(pipe)
            with suppress(BrokenPipeError):
                pipe.close()

    # ---- what they say ----------------------------------------------------------------------------------------------

    def _hear(self, seat: _Seat) -> None:
        assert seat.process is not None and seat.process.stdout is not None
        chunk = _read(seat.process.stdout.fileno())
        if chunk == b"":
            self._ended(seat)
            return
        seat.answer += chunk or b""
        *lines, rest = seat.answer.split(b"\n") if chunk and b"\n" in chunk else [seat.answer]
        seat.answer = rest
        for text in lines:
            seat.heard = time.monotonic()
            message = read_line(bytes(text))
            if isinstance(message, Ready):
                seat.is_ready = self._is_prepared = True
            elif isinstance(message, Refused):
                raise InputError(message.reason)
            else:
                if isinstance(message, Learnt):
                    # For the workers that are started from now on.
                    self._setup = replace(self._setup, accepted=message.accepted)
                if ends_task(message):
                    seat.task = None
                self._deliver(seat.name, message)

    def _hear_stderr(self, seat: _Seat) -> None:
        assert seat.process is not None and seat.process.stderr is not None
        chunk = _read(seat.process.stderr.fileno())
        if chunk == b"":
            self._selector.unregister(seat.process.stderr)
        elif chunk:
            seat.stderr += chunk
            del seat.stderr[:-_KEPT_STDERR]
            if not self._is_prepared:
                # That something long is compiled, and what.
                sys.stderr.buffer.write(chunk)
                sys.stderr.flush()

    # ---- how they end -----------------------------------------------------------------------------------------------

    def _look_after(self, seat: _Seat, known: Mapping[int, list[int]]) -> None:
        # The first worker is started before there is a task for it.
        if seat.process is None or (seat.task is None and seat.is_ready):
            return
        memory = self._limits.memory
        if self._silence(seat) > self._patience(seat):
            self._kill(seat, f"hang: nothing begun or ended for {self._patience(seat):g} seconds")
        elif memory is not None and resident(seat.process.pid, known) > memory:
            self._kill(seat, f"memory: more than {memory / 2**20:,.0f} MiB")

    def _silence(self, seat: _Seat) -> float:
        silence = time.monotonic() - seat.heard
        with suppress(OSError):
            silence = min(silence, time.time() - seat.path.stat().st_mtime)
        return silence

    def _patience(self, seat: _Seat) -> float:
        if not seat.is_ready:
            return _OPENING_SECONDS
        return self._limits.hang_seconds + (_COMPLETING_SECONDS if isinstance(seat.task, CompleteTask) else 0)

    def _kill(self, seat: _Seat, reason: str) -> None:
        """With SIGABRT first: the worker then writes where it stands."""
        assert seat.process is not None and seat.process.stderr is not None
        # Known before it is dead: what it started, such as a program that hangs, has no parent then.
        _, *started = family(seat.process.pid, children())
        seat.process.send_signal(signal.SIGABRT)
        with suppress(subprocess.TimeoutExpired):
            seat.process.wait(_LAST_WORDS_SECONDS)
        end(started)
        self._died(seat, reason)

    def _ended(self, seat: _Seat) -> None:
        """Its pipe has ended: it has, or is about to."""
        assert seat.process is not None
        try:
            code = seat.process.wait(_LAST_WORDS_SECONDS)
        except subprocess.TimeoutExpired:
            self._died(seat, "crash: closed its output")
            return
        if code >= 0:
            seat.stderr += self._last_words(seat)
            last = bytes(seat.stderr).decode("utf-8", "replace").strip().splitlines()[-1:]
            self._died(seat, f"crash: exit code {code}{': ' if last else ''}{''.join(last)}")
        else:
            self._died(seat, f"crash: {_signal_name(-code)}")

    def _died(self, seat: _Seat, reason: str) -> None:
        seat.stderr += self._last_words(seat)
        detail = "\n".join(bytes(seat.stderr).decode("utf-8", "replace").strip().splitlines()[-_DETAIL_LINES:])
        task, running = seat.task, read_running(seat.path)
        self._why_not = f"{reason}\n{detail}".rstrip()
        self._end(seat)
        if task is not None:
            self._deliver(seat.name, Died(task, reason, detail, running))

    def _last_words(self, seat: _Seat) -> bytes:
        assert seat.process is not None and seat.process.stderr is not None
        words = b""
        while chunk := _read(seat.process.stderr.fileno()):
            words += chunk
        return words


def _signal_name(number: int) -> str:
    """As the system calls it; signals for real time have numbers only."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _read(file: int) -> bytes | None:
    """What is there; None for nothing yet, b"" at the end."""
    try:
        return os.read(file, _CHUNK)
    except BlockingIOError:
        return None
