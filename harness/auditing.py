"""The audit in the harness: what it may know of a case, and what a rejected trace is among divergences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from harness.audit.engine import audit
from harness.audit.known import Known
from harness.audit.report import violation_lines
from harness.audit.tiling import BadTrace
from harness.audit.violation import AuditResult
from harness.backend import Completed, EngineFailure, NotComparable, Run, Window
from harness.differences import place_of
from harness.verdict import Difference, Divergence, Kind
from reference.definition.case import Case

VIOLATIONS_SHOWN = 4
"""Of one trace in a divergence; ``fragdiff audit`` shows more."""


def known_of_run(engine: str, case: Case, run: Run) -> tuple[Known, int]:
    """What the case and the outcome of its completed run tell, and the rows of its trace.

    Raises EngineFailure for a run without a summary.
    """
    outcome, summary = run.outcome, run.summary
    if not isinstance(outcome, Completed) or summary is None:
        raise EngineFailure(engine, "the program completed, but there is no summary")
    return replace(Known.of(case, outcome.stack), core_rows=summary.core), summary.rows


def audit_run(engine: str, case: Case, run: Run, threads: int | None = None) -> AuditResult:
    """Judge the trace of a completed run by what the case and the run's outcome tell.

    Raises EngineFailure for a run without a summary and for windows that are not the rows of a trace, NotComparable for cells
    without a value.
    """
    known, rows = known_of_run(engine, case, run)
    try:
        return audit(lambda: _with_values(engine, run), rows, known, threads=threads)
    except BadTrace as refusal:
        raise EngineFailure(engine, f"its trace cannot be audited: {refusal}") from refusal


def _with_values(engine: str, run: Run) -> Iterator[Window]:
    for window in run.windows():
        if window.other_than is not None:
            raise NotComparable(engine, "cells whose values are not given cannot be audited")
        yield window


def audit_divergence(
    engine: str, result: AuditResult, starts: Sequence[int], core_rows: int, agreeing: int
) -> Divergence:
    """A rejected trace: its first violation with the cells that the rule reads.

    ``starts`` are the rows that begin a fragment; ``agreeing`` the number of engines with this very trace.
    """
    first = result.violations[0]
    lines = [f"{first.operation} violates {first.rule.name}".strip()]
    if agreeing > 1:
        lines.append(f"{agreeing} engines agree on this trace")
    for violation in result.violations[:VIOLATIONS_SHOWN]:
        lines += violation_lines(violation)
    return Divergence(
        Kind.AUDIT,
        engine,
        engine,
        tuple(Difference(f"{cell.column}[{cell.row}]", cell.value, None) for cell in first.cells),
        row=first.row,
        place=None if first.row is None else place_of(first.row, starts, core_rows),
        operation=first.operation,
        detail="\n".join(lines),
    )


def reasons_not_checked(result: AuditResult) -> Counter[str]:
    """Once for each reason why rules were not checked."""
    return Counter({item.reason for item in result.not_checked})


def rules_violated(result: AuditResult) -> str:
    """Names of the violated rules, sorted, separated by commas."""
    return ", ".join(sorted(violation.rule.name for violation in result.violations))
