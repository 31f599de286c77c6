"""What the executor records: structured arrays, one flat buffer per queue, offsets per fragment in its snapshot.

A fragment begins with its snapshot and consumes each queue from its own offset on; nothing is copied or split when a
fragment ends. What a fragment can recompute is not recorded: block and permutation addresses follow from the hasher
address counter, parent addresses of starts from the current address, u32 limbs from the stack. Integers are rows, addresses
and counts unless said otherwise; words are four field elements, element 0 first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from parallel.lower import Lowered
from reference.definition.outcome import Outcome

SNAPSHOT: Final = np.dtype(
    [
        ("pc", "<i8"),  # row of the static table about to run
        ("clk", "<i8"),
        ("ctx", "<i8"),
        ("fn_hash", "<u8", (4,)),
        ("transcript_state", "<u8", (4,)),
        ("current_addr", "<i8"),
        ("parent_addr", "<i8"),
        ("stack", "<u8", (16,)),  # top first
        ("depth", "<i8"),
        ("overflow_addr", "<i8"),
        ("hasher_addr", "<i8"),  # address that the next hasher request gets
        # offsets of the fragment's first entry in each queue
        ("ends", "<i8"),
        ("pops", "<i8"),
        ("restores", "<i8"),
        ("accesses", "<i8"),
        ("advice", "<i8"),
        ("permutations", "<i8"),
        ("targets", "<i8"),
        ("bitwise", "<i8"),  # bitwise requests so far; they need no queue
        ("continuations", "<i8"),
        ("continuation_count", "<i8"),
    ]
)

END_ENTRY: Final = np.dtype([("node_flags", "<i8"), ("current_addr", "<i8"), ("parent_addr", "<i8")])
"""Per END row: flags of the ended node, and the addresses of the block that is current afterwards."""

IS_LOOP_BODY: Final = 1
IS_LOOP: Final = 2
LOOP_ENTERED: Final = 4
IS_CALL: Final = 8
IS_SYSCALL: Final = 16

POP_ENTRY: Final = np.dtype([("value", "<u8"), ("overflow_addr", "<i8")])
"""Per left shift with depth above 16: the value that enters item 15, and the overflow address afterwards."""

RESTORE_ENTRY: Final = np.dtype([("ctx", "<i8"), ("fn_hash", "<u8", (4,)), ("depth", "<i8"), ("overflow_addr", "<i8")])
"""Per END of CALL, SYSCALL and DYNCALL: the caller's state."""

ACCESS_ENTRY: Final = np.dtype([("key", "<u8"), ("clk", "<i8"), ("kind", "<i8"), ("word", "<u8", (4,))])
"""Per memory access: ctx * 2^32 + word address, clk, kind (below), and the word after the access."""

ACCESS_READ: Final = 1
ACCESS_WORD: Final = 2
ACCESS_ELEMENT_SHIFT: Final = 2
"""Bits 2 and 3 of an element access: address mod 4."""

TARGET_ENTRY: Final = np.dtype([("pc", "<i8"), ("enters_forest", "<i8")])
"""Per DYN and DYNCALL: first row of the target, and whether it lies in another forest."""

PERMUTATION_ENTRY: Final = np.dtype(("<u8", (8, 12)))
"""Per permutation of HPERM, LOGPRECOMPILE, MPVERIFY and MRUPDATE: its 8 states."""

ADVICE_ENTRY: Final = np.dtype("<u8")
"""Elements popped by ADVPOP, ADVPOPW and PIPE, in order."""

CONTINUATION_ENTRY: Final = np.dtype("<i8")
"""Continuation stacks of the snapshots, bottom first, as pcs."""

QUEUES: Final[dict[str, Any]] = {
    "ends": END_ENTRY,
    "pops": POP_ENTRY,
    "restores": RESTORE_ENTRY,
    "accesses": ACCESS_ENTRY,
    "advice": ADVICE_ENTRY,
    "permutations": PERMUTATION_ENTRY,
    "targets": TARGET_ENTRY,
    "continuations": CONTINUATION_ENTRY,
}
"""The replay queues by name; each has its offset in the snapshot under the same name."""

FRAME: Final = np.dtype([("ctx", "<i8"), ("fn_hash", "<u8", (4,)), ("top", "<i8"), ("depth", "<i8")])
"""A caller while its callee runs; ``top`` is the index of its stack top."""

Array = NDArray[Any]


@dataclass(frozen=True)
class Recording:
    """One finished run of the executor.

    ``snapshots`` has one entry per fragment, in order; ``queues`` holds the replay queues by name, ``ace`` the ACE rows,
    shape (n, 16). ``final_stack`` are the 19 stack columns after the last row with depth - 16 in place of its inverse
    (always 0 here). All empty when the program failed.
    """

    lowered: Lowered
    outcome: Outcome
    core_rows: int
    hasher_rows: int
    bitwise_requests: int
    snapshots: Array
    queues: dict[str, Array]
    ace: NDArray[np.uint64]
    kernel_calls: NDArray[np.int64]
    final_stack: tuple[int, ...]

    def fragment_end(self, fragment: int) -> int:
        """The row after the last one of a fragment."""
        if fragment + 1 < len(self.snapshots):
            return int(self.snapshots[fragment + 1]["clk"])
        return self.core_rows
