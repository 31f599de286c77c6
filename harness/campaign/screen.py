"""Listeners for people and programs: a live region on a terminal, plain lines in a pipe, JSON lines, the end report."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any, Final

from rich.console import Console
from rich.live import Live
from rich.text import Text

from harness.campaign.events import (
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
from harness.campaign.totals import NODE_KINDS, Totals
from harness.generate import FAILURES
from harness.reporting import counted, wrapped
from harness.verdict import Verdict
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
            return [_heading(engines, seed, first)]
        case CampaignResumed(engines, seed, first, cases, runs, was_killed):
            killed = "; the last one was killed" if was_killed else ""
            going_on = f"going on after {cases:,} cases in {runs} run{'s' if runs > 1 else ''}{killed}"
            return [_heading(engines, seed, first), going_on]
        case WorkerDied(worker, reason, number):
            return [f"{worker} died{'' if number is None else f' of case {number}'}: {reason}"]
        case FindingKept(number, signature, directory, text):
            return [f"case {number}: {signature}", wrapped(text), f"  written to {directory}"]
        case FindingShrunk(_, directory, happens_again, _, seconds, nodes):
            if not happens_again:
                return [f"  it did not happen again; the case as found is in {directory}"]
            return [f"  shrunk to {nodes} nodes in {seconds:.1f} s: {directory / 'report.txt'}"]
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


def _heading(engines: tuple[str, ...], seed: int, first: int) -> str:
    start = f", from case {first}" if first else ""
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
                self._rates[worker] = f"{count / seconds:.1f}/s, {new_cells} new cells" if seconds else ""
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
    return {
        "cases": run.cases,
        "seconds": round(run.seconds, 3),
        "rows": run.counts.rows,
        "cells": run.counts.cells,
        "boundaries": run.counts.boundaries,
        "differences": run.differences,
        "cases_per_second": round(run.rate(run.cases), 2),
        "boundaries_per_second": round(run.rate(run.counts.boundaries), 1),
    }


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
