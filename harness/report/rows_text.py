"""Both windows as text: rows decoded, then every cell, in a form that ``diff`` shows well."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from harness.backend import Cells, Window, short_value
from harness.localise.localisation import Localisation
from harness.localise.windows import Windows
from harness.show import HEADER, boundary_line, decode, row_line
from reference.definition.columns import COLUMN_NAMES

ITEMS: Final = 16
"""Stack items of a decoded row: a wrong item may be any of them."""


def window_text(found: Localisation, side: int) -> str:
    """One engine's window; ``side`` is 0 or 1. Empty when it has no trace."""
    windows = found.windows
    if windows is None or (cells := windows.cells[side]) is None:
        return ""
    return "\n".join((*decoded_lines(found, side), "", *_cell_lines(windows, cells))) + "\n"


def decoded_lines(found: Localisation, side: int) -> list[str]:
    """The rows of one engine as ``fragdiff show`` shows them."""
    windows = found.windows
    if windows is None or (cells := windows.cells[side]) is None:
        return []
    lines = [HEADER]
    for segment in windows.segments():
        first = windows.rows[segment.start]
        part = np.ascontiguousarray(cells[:, segment.start : segment.stop])
        if segment.start:
            lines.append("...")
        for row in decode([Window(first, part)], first, first + len(segment)):
            if row.state.row in windows.cuts:
                lines.append(_boundary(found, row.state.row))
            lines.append(row_line(row, ITEMS))
    return lines


def _boundary(found: Localisation, row: int) -> str:
    assert found.windows is not None
    fragment = found.windows.cuts.index(row)
    if found.rows is None or row >= found.rows.count:
        return boundary_line(fragment, row)
    return boundary_line(fragment, found.rows.execution.boundary(row))


def _cell_lines(windows: Windows, cells: Cells) -> Iterator[str]:
    """A line for each column, a value for each row."""
    values = [[str(short_value(value)) for value in column] for column in cells.tolist()]
    header = [f"row {row}" for row in windows.rows]
    widths = [max(len(header[at]), *(len(column[at]) for column in values)) for at in range(len(header))]
    longest = max(map(len, COLUMN_NAMES))
    yield " ".join((" " * longest, *(text.rjust(width) for text, width in zip(header, widths, strict=True))))
    for name, column in zip(COLUMN_NAMES, values, strict=True):
        yield " ".join((name.ljust(longest), *(text.rjust(width) for text, width in zip(column, widths, strict=True))))
