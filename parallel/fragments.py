"""Rebuilding fragments from a recording: one, all on this thread, or all on every thread, and the checks afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from parallel.context_error import ContextError
from parallel.field import inverse_or_zero
from parallel.fragment_macros import QUEUE_ERRORS
from parallel.fragment_source import INVERSES, PLACE, QUEUE_ARRAYS, SCRATCH_WORDS, TABLES, fragment_text
from parallel.jit import jit, records
from parallel.recording import QUEUES, SNAPSHOT, Array, Recording
from parallel.source import load_generated

FRAGMENTS_PER_TASK: Final = 64
"""Fragments that share one task's scratch arrays when fragments are short; scratch costs about 1 us to make."""


class FragmentError(ContextError):
    """A rebuild found that a fragment's context contradicts itself, its queues, or the next fragment's context."""

    def __init__(self, fragment: int, row: int, field: str, reason: str) -> None:
        super().__init__(fragment, field, f"row {row}: {reason}")
        self.row = row


@jit
def _inverse_table(out: Any) -> Any:
    for i in range(out.shape[0]):
        out[i] = inverse_or_zero(np.uint64(i))


_INVERSE_OF_DEPTH = np.empty(INVERSES, np.uint64)
_inverse_table(_INVERSE_OF_DEPTH)

_TASKS = """

import numba

from parallel.jit import jit_parallel


@jit
def some(first, last, errors, {arguments}, counts, touched):
    tile = np.empty({words}, np.uint64)
    stack = np.empty(256, np.uint64)
    pend = np.empty(256, np.uint64)
    pend_cell = np.empty(256, np.int64)
    scratch = np.empty(256, np.uint64)
    item = np.empty(16, np.uint64)
    folded = np.empty(24, np.uint64)
    word = np.empty(4, np.uint64)
    for index in range(first, last):
        error, row = fragment(
            index, {arguments}, counts, touched, tile, stack, pend, pend_cell, scratch, item, folded, word
        )
        errors[index, 0] = error
        errors[index, 1] = row


@jit
def continuation_hashes(snapshots, pool, found):
    for index in range(snapshots.shape[0]):
        start = snapshots[index].continuations
        found[index] = continuation_hash(pool[start:], snapshots[index].continuation_count)


@jit_parallel
def spread(first, last, per_task, errors, {arguments}, counts, touched):
    for task in numba.prange((last - first + per_task - 1) // per_task):
        thread = numba.get_thread_id()
        start = first + np.int64(task) * per_task
        some(start, min(last, start + per_task), errors, {arguments}, counts[thread], touched[thread])
"""


def _load() -> Any:
    arguments = ", ".join(("carry", *TABLES, *QUEUE_ARRAYS, *PLACE))
    text = fragment_text() + _TASKS.format(arguments=arguments, words=SCRATCH_WORDS)
    return load_generated("fragment_tasks", text)


_MODULE: Any = None


def _tasks() -> Any:
    global _MODULE  # noqa: PLW0603  # compiled code is loaded once per process
    if _MODULE is None:
        _MODULE = _load()
    return _MODULE


@dataclass(frozen=True)
class Place:
    """Where fragments write what.

    ``out`` is flat, ``stride`` the distance of two columns, both as :class:`parallel.buffer.Buffer` makes them. In rows
    of that buffer: ``hasher_start`` is where the trace's hasher rows begin and ``bitwise_start`` where its bitwise rows
    begin, either may lie before the buffer; row ``first_row`` of the trace stands at the buffer's row 0. ``core`` and
    ``chiplets`` say whether core cells and hasher and bitwise rows are wanted at all.
    """

    out: NDArray[np.uint64]
    stride: int
    hasher_start: int = 0
    bitwise_start: int = 0
    first_row: int = 0
    core: bool = True
    chiplets: bool = True

    def arguments(self) -> tuple[Any, ...]:
        """In the kernel's order, :data:`parallel.fragment_source.PLACE`."""
        starts = (self.hasher_start, self.bitwise_start)
        return (self.out, self.stride, *starts, self.core, self.chiplets, self.first_row)


