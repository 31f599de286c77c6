"""Arrows from what fed the wrong cells: from cells of the row before, from the row of an operation, or from a box beside the
trace that names a snapshot's field, a queue entry or the program."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from html import escape
from itertools import groupby
from typing import Final, NamedTuple

from harness.localise.localisation import Localisation
from harness.localise.source import From, Source
from harness.report.layout import LABELS, ROW_HEIGHT, SOURCES, Layout, Point
from harness.verdict import Kind

MOST_FEEDS: Final = 5
"""Sources drawn; the table below the drawing has all of them."""
_BOX_HEIGHT: Final = 31.0
_BOX_GAP: Final = 6.0


class Feed(NamedTuple):
    """A source and the wrong cells that it fed, all on one row."""

    source: Source
    columns: tuple[str, ...]


def feeds_of(found: Localisation) -> list[Feed]:
    """What fed the wrong cells in the engine that builds fragments, or in the right one; each source once."""
    if found.cause.kind is Kind.BOUNDARY:
        return _captured(found)
    if found.cause.kind is not Kind.CELL:
        return []
    side = _side(found)
    feeds: dict[tuple[object, ...], tuple[Source, list[str]]] = {}
    for cell in found.cells:
        source = cell.sources[side]
        if source is not None:
            key = (source.kind, source.name, source.row, source.index, source.cells)
            feeds.setdefault(key, (source, []))[1].append(cell.name)
    return [Feed(source, tuple(columns)) for source, columns in feeds.values()][:MOST_FEEDS]


def _captured(found: Localisation) -> list[Feed]:
    """Wrong fields of a snapshot that stand in cells of the fragment's first row, by field."""
    feeds: list[Feed] = []
    for field, group in groupby(found.cells, lambda cell: cell.name.partition("[")[0]):
        members = list(group)
        columns = tuple(column for cell in members if (column := _column_of(cell.name)))
        source = members[0].sources[1]
        if columns and source is not None:
            feeds.append(Feed(replace(source, name=field), columns))
    return feeds[:MOST_FEEDS]


def _column_of(field: str) -> str:
    """The column that shows a field of the boundary state on its row; empty when none does."""
    name, _, index = field.partition("[")
    columns = {"ctx": "ctx", "depth": "stack_b0", "overflow_addr": "stack_b1", "current_addr": "dec_addr"}
    return f"{name}_{index.rstrip(']')}" if name in ("stack", "fn_hash") and index else columns.get(name, "")


def _side(found: Localisation) -> int:
    """A sequential engine has neither snapshots nor queues to show."""
    kinds = [{source.kind for cell in found.cells if (source := cell.sources[side])} for side in (0, 1)]
    builds = [bool(each & {From.SNAPSHOT, From.QUEUE}) for each in kinds]
    return 0 if builds[0] and not builds[1] else 1


def arrow_lines(layout: Layout, feeds: Sequence[Feed], row: int | None) -> Iterator[str]:
    """The arrows and boxes; ``row`` is the row of the wrong cells."""
    drawn = [(feed, target) for feed in feeds if (target := _target(layout, feed, row)) is not None]
    boxed = [(feed, target) for feed, target in drawn if not _starts(layout, feed)]
    top = _first_top(layout, boxed[0][1], len(boxed)) if boxed else 0.0
    for feed, target in drawn:
        starts = _starts(layout, feed)
        for start in starts:
            yield _arrow(start, target)
        if not starts:
            yield from _box(layout, feed, top)
            yield _arrow(Point(layout.right + 14, top + _BOX_HEIGHT / 2), target)
            top += _BOX_HEIGHT + _BOX_GAP


def boxes_end(layout: Layout, feeds: Sequence[Feed], row: int | None) -> float:
    """The lower edge of the last box; 0 without any."""
    targets = [_target(layout, feed, row) for feed in feeds if not _starts(layout, feed)]
    found = [target for target in targets if target is not None]
    return _first_top(layout, found[0], len(found)) + _boxes_height(len(found)) if found else 0.0


def _first_top(layout: Layout, target: Point, count: int) -> float:
    """Where the boxes begin: beside the row that they feed, higher when they would not fit above the end of the rows."""
    return max(0.0, min(target.y - _BOX_HEIGHT / 2, layout.height - _boxes_height(count)))


def _boxes_height(count: int) -> float:
    return count * (_BOX_HEIGHT + _BOX_GAP) - _BOX_GAP


def _target(layout: Layout, feed: Feed, row: int | None) -> Point | None:
    targets = [layout.centre(row, column) for column in feed.columns] if row is not None else []
    return next((each for each in targets if each is not None), None)


def _starts(layout: Layout, feed: Feed) -> list[Point]:
    """Cells, or the label of a row, that the source is; none for a source that gets a box."""
    starts = [centre for cell in feed.source.cells if (centre := layout.centre(cell.row, cell.column)) is not None]
    if not starts and feed.source.kind in (From.ROW, From.REQUEST):
        label = _label(layout, feed.source.row)
        return [] if label is None else [label]
    return starts


def _label(layout: Layout, row: int | None) -> Point | None:
    position = None if row is None else layout.position(row)
    return None if position is None else Point(LABELS - 6, layout.y(position) + ROW_HEIGHT / 2)


def _arrow(start: Point, end: Point) -> str:
    """A curve that leaves and arrives sideways when the points stand apart, else a straight line."""
    bend = (end.x - start.x) / 2
    if abs(bend) < 1:
        path = f"M{start.x:.1f} {start.y:.1f} L{end.x:.1f} {end.y:.1f}"
    else:
        path = (
            f"M{start.x:.1f} {start.y:.1f} C{start.x + bend:.1f} {start.y:.1f} {end.x - bend:.1f} {end.y:.1f} "
            f"{end.x:.1f} {end.y:.1f}"
        )
    return f'<path class="halo" d="{path}"/><path class="arrow" d="{path}" marker-end="url(#tip)"/>'


def _box(layout: Layout, feed: Feed, top: float) -> Iterator[str]:
    x = layout.right + 14
    head, detail = box_text(feed.source)
    yield f'<rect class="box" x="{x:.1f}" y="{top:.1f}" width="{SOURCES - 16:.1f}" height="{_BOX_HEIGHT:.1f}" rx="4">'
    yield f"<title>{escape(feed.source.text)}</title></rect>"
    yield f'<text class="box-head" x="{x + 8:.1f}" y="{top + 13:.1f}">{escape(head)}</text>'
    yield f'<text class="box-detail" x="{x + 8:.1f}" y="{top + 25:.1f}">{escape(detail)}</text>'


def box_text(source: Source) -> tuple[str, str]:
    """Two short lines for a source that stands beside the trace."""
    match source.kind:
        case From.SNAPSHOT:
            return f"snapshot {source.fragment}: {source.name}", _recorded(source) or f"captured at row {source.row}"
        case From.QUEUE | From.REQUEST if source.index is not None:
            queue, _, field = source.name.partition(".")
            head = f"{queue}[{source.index}]{'.' if field else ''}{field}"
            return head, _recorded(source) or f"recorded by row {source.row} {source.operation}"
        case From.PROGRAM:
            return "the program", source.name
        case _:
            row = "" if source.row is None else f"row {source.row} {source.operation}"
            return source.name, row


def _recorded(source: Source) -> str:
    if source.recorded is None or source.recorded == source.expected:
        return ""
    text = f"is {source.recorded}, not {source.expected}"
    return text if len(text) <= 30 else "is not what it must be"
