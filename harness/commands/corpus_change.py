"""``fragdiff corpus minimise``, ``merge`` and ``harvest``: what changes a corpus."""

from __future__ import annotations

import signal
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import FrameType

import click

from harness.backend import Engine, EngineFailure, NotComparable
from harness.backends.reference import ReferenceEngine
from harness.cli import AGREE, BAD_INPUT, DIVERGENCE
from harness.commands.corpus_state import directory_argument, slow_option
from harness.commands.named_path import NamedPath
from harness.commands.options import Number, echo_json, open_engines
from harness.commands.replay_screen import PLAIN_SECONDS, counted
from harness.compiled_hash import compiled_hash
from harness.corpus import Kept, Kind, is_slow
from harness.corpus.checking import read_all
from harness.corpus.covered import Candidate, reach, worth_keeping
from harness.corpus.directory import write_entry
from harness.corpus.expecting import ask
from harness.corpus.harvesting import generated
from harness.corpus.harvesting import harvest as harvested
from harness.corpus.merging import merge as merged
from harness.generate import Profile
from reference.definition.case import Case
from reference.definition.errors import InputError
from reference.definition.formats.children_first import children_first

json_option = click.option("--json", "as_json", is_flag=True, help="One JSON object a case and one total.")


@click.command(short_help="Leave out the cases of DIR that add nothing to what the others reach.")
@directory_argument
@click.option("--write", is_flag=True, help="Remove the files; otherwise they are only listed.")
@slow_option
@json_option
@click.pass_context
def minimise(ctx: click.Context, directory: Path, write: bool, slow: bool, as_json: bool) -> None:
    """Leave out the cases of DIR that add nothing to what the others reach.

    A case stays when it is kept for another reason than coverage (golden, defect, program, finding), when it says no
    reason, or when it reaches a cell of the coverage map, or an error, that no smaller case and none of those reaches.
    Cases in folders called bench or slow stay, and what they reach counts with --slow only.

    The exit code is 2 when a file cannot be read: nothing is removed then.

    JSON keys of a case that goes: path, cells, removed; the last line has cases, stay, go, cells and exit_code.
    """
    entries, problems = read_all(directory)
    unreadable = [item for item in problems if item.path.name.endswith(".case.json")]
    if unreadable or not entries:
        what = f"{unreadable[0].path}: {unreadable[0].what}" if unreadable else "expected a directory with case files"
        raise InputError(what, source="" if unreadable else str(directory))
    engine = ReferenceEngine()
    quick = [entry for entry in entries if slow or not is_slow(entry.path, directory)]
    candidates = [
        Candidate(entry.path, reach(engine, entry.case), entry.kept is None or entry.kept.kind.pins)
        for entry in counted(quick, "run:")
    ]
    going = [item for item, stays in zip(candidates, worth_keeping(candidates), strict=True) if not stays]
    for item in going:
        if write:
            item.path.unlink()
        if as_json:
            echo_json({"path": str(item.path), "cells": len(item.reach.cells), "removed": write})
        else:
            click.echo(f"{'removed' if write else 'adds nothing'}  {item.path}")
    cells = len(set().union(*(item.reach.cells for item in candidates)))
    stay = len(entries) - len(going)
    if as_json:
        echo_json({"cases": len(entries), "stay": stay, "go": len(going), "cells": cells, "exit_code": AGREE})
    else:
        done = "removed" if write else "would go (--write removes them)"
        click.echo(f"{len(entries):,} cases reach {cells:,} cells and errors; {stay:,} stay, {len(going):,} {done}")
    ctx.exit(AGREE)


@click.command(short_help="Bring the cases of other directories into DIR.")
@directory_argument
@click.argument("sources", metavar="FROM..", nargs=-1, required=True, type=NamedPath(path_type=Path))
@json_option
@click.pass_context
def merge(ctx: click.Context, directory: Path, sources: tuple[Path, ...], as_json: bool) -> None:
    """Bring the cases of the directories FROM into DIR.

    A case that is there already is not added again, whatever it is called, so merging twice changes nothing. When the two
    files say different things of one case (reason, expectation) that is a conflict: it is named, the file in DIR stays as
    it is, and the exit code is 1.

    JSON keys of a case: from, path, what (added, there already, conflict); the last line has the three counts and exit_code.
    """
    counts: Counter[str] = Counter()
    for item in merged(directory, sources):
        counts[item.what] += 1
        if as_json:
            echo_json({"from": str(item.source), "path": str(item.path), "what": item.what})
        elif item.what == "conflict":
            click.echo(f"conflict  {item.source} says something else of the case in {item.path}")
        else:
            click.echo(f"{item.what}  {item.path}")
    code = DIVERGENCE if counts["conflict"] else AGREE
    numbers = {what: counts[what] for what in ("added", "there already", "conflict")}
    if as_json:
        echo_json({**numbers, "exit_code": code})
    else:
        click.echo(", ".join(f"{count:,} {what}" for what, count in numbers.items()))
    ctx.exit(code)


