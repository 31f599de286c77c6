"""What a campaign has done, in one SQLite file: killed at any moment, a batch of cases is in it whole or not at all.

A batch and everything it adds are one transaction. Cases depend on the campaign's seed and their number alone, so a batch that
is not there is run again, and nothing is lost or counted twice.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

from harness.campaign.protocol import BatchDone, read_profile
from harness.coverage import CoverageMap
from harness.coverage.cells import cell, number, parse
from harness.coverage.map import Smallest
from harness.generate import Profile
from reference.definition.errors import InputError

FILE: Final = "campaign.sqlite"
FORMAT: Final = "fragdiff-campaign/1"

NEW: Final = "new"
"""State of a finding whose directory is not complete."""

_WAIT: Final = 30.0
"""Seconds for a reader that holds the file."""

_TABLES: Final = (
    "CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT)",
    "CREATE TABLE runs(id INTEGER PRIMARY KEY, started REAL, ended REAL, jobs INTEGER, ending TEXT)",
    "CREATE TABLE batches(first INTEGER PRIMARY KEY, count INTEGER, run INTEGER, worker TEXT, started REAL,"
    " finished REAL, new_cells INTEGER, totals TEXT)",
    "CREATE TABLE coverage(cell TEXT PRIMARY KEY, times INTEGER, name TEXT, rows INTEGER, row INTEGER)",
    "CREATE TABLE findings(number INTEGER, signature TEXT, directory TEXT, state TEXT, found REAL,"
    " full_signature TEXT, PRIMARY KEY(number, signature))",
    "CREATE TABLE slow(number INTEGER PRIMARY KEY, seconds REAL, rows INTEGER, file TEXT)",
)


@dataclass(frozen=True, slots=True)
class Identity:
    """What makes a campaign itself; it goes on only with the same."""

    engines: tuple[str, ...]
    seed: int
    first: int
    """Number of the first case."""
    profile: Profile
    audit: bool = True
    filling: bool = True
    known: str = ""
    """Which divergences are excused, as :data:`harness.known.KNOWN_VARIABLE` says it."""
    laws: bool = False
    """Whether the one engine is judged by the laws of cutting."""


class FindingRow(NamedTuple):
    """A case that differed; ``directory`` is a name below the campaign's own, None for a case that is counted only."""

    number: int
    signature: str
    directory: str | None
    state: str
    found: float


class SlowRow(NamedTuple):
    """A slow case that is kept; ``file`` is a name below the campaign's directory."""

    number: int
    seconds: float
    rows: int
    file: str


class Batch(NamedTuple):
    """A finished batch and what it adds."""

    done: BatchDone
    run: int
    worker: str
    new_cells: int
    findings: Sequence[FindingRow]
    slow: Sequence[SlowRow]
    """All slow cases that are kept from now on."""


