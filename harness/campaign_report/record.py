"""A campaign's state as it stands, while the campaign runs or after it: ``campaign.sqlite`` and ``events.jsonl``.

Read in one transaction, so that counts, coverage and findings belong together however busy the campaign is.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from harness.campaign.law_counts import LawCounts
from harness.campaign.lock import is_taken
from harness.campaign.logs import EVENTS
from harness.campaign.state import FILE, FORMAT
from harness.campaign.totals import Totals
from harness.campaign_report.database import Rows, read_rows
from harness.coverage import CoverageMap, Smallest, number, parse
from reference.definition.errors import InputError

DEATH: Final = "worker died"
"""The event of ``events.jsonl`` that says that a worker is gone."""


@dataclass(frozen=True, slots=True)
class RunOfCampaign:
    """One start or resumption; times are seconds since 1970."""

    id: int
    started: float
    ended: float | None
    """None while it runs, and for good after a kill."""
    jobs: int
    ending: str
    """How it ended; empty with ``ended`` None."""


@dataclass(frozen=True, slots=True)
class Batch:
    """One finished batch of cases; times are seconds since 1970."""

    first: int
    count: int
    run: int
    worker: str
    started: float
    finished: float
    new_cells: int
    totals: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Differed:
    """A case that differed; ``directory`` is None when it was only counted."""

    number: int
    signature: str
    directory: str | None
    state: str
    found: float
    full_signature: str | None


@dataclass(frozen=True, slots=True)
class SlowCase:
    """One of the slowest cases."""

    number: int
    seconds: float
    rows: int
    file: str


@dataclass(frozen=True, slots=True)
class Record:
    """Everything that a campaign has kept."""

    directory: Path
    engines: tuple[str, ...]
    seed: str
    profile: str
    created: float
    runs: Sequence[RunOfCampaign]
    batches: Sequence[Batch]
    """In the order in which they were finished."""
    coverage: CoverageMap
    differed: Sequence[Differed]
    slow: Sequence[SlowCase]
    deaths: Sequence[Mapping[str, Any]]
    """Events that say that a worker is gone, as they stand in the file."""
    is_running: bool | None
    """Whether somebody runs it now; None where that cannot be seen."""
    laws: bool = False
    """Whether the one engine is judged by the laws of cutting; otherwise the engines are compared."""


def read_record(directory: Path) -> Record:
    """The state of the campaign in the directory.

    Raises InputError for a directory that is missing or holds no campaign, and for a state that is damaged, of another
    format or cannot be read.
    """
    if not directory.is_dir():
        raise InputError("there is no such directory", source=str(directory))
    path = directory / FILE
    if not path.exists():
        raise InputError(
            f"there is no {FILE}: this is not the directory of a campaign; `fragdiff fuzz --out DIR` makes one",
            source=str(directory),
        )
    rows = read_rows(path)
    meta = {row["key"]: str(row["value"]) for row in rows["meta"]}
    if meta.get("format") != FORMAT:
        raise InputError(
            f"expected a campaign of format {FORMAT}, found {meta.get('format', 'none')!r:.60}; report it with the release "
            f"of fragdiff that ran it",
            source=str(path),
        )
    try:
        return _record(directory, meta, rows)
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError) as error:
        raise InputError(f"damaged: {error}", source=str(path)) from None


def _record(directory: Path, meta: Mapping[str, str], rows: Rows) -> Record:
    return Record(
        directory=directory,
        engines=tuple(map(str, json.loads(meta["engines"]))),
        seed=meta.get("seed", "unknown"),
        profile=meta.get("profile", "{}"),
        created=float(meta.get("created", 0)),
        runs=[RunOfCampaign(**row | {"ending": row["ending"] or ""}) for row in rows["runs"]],
        batches=[Batch(**row | {"totals": _totals(row["totals"])}) for row in rows["batches"]],
        coverage=_coverage(rows["coverage"]),
        differed=[Differed(**row) for row in rows["findings"]],
        slow=[SlowCase(**row) for row in rows["slow"]],
        deaths=list(_deaths(directory / EVENTS)),
        is_running=is_taken(directory),
        laws=json.loads(meta.get("laws", "false")) is True,
    )


def _totals(text: str) -> Mapping[str, Any]:
    found = json.loads(text)
    if not isinstance(found, dict):
        raise TypeError(f"expected totals, found {text:.60}")
    # What a campaign cannot add up, nobody here can.
    Totals((), 0, 0, laws=LawCounts()).add(found)
    return found


def _coverage(rows: Sequence[Mapping[str, Any]]) -> CoverageMap:
    coverage = CoverageMap()
    for row in rows:
        coverage.put(number(parse(row["cell"])), row["times"], Smallest(row["name"], row["rows"], row["row"]))
    return coverage


def _deaths(path: Path) -> Iterator[Mapping[str, Any]]:
    """A line that is not whole yet, or is no event, says nothing about a worker."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", source=str(path)) from None
    for line in text.splitlines():
        try:
            event = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(event, dict) and event.get("event") == DEATH:
            yield event
