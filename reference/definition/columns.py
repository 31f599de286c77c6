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
