"""``fragdiff selftest``: planted faults, and whether they are caught."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import click

from harness.cli import AGREE, DIVERGENCE
from harness.commands.named_path import NamedPath
from harness.commands.options import echo_json
from harness.faults import FAULTS, find_fault
from harness.faults.fault import Fault
from harness.faults.selftest import QUICK, Plan, Result, results, run_selftest
from harness.faults.tables import area_lines, as_json, fault_lines, summary_line
from harness.faults.trial import Trial
from harness.faults.trial_files import append_trial, read_trials
from reference.definition.errors import InputError


@click.command()
@click.option(
    "--quick", is_flag=True, help="One seed, and shrinking that is cut short: some minutes instead of an hour."
)
@click.option("--fault", "names", metavar="NAME", multiple=True, help="Only this fault; may be repeated.")
@click.option("--seeds", type=click.IntRange(min=1), help="Seeds for each fault (default 5, with --quick 1).")
@click.option("--jobs", type=click.IntRange(min=1), help="Processes (default: one a processor).")
@click.option(
    "--trials",
    "kept",
    type=NamedPath(path_type=Path, dir_okay=False),
    help="Keep every trial in this file; those that are in it already are not tried again.",
)
@click.option("--list", "as_list", is_flag=True, help="List the faults and try none.")
@click.option(
    "--markdown",
    type=click.Choice(["short", "full"]),
    is_flag=False,
    flag_value="short",
    help="Tables in Markdown and nothing else on standard output: by area with the worst faults, or one row a fault.",
)
@click.option("--json", "as_json_", is_flag=True, help="One JSON object instead of text.")
@click.pass_context
def selftest(
    ctx: click.Context,
    quick: bool,
    names: tuple[str, ...],
    seeds: int | None,
    jobs: int | None,
    kept: Path | None,
    as_list: bool,
    markdown: str | None,
    as_json_: bool,
) -> None:
    """Plant faults in engine, comparison and generator, one at a time, and see whether the harness catches them.

    \b
    fragdiff selftest --quick
    fragdiff selftest --fault skipped-loop-end-shifts --seeds 1
    fragdiff selftest --trials trials.jsonl --markdown

    A fault of an engine is hunted by a campaign with the reference and the healthy engine beside it, and what is found is
    shrunk. A fault of the comparison has to be noticed by its own accounts or by a wrong cell put in on purpose, one of the
    generator by what its cases lack. Times are those of this machine;
    CPU seconds are what counts on one that does other work too, and shrinking is given a number of those.

    The exit code is 0 when every fault was caught with every seed, else 1.

    JSON: {"faults": [{"name", "caught", "by", "cases", "seconds", "cpu_seconds", "operations", "cuts", "where", "wrong",
    "model", "as_expected", "seeds"}]}; numbers are medians over the seeds, operations and cuts null where nothing is shrunk.
    """
    faults = tuple(map(_find, names)) or FAULTS
    if as_list:
        _list(faults, as_json=as_json_)
        return
    plan = replace(QUICK if quick else Plan(), faults=faults)
    if seeds is not None:
        plan = replace(plan, seeds=tuple(range(plan.seeds[0], plan.seeds[0] + seeds)))
    tried = {(fault.name, seed) for fault in plan.faults for seed in plan.seeds}
    trials = [] if kept is None else [trial for trial in read_trials(kept) if (trial.fault, trial.seed) in tried]
    done = frozenset((trial.fault, trial.seed) for trial in trials)
    total = len(plan.faults) * len(plan.seeds)
    started = time.monotonic()
    with closing(run_selftest(plan, jobs or os.cpu_count() or 1, _say, done)) as running:
        for trial in running:
            trials.append(trial)
            if kept is not None:
                append_trial(kept, trial)
            if not as_json_ and markdown is None:
                click.echo(_progress(trial, len(trials), total))
            elif len(trials) % 10 == 0 or not trial.caught:
                _say(_progress(trial, len(trials), total))
    found = results(plan, trials)
    if as_json_:
        echo_json(as_json(found))
    elif markdown is not None:
        click.echo("\n".join(area_lines(found) if markdown == "short" else fault_lines(found)))
    else:
        _report(found, time.monotonic() - started)
    ctx.exit(AGREE if all(result.caught for result in found) else DIVERGENCE)


def _find(name: str) -> Fault:
    try:
        return find_fault(name)
    except KeyError as unknown:
        raise InputError(str(unknown.args[0]), place="--fault") from None


def _say(line: str) -> None:
    click.echo(line, err=True)


def _list(faults: tuple[Fault, ...], *, as_json: bool) -> None:
    if as_json:
        items = [
            {
                "name": fault.name,
                "where": fault.where,
                "wrong": fault.wrong,
                "model": fault.model,
                "caught_by": fault.caught_by,
            }
            for fault in faults
        ]
        echo_json({"faults": items})
        return
    for fault in faults:
        click.echo(f"{fault.name}  ({fault.where}): {fault.wrong}\n    {fault.model}; {', '.join(fault.caught_by)}")
    click.echo(f"{len(faults)} faults")


def _progress(trial: Trial, number: int, total: int) -> str:
    head = f"{number:>4}/{total}  {trial.fault}, seed {trial.seed}: "
    if trial.by is None:
        return f"{head}NOT CAUGHT by {trial.cases:,} cases in {trial.seconds:.0f} s"
    line = f"{head}{trial.by.value.replace('_', ' ')}, {trial.cases:,} cases, {trial.seconds:.1f} s"
    size = trial.size
    if size is None:
        return line
    shrunk = f"{size.operations} operations, {size.nodes} nodes, {size.cuts} cuts"
    return f"{line}; shrunk to {shrunk} in {trial.shrinking_seconds:.1f} s"


def _report(found: Sequence[Result], seconds: float) -> None:
    from rich.console import Console  # noqa: PLC0415 - only a person wants a table
    from rich.table import Table  # noqa: PLC0415

    table = Table(box=None, pad_edge=False)
    for heading in ("fault", "where", "caught by"):
        table.add_column(heading, overflow="fold")
    for heading in ("cases", "seconds", "operations", "cuts"):
        table.add_column(heading, justify="right")
    for result in found:
        table.add_row(
            result.fault.name, result.fault.where, "NOT CAUGHT" if not result.caught else str(result.by), f"{result.cases:g}",
            f"{result.seconds:.1f}", "" if result.operations is None else f"{result.operations:g}",
            "" if result.cuts is None else f"{result.cuts:g}",
        )  # fmt: skip
    Console(width=None if os.isatty(1) else 120).print(table)
    click.echo(f"{summary_line(found)}; {seconds:.0f} s in all")
