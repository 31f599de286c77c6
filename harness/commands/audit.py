"""``fragdiff audit``: traces judged by themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from harness.audit.known import Known
from harness.audit.report import report_lines, result_json
from harness.audit.rule import Variant
from harness.audit.violation import AuditResult
from harness.backend import Completed, Engine, EngineFailure, NotComparable, Window
from harness.cli import AGREE, BAD_INPUT, DIVERGENCE, INTERNAL
from harness.commands.named_path import NamedPath
from harness.commands.options import (
    cut_text,
    cuts_option,
    echo_json,
    engine_option,
    load_all,
    open_engines,
    prepare_audit,
)
from harness.commands.run import failure_text
from harness.records import cut_json
from harness.trace_files import SUFFIXES, read_trace, trace_paths
from reference.definition.case import Case
from reference.definition.errors import InputError


@dataclass(frozen=True, slots=True)
class Judging:
    """How to judge, and how to say it."""

    variant: Variant
    threads: int | None
    without: tuple[str, ...]
    limit: int
    as_json: bool


@dataclass(frozen=True, slots=True)
class Judged:
    """One trace's verdict, or why there is none."""

    head: Mapping[str, object]
    title: str
    result: AuditResult | None
    reason: str = ""
    """Without a result: why."""
    code: int = AGREE
    """What the trace asks the exit code to be."""


@click.command()
@click.argument("places", metavar="CASE|TRACE|DIR..", nargs=-1, required=True, type=NamedPath(path_type=Path))
@engine_option
@cuts_option
@click.option(
    "--case",
    "cases",
    metavar="FILE",
    multiple=True,
    type=NamedPath(),
    help="Cases that the traces in files belong to, by name.",
)
@click.option(
    "--variant",
    type=click.Choice([variant.value for variant in Variant]),
    default=Variant.PARALLEL.value,
    show_default=True,
    help="Which of the real VM's two trace builders the trace is like, where they differ.",
)
@click.option("--threads", type=click.IntRange(min=1), help="Cores to use; all by default.")
@click.option("--without", metavar="RULE", multiple=True, help="A rule to leave out; can be repeated.")
@click.option("--limit", type=click.IntRange(min=1), default=8, show_default=True, help="Violations shown of a trace.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a trace instead of text.")
@click.pass_context
def audit(
    ctx: click.Context,
    places: tuple[Path, ...],
    engine: str,
    cuts: tuple[str, ...],
    cases: tuple[str, ...],
    variant: str,
    threads: int | None,
    without: tuple[str, ...],
    limit: int,
    as_json: bool,
) -> None:
    """Judge traces by constraints, lookups and whole-trace rules: of each CASE, run on one engine, and of trace files.

    \b
    fragdiff audit case.json --engine "exec:/opt/vm/oracle run"
    fragdiff audit dumps/ --case cases.jsonl

    A trace file is .npz with an array `trace` of 72 columns, or .trace, the 72 columns one after another as 8-byte
    little-endian numbers; DIR stands for all such files in it. What nobody tells the audit (with --case: inputs, program,
    the host's replies) is not checked, and it says so.

    The exit code is 0 when every trace is accepted, 1 when one is rejected or no trace was judged.

    JSON keys: file, name, cut and engine (of a case), audit (format, accepted, rows, violations, checked, not_checked),
    or not_audited with the reason.
    """
    judging = Judging(Variant(variant), threads, without, limit, as_json)
    prepare_audit()
    known = {item.case.name: Known.of(item.case) for item in load_all(cases)}
    code, audited = AGREE, False
    for place in places:
        of_files = place.is_dir() or place.suffix in SUFFIXES
        judged = _of_files(place, known, judging) if of_files else _of_cases(place, engine, cuts, judging)
        for each in judged:
            audited |= each.result is not None
            code = max(code, each.code)
            _say(each, judging)
    if not audited:
        click.echo("no trace was judged: this is no acceptance", err=True)
    ctx.exit(code if audited else max(code, DIVERGENCE))


def _of_files(place: Path, known: Mapping[str, Known], judging: Judging) -> Iterator[Judged]:
    for path in trace_paths(place):
        trace = read_trace(path)
        window = Window(0, trace.cells)
        result = _judge([window], trace.cells.shape[1], known.get(trace.name, Known()), judging, str(path))
        head = {"file": str(path), "name": trace.name}
        yield Judged(head, f"{trace.name}  ({path})", result, code=_code(result))


def _of_cases(place: Path, engine: str, cuts: tuple[str, ...], judging: Judging) -> Iterator[Judged]:
    loaded = load_all([str(place)], cuts)
    with open_engines([engine]) as (opened,):
        for item in loaded:
            for case in item.case.runs():
                head = {"file": item.file, "name": case.name, "cut": cut_json(case.cut), "engine": engine}
                title = f"{case.name}  ({item.file}, {engine}, {cut_text(case.cut)})"
                yield _of_run(head, title, case, opened, judging)


def _of_run(head: Mapping[str, object], title: str, case: Case, engine: Engine, judging: Judging) -> Judged:
    from harness.auditing import known_of_run  # noqa: PLC0415 - the compiled rules are not needed for help

    try:
        run = engine.run(case)
        if not isinstance(run.outcome, Completed):
            return Judged(head, title, None, f"no trace: {failure_text(run.outcome)}")
        known, rows = known_of_run(engine.name, case, run)
        result = _judge(run.windows, rows, known, judging, engine.name)
    except EngineFailure as failure:
        return Judged(head, title, None, f"the engine broke: {failure.reason}", INTERNAL)
    except NotComparable as refusal:
        return Judged(head, title, None, refusal.reason, BAD_INPUT)
    return Judged(head, title, result, code=_code(result))


def _code(result: AuditResult) -> int:
    return AGREE if result.accepted else DIVERGENCE


def _judge(windows: Any, rows: int, known: Known, judging: Judging, source: str) -> AuditResult:
    from harness.audit.engine import audit as audit_trace  # noqa: PLC0415 - as above
    from harness.audit.tiling import BadTrace  # noqa: PLC0415 - as above

    give = windows if callable(windows) else lambda: windows
    try:
        return audit_trace(give, rows, known, judging.variant, judging.threads, judging.without)
    except BadTrace as refusal:
        raise InputError(str(refusal), source=source) from refusal
    except ValueError as refusal:
        raise InputError(str(refusal), place="--without") from refusal


def _say(judged: Judged, judging: Judging) -> None:
    if judging.as_json:
        answer = {"not_audited": judged.reason} if judged.result is None else {"audit": result_json(judged.result)}
        echo_json({**judged.head, **answer})
        return
    click.echo(judged.title)
    lines = [judged.reason] if judged.result is None else report_lines(judged.result, judging.limit)
    click.echo("\n".join(f"  {line}" for line in lines))
