"""``fragdiff fuzz``: a campaign."""

from __future__ import annotations

import json
import secrets
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import click

from harness.campaign import (
    CampaignFinished,
    CampaignStarted,
    CaseCompared,
    Event,
    Listener,
    Settings,
    Totals,
    run_campaign,
)
from harness.campaign.screen import JsonLines, LiveScreen, PlainScreen
from harness.cli import AGREE, DIVERGENCE
from harness.commands.known_option import known_option
from harness.commands.options import Number, audit_option, engine_names, engines_options, open_engines, prepare_audit
from harness.corpus import write_new
from harness.coverage import CoverageMap
from harness.coverage.saved import FILE, Keeper, read_map
from harness.generate import Profile
from harness.laws.fuzzing import fuzz_by_laws
from harness.shrink import Budget
from reference.definition.errors import InputError

SUMMARY = "summary.json"
SUMMARY_SECONDS = 30.0
"""What a campaign that is killed may lose of its summary and its coverage; findings are written at once."""

DEFAULT_SECONDS = 60.0


@click.command()
@engines_options
@click.option("--laws", metavar="NAME", help="Instead of engines: one engine, judged by itself (`fragdiff laws`).")
@click.option("--seconds", type=Number(min=0, min_open=True), help="End after this time (default 60).")
@click.option("--cases", type=click.IntRange(min=1), help="End after this many cases.")
@click.option("--seed", type=click.IntRange(min=0), help="Of the generator; drawn and printed when left out.")
@click.option("--first", type=click.IntRange(min=0), default=0, show_default=True, help="Number of the first case.")
@click.option(
    "--failing-rate",
    type=Number(0, 1),
    default=Profile().failing_rate,
    show_default=True,
    help="Share of programs that are meant to fail.",
)
@click.option(
    "--max-rows",
    type=click.IntRange(min=1),
    default=Profile().max_rows,
    show_default=True,
    help="Rows after which a program starts nothing new.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("findings"),
    show_default=True,
    help="Directory for findings, summary.json and coverage.json.",
)
@click.option(
    "--keep",
    type=click.IntRange(min=1),
    default=3,
    show_default=True,
    help="Cases kept and shrunk for each signature; further ones are counted.",
)
@click.option(
    "--shrink-seconds",
    type=Number(min=0),
    default=Budget().seconds,
    show_default=True,
    help="Time for shrinking one case.",
)
@audit_option
@known_option
@click.option("--no-replay", "no_replay", is_flag=True, help="Do not replay each finding in a new process.")
@click.option("--quiet", is_flag=True, help="Findings and the end report only.")
@click.option("--json", "as_json", is_flag=True, help="JSON lines instead of text.")
@click.pass_context
def fuzz(
    ctx: click.Context,
    engines: tuple[str, ...],
    engine: tuple[str, ...],
    laws: str | None,
    seconds: float | None,
    cases: int | None,
    seed: int | None,
    first: int,
    failing_rate: float,
    max_rows: int,
    out: Path,
    keep: int,
    shrink_seconds: float,
    no_audit: bool,
    no_replay: bool,
    quiet: bool,
    as_json: bool,
) -> None:
    """Generate programs and cuts, run them on all engines, and compare everything.

    \b
    fragdiff fuzz --engines "reference,exec:/opt/vm/oracle run" --seconds 3600
    fragdiff fuzz --engines reference,mine --seed 7 --first 1234 --cases 1
    fragdiff fuzz --laws "exec:target/release/next-release" --seconds 600

    Traces that engines agree on are audited as well: judged by the constraints and lookups that every trace keeps.

    Each difference is written to a directory of its own under --out as soon as it is found. It is replayed in a new
    process, and marked when it does not show there; shrunk to the smallest case that differs for the same reason; and
    localised (`fragdiff locate`) in report.html and report.txt, with the failing fragment by itself and a ready test.
    index.txt lists all findings by signature.

    Case N of a seed is the same whatever came before it; where it can be cut as no case was cut before, it is compared at
    those cuts as well, and coverage.json keeps them for all campaigns with this --out (`fragdiff cover`). Ctrl-C ends the
    campaign after the case in hand, with its report; a second one at once.

    The exit code is 0 when every case agreed or is excused by a known divergence, 1 when something differed or when no
    case was compared on all engines.

    JSON: {"event": "started"}, {"event": "finding", "number", "signature", "directory"}, {"event": "replayed",
    "signature", "directory", "again", "reason"}, {"event": "shrunk", "signature", "directory", "happens_again",
    "finished"}, {"event": "reported", "signature", "directory", "state", "full_signature"}, {"event": "repeated",
    "number", "signature", "times"} and at the end {"event": "finished"} with what is also in summary.json.
    """
    seed = secrets.randbelow(2**32) if seed is None else seed
    seconds = DEFAULT_SECONDS if seconds is None and cases is None else seconds
    profile = Profile(failing_rate=failing_rate, max_rows=max_rows)
    if laws is not None:
        if engines or engine:
            raise InputError("judges one engine by itself; leave out --engines and --engine", place="--laws")
        with _stop_on_signals() as stop:
            judged = fuzz_by_laws(
                laws,
                seed=seed,
                seconds=seconds,
                cases=cases,
                out=out,
                profile=profile,
                first=first,
                shrink_seconds=shrink_seconds,
                keep=keep,
                as_json=as_json,
                quiet=quiet,
                stopped=lambda: bool(stop),
            )
        ctx.exit(DIVERGENCE if judged.violations or judged.is_vacuous else AGREE)
    names = engine_names(engines, engine)
    settings = Settings(
        seed=seed,
        out=out,
        first=first,
        cases=cases,
        seconds=seconds,
        profile=profile,
        kept_per_signature=keep,
        shrinking=Budget(seconds=shrink_seconds),
        audit=not no_audit,
        replaying=not no_replay,
        covered=read_map(out / FILE) if (out / FILE).exists() else CoverageMap(),
    )
    if not no_audit:
        prepare_audit()
    with open_engines(names) as opened, _stop_on_signals() as stop:
        # The summary first: a screen that nobody reads any more ends the campaign, and must not take it along.
        listeners: list[Listener] = [_Summary(out), _screen(quiet, as_json)]
        totals = run_campaign(settings, opened, listeners, lambda: bool(stop))
    ctx.exit(DIVERGENCE if totals.differences or totals.is_vacuous else AGREE)


