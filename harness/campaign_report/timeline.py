"""Drawings over time: rates in steps, coverage as it grew. Resumed runs are marked, pauses and gaps are left empty."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from html import escape
from typing import Final

from harness.campaign_report.summary import Summary
from harness.campaign_report.time_axis import Bin, TimeAxis, bins

WIDTH: Final = 1120.0
LEFT: Final = 64.0
RIGHT: Final = WIDTH - 12.0
HEIGHT: Final = 96.0
"""Of one panel."""
TOP: Final = 26.0
BETWEEN: Final = 34.0
BIN: Final = 7.0
"""Width of a step."""

_FINEST: Final = 0.5
"""Between two points of a line: a night has some ten thousand batches."""

_NAMES_FROM: Final = 66.0
"""Width that ``run 2 begins`` needs."""


def rates(summary: Summary) -> str:
    """Cases and boundaries a second over time; empty when nothing has been finished."""
    axis = _axis(summary)
    if axis is None:
        return ""
    parts = [
        found
        for segment in axis.segments
        for found in [bins(segment, [each for each in summary.record.batches if each.run == segment.run], BIN)]
    ]
    panels: Sequence[tuple[str, Callable[[Bin], float]]] = (
        ("cases a second", lambda each: each.cases_per_second),
        ("builds a second" if summary.record.laws else "boundaries a second", lambda each: each.boundaries_per_second),
    )
    lines = [_open(TOP + len(panels) * (HEIGHT + BETWEEN), "Rates over time")]
    for index, (name, value) in enumerate(panels):
        top = TOP + index * (HEIGHT + BETWEEN)
        most = max((value(each) for part in parts for each in part), default=0.0)
        lines += _frame(axis, top, most, name, with_names=index == 0)
        for part in parts:
            lines += _steps(part, value, top, _ceiling(most))
    lines += _times(axis, TOP + len(panels) * (HEIGHT + BETWEEN) - BETWEEN + 14)
    return "\n".join((*lines, "</svg>"))


def growth(summary: Summary) -> str:
    """Cells covered over time, of all that are possible; empty when nothing has been finished."""
    axis = _axis(summary)
    if axis is None:
        return ""
    possible, covered = summary.record.coverage.possible, 0
    lines = [_open(TOP + HEIGHT + BETWEEN, "Coverage over time")]
    lines += _frame(axis, TOP, possible, "cells covered", with_names=True, ceiling=possible)
    points: list[tuple[float, float]] = []
    for batch in summary.record.batches:
        segment = axis.segment(batch.run)
        if segment is None:
            continue
        # A cell that two workers met at the same time is new to both of them.
        covered = min(covered + max(batch.new_cells, 0), possible)
        x, y = segment.place(batch.finished), TOP + HEIGHT * (1 - covered / possible)
        if points and x - points[-1][0] < _FINEST:
            x = points.pop()[0]
        points.append((x, y))
    if points:
        path = f"M{axis.segments[0].left:.1f} {TOP + HEIGHT:.1f}" + "".join(f" H{x:.1f} V{y:.1f}" for x, y in points)
        lines.append(f'<path class="growth" d="{path}"/>')
    lines += _times(axis, TOP + HEIGHT + 14)
    return "\n".join((*lines, "</svg>"))


def _axis(summary: Summary) -> TimeAxis | None:
    runs = [(run.id, run.started, summary.end_of(run)) for run in summary.record.runs]
    return TimeAxis(runs, LEFT, RIGHT) if summary.record.batches and runs else None


def _open(height: float, name: str) -> str:
    return f'<svg class="time" viewBox="0 0 {WIDTH:.0f} {height:.0f}" role="img" aria-label="{escape(name)}">'


def _frame(
    axis: TimeAxis, top: float, most: float, name: str, *, with_names: bool, ceiling: float | None = None
) -> Iterator[str]:
    """The grid of a panel, its runs and the pauses between them."""
    ceiling = ceiling or _ceiling(most)
    for share in (0.0, 0.5, 1.0):
        y = top + HEIGHT * (1 - share)
        yield f'<line class="grid" x1="{LEFT:.1f}" y1="{y:.1f}" x2="{RIGHT:.1f}" y2="{y:.1f}"/>'
        yield f'<text class="row equal" x="{LEFT - 6:.1f}" y="{y + 3.5:.1f}">{_figure(ceiling * share)}</text>'
    yield f'<text class="panel" x="{LEFT:.1f}" y="{top - 5:.1f}">{escape(name)}</text>'
    for left, right, seconds in axis.pauses():
        yield f'<rect class="pause" x="{left:.1f}" y="{top:.1f}" width="{right - left:.1f}" height="{HEIGHT:.1f}">'
        yield f"<title>nothing ran for {duration(seconds)}</title></rect>"
    for segment in axis.segments[1:]:
        yield f'<line class="cut" x1="{segment.left:.1f}" y1="{top:.1f}" x2="{segment.left:.1f}" y2="{top + HEIGHT:.1f}"/>'
    if with_names:
        for segment in axis.segments[1:]:
            if segment.right - segment.left >= 2 * _NAMES_FROM:
                yield f'<text class="cut-name" x="{segment.left:.1f}" y="{top - 5:.1f}">run {segment.run} begins</text>'


def _steps(part: Sequence[Bin], value: Callable[[Bin], float], top: float, ceiling: float) -> Iterator[str]:
    """Stretches without a gap as areas."""
    stretch: list[Bin] = []
    for each in (*part, None):
        if each is not None and each.batches > 0:
            stretch.append(each)
            continue
        if stretch:
            base = top + HEIGHT
            path = f"M{stretch[0].left:.1f} {base:.1f}"
            path += "".join(f" V{base - HEIGHT * value(step) / ceiling:.1f} H{step.right:.1f}" for step in stretch)
            yield f'<path class="steps" d="{path} V{base:.1f} Z"/>'
        stretch = []


def _times(axis: TimeAxis, y: float) -> Iterator[str]:
    """How long each run was; the times of day too where a single run leaves room for them."""
    for segment in axis.segments:
        if segment.right - segment.left >= 2 * _NAMES_FROM:
            middle = (segment.left + segment.right) / 2
            text = f"run {segment.run}: {duration(segment.end - segment.start)}"
            yield f'<text class="group-name" x="{middle:.1f}" y="{y:.1f}">{text}</text>'
    if len(axis.segments) == 1:
        yield f'<text class="legend" x="{LEFT:.1f}" y="{y:.1f}">{clock(axis.segments[0].start)}</text>'
        yield f'<text class="row equal" x="{RIGHT:.1f}" y="{y:.1f}">{clock(axis.segments[0].end)}</text>'


def _ceiling(most: float) -> float:
    """The next of 1, 2, 2.5, 5 times a power of ten; 1 for nothing."""
    if most <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(most))
    return next(step * power for step in (1, 2, 2.5, 5, 10) if step * power >= most * 0.999)


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 or value == int(value) else f"{value:.2g}"


def clock(time: float) -> str:
    """A time since 1970 as day and time of day in UTC; a time that no calendar has as the number."""
    try:
        return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (OverflowError, ValueError, OSError):
        return f"{time:g}"


def iso(time: float) -> str:
    """A time since 1970 as JUnit files have it, in UTC; the beginning of 1970 for one that no calendar has."""
    try:
        return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    except (OverflowError, ValueError, OSError):
        return iso(0.0)


def duration(seconds: float) -> str:
    """``3 d 04 h``, ``2 h 05 min``, ``4 min 07 s``, ``12.3 s``."""
    if seconds < 60:
        return f"{max(seconds, 0):.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours < 24 else f"{hours // 24} d {hours % 24:02} h"
