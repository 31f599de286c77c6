"""Listeners for people and programs: a live region on a terminal, plain lines in a pipe, JSON lines, the end report."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any, Final

from rich.console import Console
from rich.live import Live
from rich.text import Text

from harness.campaign.end_report import end_report
from harness.campaign.events import (
    AcceptanceLearnt,
    BatchBegun,
    BatchFinished,
    CampaignFinished,
    CampaignResumed,
    CampaignStarted,
    CompletingBegun,
    Event,
    FindingKept,
    FindingRepeated,
    FindingReplayed,
    FindingReported,
    FindingShrunk,
    WorkerDied,
)
from harness.campaign.totals import Totals
from harness.reporting import wrapped
from harness.verdict import Verdict

PLAIN_SECONDS: Final = 10.0
"""Between two lines in a pipe: a night's log has a few thousand of them."""

Print = Callable[[str], None]


def progress_line(totals: Totals) -> str:
    """The campaign in one line."""
    counts, laws = totals.counts, totals.laws
    if laws is not None:
        return (
            f"{totals.judged:,} cases judged  {totals.rate(totals.judged):.1f}/s  {totals.completed:,} with a trace  "
            f"{laws.builds:,} builds  {laws.without:,} left out  {totals.differences:,} break a law"
        )
    return (
        f"{totals.cases:,} cases  {totals.rate(totals.cases):.1f}/s  {counts.boundaries:,} boundaries  "
        f"{counts.rows:,} rows  {counts.excused.total():,} known  "
        f"{totals.verdicts[Verdict.NOT_COMPARABLE]:,} not comparable  {totals.differences:,} differences"
    )


def event_lines(event: Event) -> list[str]:
    """What an event says to a person, progress apart."""
    match event:
        case CampaignStarted(engines, seed, first, laws):
            return [_heading(engines, seed, first, laws)]
        case AcceptanceLearnt(lines, seconds):
            return [f"learnt in {seconds:.1f} s what it accepts", *(f"  not accepted: {line}" for line in lines)]
        case CampaignResumed(engines, seed, first, cases, runs, was_killed, laws):
            killed = "; the last one was killed" if was_killed else ""
            going_on = f"going on after {cases:,} cases in {runs} run{'s' if runs > 1 else ''}{killed}"
            return [_heading(engines, seed, first, laws), going_on]
        case WorkerDied(worker, reason, number):
            return [f"{worker} died{'' if number is None else f' of case {number}'}: {reason}"]
        case FindingKept(number, signature, directory, text):
            return [f"case {number}: {signature}", wrapped(text), f"  written to {directory}"]
        case FindingShrunk(_, directory, happens_again, _, seconds, nodes, text):
            if not happens_again:
                return [f"  it did not happen again; the case as found is in {directory}"]
            shrunk = f"  shrunk to {nodes} nodes in {seconds:.1f} s: {directory / 'report.txt'}"
            return [shrunk, *([wrapped(wrapped(text))] if text else [])]
        case FindingReplayed(text=text):
            return [f"  {text}"]
        case FindingReported(_, directory, state, _, localised):
            return [f"  {state}: {directory / 'report.html'}"] if localised else []
        case FindingRepeated(number, signature, times):
            return [f"case {number}: {signature} once more ({times} times)"]
        case CampaignFinished(totals, failed=True) if not totals.cases:
            return []
        case CampaignFinished(totals, run, stopped):
            before = [run_line(run)] if run.cases != totals.cases else []
            return [*(["stopped before the end"] if stopped else []), *before, *end_report(totals)]
        case _:
            return []


def run_line(run: Totals) -> str:
    """What the last of several runs has done."""
    return (
        f"this run: {run.cases:,} cases in {run.seconds:.1f} s, {run.rate(run.cases):.1f} cases/s, "
        f"{run.differences:,} differences; all runs:"
    )


def _heading(engines: tuple[str, ...], seed: int, first: int, laws: bool) -> str:
    start = f", from case {first}" if first else ""
    if laws:
        return f"judging {' and '.join(engines)} by the laws of cutting, seed {seed}{start}"
    return f"comparing {' with '.join(engines)}, seed {seed}{start}"


