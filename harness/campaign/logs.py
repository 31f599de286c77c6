"""What a campaign leaves beside its state: events as JSON lines, the summary, the coverage map."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any, Final

from harness.campaign.events import BatchFinished, CampaignFinished, CampaignResumed, CampaignStarted, Event
from harness.campaign.kept_map import KeptMap
from harness.campaign.screen import event_json, run_json
from harness.campaign.totals import Totals
from harness.corpus import write_new
from reference.definition.errors import InputError

EVENTS: Final = "events.jsonl"
SUMMARY: Final = "summary.json"

_SECONDS: Final = 30.0
"""Between two summaries, and between two lines that say how far the campaign is."""


class EventLog:
    """Appends every event to a file, with its time; from time to time how far the campaign is."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / EVENTS
        self._is_whole = False
        self._last = time.monotonic()

    def __call__(self, event: Event) -> None:
        """Append the event; InputError when that is impossible."""
        value = _progress(event) if isinstance(event, BatchFinished) and self._is_due() else event_json(event)
        if value is None:
            return
        line = json.dumps({"time": round(time.time(), 3), **value}) + "\n"
        try:
            # Opened for each line: what is written is there when this process ends, whatever ends it.
            with self._path.open("ab") as file:
                # A full disk may have left half a line, which must not spoil this one.
                is_torn = not self._is_whole and _ends_torn(self._path)
                file.write(b"\n" * is_torn + line.encode())
            self._is_whole = True
        except OSError as error:
            raise InputError(f"cannot be written: {error.strerror}", source=str(self._path)) from None

    def _is_due(self) -> bool:
        now = time.monotonic()
        is_due = now - self._last >= _SECONDS
        self._last = now if is_due else self._last
        return is_due


def _ends_torn(path: Path) -> bool:
    """Whether the last line of a file has no end."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - 1))
        return file.read(1) not in (b"", b"\n")


def _progress(event: BatchFinished) -> dict[str, Any]:
    totals, laws = event.totals, event.totals.laws
    value = {"event": "progress", "seconds": round(totals.seconds, 3), "cases": totals.cases}
    if laws is None:
        value |= {"rows": totals.counts.rows, "boundaries": totals.counts.boundaries}
        value["covered"] = totals.coverage.covered
    else:
        value |= {"judged": totals.judged, "builds": laws.builds}
    return {**value, "differences": totals.differences}


class Summary:
    """Keeps summary.json and the coverage map up to date: at the start, so that a directory that cannot be written is known
    before an hour has passed, then from time to time, and at the end."""

    def __init__(self, directory: Path, kept_map: KeptMap) -> None:
        self._path = directory / SUMMARY
        self._map = kept_map
        self._last = time.monotonic()

    def __call__(self, event: Event) -> None:
        """Write what is known; InputError when that is impossible."""
        now = time.monotonic()
        match event:
            case CampaignStarted() | CampaignResumed():
                self._write({"finished": False})
            case BatchFinished(totals=totals) if now - self._last >= _SECONDS:
                self._last = now
                self._keep(totals, {"finished": False})
            case CampaignFinished(totals, run, stopped):
                self._keep(totals, {"finished": True, "stopped": stopped, "run": run_json(run)})

    def _keep(self, totals: Totals, state: dict[str, Any]) -> None:
        self._write(state | totals.as_json())
        if totals.laws is None:
            self._map.keep(totals.coverage)

    def _write(self, value: dict[str, Any]) -> None:
        write_new(self._path, json.dumps(value, indent=2) + "\n")