class CampaignState:
    """The file of one campaign. Every method raises InputError when the file cannot be read or written."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / FILE
        with self._told():
            self._file = sqlite3.connect(self.path, timeout=_WAIT, isolation_level=None)
        try:
            with self._told():
                self._file.execute("PRAGMA journal_mode=WAL")
                # A commit outlives this process, not a power failure: what that takes is whole batches, and they run again.
                self._file.execute("PRAGMA synchronous=NORMAL")
        except InputError:
            self._file.close()
            raise

    def close(self) -> None:
        """Close the file."""
        with self._told():
            self._file.close()

    # ---- what it is -------------------------------------------------------------------------------------------------

    def identity(self) -> Identity | None:
        """What campaign this is; None for a file without one."""
        with self._told():
            tables = self._file.execute("SELECT count(*) FROM sqlite_master WHERE name = 'meta'").fetchone()[0]
            meta = dict(self._file.execute("SELECT key, value FROM meta")) if tables else None
        if meta is None:
            return None
        if meta.get("format") != FORMAT:
            raise InputError(
                f"expected a campaign of format {FORMAT}, found {meta.get('format')!r}", source=str(self.path)
            )
        try:
            return Identity(
                tuple(json.loads(meta["engines"])),
                int(meta["seed"]),
                int(meta.get("first", "0")),
                read_profile(json.loads(meta["profile"])),
                json.loads(meta.get("audit", "true")),
                json.loads(meta.get("filling", "true")),
                meta.get("known", ""),
                json.loads(meta.get("laws", "false")),
            )
        except (KeyError, ValueError, TypeError) as error:
            raise InputError(f"what the campaign is cannot be read: {error!r}", source=str(self.path)) from None

    def create(self, identity: Identity, created: float) -> None:
        """Make a file without a campaign one with this; ``created`` in seconds since 1970."""
        meta = {
            "format": FORMAT,
            "engines": json.dumps(identity.engines),
            "seed": str(identity.seed),
            "first": str(identity.first),
            "profile": json.dumps(asdict(identity.profile)),
            "audit": json.dumps(identity.audit),
            "filling": json.dumps(identity.filling),
            "known": identity.known,
            "laws": json.dumps(identity.laws),
            "created": repr(created),
        }
        with self._transaction():
            for table in _TABLES:
                self._file.execute(table)
            self._file.executemany("INSERT INTO meta VALUES(?, ?)", meta.items())

    def accepted(self) -> Any:
        """What the engine accepts, as :meth:`learnt` was told; None when nobody has learnt it."""
        rows = self._all("SELECT value FROM meta WHERE key = 'accepted'")
        with self.intact():
            return json.loads(rows[0][0]) if rows else None

    def learnt(self, accepted: Any) -> None:
        """Keep what the engine accepts, as JSON, for whoever goes on with the campaign."""
        with self._transaction():
            self._file.execute("INSERT OR REPLACE INTO meta VALUES('accepted', ?)", (json.dumps(accepted),))

    # ---- what was done ----------------------------------------------------------------------------------------------

    def done(self) -> list[tuple[int, int]]:
        """(first, count) of the finished batches, ascending."""
        return self._all("SELECT first, count FROM batches ORDER BY first")

    def totals(self) -> Iterator[Any]:
        """What each finished batch adds, as :meth:`Totals.addable` gives it."""
        for (text,) in self._all("SELECT totals FROM batches ORDER BY first"):
            yield json.loads(text)

    def seconds(self) -> float:
        """How long all runs have taken; one that was killed until its last batch."""
        ended = "coalesce(ended, (SELECT max(finished) FROM batches WHERE run = runs.id), started)"
        (row,) = self._all(f"SELECT total(max({ended} - started, 0)) FROM runs")
        return float(row[0])

    def coverage(self) -> CoverageMap:
        """What was covered."""
        found = CoverageMap()
        for text, times, name, rows, row in self._all("SELECT cell, times, name, rows, row FROM coverage"):
            found.put(number(parse(text)), times, Smallest(name, rows, row))
        return found

    def kept(self) -> Counter[str]:
        """How many cases have a directory, by signature."""
        return Counter(
            dict(self._all("SELECT signature, count(*) FROM findings WHERE directory IS NOT NULL GROUP BY signature"))
        )

    def states(self) -> Counter[str]:
        """How many findings with a directory are in each state."""
        return Counter(
            dict(self._all("SELECT state, count(*) FROM findings WHERE directory IS NOT NULL GROUP BY state"))
        )

    def unfinished(self) -> list[FindingRow]:
        """Findings whose directories are not complete, in the order in which they were found."""
        rows = self._all(
            "SELECT number, signature, directory, state, found FROM findings"
            f" WHERE directory IS NOT NULL AND state = '{NEW}' ORDER BY found, number"
        )
        return [FindingRow(*row) for row in rows]

    def slow(self) -> list[SlowRow]:
        """The slow cases that are kept."""
        return [SlowRow(*row) for row in self._all("SELECT number, seconds, rows, file FROM slow ORDER BY number")]

    def last_run_was_killed(self) -> bool:
        """Whether the last run has no end."""
        last = self._all("SELECT ended FROM runs ORDER BY id DESC LIMIT 1")
        return bool(last) and last[0][0] is None

    def run_count(self) -> int:
        """How often the campaign was started."""
        return int(self._all("SELECT count(*) FROM runs")[0][0])

    # ---- changes, each a transaction --------------------------------------------------------------------------------

    def begin_run(self, jobs: int, started: float) -> int:
        """A row for this run; its id."""
        with self._transaction():
            row = self._file.execute("INSERT INTO runs(started, jobs) VALUES(?, ?)", (started, jobs))
        assert row.lastrowid is not None
        return row.lastrowid

    def end_run(self, run: int, ended: float, ending: str) -> None:
        """The run has ended in order: ``finished``, ``stopped``, ``interrupted`` or ``failed``."""
        with self._transaction():
            self._file.execute("UPDATE runs SET ended = ?, ending = ? WHERE id = ?", (ended, ending, run))

    def commit(self, batch: Batch) -> None:
        """A batch and all it adds."""
        done = batch.done
        row = (done.first, done.count, batch.run, batch.worker, done.started, done.finished, batch.new_cells)
        cells = [(cell(each).text, times, name, rows, at) for each, times, name, rows, at in done.coverage]
        with self._transaction():
            self._file.execute(
                "INSERT INTO batches VALUES(?, ?, ?, ?, ?, ?, ?, ?)",
                (*row, json.dumps(done.totals, separators=(",", ":"))),
            )
            self._file.executemany(
                "INSERT INTO coverage VALUES(?, ?, ?, ?, ?) ON CONFLICT(cell) DO UPDATE SET"
                " times = times + excluded.times,"
                " name = CASE WHEN excluded.rows < rows THEN excluded.name ELSE name END,"
                " row = CASE WHEN excluded.rows < rows THEN excluded.row ELSE row END,"
                " rows = min(rows, excluded.rows)",
                cells,
            )
            self._file.executemany("INSERT INTO findings VALUES(?, ?, ?, ?, ?, NULL)", batch.findings)
            self._file.execute("DELETE FROM slow")
            self._file.executemany("INSERT INTO slow VALUES(?, ?, ?, ?)", batch.slow)

    def set_finding(self, directory: str, state: str, full_signature: str | None) -> None:
        """What became of the finding in this directory."""
        with self._transaction():
            self._file.execute(
                "UPDATE findings SET state = ?, full_signature = ? WHERE directory = ?",
                (state, full_signature, directory),
            )

    @contextmanager
    def intact(self) -> Iterator[None]:
        """InputError for whatever only a damaged file makes of what is read meanwhile: SQLite has no checksums."""
        try:
            yield
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
            raise self._damaged(error) from None

    def _damaged(self, error: Exception) -> InputError:
        return InputError(
            f"damaged: {error}; bring it back from a copy, or begin anew with --fresh (findings and coverage.json stay)",
            source=str(self.path),
        )

    # ---- SQLite -----------------------------------------------------------------------------------------------------

    def _all(self, query: str) -> list[Any]:
        with self._told():
            return self._file.execute(query).fetchall()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._told():
            self._file.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._file.execute("COMMIT")
            except BaseException:
                # A full disk may have rolled back already.
                with suppress(sqlite3.Error):
                    self._file.execute("ROLLBACK")
                raise

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            # An error of Python's own has no code.
            if getattr(error, "sqlite_errorcode", None) in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
                raise self._damaged(error) from None
            raise InputError(
                f"the campaign's state cannot be read or written: {error}; what was committed stays, "
                "and the same command goes on from there",
                source=str(self.path),
            ) from None