@click.command(short_help="Generate the cases that reach what DIR does not reach yet.")
@directory_argument
@click.option("--beside", metavar="DIR", multiple=True, type=NamedPath(path_type=Path), help="Reached there, too.")
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Of the generated cases.")
@click.option(
    "--cases", type=click.IntRange(min=1), default=10_000, show_default=True, help="Generate at most so many."
)
@click.option("--seconds", type=Number(min=0), default=None, help="Stop generating after this time.")
@click.option(
    "--max-rows",
    type=click.IntRange(min=1),
    default=None,
    help=f"Of generated programs (default {Profile().max_rows}).",
)
@click.option("--at-most", type=click.IntRange(min=1), default=None, help="Keep so many: the cases that add most.")
@click.option("--expect", "engine", metavar="NAME", required=True, help="Keep what this engine makes of each case.")
@json_option
@click.pass_context
def harvest(
    ctx: click.Context,
    directory: Path,
    beside: tuple[Path, ...],
    seed: int,
    cases: int,
    seconds: float | None,
    max_rows: int | None,
    at_most: int | None,
    engine: str,
    as_json: bool,
) -> None:
    """Generate cases and keep in DIR the smallest ones that reach what DIR does not reach yet.

    \b
    fragdiff corpus harvest corpus/coverage --beside corpus --cases 20000 --expect "exec:oracle run"

    Reached are cells of the coverage map, at every row of a program, and errors of programs that fail. A case on which the
    engine fails is not kept, and named. The same seed and corpus give the same cases. An interrupt ends the generating, and
    what was found by then is kept.

    JSON keys of a case: path, name; the last line has generated, kept, refused and exit_code.
    """
    reached = []
    reference = ReferenceEngine()
    # Only what rows are reached is asked of the reference here, and hashing in plain Python takes most of its time.
    with compiled_hash():
        for folder in {directory, *beside}:
            entries = read_all(folder)[0] if folder.exists() or folder in beside else []
            quick = [entry for entry in entries if not is_slow(entry.path, folder)]
            reached += [reach(reference, entry.case).cells for entry in counted(quick, "run:")]
    profile = Profile() if max_rows is None else Profile(max_rows=max_rows)
    with _Making(seconds) as making, compiled_hash():
        found = harvested(making.counted(generated(seed, profile, cases, making.is_over)), reached, at_most)
    kept, refused = 0, 0
    source = f"generator, seed {seed}"
    with open_engines([engine]) as (opened,):
        for case in found:
            path = _keep(case, directory, opened, source)
            kept, refused = (kept + 1, refused) if path else (kept, refused + 1)
            if as_json and path:
                echo_json({"path": str(path), "name": case.name})
    if as_json:
        echo_json(
            {"generated": making.made, "kept": kept, "refused": refused, "exit_code": AGREE if kept else BAD_INPUT}
        )
    else:
        click.echo(f"{making.made:,} cases generated, {kept:,} kept, {refused:,} refused by {engine}")
    ctx.exit(AGREE)


class _Making:
    """Generating: how far it is, and when it ends."""

    def __init__(self, seconds: float | None) -> None:
        self._end = None if seconds is None else time.monotonic() + seconds
        self._shown = time.monotonic()
        self._interrupted = False
        self.made = 0

    def __enter__(self) -> _Making:
        self._before = signal.signal(signal.SIGINT, self._interrupt)
        return self

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGINT, self._before)

    def _interrupt(self, number: int, _frame: FrameType | None) -> None:
        self._interrupted = True
        # The same once more does what it always does.
        signal.signal(number, self._before)
        click.echo("interrupted: keeping what was found", err=True)

    def is_over(self) -> bool:
        """Whether the time is used up, or somebody does not want to wait for it."""
        return self._interrupted or (self._end is not None and time.monotonic() >= self._end)

    def counted(self, cases: Iterable[Case]) -> Iterator[Case]:
        """The cases; a line now and then."""
        for case in cases:
            self.made += 1
            yield case
            if time.monotonic() - self._shown >= PLAIN_SECONDS:
                self._shown = time.monotonic()
                click.echo(f"{self.made:,} cases generated", err=True)


def _keep(case: Case, directory: Path, engine: Engine, source: str) -> Path | None:
    try:
        expect = ask(engine, children_first(case))
    except (EngineFailure, NotComparable) as refusal:
        click.echo(f"{case.name}: not kept: {refusal}", err=True)
        return None
    kept = Kept(Kind.COVERAGE, f"reaches what no smaller case does ({case.about})", source, expect=expect)
    return write_entry(case, directory, kept)
