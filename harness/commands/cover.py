"""``fragdiff cover``: the coverage map of campaigns, or of cases at their cut plans."""

from __future__ import annotations

from pathlib import Path

import click

from harness.backend import NotComparable
from harness.backends.reference import ReferenceEngine
from harness.cli import AGREE, DIVERGENCE
from harness.commands.named_path import NamedPath
from harness.commands.options import echo_json, load_all
from harness.commands.replay_screen import counted
from harness.corpus import SLOW_FOLDERS, case_files, is_slow
from harness.coverage import CoverageMap, row_cells
from harness.coverage.listing import as_json, listing
from harness.coverage.saved import FILE, read_map
from reference.definition.errors import InputError

DEFAULT_GAPS = 20


class GapCount(click.ParamType[int | None]):
    """A number from 0, or ``all``."""

    name = "N|all"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int | None:
        """The number, None for all; click's usage error for anything else."""
        if value is None or isinstance(value, int):
            return value
        text = str(value)
        if text == "all":
            return None
        if not (text.isascii() and text.isdecimal() and len(text) < 10):
            self.fail(f"{text!r} is neither a number nor 'all'.", param, ctx)
        return int(text)


@click.command()
@click.argument("sources", metavar="[DIR|CASES]..", nargs=-1, type=NamedPath(path_type=Path))
@click.option(
    "--gaps", type=GapCount(), default=str(DEFAULT_GAPS), show_default=True, help="Lines of what was never covered."
)
@click.option("--cells", is_flag=True, help="Also every covered cell, with its smallest case.")
@click.option("--json", "as_json_lines", is_flag=True, help="The whole map as one JSON object.")
@click.pass_context
def cover(ctx: click.Context, sources: tuple[Path, ...], gaps: int | None, cells: bool, as_json_lines: bool) -> None:
    """Show where fragments have begun, where never, and why some cells are impossible.

    \b
    fragdiff cover findings
    fragdiff cover corpus other.case.json --cells

    DIR is the --out of a campaign (default: findings), whose coverage.json holds what all campaigns there have compared, or a
    directory with case files in it or below, those in folders called bench or slow left out. Of case files the map is what
    their own cut plans would cover: they are run on the reference, and nothing is compared. Several maps are added up.

    A cell is the operation of the row at a cut, the phase in which it stands there, and what crosses the cut: depth of the
    stack (16, 17, 18+), nest (in no call: shallow or deep; called, called twice), whether the row before took an entry of a
    replay queue, and the next item (0, 1, other). The row before each cut has a cell of its own, of phase `before`.

    The exit code is 1 when a cell was met that should be impossible.

    JSON: {"covered", "possible", "share", "contradictions", "phases", "gaps": [{"operation", "phase", "covered", "possible",
    "missing"}], "impossible": {REASON: CELLS}, "cells": {CELL: {"cuts", "case", "rows", "row"}}}.
    """
    coverage = CoverageMap()
    for source in sources or (Path("findings"),):
        coverage.merge(_coverage_of(source))
    if as_json_lines:
        echo_json(as_json(coverage))
    else:
        for line in listing(coverage, gaps=gaps, cells=cells):
            click.echo(line)
    ctx.exit(DIVERGENCE if coverage.contradictions else AGREE)


def _coverage_of(source: Path) -> CoverageMap:
    if not source.is_dir():
        return read_map(source) if source.name == FILE else _coverage_of_cases([source])
    if (source / FILE).exists():
        return read_map(source / FILE)
    files = case_files(source)
    if not files:
        raise InputError(f"expected a directory with {FILE} or with case files", source=str(source))
    quick = [file for file in files if not is_slow(file, source)]
    if len(quick) < len(files):
        slow = "name their files to count them"
        click.echo(f"{source}: not counted: cases in folders called {' or '.join(SLOW_FOLDERS)}; {slow}", err=True)
    return _coverage_of_cases(quick)


def _coverage_of_cases(files: list[Path]) -> CoverageMap:
    engine = ReferenceEngine()
    coverage = CoverageMap()
    for _, case in counted(load_all([str(file) for file in files]), "run:"):
        for run in case.runs():
            try:
                execution = engine.run(run).execution
            except NotComparable as limit:
                click.echo(f"{run.name}: not counted: {limit.reason}", err=True)
                break
            coverage.add(row_cells(execution), run.cut, run.name)
    return coverage
