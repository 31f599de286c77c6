"""A coverage map in a file: text, one cell a line, so that two campaigns' maps can be told apart and added up.

``{"format": "fragdiff-coverage/1", "cells": {CELL: [times, rows of the smallest case, cut row, its name]}}``.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

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
