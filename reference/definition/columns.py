"""The 72 columns of the main trace by name, group and index (spec 04, section 1). Nobody writes a column number elsewhere."""

from __future__ import annotations

from typing import Final

_GROUPS: Final = {
    "system": ("clk", "ctx", *(f"fn_hash_{i}" for i in range(4))),
    "decoder": (
        "dec_addr",
        *(f"dec_op_bit_{i}" for i in range(7)),
        *(f"dec_h{i}" for i in range(8)),
        "dec_in_span",
        "dec_group_count",
        "dec_op_index",
        *(f"dec_batch_flag_{i}" for i in range(3)),
        *(f"dec_bit_extra_{i}" for i in range(2)),
    ),
    "stack": (*(f"stack_{i}" for i in range(16)), "stack_b0", "stack_b1", "stack_h0"),
    "range": ("range_m", "range_v"),
    "chiplets": tuple(f"chip_{i}" for i in range(20)),
    "pad": ("pad_0",),
}

COLUMN_NAMES: Final[tuple[str, ...]] = tuple(name for group in _GROUPS.values() for name in group)
"""Name of each column, in trace order."""

WIDTH: Final = len(COLUMN_NAMES)
"""72."""

COLUMN: Final[dict[str, int]] = {name: index for index, name in enumerate(COLUMN_NAMES)}
"""Index of each column by name."""

GROUP_OF_COLUMN: Final[tuple[str, ...]] = tuple(group for group, names in _GROUPS.items() for _ in names)
"""Group (system, decoder, stack, range, chiplets, pad) of each column."""


_CHIPLET_MEANINGS: Final = (
    "chiplet selector 0: 0 hasher",
    "hasher s0; else chiplet selector 1: 0 bitwise",
    "hasher s1, bitwise operation; else chiplet selector 2: 0 memory",
    "hasher s2, bitwise a, memory is_read; else chiplet selector 3: 0 ACE",
    "hasher h0, bitwise b, memory is_word, ACE s_start; else chiplet selector 4: 0 kernel ROM, 1 padding",
    "hasher h1, bitwise a0, memory ctx, ACE s_block, kernel ROM s_first",
    "hasher h2, bitwise a1, memory word address, ACE ctx, kernel ROM r0",
    "hasher h3, bitwise a2, memory idx0, ACE ptr, kernel ROM r1",
    "hasher h4, bitwise a3, memory idx1, ACE clk, kernel ROM r2",
    "hasher h5, bitwise b0, memory clk, ACE op, kernel ROM r3",
    "hasher h6, bitwise b1, memory v0, ACE id0",
    "hasher h7, bitwise b2, memory v1, ACE v0 c0",
    "hasher h8, bitwise b3, memory v2, ACE v0 c1",
    "hasher h9, bitwise previous z, memory v3, ACE id1",
    "hasher h10, bitwise z, memory d0, ACE v1 c0",
    "hasher h11, memory d1, ACE v1 c1",
    "hasher node index, memory inverse of the delta, ACE READ gates - 1, ACE EVAL id2",
    "memory same ctx and word, ACE EVAL v2 c0",
    "ACE READ m1, ACE EVAL v2 c1",
    "ACE m0",
)

MEANING: Final[dict[str, str]] = {
    "clk": "row number, except on the last row",
    "ctx": "execution context before the operation, 0 the root",
    **{f"fn_hash_{i}": f"element {i} of the digest that opened the context" for i in range(4)},
    "dec_addr": "hasher address: of the parent on rows that begin a node, else of the node itself",
    **{f"dec_op_bit_{i}": f"bit {i} of the opcode" for i in range(7)},
    **{f"dec_h{i}": f"decoder register {i}" for i in range(8)},
    "dec_in_span": "1 on the rows of a block's operations",
    "dec_group_count": "groups of the block not consumed yet",
    "dec_op_index": "position of the operation in its group",
    **{f"dec_batch_flag_{i}": f"flag {i} of the batch's size, on SPAN and RESPAN" for i in range(3)},
    "dec_bit_extra_0": "bit 6 and not bit 5 and bit 4 of the opcode",
    "dec_bit_extra_1": "bit 6 and bit 5 of the opcode",
    **{f"stack_{i}": f"item {i} before the operation" for i in range(16)},
    "stack_b0": "stack depth",
    "stack_b1": "clk that pushed the newest overflow entry, 0 without one",
    "stack_h0": "inverse of depth - 16, 0 at depth 16",
    "range_m": "number of lookups of the value",
    "range_v": "16-bit value",
    **{f"chip_{i}": meaning for i, meaning in enumerate(_CHIPLET_MEANINGS)},
    "pad_0": "0, except on the last row",
}
"""What stands in each column. The decoder registers' contents depend on the operation: ``registers.py``; those of the
chiplet columns on the chiplet that the row belongs to (spec 05)."""


def _group_slice(group: str) -> slice:
    first = COLUMN[_GROUPS[group][0]]
    return slice(first, first + len(_GROUPS[group]))


SYSTEM: Final = _group_slice("system")
DECODER: Final = _group_slice("decoder")
STACK: Final = _group_slice("stack")
RANGE: Final = _group_slice("range")
CHIPLETS: Final = _group_slice("chiplets")
PAD: Final = _group_slice("pad")

CORE_WIDTH: Final = STACK.stop
"""System, decoder and stack: the 49 columns that are aligned with the clock and cut into fragments."""

MIN_TRACE_ROWS: Final = 64
RANDOM_ROWS: Final = 1
"""The last row of a trace is filled from the coin."""
