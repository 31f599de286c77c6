"""``fragdiff corpus ls`` and ``check``: what a corpus holds, and whether it is in order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import click

from harness.backends.reference import ReferenceEngine
from harness.cli import AGREE, BAD_INPUT, DIVERGENCE
from harness.commands.named_path import NamedPath
from harness.commands.options import cut_text, echo_json, open_engines
from harness.commands.replay_screen import counted
from harness.corpus import Entry, is_slow
from harness.corpus.checking import Problem, file_problems, read_all
from harness.corpus.covered import Reach, alone, reach
from harness.corpus.judging import judge
from harness.verdict import Verdict
from reference.definition.errors import InputError

_SHOWN_PLANS = 4

directory_argument = click.argument("directory", metavar="DIR", type=NamedPath(path_type=Path))
slow_option = click.option("--slow", is_flag=True, help="Also the cases in folders called bench or slow.")


@click.command(short_help="List the cases of DIR: why each is kept, and what it alone reaches.")
@directory_argument
@click.option("--no-cells", is_flag=True, help="Run nothing: no rows, and no cells that only one case reaches.")
@slow_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object a case instead of a table.")
@click.pass_context
def ls(ctx: click.Context, directory: Path, no_cells: bool, slow: bool, as_json: bool) -> None:
    """List the cases of DIR and of the folders below, with why each is kept and what it alone reaches.

    `only` counts the cells of the coverage map that no other case of DIR reaches at its cuts; a case with 0 adds nothing
    to them. Cases in folders called bench or slow are listed without being run. The exit code is 2 when a file cannot be
    read or its content is not the one that its name promises.

    JSON keys: path, name, kind, reason, source, defect, real_vm, cuts, rows, cells, only, expected_by, unchanged.
    """
    entries, problems = read_all(directory)
    if not entries and not problems:
        raise InputError("expected a directory with case files", source=str(directory))
    ran: dict[Path, tuple[Reach, int]] = {}
    if not no_cells:
        engine = ReferenceEngine()
        quick = [entry for entry in entries if slow or not is_slow(entry.path, directory)]
        reached = [reach(engine, entry.case) for entry in counted(quick, "run:")]
        ran = {entry.path: pair for entry, pair in zip(quick, zip(reached, alone(reached), strict=True), strict=True)}
    if not as_json:
        click.echo(f"{'kind':<9} {'rows':>7} {'only':>5}  {'expected by':<16} file: reason")
    for entry in entries:
        _show(entry, directory, ran.get(entry.path), as_json)
    if not as_json:
        kinds = Counter(entry.kept.kind.value if entry.kept else "unexplained" for entry in entries)
        parts = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
        click.echo(f"{_cases(len(entries))}{f': {parts}' if parts else ''}")
    unreadable = [*problems, *(item for item in file_problems(entries) if "promises" in item.what)]
    _complain(unreadable)
    ctx.exit(BAD_INPUT if unreadable else AGREE)


def _show(entry: Entry, directory: Path, ran: tuple[Reach, int] | None, as_json: bool) -> None:
    kept, case = entry.kept, entry.case
    by = kept.expect.by if kept and kept.expect else ""
    if as_json:
        found = {
            "rows": ran and ran[0].rows,
            "cells": ran and len(ran[0].cells),
            "only": ran and ran[1],
            "expected_by": by or None,
            "unchanged": entry.is_unchanged,
        }
        said = {name: getattr(kept, name) if kept else None for name in ("reason", "source", "defect", "real_vm")}
        kind = kept.kind.value if kept else None
        plans = [cut_text(plan) for plan in case.cuts]
        echo_json({"path": str(entry.path), "name": case.name, "kind": kind, **said, "cuts": plans, **found})
        return
    rows, only = ("-", "-") if ran is None else (f"{ran[0].rows:,}" if ran[0].rows else "fails", str(ran[1]))
    why = (f"{kept.defect}: " if kept.defect else "") + kept.reason if kept else case.about
    name = entry.path.relative_to(directory)
    click.echo(f"{kept.kind.value if kept else '-':<9} {rows:>7} {only:>5}  {by or '-':<16} {name}: {why}")


@click.command()
@directory_argument
@click.option(
    "--engines", metavar="A,B..", multiple=True, help="Engines that must make what is expected (default: reference)."
)
@click.option("--engine", metavar="NAME", multiple=True, help="One more; its name may hold commas: exec:COMMAND.")
@click.option("--files-only", is_flag=True, help="Run nothing.")
@slow_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object a problem and one total instead of text.")
@click.pass_context
def check(
    ctx: click.Context,
    directory: Path,
    engines: tuple[str, ...],
    engine: tuple[str, ...],
    files_only: bool,
    slow: bool,
    as_json: bool,
) -> None:
    """Check that DIR is in order.

    Every file is a readable case, named by its content, and no case is there twice; nothing else lies there; every case
    says why it is kept and what is expected of it; and each engine makes what is expected at every cut plan. Cases in
    folders called bench or slow are not run without --slow; how many is said.

    The exit code is 1 when anything is wrong, 2 when DIR holds no case.

    JSON keys of a problem: path, problem; the last line has cases, expectations, left_out, problems and exit_code.
    """
    entries, problems = read_all(directory)
    if not entries and not problems:
        raise InputError("expected a directory with case files", source=str(directory))
    problems += file_problems(entries)
    quick = [entry for entry in entries if slow or not is_slow(entry.path, directory)]
    met = 0
    if not files_only:
        names = [name.strip() for group in engines for name in group.split(",")] + list(engine) or ["reference"]
        met, wrong = _run(quick, names)
        problems += wrong
    code = DIVERGENCE if problems or not (met or files_only) else AGREE
    left_out = 0 if files_only else len(entries) - len(quick)
    for problem in problems:
        if as_json:
            echo_json({"path": str(problem.path), "problem": problem.what})
        else:
            click.echo(f"{problem.path}: {problem.what}")
    if as_json:
        echo_json(
            {
                "cases": len(entries),
                "expectations": met,
                "left_out": left_out,
                "problems": len(problems),
                "exit_code": code,
            }
        )
    else:
        ran = "nothing was run" if files_only else f"{met:,} runs were as expected"
        out = f", {_cases(left_out)} not run (--slow runs them)" if left_out else ""
        click.echo(f"{_cases(len(entries))}, {ran}{out}, {len(problems)} problem{'s' * (len(problems) != 1)}")
    ctx.exit(code)


def _run(entries: Sequence[Entry], names: Sequence[str]) -> tuple[int, list[Problem]]:
    """How many runs were as expected, and which were not; one engine after the other, each judged by itself."""
    met = 0
    problems: list[Problem] = []
    with open_engines(names) as opened:
        for entry in counted(entries, "checked:"):
            expect = entry.kept.expect if entry.kept else None
            if expect is None:
                continue
            for engine in opened:
                judged = judge(entry.case, expect, [engine], audit=False)
                met += judged.expected if judged.verdict is Verdict.AGREE else 0
                problems += [Problem(entry.path, line) for line in judged.lines]
    return met, problems


def _complain(problems: Sequence[Problem]) -> None:
    for problem in problems:
        click.echo(f"fragdiff: {problem.path}: {problem.what}", err=True)


def _cases(count: int) -> str:
    return f"{count:,} case{'' if count == 1 else 's'}"
