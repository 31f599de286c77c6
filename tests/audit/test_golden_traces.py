"""No rule of the audit is violated on any trace that the real VM made, however its rows arrive."""

from __future__ import annotations

import numpy as np
import pytest
from golden_traces import GoldenTrace, all_traces, fragment_boundary_traces, judged, named, vm_traces

from harness.audit.engine import audit
from harness.audit.known import Known
from harness.audit.tiling import TILE_ROWS
from harness.backend import Window

NAMES = [trace.name for trace in all_traces()]


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_violated_on_a_trace_of_the_real_vm(name: str) -> None:
    trace = named(name)
    result = judged(trace.cells, trace.known)
    assert [violation.rule.name for violation in result.violations] == []
    assert result.accepted
    assert result.rows == trace.rows


def test_every_rule_but_two_applies_to_some_golden_trace() -> None:
    applied: dict[str, int] = {}
    for trace in all_traces():
        for rule, count in judged(trace.cells, trace.known).checked.items():
            applied[rule] = applied.get(rule, 0) + count
    # No golden trace has two circuits, and no trace an opcode that no operation has.
    assert sorted(rule for rule, count in applied.items() if not count) == ["ace.clk.grows", "decoder.unused opcode"]


def test_what_is_not_known_is_not_checked_and_is_said_to_be_so() -> None:
    trace = fragment_boundary_traces()[0]
    result = judged(trace.cells, Known())
    reasons = {item.rule.name: item.reason for item in result.not_checked}
    assert reasons["ends.stack inputs"] == "the stack inputs are not known"
    assert reasons["ends.executed rows"] == "the number of executed rows is not known"
    assert reasons["program.batch"] == "the program is not known"
    assert not reasons.keys() & result.checked.keys()


def windows_of(trace: GoldenTrace, sizes: list[int]) -> list[Window]:
    windows = []
    row = 0
    while row < trace.rows:
        size = sizes[len(windows) % len(sizes)]
        windows.append(Window(row, trace.cells[:, row : row + size]))
        row += windows[-1].cells.shape[1]
    return windows


@pytest.mark.parametrize("sizes", [[1], [7], [1, 63], [1000], [3, 100, 1]])
@pytest.mark.parametrize("threads", [1, 3])
def test_the_verdict_does_not_depend_on_windows_and_threads(sizes: list[int], threads: int) -> None:
    for trace in (named("case_24"), named("case_20"), vm_traces()[-1]):
        wrong = trace.cells.copy()
        wrong[30, trace.rows // 2] += np.uint64(1)
        altered = GoldenTrace(trace.name, wrong, trace.known)
        for each in (trace, altered):
            windows = windows_of(each, sizes)
            found = audit(lambda windows=windows: windows, each.rows, each.known, threads=threads)
            assert found == judged(each.cells, each.known)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_a_trace_of_many_tiles_is_judged_as_a_whole(threads: int) -> None:
    """Rows are only added to the padding, so that every rule but the length rule still holds."""
    trace = named("case_24")
    rows = 4 * TILE_ROWS
    cells = np.empty((72, rows), dtype=np.uint64)
    cells[:, : trace.rows - 1] = trace.cells[:, :-1]
    cells[:, trace.rows - 1 : -1] = trace.cells[:, -2:-1]
    cells[:, -1] = trace.cells[:, -1]
    cells[0, :-1] = np.arange(rows - 1)
    cells[49:51, :-1] = np.roll(trace.cells[49:51, :-1], 0, axis=1)[:, :1]
    table = trace.cells[49:51, :-1]
    cells[49:51, -1 - table.shape[1] : -1] = table
    windows = [Window(0, cells[:, :1500]), Window(1500, cells[:, 1500:])]
    result = audit(lambda: windows, rows, trace.known, threads=threads)
    assert [violation.rule.name for violation in result.violations] == ["ends.length"]
    cells[1, 3000] = 5
    result = audit(lambda: windows, rows, trace.known, threads=threads)
    assert ("system.ctx.keep", 2999) in {(violation.rule.name, violation.row) for violation in result.violations}
