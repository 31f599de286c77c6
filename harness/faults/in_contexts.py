"""Faults of the fragment contexts: what is captured at a cut, and when.

The instant is before anything of the row happens (spec 07, section 3), so most of these take the state a moment too early,
too late, or from the entry next to the right one.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from harness.faults.fault import Check, Fault, InKernels, InRecording
from harness.faults.planting import Change
from harness.faults.units import EXECUTOR_LOOP
from parallel.recording import LOOP_ENTERED, Recording
from parallel.rows import END_CALL, END_LOOP, END_SYSCALL, ENTER_FOREST_PC, RESPAN

_BOUNDARY: Final = (Check.BOUNDARY,)


def _captured(right: str, wrong: str) -> InKernels:
    return InKernels((Change(EXECUTOR_LOOP, right, wrong),))


def _late_offset(queue: str) -> InKernels:
    return _captured(f"snapshot.{queue} = n_{queue}", f"snapshot.{queue} = max(0, n_{queue} - 1)")


def _queue(queue: str, caught_by: tuple[Check, ...] = (Check.CELL, Check.ENGINE_FAILURE)) -> Fault:
    return Fault(
        f"{queue}-begin-one-early",
        "contexts",
        f"a fragment's {queue} begin with the last entry of the fragment before",
        "A11: queues are popped without looking",
        caught_by,
        _late_offset(queue),
    )


def _without_skipped_loop_ends(recording: Recording) -> Recording:
    snapshots, ends = recording.snapshots, recording.queues["ends"]
    is_end = recording.lowered.rows.kind[snapshots["pc"]] == END_LOOP
    entry = np.minimum(snapshots["ends"], max(0, len(ends) - 1))
    lost = is_end & (ends["node_flags"][entry] & LOOP_ENTERED == 0) if len(ends) else is_end
    return replace(recording, snapshots=snapshots[~lost])


def _with_stack_of_next(recording: Recording) -> Recording:
    snapshots = recording.snapshots.copy()
    if len(snapshots) > 1:
        snapshots["stack"][:-1] = recording.snapshots["stack"][1:]
    return replace(recording, snapshots=snapshots)


CONTEXT_FAULTS: Final = (
    Fault(
        "overflow-address-of-older-entry",
        "contexts",
        "the snapshot has the overflow address of the entry below the newest",
        "A12: overflow address of the wrong moment",
        _BOUNDARY,
        _captured(
            "snapshot.overflow_addr = pushed[t - 16] if depth > 16 else 0",
            "snapshot.overflow_addr = pushed[t - 17] if depth > 17 else 0",
        ),
    ),
    Fault(
        "item-15-from-below",
        "contexts",
        "item 15 of the snapshot is the newest overflow item where there is one",
        "B8: the stack as seen from outside stops or begins in the wrong place",
        _BOUNDARY,
        _captured(
            "snapshot.stack[i] = stack[t - i]",
            "snapshot.stack[i] = stack[t - i - (1 if i == 15 and depth > 16 else 0)]",
        ),
    ),
    Fault(
        "parent-is-current",
        "contexts",
        "the snapshot's parent address is that of the node itself",
        "A11: the decoder pair is trusted by fragments that begin inside a block",
        _BOUNDARY,
        _captured(
            "snapshot.parent_addr = blocks[n_blocks - 2] if n_blocks > 1 else 0",
            "snapshot.parent_addr = blocks[n_blocks - 1] if n_blocks > 0 else 0",
        ),
    ),
    Fault(
        "respan-address-early",
        "contexts",
        "a snapshot at RESPAN has the address of the batch that is about to begin",
        "class: the row's own bookkeeping is done before the capture",
        _BOUNDARY,
        _captured(
            "snapshot.current_addr = blocks[n_blocks - 1] if n_blocks > 0 else 0",
            f"snapshot.current_addr = blocks[n_blocks - 1] + (8 if kind[pc] == {RESPAN} else 0) if n_blocks > 0 else 0",
        ),
    ),
    Fault(
        "callers-hash-in-callee",
        "contexts",
        "a snapshot at the first row of a callee still has the caller's hash",
        "C15: what a call resets is reset too late",
        _BOUNDARY,
        _captured(
            "snapshot.fn_hash[i] = fn_hash[i]",
            "snapshot.fn_hash[i] = callers[n_callers - 1].fn_hash[i] if n_callers > 0 and clk == ctx else fn_hash[i]",
        ),
    ),
    Fault(
        "context-restored-before-capture",
        "contexts",
        "a snapshot at the END of a call has the caller's context",
        "class: the row's own bookkeeping is done before the capture",
        _BOUNDARY,
        _captured(
            "snapshot.ctx = ctx",
            f"snapshot.ctx = callers[n_callers - 1].ctx if kind[pc] == {END_CALL} or kind[pc] == {END_SYSCALL} else ctx",
        ),
    ),
    Fault(
        "transcript-not-captured",
        "contexts",
        "the snapshot's transcript state is empty",
        "class: state that was added later is missing from the snapshot (07, section 14)",
        _BOUNDARY,
        _captured("snapshot.transcript_state[i] = transcript[i]", "snapshot.transcript_state[i] = ZERO"),
    ),
    Fault(
        "depth-before-last-push",
        "contexts",
        "a snapshot behind a push has the depth before it",
        "C4: depth and overflow address not carried to the next row, where the seam is",
        _BOUNDARY,
        _captured(
            "snapshot.depth = depth",
            "snapshot.depth = depth - 1 if depth > 16 and pushed[t - 16] == clk - 1 else depth",
        ),
    ),
    Fault(
        "stack-by-reference",
        "contexts",
        "a snapshot's stack is not copied: it is what the next snapshot finds",
        "class: a snapshot that shares memory with the running machine",
        _BOUNDARY,
        InRecording(_with_stack_of_next),
    ),
    Fault(
        "no-context-at-skipped-loop-end",
        "contexts",
        "no context is captured at the END of a loop that was not entered",
        "A1: LOOP and its END come from one handler, and only one of them notifies",
        (Check.BOUNDARY, Check.ENGINE_FAILURE),
        InRecording(_without_skipped_loop_ends),
    ),
    _queue("pops"),
    _queue("accesses"),
    _queue("advice"),
    _queue("permutations"),
    _queue("targets"),
    _queue("ends"),
    Fault(
        "bitwise-begins-one-early",
        "contexts",
        "a fragment's bitwise rows begin at those of the last request before it",
        "class: a counter that runs over all fragments is captured too early",
        (Check.CELL, Check.ENGINE_FAILURE),
        _captured("snapshot.bitwise = n_bitwise", "snapshot.bitwise = max(0, n_bitwise - 1)"),
    ),
    Fault(
        "hasher-address-begins-anew",
        "contexts",
        "the hasher address starts from 1 in every fragment",
        "class: a counter that runs over all fragments is reset at a cut (07, section 6)",
        (Check.CELL, Check.ENGINE_FAILURE),
        _captured("snapshot.hasher_addr = hasher_addr", "snapshot.hasher_addr = 1"),
    ),
    Fault(
        "top-continuation-lost",
        "contexts",
        "the top of the continuation stack is missing from the snapshot",
        "A11: a missing entry",
        (Check.BOUNDARY, Check.ENGINE_FAILURE),
        _captured("snapshot.continuation_count = n_frames", "snapshot.continuation_count = max(0, n_frames - 1)"),
    ),
    Fault(
        "continuations-upside-down",
        "contexts",
        "the continuation stack is stored top first",
        "A11: entries in the wrong order",
        (Check.BOUNDARY, Check.ENGINE_FAILURE),
        _captured(
            "for i in range(n_frames):\n    continuation_pool[n_continuations + i] = continuations[i]",
            "for i in range(n_frames):\n    continuation_pool[n_continuations + i] = continuations[n_frames - 1 - i]",
        ),
    ),
    Fault(
        "way-back-forgotten",
        "contexts",
        "the way back to an earlier forest is missing from the snapshot's continuation stack; no cell depends on it here",
        "A12: wrong, inert, and seen by comparing snapshots only",
        _BOUNDARY,
        _captured(
            "for i in range(n_frames):\n    continuation_pool[n_continuations + i] = continuations[i]",
            "kept = 0\n"
            "for i in range(n_frames):\n"
            f"    if continuations[i] != {ENTER_FOREST_PC}:\n"
            "        continuation_pool[n_continuations + kept] = continuations[i]\n"
            "        kept += 1\n"
            "snapshot.continuation_count = kept",
        ),
    ),
)
"""All of them; most show in the boundary state, the queues' offsets only in what is rebuilt."""
