"""Rebuilding fragments from a recording: one, all on this thread, or all on every thread, and the checks afterwards."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from parallel.executor import Recording
from parallel.field import inverse_or_zero
from parallel.fragment_source import INVERSES, QUEUE_ARRAYS, SCRATCH_WORDS, TABLES, fragment_text
from parallel.fragment_steps import QUEUE_ERRORS
from parallel.jit import jit
from parallel.recording import QUEUES, SNAPSHOT, Array
from parallel.source import load_generated

FRAGMENTS_PER_TASK: Final = 64
"""Fragments that share one task's scratch arrays when fragments are short; scratch costs about 1 us to make."""


class FragmentError(Exception):
    """A fragment's context contradicts itself, its queues, or the next fragment's context."""

    def __init__(self, fragment: int, row: int, field: str, reason: str) -> None:
        super().__init__(f"fragment {fragment}, row {row}: {field}: {reason}")
        self.fragment = fragment
        self.row = row
        self.field = field
        self.reason = reason


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
def all_fragments(total, per_task, errors, {arguments}, counts, touched):
    for task in numba.prange((total + per_task - 1) // per_task):
        thread = numba.get_thread_id()
        first = np.int64(task) * per_task
        some(first, min(total, first + per_task), errors, {arguments}, counts[thread], touched[thread])
"""


def _load() -> Any:
    arguments = ", ".join(
        ("carry", *TABLES, *QUEUE_ARRAYS, "out", "stride", "bitwise_start", "own_core", "own_rows", "first_row")
    )
    text = fragment_text() + _TASKS.format(arguments=arguments, words=SCRATCH_WORDS)
    return load_generated("fragment_tasks", text)


_MODULE: Any = None


def _tasks() -> Any:
    global _MODULE  # noqa: PLW0603  # compiled code is loaded once per process
    if _MODULE is None:
        _MODULE = _load()
    return _MODULE


class FragmentTask:
    """All fragments of one recording, and the buffer they are written into.

    ``out`` is flat, ``stride`` the distance of two columns, both as :class:`parallel.buffer.Buffer` makes them.
    """

    def __init__(self, recording: Recording, out: NDArray[np.uint64], stride: int, bitwise_start: int) -> None:
        self._recording = recording
        self._carry = _limits(recording)
        total = len(recording.snapshots)
        self._errors = np.zeros((total, 2), np.int64)
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
        self._arguments = (self._carry, *tables, *arrays, out, stride, bitwise_start, True, True, 0)

    def rebuild_serial(self, counts: Array, touched: Array) -> None:
        """All fragments on this thread; counts (65536,) uint32 and touched (1024,) uint8 collect the range lookups."""
        _tasks().some(0, len(self._errors), self._errors, *self._arguments, counts, touched)

    def rebuild_parallel(self, counts: Array, touched: Array) -> None:
        """All fragments on all threads; counts and touched have one row per thread."""
        total = len(self._errors)
        per_task = max(1, min(FRAGMENTS_PER_TASK, total // 64))
        _tasks().all_fragments(total, per_task, self._errors, *self._arguments, counts, touched)

    def check(self, hashes: NDArray[np.int64]) -> None:
        """Every fragment ended where it should, with the state and the queue positions that the next one begins with.

        Raises FragmentError for the first that did not.
        """
        failed = np.flatnonzero(self._errors[:, 0])
        if len(failed):
            fragment = int(failed[0])
            code, row = (int(value) for value in self._errors[fragment])
            raise FragmentError(fragment, row, QUEUE_ERRORS[code], "not what the rows of this fragment need")
        expected = _limits(self._recording)
        following = self._recording.snapshots[1:]
        for name in SNAPSHOT.names or ():
            if name == "continuations":
                found, wanted = self._carry[name][:-1], hashes[1:]
            elif name in expected_at_end:
                found, wanted = self._carry[name], expected[name]
            else:
                found, wanted = self._carry[name][:-1], following[name]
            if not len(found):
                continue
            wrong = np.flatnonzero((found != wanted).reshape(len(found), -1).any(axis=1))
            if len(wrong):
                fragment = int(wrong[0])
                reason = f"ends with {found[fragment]}, the next fragment begins with {wanted[fragment]}"
                raise FragmentError(fragment, self._recording.fragment_end(fragment), name, reason)


expected_at_end = frozenset((*QUEUES, "clk", "hasher_addr", "bitwise")) - {"continuations"}


def _limits(recording: Recording) -> Array:
    """Per fragment, where it must end: clk, hasher address, and the end of its part of every queue."""
    snapshots = recording.snapshots
    limits = np.zeros(len(snapshots), SNAPSHOT)
    final = {
        "clk": recording.core_rows,
        "hasher_addr": recording.hasher_rows + 1,
        "bitwise": recording.bitwise_requests,
        **{name: len(queue) for name, queue in recording.queues.items()},
    }
    for name in expected_at_end:
        limits[name][:-1] = snapshots[name][1:]
        limits[name][-1:] = final[name]
    return limits


def continuation_hashes(recording: Recording) -> NDArray[np.int64]:
    """Per fragment, the number that stands for its continuation stack (see ``continuation_hash`` in the kernels)."""
    found = np.empty(len(recording.snapshots), np.int64)
    _tasks().continuation_hashes(recording.snapshots, recording.queues["continuations"], found)
    return found
