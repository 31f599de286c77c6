"""The buses: which auxiliary columns of the real VM they are, and what their slots hold (12 sections 7.1 to 7.9).

The chiplets bus and the virtual table are told apart by what they are about: labels keep their messages apart anyway, and a
report can name the chiplet. The memory reads of the ACE table, which the real VM removes from the virtual table, are
removed from the memory bus that answers them; so each bus closes by itself. The range bus counts lookups exactly
(``range_lookups.py``); the chain of transcript states and the first rows of the kernel ROM are compared in order
(``requests``).
"""

from __future__ import annotations

from typing import Final

from harness.audit.buses.message import Bus

_WORD: Final = ("v0", "v1", "v2", "v3")
_FN_HASH: Final = tuple(f"fn_hash {i}" for i in range(4))
_DIGEST: Final = tuple(f"digest {i}" for i in range(4))
_STATE: Final = tuple(f"h{i}" for i in range(12))

BLOCK_STACK: Final = Bus(
    "block stack",
    "auxiliary column 0, 12 section 7.2",
    ("block", "parent", "is_loop", "ctx", "depth", "overflow address", *_FN_HASH),
)
BLOCK_HASH: Final = Bus(
    "block hash",
    "auxiliary column 1, 12 section 7.3",
    ("parent", *_DIGEST, "is_first_child", "is_loop_body"),
)
OP_GROUP: Final = Bus("op group", "auxiliary column 2, 12 section 7.4", ("block", "group count", "group"))
STACK_OVERFLOW: Final = Bus("stack overflow", "auxiliary column 3, 12 section 7.5", ("clk", "value", "previous"))
HASHER: Final = Bus("hasher", "auxiliary column 6, 12 section 7.7", ("label", "address", "node", *_STATE))
BITWISE: Final = Bus("bitwise", "auxiliary column 6, 12 section 7.7", ("label", "a", "b", "z"))
MEMORY: Final = Bus(
    "memory", "auxiliary columns 6 and 5, 12 sections 7.7 and 7.8", ("label", "ctx", "address", "clk", *_WORD)
)
ACE: Final = Bus("ace", "auxiliary column 6, 12 section 7.7", ("label", "clk", "ctx", "ptr", "reads", "evals"))
KERNEL_CALL: Final = Bus("kernel call", "auxiliary column 6, 12 section 7.7", ("label", *_DIGEST))
SIBLINGS: Final = Bus(
    "siblings",
    "auxiliary column 5, 12 section 7.8",
    ("", "", "node", "", "", "", "", "h4", "h5", "h6", "h7", "h8", "h9", "h10", "h11"),
)
WIRING: Final = Bus("wiring", "auxiliary column 7, 12 section 7.9", ("clk", "ctx", "id", "v0", "v1"), weighted=True)

BUSES: Final = (
    BLOCK_STACK,
    BLOCK_HASH,
    OP_GROUP,
    STACK_OVERFLOW,
    HASHER,
    BITWISE,
    MEMORY,
    ACE,
    KERNEL_CALL,
    SIBLINGS,
    WIRING,
)
