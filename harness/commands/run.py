"""``fragdiff run``: cases on one engine."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

import click

from harness.audit.report import report_lines, result_json
from harness.audit.violation import AuditResult
from harness.backend import Completed, Engine, EngineFailure, NotComparable, Outcome, Run, Summary
from harness.cli import AGREE, BAD_INPUT, DIVERGENCE, INTERNAL
from harness.commands.options import (
    LoadedCase,
    audit_option,
    case_arguments,
    cut_text,
    cuts_option,
    echo_json,
    engine_option,
    load_all,
    open_engines,
    prepare_audit,
)
from harness.records import cut_json, lengths_json, outcome_json
from reference.definition.case import Case
from reference.definition.field import word_to_hex


@dataclass(frozen=True, slots=True)
class TimedRun:
    """One run with its whole trace fetched."""

    run: Run
    outcome: Outcome
    summary: Summary | None
    seconds: float

    @property
    def rows_per_second(self) -> float | None:
        """Core rows a second; None for a failed program."""
        return None if self.summary is None else self.summary.core / self.seconds


@click.command()
@case_arguments
@engine_option
@cuts_option
@audit_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object a run instead of text.")
@click.pass_context
def run(
    ctx: click.Context, files: tuple[str, ...], engine: str, cuts: tuple[str, ...], no_audit: bool, as_json: bool
) -> None:
    """Run each CASE on one engine, once for each of its cut plans, and say how it ended.

    A program that fails is an outcome like any other: its error and clk are shown, and the exit code is 0. The time
    covers the run and the whole trace; rows per second count the program's own rows. The trace of a completed run is
    audited: judged by the constraints and lookups that every trace keeps; exit code 1 when it is rejected.

    JSON keys: file, name, cut, engine, outcome, program_hash, lengths (null for a failed program), seconds,
    rows_per_second, audit (null for a failed program and with --no-audit); or file, name, cut, engine, and error (the
    engine broke: exit code 3) or not_comparable (it cannot do this case: exit code 2).
    """
    loaded = load_all(files, cuts)
    if not no_audit:
        prepare_audit()
    code = 0
    with open_engines([engine]) as (opened,):
        for item in loaded:
            if not as_json:
                click.echo(f"{item.case.name}  ({item.file}, {engine})")
            for case in item.case.runs():
                code = max(code, _run_one(item, case, opened, audited=not no_audit, as_json=as_json))
    ctx.exit(code)


def _run_one(item: LoadedCase, case: Case, engine: Engine, *, audited: bool, as_json: bool) -> int:
    """Run and print; the exit code that the run asks for."""
    head = {"file": item.file, "name": case.name, "cut": cut_json(case.cut), "engine": engine.name}
    try:
        timed = timed_run(case, engine)
        verdict = _audited(case, engine, timed) if audited else None
    except EngineFailure as failure:
        _complain(head, "error", f"the engine broke: {failure.reason}", as_json)
        if failure.stderr:
            click.echo(failure.stderr, err=True)
        return INTERNAL
    except NotComparable as refusal:
        _complain(head, "not_comparable", refusal.reason, as_json)
        return BAD_INPUT
    if as_json:
        echo_json({**head, **_json(case, timed), "audit": verdict and result_json(verdict)})
    else:
        click.echo(f"  {cut_text(case.cut)}: {_text(timed)}")
        if verdict is not None:
            click.echo("\n".join(f"    {line}" for line in _audit_lines(verdict)))
    return AGREE if verdict is None or verdict.accepted else DIVERGENCE


def _audited(case: Case, engine: Engine, timed: TimedRun) -> AuditResult | None:
    """The audit of a completed run. Raises EngineFailure and NotComparable."""
    if not isinstance(timed.outcome, Completed):
        return None
    from harness.auditing import audit_run  # noqa: PLC0415 - the compiled rules are loaded where something is audited

    return audit_run(engine.name, case, timed.run)


def _audit_lines(verdict: AuditResult) -> list[str]:
    """One line for a trace that is as it should be."""
    head, *rest = report_lines(verdict)
    return [f"audit {head}", *(() if verdict.accepted else rest)]


def timed_run(case: Case, engine: Engine) -> TimedRun:
    """Run a case of one cut plan and fetch its trace window by window.

    Raises EngineFailure, also for windows that do not add up to the trace, and NotComparable.
    """
    # An engine that remembers its last program by identity must not answer from memory: this is a measurement.
    case = replace(case, program=replace(case.program))
    started = time.perf_counter()
    run = engine.run(case)
    outcome, summary = run.outcome, run.summary
    if isinstance(outcome, Completed):
        rows = sum(window.cells.shape[1] for window in run.windows())
        if summary is None or rows != summary.rows:
            raise EngineFailure(
                engine.name, f"its windows have {rows} rows, its summary says {summary and summary.rows}"
            )
    return TimedRun(run, outcome, summary, time.perf_counter() - started)


def _complain(head: Mapping[str, object], key: str, reason: str, as_json: bool) -> None:
    if as_json:
        echo_json({**head, key: reason})
    else:
        click.echo(f"  {reason}")


def _json(case: Case, timed: TimedRun) -> dict[str, object]:
    return {
        "outcome": outcome_json(timed.outcome),
        "program_hash": word_to_hex(case.program.hash if timed.summary is None else timed.summary.program_hash),
        "lengths": lengths_json(timed.summary),
        "seconds": round(timed.seconds, 6),
        "rows_per_second": timed.rows_per_second and round(timed.rows_per_second),
    }


def _text(timed: TimedRun) -> str:
    outcome, summary = timed.outcome, timed.summary
    if not isinstance(outcome, Completed) or summary is None:
        return failure_text(outcome)
    sections = ("core", "range", "chiplets", "hasher", "bitwise", "memory", "kernel_rom")
    lengths = ", ".join(f"{name} {getattr(summary, name)}" for name in sections)
    return (
        f"completed, {summary.rows} rows ({lengths}), {timed.rows_per_second:,.0f} core rows/s\n"
        f"    outputs {stack_text(outcome.stack)}\n"
        f"    program {word_to_hex(summary.program_hash)}"
    )


def failure_text(outcome: Outcome) -> str:
    """A failed program in words."""
    if isinstance(outcome, Completed):
        return "completed"
    clk = "no clk" if outcome.clk is None else f"clk {outcome.clk}"
    return f"failed: {outcome.error} at {clk}" + (f" ({outcome.detail})" if outcome.detail else "")


def stack_text(stack: tuple[int, ...]) -> str:
    """The items top first; zeros at the end are left out."""
    count = len(stack)
    while count and stack[count - 1] == 0:
        count -= 1
    return " ".join([*map(str, stack[:count]), *(["0.."] if count < len(stack) else [])])