class FragmentTask:
    """The fragments of one recording: rebuilds any of them, in any order and as often as wanted."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._carry = _limits(recording)
        self.total = len(recording.snapshots)
        self._errors = np.zeros((self.total, 2), np.int64)
        rows, hashes, queues = recording.lowered.rows, recording.lowered.hashes, recording.queues
        tables = (
            rows.kind, rows.immediate, rows.first_target, rows.second_target, rows.node, rows.template.reshape(-1),
            hashes.digests, hashes.hasher_rows.reshape(-1), hashes.first_permutation, hashes.permutations,
            _INVERSE_OF_DEPTH,
        )  # fmt: skip
        arrays = (
            recording.snapshots, queues["ends"], queues["pops"], queues["restores"], queues["accesses"],
            queues["advice"], queues["permutations"].reshape(-1), queues["targets"], queues["continuations"],
        )  # fmt: skip
        self._arguments = (records(self._carry), *tables, *map(records, arrays))

    def rebuild_serial(self, fragments: range, place: Place, counts: Array, touched: Array) -> None:
        """These fragments on this thread; counts (65536,) uint32 and touched (1024,) uint8 collect the range lookups."""
        first, last = fragments.start, fragments.stop
        _tasks().some(first, last, self._errors, *self._arguments, *place.arguments(), counts, touched)

    def rebuild_parallel(self, fragments: range, place: Place, counts: Array, touched: Array) -> None:
        """These fragments on all threads; counts and touched have one row per thread."""
        first, last = fragments.start, fragments.stop
        per_task = max(1, min(FRAGMENTS_PER_TASK, len(fragments) // 64))
        _tasks().spread(first, last, per_task, self._errors, *self._arguments, *place.arguments(), counts, touched)

    def check_complete(self) -> None:
        """No fragment stopped early.

        Raises FragmentError for the first that did.
        """
        failed = np.flatnonzero(self._errors[:, 0])
        if len(failed):
            fragment = int(failed[0])
            code, row = (int(value) for value in self._errors[fragment])
            raise FragmentError(fragment, row, QUEUE_ERRORS[code], "not what the rows of this fragment need")

    def check(self, hashes: NDArray[np.int64]) -> None:
        """Every fragment ended where it should, with the state and the queue positions that the next one begins with.

        Raises FragmentError for the first that did not.
        """
        self.check_complete()
        wanted = self._wanted(hashes)
        # All fields of all fragments at once: they nearly always fit, and a comparison by field costs 20 times as much.
        if (_words(self._carry) != _words(wanted)).any():
            self._refuse(wanted)
        if self._recording.final_stack:
            self._check_final_state()

    def _wanted(self, hashes: NDArray[np.int64]) -> Array:
        """Per fragment, what :meth:`check` asks of the state that it ended with; of the last one only :data:`_AT_END`."""
        wanted = self._carry.copy()
        wanted[:-1] = self._recording.snapshots[1:]
        wanted["continuations"][:-1] = hashes[1:]
        _words(wanted)[-1, _AT_END] = _ends(self._recording)
        return wanted

    def _refuse(self, wanted: Array) -> None:
        """Raises FragmentError for the first field, in their order, that is not as wanted in some fragment."""
        for name in SNAPSHOT.names or ():
            found = self._carry[name]
            wrong = np.flatnonzero((found != wanted[name]).reshape(len(found), -1).any(axis=1))
            if len(wrong):
                fragment = int(wrong[0])
                reason = f"ends with {found[fragment]}, the next fragment begins with {wanted[name][fragment]}"
                raise FragmentError(fragment, self._recording.fragment_end(fragment), name, reason)

    def _check_final_state(self) -> None:
        """The last fragment ends the program: nothing is left to run, and the stack is the one that was put out."""
        last = self._carry[-1]
        final = self._recording.final_stack
        wanted = {
            "pc": -1, "ctx": 0, "current_addr": 0, "parent_addr": 0, "stack": list(final[:16]), "depth": final[16],
            "overflow_addr": final[17], "continuation_count": 0,
        }  # fmt: skip
        for name, value in wanted.items():
            if last[name].tolist() != value:
                reason = f"is {last[name]} at the end, expected {value}"
                raise FragmentError(self.total - 1, self._recording.core_rows, name, reason)


_NAMES_AT_END: Final = ("clk", "hasher_addr", "bitwise", *(name for name in QUEUES if name != "continuations"))
assert SNAPSHOT.fields is not None
_AT_END: Final = [SNAPSHOT.fields[name][1] // 8 for name in _NAMES_AT_END]
"""Words of a snapshot that say where a fragment ends: clk, hasher address, and the end of its part of every queue."""


def _words(snapshots: Array) -> NDArray[np.uint64]:
    """(n, words): snapshots as the words that they are made of."""
    words: NDArray[np.uint64] = snapshots.view(np.uint64).reshape(len(snapshots), -1)
    return words


def _ends(recording: Recording) -> list[int]:
    """:data:`_AT_END` behind the last fragment."""
    final = {
        "clk": recording.core_rows,
        "hasher_addr": recording.hasher_rows + 1,
        "bitwise": recording.bitwise_requests,
        **{name: len(queue) for name, queue in recording.queues.items()},
    }
    return [final[name] for name in _NAMES_AT_END]


def _limits(recording: Recording) -> Array:
    """Per fragment, where it must end: :data:`_AT_END`; zeros elsewhere."""
    snapshots = np.ascontiguousarray(recording.snapshots)
    limits = np.zeros(len(snapshots), SNAPSHOT)
    words = _words(limits)
    words[:-1, _AT_END] = _words(snapshots)[1:, _AT_END]
    words[-1, _AT_END] = _ends(recording)
    return limits


def continuation_hashes(recording: Recording) -> NDArray[np.int64]:
    """Per fragment, the number that stands for its continuation stack (see ``continuation_hash`` in the kernels)."""
    found = np.empty(len(recording.snapshots), np.int64)
    _tasks().continuation_hashes(records(recording.snapshots), recording.queues["continuations"], found)
    return found
