"""A drawing of the trace around the cause: rows x columns, wrong cells marked, cuts as lines, arrows from what fed the cells.

Colours come from the page's style sheet, and none of them carries meaning alone: wrong cells are crossed, sources are framed.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from itertools import groupby
from typing import Final

from harness.backend import cell_value
from harness.localise.localisation import Localisation
from harness.localise.windows import Windows
from harness.localise.words import position_text
from harness.report.arrows import Feed, arrow_lines, boxes_end, feeds_of
from harness.report.layout import CELL_WIDTH, CUT_ROOM, LABELS, ROW_HEIGHT, SEGMENT_ROOM, Layout
from reference.definition.columns import COLUMN, COLUMN_NAMES, GROUP_OF_COLUMN

LEGEND_HEIGHT: Final = 30.0
_GAP: Final = 1.2
"""Between neighbouring cells."""


def drawing(found: Localisation) -> str:
    """The drawing as an ``svg`` element; empty when no trace has a row of interest."""
    windows = found.windows
    if windows is None:
        return ""
    wrong = {
        column for column in range(len(COLUMN_NAMES)) for row in range(len(windows.rows)) if windows.wrong(row, column)
    }
    feeds = feeds_of(found)
    fed_from = {COLUMN[cell.column] for feed in feeds for cell in feed.source.cells}
    layout = Layout(windows, tuple(sorted(wrong | fed_from)))
    height = max(layout.height + LEGEND_HEIGHT, boxes_end(layout, feeds, found.cause.row) + _GAP)
    title = f"Rows {windows.rows[0]} to {windows.rows[-1]} of the trace: {found.signature.text}"
    lines = [
        f'<svg class="trace" viewBox="0 0 {layout.width:.0f} {height:.0f}" role="img" aria-label="{escape(title)}">',
        _MARKER,
        *_header(layout),
        *_rows(found, layout, windows),
        *_cells(layout, windows, _framed(feeds)),
        *arrow_lines(layout, feeds, found.cause.row),
        *_legend(layout),
        "</svg>",
    ]
    return "\n".join(lines)


_MARKER: Final = (
    '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto-start-reverse">'
    '<path class="tip" d="M0 0.6 L8 4 L0 7.4 z"/></marker></defs>'
)


def _framed(feeds: list[Feed]) -> set[tuple[int, int]]:
    return {(cell.row, COLUMN[cell.column]) for feed in feeds for cell in feed.source.cells}


# ---- header and rows ------------------------------------------------------------------------------------------------


def _header(layout: Layout) -> Iterator[str]:
    for group, columns in groupby(range(len(COLUMN_NAMES)), lambda column: GROUP_OF_COLUMN[column]):
        members = list(columns)
        first, last = layout.x(members[0]), layout.x(members[-1]) + CELL_WIDTH
        box = f'<rect class="group" x="{first:.1f}" y="0" width="{last - first:.1f}" height="13" rx="2">'
        yield f"{box}<title>{group}</title></rect>"
        if len(group) * 6 < last - first:
            yield f'<text class="group-name" x="{(first + last) / 2:.1f}" y="10">{group}</text>'
    for column in layout.named:
        x = layout.x(column) + CELL_WIDTH / 2 + 3
        y = layout.header - 5
        yield f'<text class="column" transform="rotate(-90 {x:.1f} {y:.1f})" x="{x:.1f}" y="{y:.1f}">'
        yield f"{COLUMN_NAMES[column]}</text>"


def _rows(found: Localisation, layout: Layout, windows: Windows) -> Iterator[str]:
    for position, row in enumerate(windows.rows):
        y = layout.y(position)
        middle = y + ROW_HEIGHT / 2 + 3.5
        if layout.is_cut(row):
            yield from _cut(found, layout, row, y)
        if position and windows.rows[position - 1] != row - 1:
            above = y - SEGMENT_ROOM / 2 - (CUT_ROOM if layout.is_cut(row) else 0)
            yield f'<text class="gap" x="{LABELS - 60:.1f}" y="{above + 3:.1f}">&#8942;</text>'
        state = "wrong" if any(windows.wrong(position, column) for column in range(len(COLUMN_NAMES))) else "equal"
        operation = found.rows.operation(row) if found.rows is not None else ""
        yield f'<text class="row {state}" x="{LABELS - 100:.1f}" y="{middle:.1f}">{row}</text>'
        yield f'<text class="operation {state}" x="{LABELS - 92:.1f}" y="{middle:.1f}">{escape(operation)}</text>'


def _cut(found: Localisation, layout: Layout, row: int, y: float) -> Iterator[str]:
    line = y - CUT_ROOM + 14
    fragment = layout.windows.cuts.index(row)
    where = "" if found.rows is None else f": {position_text(found.rows.position(row))}"
    yield f'<line class="cut" x1="0" y1="{line + 2:.1f}" x2="{layout.right:.1f}" y2="{line + 2:.1f}"/>'
    yield f'<text class="cut-name" x="2" y="{line - 2:.1f}">fragment {fragment} begins at row {row}{escape(where)}</text>'


# ---- cells ----------------------------------------------------------------------------------------------------------


def _cells(layout: Layout, windows: Windows, framed: set[tuple[int, int]]) -> Iterator[str]:
    for position, row in enumerate(windows.rows):
        for column in range(len(COLUMN_NAMES)):
            x, y = layout.x(column) + _GAP / 2, layout.y(position) + _GAP / 2
            width, height = CELL_WIDTH - _GAP, ROW_HEIGHT - _GAP
            wrong = windows.wrong(position, column)
            kind = "wrong" if wrong else _kind(windows, position, column)
            kind += " framed" if (row, column) in framed else ""
            box = f'<rect class="{kind}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="1.5">'
            yield f"{box}<title>{escape(_title(windows, position, column))}</title></rect>"
            if wrong:
                yield (
                    f'<path class="cross" d="M{x + 2:.1f} {y + 4:.1f} l{width - 4:.1f} {height - 8:.1f} '
                    f'm0 {8 - height:.1f} l{4 - width:.1f} {height - 8:.1f}"/>'
                )


def _kind(windows: Windows, position: int, column: int) -> str:
    cells = next(each for each in windows.cells if each is not None)
    return "zero" if cells[column, position] == 0 else "value"


def _title(windows: Windows, position: int, column: int) -> str:
    name, row = COLUMN_NAMES[column], windows.rows[position]
    values = [None if cells is None else cell_value(cells[column, position]) for cells in windows.cells]
    if windows.wrong(position, column):
        said = "; ".join(f"{engine} {value}" for engine, value in zip(windows.names, values, strict=True))
        return f"row {row}, {name}: {said}"
    return f"row {row}, {name}: {next(value for value in values if value is not None)}"


def _legend(layout: Layout) -> Iterator[str]:
    x, y = LABELS, layout.height + 12
    entries = (("zero", "0"), ("value", "not 0, equal"), ("wrong", "wrong"), ("value framed", "fed a wrong cell"))
    for kind, text in entries:
        yield f'<rect class="{kind}" x="{x:.1f}" y="{y:.1f}" width="10" height="12" rx="1.5"/>'
        if kind == "wrong":
            yield f'<path class="cross" d="M{x + 2:.1f} {y + 3:.1f} l6 6 m0 -6 l-6 6"/>'
        yield f'<text class="legend" x="{x + 15:.1f}" y="{y + 9.5:.1f}">{text}</text>'
        x += 30 + 6.2 * len(text)
    yield f'<line class="cut" x1="{x:.1f}" y1="{y + 6:.1f}" x2="{x + 26:.1f}" y2="{y + 6:.1f}"/>'
    yield f'<text class="legend" x="{x + 32:.1f}" y="{y + 9.5:.1f}">cut</text>'
