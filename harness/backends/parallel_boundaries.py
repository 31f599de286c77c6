"""The boundary states that the parallel engine recorded as one table, read off its snapshots."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from harness.backend import EngineFailure
from harness.boundary_table import KIND_NUMBER, TAG_NUMBER, WORDS, BoundaryTable, Numbers
from parallel.lower import Lowered
from parallel.recording import Recording
from parallel.rows import ENTER_FOREST_PC, REPEAT, TAGS
from reference.definition.mast import Call, Dyn, Dyncall, External, Join, Loop, Split, Syscall

_TAG: Final = np.array([TAG_NUMBER[tag] for tag in TAGS])
"""By the engine's number of a tag."""

_START, _END = TAGS.index("start"), TAGS.index("end")
_FINISH: Final = {
    Join: "FinishJoin",
    Split: "FinishSplit",
    Loop: "FinishLoop",
    Call: "FinishCall",
    Syscall: "FinishCall",
    Dyn: "FinishDyn",
    Dyncall: "FinishDyn",
    External: "FinishExternal",
}
_NO_KIND: Final = -1
"""Of a block, which leaves nothing to be done."""


def parallel_boundaries(engine: str, recording: Recording, rows: Sequence[int]) -> BoundaryTable:
    """The states recorded entering these rows, each what :func:`parallel.contexts.boundary_state` says of it.

    Raises EngineFailure when an entry of a continuation stack is no row that anything can go on with.
    """
    every = recording.snapshots
    snapshots = every[np.searchsorted(every["clk"], rows)]
    # A snapshot is its pc, then the words of a state in their order, then offsets, 8 bytes each.
    words = snapshots.view(np.uint64).reshape(len(snapshots), -1)[:, 1 : 1 + WORDS]
    table, pcs = recording.lowered.rows, snapshots["pc"]
    local = _local_nodes(recording.lowered, pcs)
    positions = np.stack((_TAG[table.tag[pcs]], local, table.batch[pcs], table.operation[pcs]), axis=1)
    counts = snapshots["continuation_count"]
    continuations = _continuations(engine, recording, snapshots["continuations"] + counts, counts)
    return BoundaryTable(words, positions, counts, continuations)


def _local_nodes(lowered: Lowered, pcs: Numbers) -> Numbers:
    """Ids of the nodes of these rows, each in its own forest."""
    nodes = lowered.rows.node[pcs]
    local: Numbers = nodes - np.array(lowered.first_node)[lowered.node_forest[nodes]]
    return local


def _continuations(engine: str, recording: Recording, ends: Numbers, counts: Numbers) -> Numbers:
    """Kind and node of each entry of the stacks that end before ``ends`` in the pool, bottom first there, top first here."""
    total = int(counts.sum())
    place_in_stack = np.arange(total) - np.repeat(np.cumsum(counts) - counts, counts)
    pcs = recording.queues["continuations"][np.repeat(ends, counts) - 1 - place_in_stack]
    lowered, table = recording.lowered, recording.lowered.rows
    tags = table.tag[pcs]
    finish = np.array(
        [KIND_NUMBER.get(_FINISH.get(type(node), ""), _NO_KIND) for forest in lowered.forests for node in forest.nodes]
    )
    is_finish = (tags == _END) | (table.kind[pcs] == REPEAT)
    kinds = np.where(is_finish, finish[table.node[pcs]], _NO_KIND)
    kinds[tags == _START] = KIND_NUMBER["StartNode"]
    is_return = pcs == ENTER_FOREST_PC
    kinds[is_return] = KIND_NUMBER["EnterForest"]
    if (kinds == _NO_KIND).any():
        raise EngineFailure(engine, f"the row with pc {pcs[kinds == _NO_KIND][0]} is no continuation")
    nodes = _local_nodes(lowered, pcs)
    nodes[is_return] = -1
    return np.stack((kinds, nodes), axis=1)