def _screen(quiet: bool, as_json: bool) -> Listener:
    if as_json:
        return JsonLines(_print)
    if not quiet and sys.stdout.isatty():
        from rich.console import Console  # noqa: PLC0415 - pipes and JSON do without it

        return LiveScreen(Console())
    return PlainScreen(_print, quiet=quiet)


def _print(line: str) -> None:
    click.echo(line)
    # A log of a campaign that is killed has everything up to then.
    sys.stdout.flush()


class _Summary:
    """Keeps summary.json and the coverage map up to date: at the start, so that a directory that cannot be written is known
    before an hour has passed, then from time to time, and at the end."""

    def __init__(self, out: Path) -> None:
        self._path = out / SUMMARY
        self._coverage: Keeper | None = None
        self._last = time.monotonic()

    def __call__(self, event: Event) -> None:
        now = time.monotonic()
        match event:
            case CampaignStarted():
                self._write({"finished": False})
            case CaseCompared(totals=totals) if now - self._last >= SUMMARY_SECONDS:
                self._last = now
                self._keep(totals, {"finished": False})
            case CampaignFinished(totals, stopped):
                self._keep(totals, {"finished": True, "stopped": stopped})

    def _keep(self, totals: Totals, state: dict[str, Any]) -> None:
        self._write(state | totals.as_json())
        self._coverage = self._coverage or Keeper(self._path.with_name(FILE), totals.coverage)
        self._coverage.keep()

    def _write(self, value: dict[str, Any]) -> None:
        write_new(self._path, json.dumps(value, indent=2) + "\n")


@contextmanager
def _stop_on_signals() -> Iterator[list[int]]:
    """A list that is empty until SIGINT or SIGTERM came; the same signal once more does what it always does."""
    received: list[int] = []
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def stop(number: int, _frame: FrameType | None) -> None:
        received.append(number)
        signal.signal(number, before[signal.Signals(number)])

    for number in before:
        signal.signal(number, stop)
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
