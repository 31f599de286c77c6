"""Windows of engines that hold their whole trace: every row once, in order, divided where fragments begin."""

from __future__ import annotations

import pytest

from harness.backends.window_edges import MOST_WINDOWS, window_edges
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
    assert len(edges) <= MOST_WINDOWS + 1
    if len(starts) <= MOST_WINDOWS:
        assert [first for first, _ in edges if first < core_rows] == list(starts)


def test_many_fragments_share_windows_and_few_do_not() -> None:
    assert window_edges(Every(1).starts(65), 65, 128)[-3:] == [(54, 63), (63, 65), (65, 128)]
    assert window_edges(Every(3).starts(10), 10, 64) == [(0, 3), (3, 6), (6, 9), (9, 10), (10, 64)]
