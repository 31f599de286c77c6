"""Law 4 in every campaign: fragments rebuilt in any order, by any number of threads, twice, or from contexts that were saved.

The trace that is compared with the other engines' is the rebuilt one: what fragments write is first filled with values that are
no field elements, so that nothing of the engine's ordinary build is left in it.
"""

from __future__ import annotations

import os
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from parallel.assemble import Built, Sections
from parallel.contexts import fragment_context, rebuild_alone
from parallel.fragments import FragmentTask, Place, continuation_hashes
from parallel.ranges import BLOCKS, VALUES
from parallel.recording import Recording
from parallel.saved import load, save
from reference.definition.columns import COLUMN, CORE_WIDTH
from reference.definition.parallel_options import MOST_THREADS, FragmentOrder, ParallelOptions

NO_ELEMENT: Final = 2**64 - 2
"""Above the field's modulus: a cell that keeps it was not written."""

STRIDE: Final = 3

RUNS_PER_THREAD: Final = 4
"""Fragments are handed to threads in so many runs each: often enough to interleave, seldom enough to cost little."""

MOST_ALONE: Final = 16
"""Fragments of one case that are saved and rebuilt each by itself, spread over the program; each costs a millisecond or two."""

HASHER_COLUMNS: Final = slice(COLUMN["chip_1"], COLUMN["chip_16"] + 1)
BITWISE_COLUMNS: Final = slice(COLUMN["chip_2"], COLUMN["chip_14"] + 1)
"""What fragments write of the chiplets, besides the selectors in front and the zeros behind."""


def reloaded(recording: Recording) -> Recording:
    """The recording of a completed run, saved to a file and loaded again.

    Raises ContextError and InputError for a recording that does not survive it.
    """
    # A folder would take longer to make and to remove than all else that is done here.
    descriptor, name = tempfile.mkstemp(prefix="fragdiff-", suffix=".contexts")
    os.close(descriptor)
    path = Path(name)
    try:
        save(recording, path)
        return load(path, recording.lowered)
    finally:
        path.unlink()


def is_rebuilt(options: ParallelOptions) -> bool:
    """Whether the fragments have to be built again for these options."""
    return options.threads > 1 or options.order != "forward" or options.twice or options.contexts == "alone"


def rebuild(built: Built, recording: Recording, options: ParallelOptions) -> None:
    """Fill anew, as the options say, what fragments write: executed core rows, hasher and bitwise rows.

    Raises ContextError when a fragment does not fit its neighbour, and ContextError or InputError when a context by itself
    is refused.
    """
    sections = Sections.of(recording)
    core = built.columns[:CORE_WIDTH, : recording.core_rows]
    core[:] = NO_ELEMENT
    built.columns[HASHER_COLUMNS, : sections.bitwise] = NO_ELEMENT
    built.columns[BITWISE_COLUMNS, sections.bitwise : sections.memory] = NO_ELEMENT
    task = FragmentTask(recording)
    place = Place(built.buffer.words, built.buffer.stride, bitwise_start=sections.bitwise)
    fragments = ordered(range(task.total), options.order)

    def build(run: Sequence[int]) -> None:
        for fragment in run:
            task.rebuild_serial(range(fragment, fragment + 1), place, _scratch.counts, _scratch.touched)

    for _ in range(1 + options.twice):
        _spread(fragments, options.threads, build)
    task.check(continuation_hashes(recording))
    if options.contexts == "alone":
        _rebuild_alone(core, recording, fragments)


def ordered(fragments: Sequence[int], order: FragmentOrder) -> list[int]:
    """Every fragment once."""
    match order:
        case "forward":
            return list(fragments)
        case "reverse":
            return list(reversed(fragments))
        case "strided":
            return [fragment for first in range(STRIDE) for fragment in fragments[first::STRIDE]]


class _Scratch(threading.local):
    """Range lookups of one thread; nobody reads them, the table was made by the first build."""

    def __init__(self) -> None:
        self.counts = np.zeros(VALUES, np.uint32)
        self.touched = np.zeros(BLOCKS, np.uint8)


_scratch: Final = _Scratch()


@cache
def _pool() -> ThreadPoolExecutor:
    """Kept for the process: starting a thread takes longer than what most cases have for it to do."""
    return ThreadPoolExecutor(MOST_THREADS, thread_name_prefix="rebuild")


def _spread(fragments: Sequence[int], threads: int, build: Callable[[Sequence[int]], None]) -> None:
    if threads == 1:
        build(fragments)
        return
    # Threads may take from a deque at once; an empty run for each of them, behind all others, ends it.
    waiting: deque[Sequence[int]] = deque((*_runs(fragments, threads * RUNS_PER_THREAD), *[()] * threads))

    def work() -> None:
        while run := waiting.popleft():
            build(run)

    done = [_pool().submit(work) for _ in range(threads)]
    # All of them, so that after a failure nobody still writes into the buffer of the next case.
    wait(done)
    for each in done:
        each.result()


def _runs(fragments: Sequence[int], count: int) -> Iterator[Sequence[int]]:
    size = max(1, -(-len(fragments) // count))
    for first in range(0, len(fragments), size):
        yield fragments[first : first + size]


def _rebuild_alone(core: NDArray[np.uint64], recording: Recording, fragments: Sequence[int]) -> None:
    """Some fragments once more, each from a context of its own that was saved and loaded."""
    step = max(1, -(-len(fragments) // MOST_ALONE))
    for fragment in fragments[::step]:
        first, end = int(recording.snapshots["clk"][fragment]), recording.fragment_end(fragment)
        core[:, first:end] = NO_ELEMENT
        core[:, first:end] = rebuild_alone(reloaded(fragment_context(recording, fragment)))
