"""What a check of a context can answer: a field, a reason, and the conditions that several fields share.

A check returns the number of the fragment or entry, an index into FIELDS and an index into REASONS; OK says that all is well.
"""

from __future__ import annotations

from typing import Any, Final

from parallel.jit import jit

REASONS: Final = (
    "",
    "is out of range",
    "names a row that no fragment begins with",
    "is not a canonical field element",
    "does not ascend from the fragment before",
    "reaches past the end of its queue",
    "is not what every program begins with",
    "is more than the program's rows can make",
    "does not belong to the depth",
    "names a row that is never left for later",
    "cannot stand above the entry below it",
    "cannot lead to the position",
    "contradicts the position",
    "is not a procedure of the program or its libraries",
    "is a combination of flags that no node has",
    "does not follow the entry before it",
    "belongs to a row of another fragment",
    "has a kind that no access has",
    "is no address of a block",
    "does not match the accesses of the same row",
    "does not match the number of entries",
)
(
    OK, RANGE, NO_ROW, NOT_CANONICAL, NOT_ASCENDING, PAST_END, NOT_THE_START, TOO_MANY, NOT_THE_DEPTH, NEVER_WAITS,
    NOT_ABOVE, NOT_TO_POSITION, NOT_THE_POSITION, NO_PROCEDURE, NO_SUCH_FLAGS, OUT_OF_ORDER, FOREIGN_ROW, NO_SUCH_KIND,
    NO_ADDRESS, NO_MATCH, NO_COUNT,
) = range(len(REASONS))  # fmt: skip

FIELDS: Final = (
    "pc", "clk", "ctx", "fn_hash", "transcript_state", "current_addr", "parent_addr", "stack", "depth", "overflow_addr",
    "hasher_addr", "ends", "pops", "restores", "accesses", "advice", "permutations", "targets", "bitwise",
    "continuations", "continuation_count",
    "ends.node_flags", "ends.current_addr", "ends.parent_addr", "pops.value", "pops.overflow_addr", "restores.ctx",
    "restores.fn_hash", "restores.depth", "restores.overflow_addr", "accesses.key", "accesses.clk", "accesses.kind",
    "accesses.word", "targets.pc", "targets.enters_forest", "ace", "kernel_calls",
)  # fmt: skip
(
    PC, CLK, CTX, FN_HASH, TRANSCRIPT, CURRENT, PARENT, STACK, DEPTH, OVERFLOW, HASHER, ENDS, POPS, RESTORES, ACCESSES,
    ADVICE, PERMUTATIONS, TARGETS, BITWISE, CONTINUATIONS, CONTINUATION_COUNT, END_FLAGS, END_CURRENT, END_PARENT,
    POP_VALUE, POP_OVERFLOW, RESTORE_CTX, RESTORE_HASH, RESTORE_DEPTH, RESTORE_OVERFLOW, ACCESS_KEY, ACCESS_CLK,
    ACCESS_KIND, ACCESS_VALUES, TARGET_PC, TARGET_ENTERS, ACE, KERNEL_CALLS,
) = range(len(FIELDS))  # fmt: skip

MAX_CTX: Final = 2**32


@jit
def is_block_address(address: Any, hasher_end: Any) -> Any:
    """0 (no block), or an address that a node's first hasher row can have."""
    return address == 0 or (1 <= address < hasher_end and (address & 7) == 1)


@jit
def fits_depth(depth: Any, overflow_addr: Any, clk: Any) -> Any:
    """Depth and the clk of the newest overflow entry: none at depth 16, an earlier row above."""
    if depth == 16:
        return overflow_addr == 0
    return 1 <= overflow_addr < clk
