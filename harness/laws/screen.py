"""What a campaign by the laws says: a live line on a terminal, plain lines in a pipe, JSON lines for programs."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

import click
from rich.console import Console
from rich.live import Live
from rich.text import Text

from harness.laws.acceptance import Accepted
from harness.laws.keeping import REPORT, Finding, Reduced
from harness.laws.violation import describe
from harness.reporting import wrapped

if TYPE_CHECKING:
    from harness.laws.fuzzing import LawTotals

PLAIN_SECONDS: Final = 10.0


class Screen(Protocol):
    """Where a campaign says what happens."""

    def started(self, engine: str, seed: int, first: int, accepted: Accepted) -> None:
        """Before the first case."""

    def progress(self, totals: LawTotals) -> None:
        """After every case."""

    def found(self, finding: Finding, directory: Path) -> None:
        """A case breaks a law; it is on disk."""

    def reduced(self, smallest: Reduced, directory: Path) -> None:
        """The last finding has been shrunk."""

    def repeated(self, number: int, signature: str, times: int) -> None:
        """A signature that was kept often enough came once more."""

    def finished(self, totals: LawTotals) -> None:
        """The end, whatever ended it."""


@contextmanager
def make_screen(*, as_json: bool, quiet: bool) -> Iterator[Screen]:
    """The screen for standard output as it is; a live line is taken away at the end."""
    if as_json:
        yield JsonScreen()
    elif not quiet and sys.stdout.isatty():
        with Live(console=Console(), refresh_per_second=4, transient=True) as live:
            yield TextScreen(live=live)
    else:
        yield TextScreen(quiet=quiet)


def progress_line(totals: LawTotals) -> str:
    """The campaign in one line."""
    rate = totals.cases / totals.seconds if totals.seconds else 0.0
    left_out = totals.left_out.total() + totals.refused.total()
    return (
        f"{totals.cases:,} cases  {rate:.1f}/s  {totals.completed:,} with a trace  {totals.builds:,} builds  "
        f"{left_out:,} left out  {totals.violations.total():,} break a law"
    )


def end_lines(totals: LawTotals) -> list[str]:
    """What was judged, what was not, what was found."""
    lines = [f"{progress_line(totals)}  {totals.seconds:.1f} s"]
    judged = ", ".join(f"{law.value} {count:,}" for law, count in sorted(totals.judged.items()))
    lines.append(f"judged       {judged or 'nothing: this is no pass'}")
    if judged and totals.is_vacuous:
        lines.append("nothing      no case with a trace was judged: this is no pass")
    lines += [f"not judged   {reason}: {count:,}" for reason, count in sorted(totals.not_judged.items())]
    for name, counter in (("left out", totals.left_out), ("refused", totals.refused)):
        lines += [f"{name:<12} {reason}: {count:,}" for reason, count in counter.most_common(6)]
    for signature, count in totals.violations.most_common():
        first = next(item for item in totals.findings if item["signature"] == signature)
        lines.append(
            f"violation    {signature}: {count:,}, first after {first['cases']:,} cases, {first['seconds']:.1f} s"
        )
        lines += [f"             {shape}" for shape in dict.fromkeys(_shapes(totals, signature))]
    return [*lines, *(["violations   none"] if not totals.violations else [])]


def _shapes(totals: LawTotals, signature: str) -> list[str]:
    return [f"{item['shape']}: {item['directory']}" for item in totals.findings if item["signature"] == signature]


class TextScreen:
    """Lines for people."""

    def __init__(self, *, live: Live | None = None, quiet: bool = False) -> None:
        self._live = live
        self._quiet = quiet
        self._last = time.monotonic()

    def started(self, engine: str, seed: int, first: int, accepted: Accepted) -> None:
        """What is judged, and what it does not accept."""
        start = f", from case {first}" if first else ""
        self._say([f"judging {engine} by the laws of cutting, seed {seed}{start}"])
        self._say([f"  not accepted: {line}" for line in accepted.lines()])

    def progress(self, totals: LawTotals) -> None:
        """A line from time to time."""
        if self._live is not None:
            self._live.update(Text(progress_line(totals)))
            return
        now = time.monotonic()
        if not self._quiet and now - self._last >= PLAIN_SECONDS:
            self._last = now
            self._say([progress_line(totals)])

    def found(self, finding: Finding, directory: Path) -> None:
        """All violations of the case."""
        self._say(
            [f"case {finding.number}, after {finding.cases} cases and {finding.seconds:.1f} s: {finding.signature}"]
        )
        self._say([wrapped(describe(item)) for item in finding.judgement.violations])
        self._say([f"  written to {directory}"])

    def reduced(self, smallest: Reduced, directory: Path) -> None:
        """The smallest case and its sizes."""
        if not smallest.shrunk.happens_again:
            self._say(["  it did not happen again when the case was judged once more"])
            return
        self._say([f"  shrunk to {smallest.shape} in {smallest.shrunk.seconds:.1f} s: {directory / REPORT}"])
        self._say([f"    {line}" for line in smallest.sizes.lines()])

    def repeated(self, number: int, signature: str, times: int) -> None:
        """One line."""
        if not self._quiet:
            self._say([f"case {number}: {signature} once more ({times} times)"])

    def finished(self, totals: LawTotals) -> None:
        """The end report."""
        self._say(end_lines(totals))

    def _say(self, lines: list[str]) -> None:
        for line in lines:
            if self._live is not None:
                self._live.console.print(Text(line))
            else:
                click.echo(line)
        # A log of a campaign that is killed has everything up to then.
        sys.stdout.flush()


class JsonScreen:
    """One JSON object a line: started, finding, shrunk, repeated, finished."""

    def started(self, engine: str, seed: int, first: int, accepted: Accepted) -> None:
        """Engine, seed, and what is not accepted."""
        self._say(
            {"event": "started", "engine": engine, "seed": seed, "first": first, "not_accepted": accepted.lines()}
        )

    def progress(self, totals: LawTotals) -> None:
        """Nothing: the end says it all."""

    def found(self, finding: Finding, directory: Path) -> None:
        """Number, signature, directory."""
        value = {"number": finding.number, "signature": finding.signature, "directory": str(directory)}
        self._say({"event": "finding", **value, "cases": finding.cases, "seconds": round(finding.seconds, 2)})

    def reduced(self, smallest: Reduced, directory: Path) -> None:
        """Shape and sizes of the smallest case."""
        happens, sizes = smallest.shrunk.happens_again, smallest.sizes.as_json()
        value = {"directory": str(directory), "happens_again": happens, "shape": smallest.shape, "sizes": sizes}
        self._say({"event": "shrunk", **value})

    def repeated(self, number: int, signature: str, times: int) -> None:
        """Number, signature, times."""
        self._say({"event": "repeated", "number": number, "signature": signature, "times": times})

    def finished(self, totals: LawTotals) -> None:
        """What is also in summary.json."""
        self._say({"event": "finished", **totals.as_json()})

    def _say(self, value: dict[str, Any]) -> None:
        click.echo(json.dumps(value))
        sys.stdout.flush()
