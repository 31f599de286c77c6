"""Listeners for people and programs: a live line on a terminal, plain lines in a pipe, JSON lines, the end report."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any, Final

from rich.console import Console
from rich.live import Live
from rich.text import Text

from harness.campaign.events import (
    CampaignFinished,
    CampaignStarted,
    CaseCompared,
    Event,
    FindingKept,
    FindingRepeated,
    FindingReplayed,
    FindingReported,
    FindingShrunk,
)
from harness.campaign.totals import NODE_KINDS, Totals
from harness.generate import FAILURES
from harness.reporting import counted, wrapped
from harness.verdict import Verdict, describe
from reference.definition.isa import BLOCK_OPERATIONS

PLAIN_SECONDS: Final = 10.0
"""Between two lines in a pipe: a night's log has a few thousand of them."""

Print = Callable[[str], None]


def progress_line(totals: Totals) -> str:
    """The campaign in one line."""
    counts = totals.counts
    return (
        f"{totals.cases:,} cases  {totals.rate(totals.cases):.1f}/s  {counts.boundaries:,} boundaries  "
        f"{counts.rows:,} rows  {counts.excused.total():,} known  "
        f"{totals.verdicts[Verdict.NOT_COMPARABLE]:,} not comparable  {totals.differences:,} differences"
    )


def event_lines(event: Event) -> list[str]:
    """What an event says to a person, progress apart."""
    match event:
        case CampaignStarted(engines, seed, first):
            start = f", from case {first}" if first else ""
            return [f"comparing {' with '.join(engines)}, seed {seed}{start}"]
        case FindingKept(number, signature, directory, divergence):
            return [f"case {number}: {signature}", wrapped(describe(divergence)), f"  written to {directory}"]
        case FindingShrunk(_, directory, _, shrunk):
            if not shrunk.happens_again:
                return [f"  it did not happen again; the case as found is in {directory}"]
            nodes = len(shrunk.case.program.forest.nodes) + sum(len(each.nodes) for each in shrunk.case.libraries)
            return [f"  shrunk to {nodes} nodes in {shrunk.seconds:.1f} s: {directory / 'report.txt'}"]
        case FindingReplayed(_, _, replayed):
            return [f"  {replayed.text}"]
        case FindingReported(_, directory, progress):
            return [f"  {progress.state}: {directory / 'report.html'}"] if progress.localisation is not None else []
        case FindingRepeated(number, signature, times):
            return [f"case {number}: {signature} once more ({times} times)"]
        case CampaignFinished(totals, stopped):
            return [*(["stopped before the end"] if stopped else []), *end_report(totals)]
        case CaseCompared():
            return []


class LiveScreen:
    """One live line at the bottom of a terminal, everything else above it."""

    def __init__(self, console: Console) -> None:
        self._live = Live(console=console, refresh_per_second=4, transient=True)

    def __call__(self, event: Event) -> None:
        """Show the event."""
        if isinstance(event, CampaignStarted):
            self._live.start()
        if isinstance(event, CampaignFinished):
            self._live.stop()
        if isinstance(event, CaseCompared):
            self._live.update(Text(progress_line(event.totals)))
        for line in event_lines(event):
            self._live.console.print(Text(line))


class PlainScreen:
    """Lines: what happens, and the progress from time to time; ``quiet`` leaves out the progress."""

    def __init__(self, write: Print, *, quiet: bool = False) -> None:
        self._write = write
        self._quiet = quiet
        self._last = time.monotonic()

    def __call__(self, event: Event) -> None:
        """Write the event."""
        for line in event_lines(event):
            self._write(line)
        now = time.monotonic()
        if isinstance(event, CaseCompared) and not self._quiet and now - self._last >= PLAIN_SECONDS:
            self._last = now
            self._write(progress_line(event.totals))


class JsonLines:
    """One JSON object for each event but compared cases."""

    def __init__(self, write: Print) -> None:
        self._write = write

    def __call__(self, event: Event) -> None:
        """Write the event."""
        value = event_json(event)
        if value is not None:
            self._write(json.dumps(value))


