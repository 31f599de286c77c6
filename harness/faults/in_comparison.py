"""Faults of the comparison: parts that look away.

Those that count what they compared are caught by the account of every agreement; those that count what they did not compare
only by a canary.
"""

# ruff: noqa: ARG001 - what a part does not look at is its fault

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from harness.backend import Cells, EngineFailure, Outcome, Summary, Window
from harness.boundary_table import BoundaryCheck, check_boundaries
from harness.faults.fault import Check, Fault, InComparison
from harness.findings import Findings
from harness.known import Accusation, Entry, Excuse
from harness.lockstep import Region, RowStream, WrongRow, first_wrong_row
from harness.verdict import Difference, Verdict
from reference.definition.boundary import BoundaryState
from reference.definition.columns import WIDTH

_ACCOUNT: Final = (Check.ACCOUNT,)
_CANARY: Final = (Check.CANARY,)


def _without_last_window(engine: str, windows: Iterable[Window], rows: int) -> RowStream:
    kept = list(windows)[:-1]
    return RowStream(engine, kept, sum(window.cells.shape[1] for window in kept))


def _first_window_only(engine: str, windows: Iterable[Window], rows: int) -> RowStream:
    kept = list(windows)[:1]
    return RowStream(engine, kept, sum(window.cells.shape[1] for window in kept))


def _without_last_row(engine: str, windows: Iterable[Window], rows: int) -> RowStream:
    kept = list(windows)
    last = kept.pop()
    if last.cells.shape[1] > 1:
        kept.append(Window(last.first_row, last.cells[:, :-1]))
    return RowStream(engine, kept, rows - 1)


class _Forgiving(RowStream):
    """Windows that break the contract are the end of the trace, and nobody is told."""

    def available(self) -> int:
        """Rows that can be taken now."""
        try:
            return super().available()
        except EngineFailure:
            return int(self._buffer.shape[1])


def _no_rows(engine: str, windows: Iterable[Window], rows: int) -> RowStream:
    return RowStream(engine, (), 0)


def _nothing_wrong(left: Cells, right: Cells, first_row: int, regions: Iterable[Region]) -> WrongRow | None:
    return None


def _but_last_row(left: Cells, right: Cells, first_row: int, regions: Iterable[Region]) -> WrongRow | None:
    return first_wrong_row(left[:, :-1], right[:, :-1], first_row, regions)


def _but_last_column(left: Cells, right: Cells, first_row: int, regions: Iterable[Region]) -> WrongRow | None:
    return first_wrong_row(left[: WIDTH - 1], right[: WIDTH - 1], first_row, regions)


def _with_itself(left: Cells, right: Cells, first_row: int, regions: Iterable[Region]) -> WrongRow | None:
    return first_wrong_row(right, right, first_row, regions)


def _one_row_off(left: Cells, right: Cells, first_row: int, regions: Iterable[Region]) -> WrongRow | None:
    wrong = first_wrong_row(left, right, first_row, regions)
    return None if wrong is None else WrongRow(max(0, wrong.offset - 1), wrong.columns)


def _no_boundaries(left: Sequence[BoundaryState], right: Sequence[BoundaryState]) -> BoundaryCheck:
    return BoundaryCheck(0, None)


def _own_boundaries(left: Sequence[BoundaryState], right: Sequence[BoundaryState]) -> BoundaryCheck:
    return check_boundaries(left, left)


def _but_last_boundary(left: Sequence[BoundaryState], right: Sequence[BoundaryState]) -> BoundaryCheck:
    return check_boundaries(left[:-1], right[:-1])


def _any_outcome(left: Outcome, right: Outcome) -> bool:
    return True


def _same_kind(left: Outcome, right: Outcome) -> bool:
    return type(left) is type(right)


def _no_fields(left: Summary, right: Summary) -> Iterator[Difference]:
    return iter(())


def _any_excuse(entries: Sequence[Entry], accusation: Accusation) -> Excuse:
    return Excuse("whatever", Region(0, 2**29, WIDTH))


def _agreeing_when_silent(findings: Findings, engines_asked: int) -> Verdict:
    return Verdict.DIFFER if findings.divergences else Verdict.AGREE


