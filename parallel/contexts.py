"""Fragment contexts as plain values: the boundary state of spec 07, section 4, read from a snapshot."""

from __future__ import annotations

from parallel.executor import Recording
from parallel.lower import Lowered
from parallel.rows import ENTER_FOREST_PC, REPEAT, TAGS
from reference.definition.boundary import BoundaryState, Continuation, Position
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
