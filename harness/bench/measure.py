"""Times of the parallel engine on one case, best of several, with a fill of the same memory measured in between.

Other load on the machine slows builds and fills alike, so what belongs together is measured in the same round.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import numba
import numpy as np

from parallel.assemble import Builder
from parallel.buffer import COLUMN_PAD, Buffer
from parallel.executor import record
from parallel.jit import THREADS, jit_parallel
from parallel.recording import Recording
from reference.definition.case import Case
from reference.definition.columns import WIDTH
from reference.definition.cuts import ONE_FRAGMENT, Every
from reference.definition.errors import InputError
from reference.definition.outcome import Completed


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds, each the least of all rounds.

    ``execute_s``: the executor with a single fragment (no loop without recording exists: it still fills the queues);
    ``record_s``: with the plan's fragments; ``build_s``: the whole trace from the recording; ``total_s``: the least sum
    of the last two within one round; ``fill_s``: one word stored into every cell of a trace of that size. ``buffer``:
    whether build and fill wrote memory that had been written before, or fresh pages.
    """

    buffer: Literal["warm", "fresh"]
    rows: int
    core_rows: int
    execute_s: float
    record_s: float
    build_s: float
    total_s: float
    fill_s: float


@jit_parallel
def _fill(words: Any, parts: Any, value: Any) -> Any:
    """Ordinary stores from all threads; ``parts`` pieces."""
    size = (words.shape[0] + parts - 1) // parts
    for part in numba.prange(parts):
        first = np.int64(part) * size
        for word in range(first, min(words.shape[0], first + size)):
            words[word] = value


class Bench:
    """Measures one case after another with ``threads`` threads and fragments of ``fragment`` rows.

    Raises InputError for more threads than numba was started with.
    """

    def __init__(self, *, threads: int, fragment: int, rounds: int) -> None:
        if not 1 <= threads <= THREADS:
            raise InputError(
                f"expected 1 to {THREADS} (the number of cores, or NUMBA_NUM_THREADS), found {threads}",
                place="--threads",
            )
        self._threads = threads
        self._cut = Every(fragment)
        self._rounds = rounds
        self._builder = Builder(threads=threads)

    def warm(self, case: Case) -> Times:
        """With a trace buffer that an earlier build wrote. Raises InputError for a program that fails."""
        self._build_once(case)
        return self._best("warm", case)

    def fresh(self, case: Case) -> Times:
        """With memory that the operating system has just given; small traces (below 32 MB) may get used memory back from
        the C library. Raises InputError for a program that fails."""
        self._builder.arena.drop()
        return self._best("fresh", case)

    def _best(self, buffer: Literal["warm", "fresh"], case: Case) -> Times:
        rounds = [self._round(buffer, case) for _ in range(self._rounds)]
        least = {name: min(getattr(times, name) for times in rounds) for name in _SECONDS}
        return replace(rounds[0], **least)

    def _round(self, buffer: Literal["warm", "fresh"], case: Case) -> Times:
        whole, cut = replace(case, cuts=(ONE_FRAGMENT,)), replace(case, cuts=(self._cut,))
        started = time.perf_counter()
        _completed(whole)
        executed = time.perf_counter()
        recording = _completed(cut)
        recorded = time.perf_counter()
        built = self._builder.build(recording)
        done = time.perf_counter()
        rows, core_rows, trace = built.lengths.rows, built.lengths.core, built.buffer
        words = WIDTH * (rows + COLUMN_PAD)
        if buffer == "warm":
            fill_s = self._fill_again(trace, words)
        else:
            # Given back to the operating system first: a large trace does not fit twice.
            del built, trace
            fill_s = self._fill_fresh(words)
        record_s, build_s = recorded - executed, done - recorded
        return Times(buffer, rows, core_rows, executed - started, record_s, build_s, record_s + build_s, fill_s)

    def _fill_again(self, trace: Buffer, words: int) -> float:
        """Fill the buffer that has just been built into, and keep it for the next round."""
        numba.set_num_threads(self._threads)
        started = time.perf_counter()
        _fill(trace.words[:words], 8 * self._threads, np.uint64(1))
        seconds = time.perf_counter() - started
        self._builder.arena.give_back(trace)
        return seconds

    def _fill_fresh(self, words: int) -> float:
        """Fill as much memory that was never written; the allocation counts, as it does in a build."""
        numba.set_num_threads(self._threads)
        started = time.perf_counter()
        memory = np.empty(words, np.uint64)
        _fill(memory, 8 * self._threads, np.uint64(1))
        return time.perf_counter() - started

    def _build_once(self, case: Case) -> None:
        """Everything compiled or loaded, and the buffer large enough and written."""
        built = self._builder.build(_completed(replace(case, cuts=(self._cut,))))
        self._fill_again(built.buffer, len(built.buffer.words))


_SECONDS: Final = ("execute_s", "record_s", "build_s", "total_s", "fill_s")


def _completed(case: Case) -> Recording:
    recording = record(case)
    if not isinstance(recording.outcome, Completed):
        raise InputError(
            f"{case.name} fails with {recording.outcome.error}: only complete programs have a trace to time"
        )
    return recording