def _fault(name: str, wrong: str, model: str, caught_by: tuple[Check, ...], **parts: Any) -> Fault:
    return Fault(name, "comparison", wrong, model, caught_by, InComparison(parts))


_PROJECT: Final = "A9: the real project's comparison leaves out the last row"
_SILENT: Final = "class: nothing compared, and a pass"

COMPARISON_FAULTS: Final = (
    _fault(
        "rows-end-early",
        "the last row of every trace is dropped before it is compared",
        _PROJECT,
        _ACCOUNT,
        row_stream=_without_last_row,
    ),
    _fault(
        "last-row-not-looked-at",
        "the last row of every block of rows is counted and not looked at",
        _PROJECT,
        _CANARY,
        first_wrong_row=_but_last_row,
    ),
    _fault(
        "last-column-not-looked-at",
        "the last column is counted and not looked at",
        "A9: the pad column, invisible to the real project's comparison",
        _CANARY,
        first_wrong_row=_but_last_column,
    ),
    _fault(
        "last-window-dropped",
        "the last window of every trace is dropped before it is compared",
        "class: the last fragment is a special case",
        _ACCOUNT,
        row_stream=_without_last_window,
    ),
    _fault(
        "first-window-only",
        "only the first window of every trace is compared",
        "class: one fragment stands for all",
        _ACCOUNT,
        row_stream=_first_window_only,
    ),
    _fault(
        "no-rows", "no row is compared and none is counted", _SILENT, (Check.ACCOUNT, Check.CANARY), row_stream=_no_rows
    ),
    _fault(
        "no-rows-but-counted", "rows are counted and not compared", _SILENT, _CANARY, first_wrong_row=_nothing_wrong
    ),
    _fault(
        "missing-rows-are-equal",
        "a trace that ends early is taken for the whole trace",
        _SILENT,
        (Check.ACCOUNT, Check.CANARY),
        row_stream=_Forgiving,
    ),
    _fault(
        "compared-with-itself",
        "an engine's rows are compared with its own",
        "A2: two builds of one builder agree whatever they build",
        _CANARY,
        first_wrong_row=_with_itself,
    ),
    _fault(
        "wrong-row-reported",
        "the row before the first wrong one is reported",
        "class: a report that points elsewhere",
        _CANARY,
        first_wrong_row=_one_row_off,
    ),
    _fault(
        "no-boundary-states",
        "boundary states are neither compared nor counted",
        "A12: what only snapshots show",
        _ACCOUNT,
        check_boundaries=_no_boundaries,
    ),
    _fault(
        "boundary-states-with-themselves",
        "an engine's boundary states are compared with its own",
        "A12: what only snapshots show",
        _CANARY,
        check_boundaries=_own_boundaries,
    ),
    _fault(
        "last-boundary-state-dropped",
        "the state at the last cut is not compared",
        "class: the last fragment is a special case",
        _ACCOUNT,
        check_boundaries=_but_last_boundary,
    ),
    _fault(
        "outcomes-not-compared",
        "any two outcomes are equal",
        "B4, B6: engines that differ in whether a program fails",
        (Check.CANARY, Check.ACCOUNT),
        equal_outcomes=_any_outcome,
    ),
    _fault(
        "outcomes-by-kind",
        "two failures are equal whatever failed, two outputs whatever they are",
        "C14: failing is not enough, it must be the right error",
        (Check.CANARY, Check.ACCOUNT),
        equal_outcomes=_same_kind,
    ),
    _fault(
        "summaries-not-compared",
        "lengths and hash are not compared",
        "C17: lengths of the sections",
        (Check.CANARY, Check.ACCOUNT),
        field_differences=_no_fields,
    ),
    _fault(
        "everything-excused",
        "any difference of an engine with known divergences is excused",
        "class: tolerated differences that tolerate everything (08, requirement 12)",
        _CANARY,
        find_excuse=_any_excuse,
    ),
    _fault(
        "silence-is-agreement",
        "what could not be compared counts as agreement",
        _SILENT,
        (Check.ACCOUNT, Check.CANARY),
        verdict=_agreeing_when_silent,
    ),
)
"""Each a set of parts in which one is wrong."""