def event_json(event: Event) -> dict[str, Any] | None:
    """The event with stable keys; None for events that are only counted."""
    match event:
        case CampaignStarted(engines, seed, first):
            return {"event": "started", "engines": list(engines), "seed": seed, "first": first}
        case FindingKept(number, signature, directory, _):
            return {"event": "finding", "number": number, "signature": signature, "directory": str(directory)}
        case FindingShrunk(signature, directory, _, shrunk):
            return {
                "event": "shrunk",
                "signature": signature,
                "directory": str(directory),
                "happens_again": shrunk.happens_again,
                "finished": shrunk.finished,
                "seconds": round(shrunk.seconds, 3),
            }
        case FindingReplayed(signature, directory, replayed):
            return {
                "event": "replayed",
                "signature": signature,
                "directory": str(directory),
                "again": replayed.again.value,
                "reason": replayed.reason,
            }
        case FindingReported(signature, directory, progress):
            return {
                "event": "reported",
                "signature": signature,
                "directory": str(directory),
                "state": progress.state,
                "full_signature": None if progress.signature is None else progress.signature.text,
            }
        case FindingRepeated(number, signature, times):
            return {"event": "repeated", "number": number, "signature": signature, "times": times}
        case CampaignFinished(totals, stopped):
            return {"event": "finished", "stopped": stopped, **totals.as_json()}
        case CaseCompared():
            return None


# ---- the end report -------------------------------------------------------------------------------------------------


def end_report(totals: Totals) -> list[str]:
    """What was done, covered, found and not found."""
    counts = totals.counts
    covered = len(BLOCK_OPERATIONS) - len(totals.operations_missed)
    errors = len({failure.error for failure in FAILURES})
    lines = [
        f"{totals.cases:,} cases ({totals.completed:,} completed, {totals.failed:,} failed programs) "
        f"in {totals.seconds:.1f} s, {totals.rate(totals.cases):.1f} cases/s, "
        f"{totals.rate(counts.boundaries):,.0f} boundaries/s",
        f"compared     {counts.rows:,} rows, {counts.cells:,} cells, {counts.boundaries:,} boundaries, "
        f"{counts.seams:,} seams, {counts.failures:,} equal failures",
        f"verdicts     {counted({verdict.value.replace('_', ' '): totals.verdicts[verdict] for verdict in Verdict})}",
        f"operations   {covered} of {len(BLOCK_OPERATIONS)}{_missed(totals.operations_missed)}",
        f"nodes        {counted(totals.nodes)}{_missed([kind for kind in NODE_KINDS if not totals.nodes[kind]])}",
        f"errors       {errors - len(totals.errors_missed)} of {errors}{_missed(totals.errors_missed)}",
        f"cuts         {counted(totals.cuts)}",
        f"coverage     {totals.coverage.covered:,} of {totals.coverage.possible:,} cells ({totals.coverage.share:.1%})",
        f"known        {counted(counts.excused)}",
        f"not compared {counted(counts.not_comparable)}",
        f"audited      {counts.audits:,} traces; not checked: {counted(counts.not_audited)}",
        f"differences  {totals.differences:,}",
    ]
    if totals.walks:
        lines.insert(7, f"walks        {counted(totals.walks)}")
    if counts.seams_not_exercised:
        lines.insert(2, f"             {counts.seams_not_exercised:,} cuts at which no engine cut its build")
    lines += [f"  {times:>5} x {signature}" for signature, times in totals.findings.most_common()]
    lines += [f"findings     {counted(totals.states)}"] if totals.states else []
    if totals.unintended:
        lines.append(f"not as the generator meant: {counted(totals.unintended)}")
    if totals.is_vacuous:
        lines.append("nothing was compared on all engines: this run has failed")
    return lines


def _missed(names: list[str]) -> str:
    return f"; not met: {', '.join(names)}" if names else ""
