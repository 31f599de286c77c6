"""The range checker's table: counts per 16-bit value, and the rows they become (spec 05, section 8)."""

from __future__ import annotations

from typing import Any

import numpy as np

from parallel.jit import jit

VALUES = 2**16
BLOCK = 64
BLOCKS = VALUES // BLOCK
"""Counters are scanned and cleared by blocks that were touched: a small program touches a few, not 65,536 values."""

MAX_ROWS = VALUES + 1
_LARGEST_STEP = 2187


@jit
def range_table(counts: Any, touched: Any, out_values: Any, out_counts: Any) -> Any:
    """Rows of the table; returns how many.

    counts (threads, 65536) uint32 and touched (threads, 1024) uint8 are cleared on the way; out_values and out_counts
    (65537,) uint64.
    """
    threads = counts.shape[0]
    rows = 0
    previous = 0
    for block in range(BLOCKS):
        is_touched = block == 0 or block == BLOCKS - 1
        for thread in range(threads):
            is_touched |= touched[thread, block] != 0
            touched[thread, block] = 0
        if not is_touched:
            continue
        for value in range(block * BLOCK, (block + 1) * BLOCK):
            count = np.uint64(0)
            for thread in range(threads):
                count += np.uint64(counts[thread, value])
                counts[thread, value] = 0
            if count == 0 and value != 0 and value != VALUES - 1:
                continue
            gap = value - previous
            step = _LARGEST_STEP
            while gap > 0 and gap != step:
                if gap > step:
                    previous += step
                    gap -= step
                    out_values[rows] = previous
                    out_counts[rows] = 0
                    rows += 1
                else:
                    step //= 3
            out_values[rows] = value
            out_counts[rows] = count
            rows += 1
            previous = value
    out_values[rows] = VALUES - 1
    out_counts[rows] = 0
    return rows + 1
