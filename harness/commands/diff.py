"""``fragdiff diff``: cases on two or more engines, compared."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from harness.cli import AGREE, DIVERGENCE
from harness.commands.known_option import known_option
from harness.commands.options import (
    audit_option,
    case_arguments,
    cut_text,
    cuts_option,
    echo_json,
    engine_names,
    engines_options,
    load_all,
    open_engines,
    prepare_audit,
)
from harness.compare import compare
from harness.records import cut_json
from harness.report.commands import replay_command, show_command
from harness.reporting import counts_json, divergence_json, wrapped
from harness.verdict import Comparison, Counts, Kind, Verdict, describe, is_acceptable
from reference.definition.cuts import CutPlan


@click.command()
@case_arguments
@engines_options
@cuts_option
@audit_option
@known_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object a comparison and one total instead of text.")
@click.pass_context
def diff(
    ctx: click.Context,
    files: tuple[str, ...],
    engines: tuple[str, ...],
    engine: tuple[str, ...],
    cuts: tuple[str, ...],
    no_audit: bool,
    as_json: bool,
) -> None:
    """Compare what engines make of each CASE at each of its cut plans: outcome, lengths, boundary states, every cell.

    \b
    fragdiff diff case.json --engines "reference,exec:/opt/vm/oracle run"
    fragdiff diff case.json --engine reference --engine "exec:vm --set a,b" --cuts "1;at:3,9"

    The trace that the engines agree on is audited: judged by the constraints and lookups that every trace keeps; when
    they differ, each engine's trace is.

    The verdict is agree, differ or not comparable. Divergences of the list of known divergences are named and do not
    count as differences. The exit code is 0 when everything agreed, 1 when something differed, could not be compared
    for a reason that is not on that list, or when nothing was compared at all. For the first case that differs the
    commands are named that say more about it.

    JSON keys of a comparison: file, name, cut, verdict, counts, divergences, known; the last line has total (counts)
    and exit_code.
    """
    loaded = load_all(files, cuts)
    names = engine_names(engines, engine)
    if not no_audit:
        prepare_audit()
    total = Counts()
    agreed = True
    next_steps: list[str] = []
    with open_engines(names) as opened:
        for item in loaded:
            for case in item.case.runs():
                comparison = compare(case, opened, audit=not no_audit)
                total += comparison.counts
                if comparison.verdict is Verdict.DIFFER and not next_steps:
                    next_steps = _next_steps(item.file, names, comparison, case.cut)
                agreed &= is_acceptable(comparison)
                if as_json:
                    echo_json({"file": item.file, **_json(comparison, case.cut)})
                else:
                    click.echo(_text(item.file, comparison, case.cut))
    code = AGREE if agreed and not total.nothing else DIVERGENCE
    if as_json:
        echo_json({"total": counts_json(total), "exit_code": code})
    elif total.nothing:
        click.echo("nothing was compared: this is no agreement")
    elif total.comparisons > 1:
        click.echo(f"total: {counts_text(total)}")
    if next_steps and not as_json:
        click.echo("\n".join(["next:", *(f"  {line}" for line in next_steps)]))
    ctx.exit(code)


def counts_text(counts: Counts) -> str:
    """What was compared, in words."""
    parts = [
        f"{counts.rows:,} rows, {counts.cells:,} cells, {counts.boundaries:,} boundaries",
        f"{counts.seams:,} seams built",
    ]
    if counts.seams_not_exercised:
        parts.append(f"{counts.seams_not_exercised:,} cuts at which no engine cut its build")
    if counts.failures:
        parts.append(f"{counts.failures:,} equal failures")
    if counts.audits:
        parts.append(f"{counts.audits:,} traces audited")
    return ", ".join(parts)


def _text(file: str, comparison: Comparison, plan: CutPlan) -> str:
    counts = comparison.counts
    lines = [f"{comparison.case_name}  ({file}, {cut_text(plan)}): {comparison.verdict.value.replace('_', ' ')}"]
    lines.append(f"  compared: {'nothing' if counts.nothing else counts_text(counts)}")
    lines += [f"  not compared: {reason} ({times})" for reason, times in sorted(counts.not_comparable.items())]
    lines += [f"  not audited: {reason}" for reason in sorted(counts.not_audited)]
    lines += [wrapped(f"known {item.entry}: {describe(item.divergence)}") for item in comparison.excused]
    lines += [wrapped(describe(divergence)) for divergence in comparison.divergences]
    return "\n".join(lines)


ROWS_BEFORE, ROWS_BEHIND = 3, 3
"""Shown around the first wrong row."""


def _next_steps(file: str, names: Sequence[str], comparison: Comparison, plan: CutPlan) -> list[str]:
    """Commands that say more about a case that differs: where it comes from, and its rows, decoded."""
    cuts, path = cut_text(plan), Path(file)
    steps = [
        ("where it comes from", replay_command(path, names, verb="locate", cuts=cuts)),
        ("the smallest case", replay_command(path, names, verb="shrink", cuts=cuts)),
    ]
    first = comparison.divergences[0]
    if first.row is not None and first.kind is Kind.CELL:
        rows = (max(0, first.row - ROWS_BEFORE), first.row + ROWS_BEHIND)
        for name in dict.fromkeys((first.left, first.right)):
            steps.append((f"rows of {name}", show_command(path, name, rows, cuts=cuts)))
    width = max(len(what) for what, _ in steps)
    return [f"{what:<{width}}  {command}" for what, command in steps]


def _json(comparison: Comparison, plan: CutPlan) -> dict[str, Any]:
    return {
        "name": comparison.case_name,
        "cut": cut_json(plan),
        "verdict": comparison.verdict.value,
        "counts": counts_json(comparison.counts),
        "divergences": [divergence_json(item) for item in comparison.divergences],
        "known": [{"entry": item.entry, **divergence_json(item.divergence)} for item in comparison.excused],
    }
