"""Where two traces differ, for each part of the trace: first wrong row, how many rows, up to where.

The comparison stops at the first wrong row; here the rest is looked at too, because what is wrong first in the trace need
not be wrong first in the program, and because a difference that heals says something about its cause.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from harness.backend import Cells, EngineFailure, NotComparable, Run, Summary, cell_value
from harness.localise.parts import RANDOM_ROW, STATE_GROUPS, Part, maker_of, part_of, sections
from harness.localise.rows import ProgramRows
from harness.lockstep import BLOCK_ROWS, RowStream, settle
from harness.verdict import Difference
from reference.definition.columns import CHIPLETS, COLUMN, COLUMN_NAMES, DECODER, PAD, RANGE, STACK, SYSTEM

_GROUPS: Final = {"system": SYSTEM, "decoder": DECODER, "stack": STACK, "range": RANGE, "pad": PAD}


class Spot(NamedTuple):
    """Where one group of columns is wrong first: in the memory's table, which is sorted, the earliest access."""

    group: str
    """system, decoder, stack, range, pad, a section of the chiplets, or the last row."""
    part: Part
    """Of the first wrong column."""
    row: int
    cells: tuple[Difference, ...]
    """The wrong cells of the group on this row."""
    maker: int | None
    """The executed row that makes the first of them."""
    wrong_rows: int
    """Rows of the group with a wrong cell, this one included."""
    last_wrong_row: int

    @property
    def time(self) -> float:
        """Where the mistake lies in the order of the program: state that a row leaves behind follows the row itself."""
        if self.maker is None:
            return float("inf")
        return self.maker + (0.5 if self.group in STATE_GROUPS else 0.0)


@dataclass(slots=True)
class _Tally:
    """What is known so far of one group."""

    first: tuple[int, NDArray[np.intp], Cells, Cells] | None = None
    """Row, wrong columns, and both engines' cells of that row."""
    clk: int | None = None
    """In a table that is sorted by something else: the row that asked for this one."""
    count: int = 0
    last: int = -1


@dataclass(slots=True)
class _Group:
    name: str
    columns: slice
    first_row: int
    end_row: int
    clks: Cells | None = None
    """Of a table that is not in the order of the program: the row that asked for each row, (rows of the trace,) uint64."""
    tally: _Tally = field(default_factory=_Tally)


def survey(
    names: tuple[str, str], left: tuple[Run, Summary], right: tuple[Run, Summary], rows: ProgramRows, first_row: int = 0
) -> list[Spot]:
    """All spots of two completed runs from ``first_row`` on, in the order of the program, then of the trace.

    ``names`` are the engines'; ``rows`` are of the same case. Traces of unequal length, and those whose last rows an engine
    does not give, are compared as far as both go. Raises EngineFailure for a run that breaks its contract.
    """
    groups = _groups(rows, first_row)
    for row, mine, theirs in _blocks(names, left, right):
        wrong = mine != theirs
        if wrong.any():
            for group in groups:
                _count(group, wrong, row, mine, theirs)
    spots = [_spot(group, rows) for group in groups if group.tally.first is not None]
    return sorted(spots, key=lambda spot: (spot.time, spot.row))


def _groups(rows: ProgramRows, first_row: int) -> list[_Group]:
    last = rows.trace.lengths.rows - 1
    groups = [_Group(name, columns, first_row, last) for name, columns in _GROUPS.items()]
    clks = {"memory": rows.trace.columns[COLUMN["chip_9"]]}
    groups += [
        _Group(section.name, CHIPLETS, max(first_row, section.first), section.end, clks.get(section.name))
        for section in sections(rows)
    ]
    return [*groups, _Group(RANDOM_ROW, slice(0, len(COLUMN_NAMES)), max(first_row, last), last + 1)]


def _blocks(
    names: Sequence[str], left: tuple[Run, Summary], right: tuple[Run, Summary]
) -> Iterator[tuple[int, Cells, Cells]]:
    streams = [
        RowStream(name, run.windows(), summary.rows) for name, (run, summary) in zip(names, (left, right), strict=True)
    ]
    while count := min(BLOCK_ROWS, *(_available(stream) for stream in streams)):
        row = streams[0].given
        mine, theirs = (stream.take(count) for stream in streams)
        yield row, mine, settle(mine, theirs, *(stream.other_than(row, count) for stream in streams)).right


def _available(stream: RowStream) -> int:
    try:
        return stream.available()
    except NotComparable:
        return 0


def _count(group: _Group, wrong: NDArray[np.bool_], row: int, mine: Cells, theirs: Cells) -> None:
    first, end = max(0, group.first_row - row), max(0, group.end_row - row)
    part = wrong[group.columns, first:end]
    found = np.flatnonzero(part.any(axis=0))
    if not found.size:
        return
    tally = group.tally
    at = first + int(found[0])
    if group.clks is not None:
        # Sorted by address: what comes first in the program is somewhere among the wrong rows.
        clks = group.clks[row + first + found]
        at, clk = first + int(found[clks.argmin()]), int(clks.min())
        if tally.clk is None or clk < tally.clk:
            tally.first, tally.clk = None, clk
    if tally.first is None:
        columns = group.columns.start + np.flatnonzero(part[:, at - first])
        tally.first = row + at, columns, mine[:, at].copy(), theirs[:, at].copy()
    tally.count += len(found)
    tally.last = row + first + int(found[-1])


def _spot(group: _Group, rows: ProgramRows) -> Spot:
    assert group.tally.first is not None
    row, columns, mine, theirs = group.tally.first
    cells = tuple(
        Difference(COLUMN_NAMES[index], cell_value(mine[index]), cell_value(theirs[index])) for index in columns
    )
    name = cells[0].name
    return Spot(
        group.name,
        part_of(rows, row, name),
        row,
        cells,
        maker_of(rows, row, name),
        group.tally.count,
        group.tally.last,
    )


def summary_of(engine: str, run: Run) -> Summary:
    """The summary of a completed run; EngineFailure when there is none."""
    summary = run.summary
    if summary is None:
        raise EngineFailure(engine, "the program completed, but there is no summary")
    return summary
