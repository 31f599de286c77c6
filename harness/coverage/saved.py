"""A coverage map in a file: text, one cell a line, so that two campaigns' maps can be told apart and added up.

``{"format": "fragdiff-coverage/1", "cells": {CELL: [times, rows of the smallest case, cut row, its name]}}``.
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np

from harness.corpus import write_new
from harness.coverage.cells import cell, number, parse
from harness.coverage.map import CoverageMap, Smallest
from reference.definition.errors import InputError

FILE: Final = "coverage.json"
FORMAT: Final = "fragdiff-coverage/1"

_LIMIT: Final = 2**62
"""No count is larger."""


def read_map(path: Path) -> CoverageMap:
    """The map in the file.

    Raises InputError for a file that cannot be read and for one that is no map.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot be read: {error}", source=str(path)) from None
    return _read(text, str(path))


def write_map(coverage: CoverageMap, path: Path) -> None:
    """Write the file whole or not at all; InputError when it cannot be written."""
    lines = [
        f"{json.dumps(cell(each).text)}: {json.dumps([int(coverage.counts[each]), at.rows, at.row, at.case])}"
        for each, at in sorted(coverage.smallest.items())
    ]
    cells = "{\n" + ",\n".join(lines) + "\n}" if lines else "{}"
    write_new(path, f'{{"format": {json.dumps(FORMAT)}, "cells": {cells}}}\n')


def merge_into(path: Path, coverage: CoverageMap) -> None:
    """Add the map to the one in the file, which may not exist yet; campaigns that share a directory do not lose cells.

    Raises InputError as :func:`read_map` and :func:`write_map` do.
    """
    with _alone(path):
        merged = read_map(path) if path.exists() else CoverageMap()
        merged.merge(coverage)
        write_map(merged, path)


class Keeper:
    """Keeps a file up to date with a map that grows, adding each cut once."""

    def __init__(self, path: Path, coverage: CoverageMap) -> None:
        self._path = path
        self._coverage = coverage
        self._kept = np.zeros_like(coverage.counts)

    def keep(self) -> None:
        """Add what is new to the file; InputError as :func:`merge_into`."""
        merge_into(self._path, self._coverage.since(self._kept))
        self._kept = self._coverage.counts.copy()


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Nobody else merges into the file meanwhile; the lock is a file of its own, because the map is replaced."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = path.with_name(f".{path.name}.lock").open("w")
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror}", source=str(path)) from None
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _read(text: str, source: str) -> CoverageMap:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"expected JSON: {error}", source=source) from None
    if (
        not isinstance(document, dict)
        or document.get("format") != FORMAT
        or not isinstance(document.get("cells"), dict)
    ):
        raise InputError(f"expected a coverage map of format {FORMAT}", source=source)
    found = CoverageMap()
    for text_of_cell, values in document["cells"].items():
        try:
            found.put(number(parse(text_of_cell)), *_entry(values))
        except ValueError as error:
            raise InputError(str(error), place=f"cells.{text_of_cell:.80}", source=source) from None
    return found


def _entry(values: Any) -> tuple[int, Smallest]:
    if isinstance(values, list) and len(values) == 4:
        times, rows, row, name = values
        numbers_fit = all(type(value) is int and 0 < value < _LIMIT for value in (times, rows, row))
        if numbers_fit and row < rows and isinstance(name, str):
            return times, Smallest(name, rows, row)
    raise ValueError(f"expected [times, rows, row, case], found {values!r:.80}")