class LiveScreen:
    """One live region at the bottom of a terminal, everything else above it: the campaign, and a line for each worker."""

    def __init__(self, console: Console) -> None:
        self._live = Live(console=console, refresh_per_second=4, transient=True)
        self._overall = ""
        self._workers: dict[str, str] = {}
        self._rates: dict[str, str] = {}

    def __call__(self, event: Event) -> None:
        """Show the event."""
        match event:
            case CampaignStarted() | CampaignResumed():
                self._live.start()
            case CampaignFinished():
                self._live.stop()
            case BatchBegun(worker, first, count):
                self._workers[worker] = f"cases {first:,} to {first + count - 1:,}"
            case CompletingBegun(worker, directory):
                self._workers[worker] = f"completing {directory.name}"
            case WorkerDied(worker, reason):
                self._workers[worker] = f"died: {reason}"
            case BatchFinished(worker, _, count, seconds, new_cells, totals):
                self._overall = progress_line(totals)
                cells = f", {new_cells} new cells" if totals.laws is None else ""
                self._rates[worker] = f"{count / seconds:.1f}/s{cells}" if seconds else ""
        self._live.update(Text("\n".join([self._overall, *self._worker_lines()])))
        for line in event_lines(event):
            self._live.console.print(Text(line))

    def _worker_lines(self) -> list[str]:
        """Nothing where one process does everything."""
        if len(self._workers) <= 1:
            return []
        width = max(map(len, self._workers))
        return [
            f"  {name:<{width}}  {what:<34}  {self._rates.get(name, '')}"
            for name, what in sorted(self._workers.items(), key=lambda item: (len(item[0]), item[0]))
        ]


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
        if isinstance(event, BatchFinished) and not self._quiet and now - self._last >= PLAIN_SECONDS:
            self._last = now
            self._write(progress_line(event.totals))


class JsonLines:
    """One JSON object for each event but batches."""

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
        case AcceptanceLearnt(lines, seconds):
            return {"event": "learnt", "not_accepted": list(lines), "seconds": seconds}
        case CampaignResumed(engines, seed, first, cases, runs, was_killed):
            before = {"cases": cases, "runs": runs, "was_killed": was_killed}
            return {"event": "resumed", "engines": list(engines), "seed": seed, "first": first, **before}
        case WorkerDied(worker, reason, number):
            return {"event": "worker died", "worker": worker, "reason": reason, "number": number}
        case FindingKept(number, signature, directory, _):
            return {"event": "finding", "number": number, "signature": signature, "directory": str(directory)}
        case FindingShrunk(signature, directory, happens_again, finished, seconds, _):
            return {
                "event": "shrunk",
                "signature": signature,
                "directory": str(directory),
                "happens_again": happens_again,
                "finished": finished,
                "seconds": round(seconds, 3),
            }
        case FindingReplayed(signature, directory, again, reason, _):
            return {
                "event": "replayed",
                "signature": signature,
                "directory": str(directory),
                "again": again,
                "reason": reason,
            }
        case FindingReported(signature, directory, state, full_signature, _):
            return {
                "event": "reported",
                "signature": signature,
                "directory": str(directory),
                "state": state,
                "full_signature": full_signature,
            }
        case FindingRepeated(number, signature, times):
            return {"event": "repeated", "number": number, "signature": signature, "times": times}
        case CampaignFinished(totals, run, stopped):
            return {"event": "finished", "stopped": stopped, **totals.as_json(), "run": run_json(run)}
        case _:
            return None


def run_json(run: Totals) -> dict[str, Any]:
    """What one of several runs has done, in a few numbers."""
    found = {"cases": run.cases, "seconds": round(run.seconds, 3)}
    if run.laws is not None:
        return found | {"judged": run.judged, "builds": run.laws.builds, "differences": run.differences}
    return found | {
        "rows": run.counts.rows,
        "cells": run.counts.cells,
        "boundaries": run.counts.boundaries,
        "differences": run.differences,
        "cases_per_second": round(run.rate(run.cases), 2),
        "boundaries_per_second": round(run.rate(run.counts.boundaries), 1),
    }
