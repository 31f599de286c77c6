"""The report for a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

from harness.campaign_report.laws import law_lines
from harness.campaign_report.summary import Group, Summary
from harness.campaign_report.timeline import clock, duration
from harness.campaign_report.words import death_text, safe
from harness.coverage.listing import groups as coverage_groups
from harness.coverage.listing import headline
from harness.reporting import counted
from harness.verdict import Verdict

MOST_FINDINGS: Final = 40
MOST_GAPS: Final = 8
MOST_SLOW: Final = 3


def text_lines(summary: Summary) -> Iterator[str]:
    """Everything of importance, the findings last."""
    record = summary.record
    yield f"campaign     {safe(summary.title)}, seed {safe(record.seed)}, begun {clock(record.created)}"
    for run in record.runs:
        lasted = duration(summary.end_of(run) - run.started)
        yield f"run {run.id:<8} {clock(run.started)}, {lasted}, {run.jobs} workers, {safe(summary.ending_of(run))}"
    yield from law_lines(summary) if record.laws else _compared_lines(summary)
    for case in record.slow[:MOST_SLOW]:
        yield f"slow         case {case.number}: {case.seconds:.1f} s, {case.rows:,} rows, {safe(case.file)}"
    for death in record.deaths:
        yield f"worker died  {safe(death_text(death))}"
    found = "violations" if record.laws else "differences"
    yield f"{found:<12} {len(record.differed):,} cases, {len(summary.groups):,} signatures"
    for group in summary.groups[:MOST_FINDINGS]:
        yield from _group_lines(group)
    if len(summary.groups) > MOST_FINDINGS:
        yield f"  .. and {len(summary.groups) - MOST_FINDINGS:,} signatures more"
    if summary.is_vacuous:
        said = "no case with a trace was judged" if record.laws else "nothing was compared on all engines"
        yield f"{said}: this campaign has failed"


def _compared_lines(summary: Summary) -> Iterator[str]:
    record = summary.record
    counts = {name: summary.amount("counts", name) for name in ("rows", "cells", "boundaries", "seams", "failures")}
    yield (
        f"cases        {summary.cases:,} ({summary.amount('completed'):,} completed, {summary.amount('failed'):,} failed "
        f"programs) in {duration(summary.seconds)}, {summary.rate(summary.cases):.1f} cases/s"
    )
    yield (
        f"compared     {counts['rows']:,} rows, {counts['cells']:,} cells, {counts['boundaries']:,} boundaries, "
        f"{counts['seams']:,} seams, {counts['failures']:,} equal failures"
    )
    yield (
        f"boundaries   {summary.rate(counts['boundaries']):,.0f} a second, {summary.boundaries_per_worker:,.0f} a second and "
        f"worker"
    )
    verdicts = Counter({verdict.value.replace("_", " "): summary.verdict(verdict) for verdict in Verdict})
    yield f"verdicts     {counted(verdicts)}"
    yield f"coverage     {headline(record.coverage)}"
    gaps = [group for group in coverage_groups(record.coverage) if group.missing]
    shown = ", ".join(f"{group.operation} {group.phase} {len(group.missing)}" for group in gaps[:MOST_GAPS])
    more = f" .. of {len(gaps):,} (fragdiff cover)" if len(gaps) > MOST_GAPS else ""
    yield f"gaps         {shown or 'none'}{more}"
    yield f"known        {safe(counted(summary.counter('counts', 'excused')))}"
    yield f"not compared {safe(counted(summary.counter('counts', 'not_comparable')))}"
    yield f"not audited  {safe(counted(summary.counter('counts', 'not_audited')))}"


def _group_lines(group: Group) -> Iterator[str]:
    yield f"  {len(group.cases):>5} x {safe(group.signature)}  ({safe(counted(group.states))})"
    for case in group.kept:
        yield f"          case {case.number}: {safe(case.directory or '')}"
