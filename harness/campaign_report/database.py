"""Rows of a campaign's database, with the types that the schema promises; SQLite itself would let any column hold anything."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from reference.definition.errors import InputError

Row = dict[str, Any]
Rows = Mapping[str, Sequence[Row]]
"""By table."""

_TEXT: Final = (str,)
_NUMBER: Final = (int,)
_SECONDS: Final = (int, float)
_MAYBE_SECONDS: Final = (int, float, type(None))
_MAYBE_TEXT: Final = (str, type(None))

TABLES: Final[Mapping[str, Mapping[str, tuple[type, ...]]]] = {
    "meta": {"key": _TEXT, "value": (str, int, float)},
    "runs": {"id": _NUMBER, "started": _SECONDS, "ended": _MAYBE_SECONDS, "jobs": _NUMBER, "ending": _MAYBE_TEXT},
    "batches": {
        "first": _NUMBER,
        "count": _NUMBER,
        "run": _NUMBER,
        "worker": _TEXT,
        "started": _SECONDS,
        "finished": _SECONDS,
        "new_cells": _NUMBER,
        "totals": _TEXT,
    },
    "coverage": {"cell": _TEXT, "times": _NUMBER, "name": _TEXT, "rows": _NUMBER, "row": _NUMBER},
    "findings": {
        "number": _NUMBER,
        "signature": _TEXT,
        "directory": _MAYBE_TEXT,
        "state": _TEXT,
        "found": _SECONDS,
        "full_signature": _MAYBE_TEXT,
    },
    "slow": {"number": _NUMBER, "seconds": _SECONDS, "rows": _NUMBER, "file": _TEXT},
}

_ORDER: Final = {
    "meta": "key",
    "runs": "id",
    "batches": "finished, first",
    "coverage": "cell",
    "findings": "number, signature",
    "slow": "seconds DESC",
}


def read_rows(path: Path) -> Rows:
    """All rows of all tables, as they were at one moment.

    Nothing is written, and a campaign that writes meanwhile is not disturbed. Raises InputError for a file that is no such
    database or is damaged.
    """
    try:
        # Whoever writes has a log. Without one the file is read as it stands: an ordinary reader would leave a log behind, and
        # could not read at all in a directory that cannot be written.
        if not _has_log(path):
            rows = _read(path, "mode=ro&immutable=1")
            if not _has_log(path):
                return rows
        return _read(path, "mode=ro")
    except sqlite3.Error as error:
        raise InputError(f"is no campaign's database, or it is damaged: {error}", source=str(path)) from None


def _has_log(path: Path) -> bool:
    return path.with_name(f"{path.name}-wal").exists()


def _read(path: Path, how: str) -> Rows:
    with closing(sqlite3.connect(f"file:{quote(str(path.resolve()))}?{how}", uri=True, timeout=10)) as connection:
        connection.execute("BEGIN")
        return {table: _rows(connection, table, path) for table in TABLES}


def _rows(connection: sqlite3.Connection, table: str, path: Path) -> list[Row]:
    columns = TABLES[table]
    names = ", ".join(f'"{name}"' for name in columns)
    # Names are those of the schema above, never somebody's input.
    found = connection.execute(f"SELECT {names} FROM {table} ORDER BY {_ORDER[table]}").fetchall()
    rows = [dict(zip(columns, values, strict=True)) for values in found]
    for row in rows:
        for name, types in columns.items():
            if not isinstance(row[name], types):
                raise InputError(
                    f"damaged: expected {types[0].__name__}, found {row[name]!r:.60}",
                    place=f"{table}.{name}",
                    source=str(path),
                )
    return rows
