"""The boundary states of a run of the reference as one table: of every row of a campaign's case, made at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from harness.boundary_table import KIND_NUMBER, TAG_NUMBER, WORDS, BoundaryTable, Numbers
from reference.definition.columns import COLUMN
from reference.execution import Execution, Frame, RowMark

_CTX: Final = COLUMN["ctx"]
_FN_HASH: Final = slice(COLUMN["fn_hash_0"], COLUMN["fn_hash_0"] + 4)
_STACK: Final = slice(COLUMN["stack_0"], COLUMN["stack_b1"] + 1)
"""16 items, depth, overflow address."""


def reference_boundaries(execution: Execution, rows: Sequence[int]) -> BoundaryTable:
    """The states entering these rows, each what :meth:`Execution.boundary` says of it; IndexError for rows it has not."""
    marks = [execution.marks[row] for row in rows]
    core = execution.core[list(rows)]
    blocks = [mark.blocks for mark in marks]
    words = np.empty((len(marks), WORDS), np.uint64)
    words[:, 0] = rows
    words[:, 1] = core[:, _CTX]
    words[:, 2:6] = core[:, _FN_HASH]
    words[:, 6:10] = [mark.transcript_state for mark in marks]
    words[:, 10] = [block.address if block else 0 for block in blocks]
    words[:, 11] = [block.parent_address if block else 0 for block in blocks]
    words[:, 12:] = core[:, _STACK]
    positions = [(TAG_NUMBER[tag], node, batch, operation) for (tag, node, batch, operation), *_ in marks]
    counts, continuations = _continuations(marks)
    return BoundaryTable(words, np.array(positions, np.int64), counts, continuations)


def _continuations(marks: Sequence[RowMark]) -> tuple[Numbers, Numbers]:
    """How many each row has, and all of them."""
    flat: list[int] = []
    counts: list[int] = []
    known: dict[int, list[int]] = {}
    for frames, rows in _runs(marks):
        found = known.get(id(frames))
        if found is None:
            found = known[id(frames)] = _flat(frames)
        flat += found * rows
        counts += [len(found) // 2] * rows
    return np.array(counts, np.int64), np.array(flat, np.int64).reshape(-1, 2)


def _runs(marks: Sequence[RowMark]) -> Iterator[tuple[Frame | None, int]]:
    """Continuation stacks, each with the number of rows that have it one after another: mostly those of a block."""
    first = 0
    for row in range(1, len(marks) + 1):
        frames = marks[first].frames
        if row == len(marks) or marks[row].frames is not frames:
            yield frames, row - first
            first = row


def _flat(frames: Frame | None) -> list[int]:
    """Kind and node of each frame, top first."""
    found: list[int] = []
    while frames is not None:
        found += (KIND_NUMBER[frames.kind], -1 if frames.kind == "EnterForest" else frames.node)
        frames = frames.below
    return found
