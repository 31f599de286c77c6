"""The replay queues that a recording must hold, derived from the reference's rows alone (spec 07, section 6).

The reference records no queues. But what a row takes from one shows in the trace: a pop is the item that enters at the
bottom of the stack and the overflow address behind it, an END shows its flags, a memory access is a row of the memory
chiplet, a permutation is eight rows of the hasher.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from harness.localise.rows import ProgramRows
from parallel.recording import (
    ACCESS_ENTRY,
    END_ENTRY,
    IS_CALL,
    IS_LOOP,
    IS_LOOP_BODY,
    IS_SYSCALL,
    LOOP_ENTERED,
    POP_ENTRY,
    RESTORE_ENTRY,
)
from reference.definition.columns import CHIPLETS, COLUMN
from reference.definition.field import Word, as_word
from reference.execution import Frame

Entries = NDArray[Any]

_H: Final = COLUMN["dec_h0"]
_ITEM: Final = COLUMN["stack_0"]
_FN_HASH: Final = slice(COLUMN["fn_hash_0"], COLUMN["fn_hash_0"] + 4)
_STATE: Final = slice(CHIPLETS.start + 4, CHIPLETS.start + 16)
"""The hasher's columns h0..h11."""


class Target(NamedTuple):
    """Where DYN or DYNCALL goes."""

    digest: Word
    """Of the procedure root."""
    enters_forest: bool


class ExpectedQueues:
    """All queues of a run, in the entry types of :mod:`parallel.recording`; targets as :class:`Target`."""

    def __init__(self, rows: ProgramRows) -> None:
        self.rows = rows

    def of(self, name: str) -> Entries | list[Target]:
        """The queue with this name, ``continuations`` not among them: they belong to the boundary states."""
        found: Entries | list[Target] = getattr(self, name)
        return found

    @cached_property
    def ends(self) -> Entries:
        """Per END: flags of the ended node, and the block that is current afterwards."""
        at = np.flatnonzero(self.rows.takes["ends"])
        core, marks = self.rows.execution.core, self.rows.execution.marks
        found = np.zeros(len(at), END_ENTRY)
        visible = ((4, IS_LOOP_BODY), (5, LOOP_ENTERED), (6, IS_CALL), (7, IS_SYSCALL))
        found["node_flags"] = sum(core[at, _H + register].astype(np.int64) * flag for register, flag in visible)
        for index, row in enumerate(at.tolist()):
            ended = marks[row].blocks
            found["node_flags"][index] |= IS_LOOP if ended is not None and ended.is_loop else 0
            current = marks[row + 1].blocks if row + 1 < self.rows.count else None
            if current is not None:
                found["current_addr"][index], found["parent_addr"][index] = current.address, current.parent_address
        return found

    @cached_property
    def pops(self) -> Entries:
        """Per left shift with depth above 16: what enters item 15, and the overflow address behind it."""
        at = np.flatnonzero(self.rows.takes["pops"])
        found = np.zeros(len(at), POP_ENTRY)
        after = self.rows.state_after[at]
        found["value"] = after[:, _ITEM + 15]
        # DYNCALL opens a context on the same row; what it has popped to stands in its own registers.
        own = self.rows.execution.core[at, _H + 5]
        is_call = self.rows.is_operation("DYNCALL")[at]
        found["overflow_addr"] = np.where(is_call, own, after[:, COLUMN["stack_b1"]])
        return found

    @cached_property
    def restores(self) -> Entries:
        """Per END of CALL, SYSCALL and DYNCALL: the caller's state."""
        at = np.flatnonzero(self.rows.takes["restores"])
        after = self.rows.state_after[at]
        found = np.zeros(len(at), RESTORE_ENTRY)
        found["ctx"], found["fn_hash"] = after[:, COLUMN["ctx"]], after[:, _FN_HASH]
        found["depth"], found["overflow_addr"] = after[:, COLUMN["stack_b0"]], after[:, COLUMN["stack_b1"]]
        return found

    @cached_property
    def accesses(self) -> Entries:
        """Per memory access: key, clk, kind, and the word after it."""
        memory = self.rows.memory
        found = np.zeros(len(memory), ACCESS_ENTRY)
        found["key"] = memory[:, 5] << np.uint64(32) | memory[:, 6]
        found["clk"] = memory[:, 9]
        found["kind"] = memory[:, 3] + 2 * memory[:, 4] + 4 * memory[:, 7] + 8 * memory[:, 8]
        found["word"] = memory[:, 10:14]
        return found

    @cached_property
    def advice(self) -> Entries:
        """Elements in the order of the host's answers: the deepest item first."""
        found: list[int] = []
        for row in np.flatnonzero(self.rows.takes["advice"]).tolist():
            count = int(self.rows.takes["advice"][row])
            found.extend(self.rows.state_after[row, _ITEM : _ITEM + count][::-1].tolist())
        return np.array(found, np.uint64)

    @cached_property
    def permutations(self) -> Entries:
        """Per recorded permutation its 8 states, (n, 8, 12)."""
        taken, takes = self.rows.taken["hasher"], self.rows.takes["permutations"]
        hashes = self.rows.trace.columns[_STATE, : 8 * int(taken[-1])].T.reshape(-1, 8, 12)
        which = [
            index for row in np.flatnonzero(takes).tolist() for index in range(int(taken[row]), int(taken[row + 1]))
        ]
        return hashes[np.array(which, np.int64)]

    @cached_property
    def targets(self) -> list[Target]:
        """Per DYN and DYNCALL."""
        return [self._target(row) for row in np.flatnonzero(self.rows.takes["targets"]).tolist()]

    def _target(self, row: int) -> Target:
        """What stands on the continuation stack above the node's own entry tells what was resolved on the way."""
        mark, before = self.rows.execution.marks[row + 1], self.rows.execution.marks[row].frames
        digest = as_word(self.rows.execution.core[row, _H : _H + 4].tolist())
        above: list[Frame] = []
        frame = mark.frames
        while frame is not None and frame is not before:
            above.append(frame)
            frame = frame.below
        # Bottom first: the node's own entry, the way back from its target's forest, and so on for an external target.
        kinds = [frame.kind for frame in reversed(above)][1:]
        return Target(digest, bool(kinds) and kinds[0] == "EnterForest")
