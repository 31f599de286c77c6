"""Fragment contexts: the boundary state of spec 07, section 4, as plain values; one context by itself; rebuilding it alone.

A context by itself is a recording of one fragment: one snapshot and its part of every queue, all offsets 0. Its
``core_rows``, ``hasher_rows`` and ``bitwise_requests`` say where the fragment ends, counted from the program's first row.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from parallel.buffer import COLUMN_PAD
from parallel.fragments import FragmentTask, Place, continuation_hashes
from parallel.lower import Lowered
from parallel.ranges import BLOCKS, VALUES
from parallel.recording import QUEUES, Recording
from parallel.rows import ENTER_FOREST_PC, REPEAT, TAGS
from parallel.validation import validate
from reference.definition.boundary import BoundaryState, Continuation, Position
from reference.definition.columns import CORE_WIDTH
from reference.definition.field import as_word
from reference.definition.mast import Call, Dyn, Dyncall, External, Join, Loop, Split, Syscall

_FINISH = {
    Join: "FinishJoin",
    Split: "FinishSplit",
    Loop: "FinishLoop",
    Call: "FinishCall",
    Syscall: "FinishCall",
    Dyn: "FinishDyn",
    Dyncall: "FinishDyn",
    External: "FinishExternal",
}
_ACE_CLK = 4
"""Cell of an ACE row that holds its clk."""


def boundary_state(recording: Recording, fragment: int) -> BoundaryState:
    """The state entering a fragment, 0 <= fragment < number of snapshots."""
    snapshot = recording.snapshots[fragment]
    lowered = recording.lowered
    pc = int(snapshot["pc"])
    rows = lowered.rows
    start, count = int(snapshot["continuations"]), int(snapshot["continuation_count"])
    pool = recording.queues["continuations"][start : start + count]
    return BoundaryState(
        clk=int(snapshot["clk"]),
        ctx=int(snapshot["ctx"]),
        fn_hash=as_word(snapshot["fn_hash"].tolist()),
        transcript_state=as_word(snapshot["transcript_state"].tolist()),
        current_addr=int(snapshot["current_addr"]),
        parent_addr=int(snapshot["parent_addr"]),
        stack=tuple(snapshot["stack"].tolist()),
        depth=int(snapshot["depth"]),
        overflow_addr=int(snapshot["overflow_addr"]),
        position=Position(
            TAGS[int(rows.tag[pc])],
            lowered.local_node(int(rows.node[pc])),
            int(rows.batch[pc]),
            int(rows.operation[pc]),
        ),
        continuations=tuple(_continuation(lowered, int(entry)) for entry in pool[::-1]),
    )


def _continuation(lowered: Lowered, pc: int) -> Continuation:
    """An entry of the continuation stack: the start, REPEAT or END row of a node, or the way back to a forest."""
    if pc == ENTER_FOREST_PC:
        return Continuation("EnterForest", -1)
    number = int(lowered.rows.node[pc])
    local = lowered.local_node(number)
    tag = TAGS[int(lowered.rows.tag[pc])]
    if tag == "start":
        return Continuation("StartNode", local)
    node = lowered.forests[lowered.forest_of_node(number)].nodes[local]
    assert tag == "end" or lowered.rows.kind[pc] == REPEAT
    return Continuation(_FINISH[type(node)], local)


def queue_slice(recording: Recording, name: str, fragment: int) -> slice:
    """The entries of a queue that belong to a fragment."""
    snapshots = recording.snapshots
    first = int(snapshots[name][fragment])
    if name == "continuations":
        return slice(first, first + int(snapshots["continuation_count"][fragment]))
    if fragment + 1 < len(snapshots):
        return slice(first, int(snapshots[name][fragment + 1]))
    return slice(first, len(recording.queues[name]))


def fragment_context(recording: Recording, fragment: int) -> Recording:
    """One fragment's context, which shares nothing with the recording; 0 <= fragment < number of snapshots."""
    snapshot = recording.snapshots[fragment : fragment + 1].copy()
    first_row, end = int(snapshot["clk"][0]), recording.fragment_end(fragment)
    hasher_end, bitwise_end = recording.hasher_rows, recording.bitwise_requests
    if fragment + 1 < len(recording.snapshots):
        following = recording.snapshots[fragment + 1]
        hasher_end, bitwise_end = int(following["hasher_addr"]) - 1, int(following["bitwise"])
    for name in QUEUES:
        snapshot[name] = 0
    clks = recording.ace[:, _ACE_CLK]
    return replace(
        recording,
        core_rows=end,
        hasher_rows=hasher_end,
        bitwise_requests=bitwise_end,
        snapshots=snapshot,
        queues={name: queue[queue_slice(recording, name, fragment)].copy() for name, queue in recording.queues.items()},
        ace=recording.ace[(clks >= first_row) & (clks < end)],
        kernel_calls=np.zeros(0, np.int64),
        final_stack=(),
    )


def rebuild_alone(context: Recording) -> NDArray[np.uint64]:
    """The core columns (49, rows) of one fragment's context, from nothing but the context.

    Raises ContextError, before or after the rebuild, when the context contradicts itself.
    """
    validate(context, whole=False)
    first_row = int(context.snapshots["clk"][0])
    base = first_row & ~7
    rows = -(-(context.core_rows - base) // 8) * 8
    stride = rows + COLUMN_PAD
    raw = np.empty(CORE_WIDTH * stride + 8, np.uint64)
    words = raw[(-raw.ctypes.data) % 64 // 8 :][: CORE_WIDTH * stride]
    task = FragmentTask(context)
    place = Place(words, stride, first_row=base, chiplets=False)
    task.rebuild_serial(range(1), place, np.zeros(VALUES, np.uint32), np.zeros(BLOCKS, np.uint8))
    task.check(continuation_hashes(context))
    return words.reshape(CORE_WIDTH, stride)[:, first_row - base : context.core_rows - base]
