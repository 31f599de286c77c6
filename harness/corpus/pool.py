"""Worker processes that judge the files of a corpus; one that crashes or hangs costs its case and is started anew."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from harness.backends.process import LineProcess, ProcessFault
from harness.verdict import Counts

SHOWN_STDERR: Final = 6
"""Lines of what a worker wrote before it ended: the end of a traceback says what it was."""


PROGRAM: Final = (sys.executable, "-m", "harness.corpus.worker")


class Answer(StrEnum):
    """What became of a file."""

    AGREE = "agree"
    DIFFER = "differ"
    NOT_COMPARABLE = "not_comparable"
    CRASHED = "crashed"
    """The worker ended or hung."""
    REFUSED = "refused"
    """The file holds no case."""


@dataclass(frozen=True, slots=True)
class Result:
    """One file."""

    path: Path
    answer: Answer
    seconds: float
    name: str = ""
    kind: str | None = None
    counts: Counts = field(default_factory=Counts)
    plans: int = 0
    expected: int = 0
    lines: tuple[str, ...] = ()
    known: tuple[str, ...] = ()


def judge_files(
    paths: Sequence[Path],
    engines: Sequence[str],
    *,
    jobs: int,
    audit: bool,
    seconds: float,
    program: Sequence[str] = PROGRAM,
) -> Generator[Result]:
    """A result for each file, as they come; ``seconds`` is what a file may take before its worker is killed.

    When the caller stops iterating, whatever the reason, all workers are ended at once.
    """
    command = [*program, json.dumps(list(engines)), json.dumps(audit)]
    waiting = deque(paths)
    results: queue.SimpleQueue[Result] = queue.SimpleQueue()
    workers = [_Worker(command) for _ in range(min(jobs, len(paths)))]
    stopping = threading.Event()

    def work(worker: _Worker) -> None:
        try:
            while not stopping.is_set():
                try:
                    path = waiting.popleft()
                except IndexError:
                    return
                result = _ask(worker, path, seconds)
                if not stopping.is_set():
                    results.put(result)
        finally:
            worker.close()

    threads = [threading.Thread(target=work, args=(worker,), daemon=True) for worker in workers]
    try:
        for thread in threads:
            thread.start()
        for _ in paths:
            yield results.get()
    finally:
        stopping.set()
        for worker, thread in zip(workers, threads, strict=True):
            # A worker may be starting just now.
            while thread.is_alive():
                worker.kill()
                thread.join(0.05)


def _ask(worker: _Worker, path: Path, seconds: float) -> Result:
    started = time.monotonic()
    try:
        answer = json.loads(worker.ask(json.dumps(str(path)).encode(), seconds))
    except ProcessFault as fault:
        lines = [
            f"the process that ran it {_without_subject(fault.reason)}",
            *fault.stderr.splitlines()[-SHOWN_STDERR:],
        ]
        return Result(path, Answer.CRASHED, time.monotonic() - started, lines=("\n  ".join(lines),))
    took = time.monotonic() - started
    if "refused" in answer:
        return Result(path, Answer.REFUSED, took, lines=(answer["refused"],))
    return Result(
        path,
        Answer(answer["verdict"]),
        took,
        answer["name"],
        answer["kind"],
        _counts(answer["counts"]),
        answer["plans"],
        answer["expected"],
        tuple(answer["lines"]),
        tuple(answer["known"]),
    )


def _without_subject(reason: str) -> str:
    return f"gave {reason}" if reason.startswith("no answer") else reason


def _counts(values: dict[str, Any]) -> Counts:
    counts = Counts()
    for name, value in values.items():
        if isinstance(value, dict):
            getattr(counts, name).update(value)
        else:
            setattr(counts, name, value)
    return counts


class _Worker(LineProcess):
    """A worker that another thread may end."""

    def kill(self) -> None:
        """End the process; the thread that waits for its answer learns that it has ended."""
        process = self._process
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
