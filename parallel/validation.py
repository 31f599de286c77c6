"""Contexts are data and untrusted: everything that compiled code takes from a recording is checked here first.

The checks need no rebuild: types and sizes, ranges, canonical elements, offsets that stay inside their queue, and a
continuation stack that can lead to the position above it. What only the rows can tell (a queue that ends too early or too
late, a state that is not what the fragment before leaves) is checked by the rebuild itself.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from parallel.context_error import ContextError
from parallel.executor import MAX_CYCLES
from parallel.jit import records
from parallel.recording import IS_SYSCALL, QUEUES, SNAPSHOT, Recording
from parallel.validation_answers import FIELDS, OK, REASONS
from parallel.validation_queues import check_memory, check_queues, first_not_canonical
from parallel.validation_snapshots import check_snapshots
from reference.definition.field import P
from reference.definition.outcome import Completed

_TYPES: Final = {name: np.empty(0, entry) for name, entry in QUEUES.items()}


def validate(recording: Recording, *, whole: bool = True) -> None:
    """Check a recording before any compiled code uses it.

    ``whole``: the recording begins with row 0 and ends with the program, as a build needs it; a single fragment's context
    (:func:`parallel.contexts.fragment_context`) is validated with False. Raises ContextError.
    """
    _check_types(recording)
    _check_sizes(recording)
    lowered, rows, snapshots = recording.lowered, recording.lowered.rows, records(recording.snapshots)
    queues = {name: records(queue) for name, queue in recording.queues.items()}
    ends = np.array((recording.core_rows, recording.hasher_rows + 1, recording.bitwise_requests), np.int64)
    totals = np.array([len(queues[name]) for name in QUEUES], np.int64)
    fragment, field, reason = check_snapshots(
        snapshots, queues["continuations"], ends, totals, whole, rows.kind, rows.tag, rows.node, rows.first_target,
        rows.second_target, lowered.node_forest, lowered.is_root, lowered.entry,
    )  # fmt: skip
    if reason != OK:
        raise ContextError(fragment, FIELDS[field], REASONS[reason])
    entry, field, reason = check_queues(
        snapshots, queues["ends"], queues["pops"], queues["restores"], queues["accesses"], queues["targets"],
        recording.ace, recording.core_rows, recording.hasher_rows + 1, rows.kind, rows.node, rows.tag,
        lowered.is_root,
    )  # fmt: skip
    if reason != OK:
        name = FIELDS[field]
        queue = name.split(".", maxsplit=1)[0] if name != "ace" else "accesses"
        raise ContextError(fragment_of(recording, queue, entry), name, f"entry {entry} {REASONS[reason]}")
    for name in ("advice", "permutations"):
        bad = first_not_canonical(queues[name].reshape(-1))
        if bad >= 0:
            entry = bad // max(1, queues[name][:1].size)
            raise ContextError(fragment_of(recording, name, entry), name, f"entry {entry} is not canonical")
    if whole:
        _check_end(recording)


def validate_memory(recording: Recording, order: NDArray[np.int64]) -> None:
    """Check that reads give back what was written; ``order`` as :func:`parallel.chiplets.memory_order` makes it.

    Raises ContextError.
    """
    entry = int(check_memory(order, records(recording.queues["accesses"])))
    if entry >= 0:
        fragment = fragment_of(recording, "accesses", entry)
        raise ContextError(fragment, "accesses.word", f"entry {entry} is not what the accesses before it leave there")


def fragment_of(recording: Recording, queue: str, entry: int) -> int:
    """The fragment that consumes an entry of a queue."""
    return max(0, int(np.searchsorted(recording.snapshots[queue], entry, side="right")) - 1)


def _check_types(recording: Recording) -> None:
    if not isinstance(recording.outcome, Completed):
        raise ContextError(0, "outcome", "the program failed, so there is nothing to rebuild")
    snapshots = recording.snapshots
    if snapshots.dtype != SNAPSHOT or snapshots.ndim != 1 or not len(snapshots):
        raise ContextError(0, "snapshots", f"not a list of snapshots: {snapshots.dtype}, shape {snapshots.shape}")
    if recording.queues.keys() != QUEUES.keys():
        raise ContextError(0, "queues", f"expected {', '.join(QUEUES)}, found {', '.join(recording.queues)}")
    for name, like in _TYPES.items():
        queue = recording.queues[name]
        if queue.dtype != like.dtype or queue.shape[1:] != like.shape[1:] or not queue.flags.c_contiguous:
            raise ContextError(0, name, f"not entries of this queue: {queue.dtype}, shape {queue.shape}")
    ace = recording.ace
    if ace.dtype != np.uint64 or ace.ndim != 2 or ace.shape[1] != 16:
        raise ContextError(0, "ace", f"not rows of 16 words: {ace.dtype}, shape {ace.shape}")


def _check_sizes(recording: Recording) -> None:
    """The numbers that decide how much is allocated: no more rows than the queues can have made."""
    lowered, queues = recording.lowered, recording.queues
    last = len(recording.snapshots) - 1
    first_row = int(recording.snapshots[0]["clk"])
    made = recording.core_rows - first_row
    if not 0 < made <= recording.core_rows <= MAX_CYCLES:
        raise ContextError(last, "core_rows", f"{recording.core_rows} is no length of a program")
    # A node that runs has ended in these rows, or was or is still open; open ones nest no deeper than the program does.
    open_nodes = len(lowered.is_root) * (len(queues["targets"]) + 1)
    started = len(queues["ends"]) + len(queues["continuations"]) + open_nodes
    if made > started * (lowered.longest_node + 1):
        raise ContextError(last, "core_rows", f"{recording.core_rows} is more than {started} nodes can make")
    if not 0 <= recording.bitwise_requests <= recording.core_rows:
        raise ContextError(last, "bitwise_requests", f"{recording.bitwise_requests} is out of range")
    hasher_rows = recording.hasher_rows
    if hasher_rows < 0 or hasher_rows % 8:
        raise ContextError(last, "hasher_rows", f"{hasher_rows} is not a multiple of 8")
    first_hasher_row = int(recording.snapshots[0]["hasher_addr"]) - 1
    most = 8 * (made * lowered.most_permutations + len(queues["permutations"]))
    if hasher_rows - first_hasher_row > most:
        raise ContextError(last, "hasher_rows", f"{hasher_rows} is more than the program's rows can make")


def _check_end(recording: Recording) -> None:
    """What belongs to the whole run: calls of the kernel and the final stack."""
    last = len(recording.snapshots) - 1
    calls = recording.kernel_calls
    procedures = len(recording.lowered.program.kernel.procedures)
    if calls.dtype != np.int64 or calls.shape != (max(1, procedures),) or int(calls.min()) < 0:
        raise ContextError(last, "kernel_calls", f"expected {procedures} counts, found {calls.dtype}, {calls.shape}")
    syscalls = int(np.count_nonzero(recording.queues["ends"]["node_flags"] & IS_SYSCALL))
    if int(calls.sum()) != syscalls:
        raise ContextError(last, "kernel_calls", f"{int(calls.sum())} in all, but {syscalls} system calls end")
    outcome, final = recording.outcome, recording.final_stack
    assert isinstance(outcome, Completed)
    if final != (*outcome.stack, 16, 0, 0) or len(final) != 19 or not all(0 <= value < P for value in final):
        raise ContextError(last, "final_stack", "not 16 elements at depth 16")
