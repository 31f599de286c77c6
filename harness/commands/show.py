"""``fragdiff show``: the rows of a case."""

from __future__ import annotations

from collections.abc import Mapping

import click

from harness.backend import Completed, Engine, EngineFailure, NotComparable, Run
from harness.cli import BAD_INPUT, INTERNAL
from harness.commands.named_path import NamedPath
from harness.commands.options import (
    cut_text,
    cuts_option,
    engine_option,
    load_all,
    open_engines,
)
from harness.commands.run import failure_text
from harness.show import HEADER, VISIBLE, boundary_line, decode, row_line
from reference.definition.boundary import BoundaryState
from reference.definition.case import Case
from reference.definition.errors import InputError

ROWS_SHOWN = 1000
"""Without --rows: more does not fit a terminal's memory, and a notice says how to see the rest."""


@click.command()
@click.argument("file", metavar="CASE", type=NamedPath())
@click.option(
    "--rows", metavar="A:B", help="Rows A to B - 1; A: to the end, :B from the start, A one row. HALT rows too."
)
@click.option("--items", default=6, show_default=True, type=click.IntRange(1, VISIBLE), help="Stack items shown.")
@cuts_option
@engine_option
@click.pass_context
def show(ctx: click.Context, file: str, rows: str | None, items: int, cuts: tuple[str, ...], engine: str) -> None:
    """Show the rows of CASE as an engine's trace has them: clk, operation, depth, what the row changes, top of stack.

    Rows that begin a fragment are marked with the fragment and its position in the program. Without --rows the
    program's own rows are shown, at most 1000. A file with several cases shows them one after another.
    """
    wanted = None if rows is None else parse_rows(rows)
    loaded = load_all([file], cuts)
    code = 0
    with open_engines([engine]) as (opened,):
        for item in loaded:
            case = item.case.runs()[0]
            code = max(code, _show(case, opened, wanted, items))
            if len(item.case.cuts) > 1:
                click.echo(f"(the first of {len(item.case.cuts)} cut plans; --cuts chooses another)")
    ctx.exit(code)


def parse_rows(text: str) -> tuple[int, int | None]:
    """First row and end of ``A:B``, ``A:``, ``:B``, ``A``; the end is None for the end of the trace.

    Raises InputError.
    """
    first, colon, end = text.partition(":")
    if (
        not all(part == "" or (part.isascii() and part.isdecimal() and len(part) < 19) for part in (first, end))
        or text == ""
    ):
        raise InputError(f"expected A:B, A:, :B or A with row numbers, found {text!r:.60}", place="--rows")
    begin = int(first or 0)
    if not colon:
        return begin, begin + 1
    if end and int(end) <= begin:
        raise InputError(f"expected at least one row, found {text!r}", place="--rows")
    return begin, int(end) if end else None


def _show(case: Case, engine: Engine, wanted: tuple[int, int | None] | None, items: int) -> int:
    click.echo(f"{case.name}, {cut_text(case.cut)}, {engine.name}")
    try:
        run = engine.run(case)
        if not isinstance(run.outcome, Completed) or run.summary is None:
            click.echo(f"  {failure_text(run.outcome)}; a failed program has no trace to show")
            return 0
        core, total = run.summary.core, run.summary.rows
        first, end = wanted or (0, min(core, ROWS_SHOWN))
        if first >= total:
            raise InputError(f"the trace of {case.name} has rows 0 to {total - 1}, asked was {first}", place="--rows")
        _show_rows(run, case, first, total if end is None else min(end, total), items)
        if wanted is None and core > ROWS_SHOWN:
            click.echo(f"... {core - ROWS_SHOWN} more of {core} rows; --rows {ROWS_SHOWN}: shows the rest")
    except EngineFailure as failure:
        click.echo(f"fragdiff: {failure.engine} broke: {failure.reason}", err=True)
        return INTERNAL
    except NotComparable as refusal:
        click.echo(f"fragdiff: {refusal.engine}: {refusal.reason}", err=True)
        return BAD_INPUT
    return 0


def _show_rows(run: Run, case: Case, first: int, end: int, items: int) -> None:
    marks = _marks(run, case)
    click.echo(HEADER)
    ctx: int | None = None
    for row in decode(run.windows(), first, end):
        state = row.state
        if state.row in marks:
            click.echo(boundary_line(*marks[state.row]))
        if state.ctx != ctx:
            click.echo(f"ctx {state.ctx}")
            ctx = state.ctx
        click.echo(row_line(row, items))


def _marks(run: Run, case: Case) -> Mapping[int, tuple[int, BoundaryState | int]]:
    """Fragment number and state by row; only the row for an engine that gives no states."""
    try:
        states = list(enumerate(run.boundaries()))
    except NotComparable:
        core = run.summary.core if run.summary else 0
        return {row: (fragment, row) for fragment, row in enumerate(case.cut.starts(core))}
    return {state.clk: (fragment, state) for fragment, state in states}
