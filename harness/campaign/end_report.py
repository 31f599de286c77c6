"""What a campaign has done, in lines for a person."""

from __future__ import annotations

from harness.campaign.law_counts import LawCounts
from harness.campaign.totals import NODE_KINDS, Totals
from harness.generate import FAILURES
from harness.reporting import counted
from harness.verdict import Verdict
from reference.definition.isa import BLOCK_OPERATIONS


def end_report(totals: Totals) -> list[str]:
    """What was done, covered, found and not found."""
    if totals.laws is not None:
        return _report_of_laws(totals, totals.laws)
    counts = totals.counts
    covered = len(BLOCK_OPERATIONS) - len(totals.operations_missed)
    errors = len({failure.error for failure in FAILURES})
    lines = [
        f"{totals.cases:,} cases ({totals.completed:,} completed, {totals.failed:,} failed programs) "
        f"in {totals.seconds:.1f} s, {totals.rate(totals.cases):.1f} cases/s, "
        f"{totals.rate(counts.boundaries):,.0f} boundaries/s",
        f"compared     {counts.rows:,} rows, {counts.cells:,} cells, {counts.boundaries:,} boundaries, "
        f"{counts.seams:,} seams, {counts.failures:,} equal failures",
        f"verdicts     {counted({verdict.value.replace('_', ' '): totals.verdicts[verdict] for verdict in Verdict})}",
        f"operations   {covered} of {len(BLOCK_OPERATIONS)}{_missed(totals.operations_missed)}",
        f"nodes        {counted(totals.nodes)}{_missed([kind for kind in NODE_KINDS if not totals.nodes[kind]])}",
        f"errors       {errors - len(totals.errors_missed)} of {errors}{_missed(totals.errors_missed)}",
        f"cuts         {counted(totals.cuts)}",
        f"coverage     {totals.coverage.covered:,} of {totals.coverage.possible:,} cells ({totals.coverage.share:.1%})",
        f"known        {counted(counts.excused)}",
        f"not compared {counted(counts.not_comparable)}",
        f"audited      {counts.audits:,} traces; not checked: {counted(counts.not_audited)}",
        f"differences  {totals.differences:,}",
    ]
    if totals.walks:
        lines.insert(7, f"walks        {counted(totals.walks)}")
    if counts.seams_not_exercised:
        lines.insert(2, f"             {counts.seams_not_exercised:,} cuts at which no engine cut its build")
    lines += _finding_lines(totals)
    if totals.unintended:
        lines.append(f"not as the generator meant: {counted(totals.unintended)}")
    if totals.is_vacuous:
        lines.append("nothing was compared on all engines: this run has failed")
    return lines


def _report_of_laws(totals: Totals, laws: LawCounts) -> list[str]:
    verdicts = totals.verdicts
    lines = [
        f"{totals.cases:,} cases, {totals.judged:,} judged ({totals.completed:,} with a trace, {laws.builds:,} builds) "
        f"in {totals.seconds:.1f} s, {totals.rate(totals.judged):.1f} judged/s",
        *laws.lines(),
        f"verdicts     keep the laws {verdicts[Verdict.AGREE]:,}, break a law {verdicts[Verdict.DIFFER]:,}, "
        f"not judged {verdicts[Verdict.NOT_COMPARABLE]:,}",
        *_finding_lines(totals),
    ]
    if totals.is_vacuous:
        lines.append("no case with a trace was judged: this run has failed")
    return lines


def _finding_lines(totals: Totals) -> list[str]:
    lines = [f"  {times:>5} x {signature}" for signature, times in totals.findings.most_common()]
    return [*lines, *([f"findings     {counted(totals.states)}"] if totals.states else [])]


def _missed(names: list[str]) -> str:
    return f"; not met: {', '.join(names)}" if names else ""
