"""An audit holds some tiles of a trace, not the trace: a trace that exists only window by window is judged."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator

import numpy as np
import pytest
from golden_traces import named

from harness.audit.engine import audit
from harness.backend import Window

ROWS = 2**18
WINDOW_ROWS = 4096
TRACE_BYTES = ROWS * 72 * 8
TILES_AND_WINDOWS = 32 * 2**20
"""Far below the 151 MB of the trace."""


def windows() -> Iterator[Window]:
    """A short program's trace with padding up to 2^18 rows, its range table at the end, made as it is asked for."""
    trace = named("case_24").cells
    table_rows = trace.shape[1] - 1
    for first in range(0, ROWS, WINDOW_ROWS):
        cells = np.repeat(trace[:, -2:-1], WINDOW_ROWS, axis=1)
        cells[0] = np.arange(first, first + WINDOW_ROWS)
        cells[49:51] = 0
        if first == 0:
            cells[:49, :table_rows] = trace[:49, :-1]
            cells[51:, :table_rows] = trace[51:, :-1]
        if first + WINDOW_ROWS == ROWS:
            cells[49:51, -1 - table_rows : -1] = trace[49:51, :-1]
            cells[:, -1] = trace[:, -1]
        yield Window(first, cells)


@pytest.mark.parametrize("threads", [1, 2])
def test_memory_does_not_grow_with_the_trace(threads: int) -> None:
    known = named("case_24").known
    audit(windows, ROWS, known, threads=threads)
    tracemalloc.start()
    try:
        result = audit(windows, ROWS, known, threads=threads)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert [violation.rule.name for violation in result.violations] == ["ends.length"]
    assert peak < TILES_AND_WINDOWS < TRACE_BYTES // 4
