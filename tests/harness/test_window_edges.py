"""Windows of engines that hold their whole trace: every row once, in order, divided where fragments begin."""

from __future__ import annotations

import pytest

from harness.backends.window_edges import LEAST_ROWS, window_edges
from reference.definition.cuts import ONE_FRAGMENT, At, CutPlan, Every

PLANS = (ONE_FRAGMENT, Every(1), Every(63), Every(64), Every(65), Every(1000), At((1, 2, 70, 199)), At((64,)))


@pytest.mark.parametrize("plan", PLANS)
@pytest.mark.parametrize(("core_rows", "rows"), [(1, 64), (63, 64), (64, 128), (200, 256), (1000, 1024), (1024, 1024)])
def test_every_row_is_in_one_window_and_windows_begin_with_fragments(plan: CutPlan, core_rows: int, rows: int) -> None:
    starts = plan.starts(core_rows)
    edges = window_edges(starts, core_rows, rows)
    assert [row for first, end in edges for row in range(first, end)] == list(range(rows))
    assert {first for first, _ in edges} <= {*starts, core_rows}
    assert core_rows == rows or edges[-1] == (core_rows, rows)
    assert all(end - first >= LEAST_ROWS for first, end in edges if end < core_rows)


def test_small_fragments_share_windows_and_large_ones_do_not() -> None:
    assert window_edges(Every(1).starts(200), 200, 256) == [(0, 64), (64, 128), (128, 192), (192, 200), (200, 256)]
    assert window_edges(Every(90).starts(200), 200, 256) == [(0, 90), (90, 180), (180, 200), (200, 256)]
