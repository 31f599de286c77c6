"""Where rows and columns of a drawing of the trace stand, in the units of its view box."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Final, NamedTuple

from harness.localise.windows import Windows
from reference.definition.columns import COLUMN, COLUMN_NAMES, GROUP_OF_COLUMN

CELL_WIDTH: Final = 11.0
ROW_HEIGHT: Final = 17.0
GROUP_GAP: Final = 6.0
CUT_ROOM: Final = 19.0
"""Above a row that begins a fragment: a line and what begins there."""
SEGMENT_ROOM: Final = 16.0
"""Between rows that do not follow one another."""
LABELS: Final = 142.0
"""Left of the cells: row number and operation."""
SOURCES: Final = 226.0
"""Right of the cells: what fed the wrong ones."""
GROUP_ROOM: Final = 18.0
LETTER: Final = 6.1
"""Width of a letter of a column's name."""


class Point(NamedTuple):
    """A place in the drawing."""

    x: float
    y: float


@dataclass(frozen=True)
class Layout:
    """Places of rows and columns; ``named`` are the columns whose names are written above them."""

    windows: Windows
    named: tuple[int, ...]

    @property
    def header(self) -> float:
        """Height of the column names and groups."""
        longest = max((len(COLUMN_NAMES[column]) for column in self.named), default=0)
        return GROUP_ROOM + longest * LETTER + 8

    def x(self, column: int) -> float:
        """Left edge of a column."""
        groups = sum(one != other for one, other in pairwise(GROUP_OF_COLUMN[: column + 1]))
        return LABELS + CELL_WIDTH * column + GROUP_GAP * groups

    @property
    def right(self) -> float:
        """Right edge of the last column."""
        return self.x(len(COLUMN_NAMES) - 1) + CELL_WIDTH

    @property
    def width(self) -> float:
        """Of the drawing."""
        return self.right + SOURCES

    def y(self, position: int) -> float:
        """Top edge of a row, by its position among the rows shown."""
        rows = self.windows.rows
        cuts = sum(self.is_cut(row) for row in rows[: position + 1])
        gaps = sum(other != one + 1 for one, other in pairwise(rows[: position + 1]))
        return self.header + ROW_HEIGHT * position + CUT_ROOM * cuts + SEGMENT_ROOM * gaps

    @property
    def height(self) -> float:
        """Of rows and header."""
        return self.y(len(self.windows.rows) - 1) + ROW_HEIGHT

    def is_cut(self, row: int) -> bool:
        """Whether a fragment other than the first begins with this row."""
        return row > 0 and row in self.windows.cuts

    def position(self, row: int) -> int | None:
        """Position of a row among those shown."""
        return self.windows.rows.index(row) if row in self.windows.rows else None

    def centre(self, row: int, column: str) -> Point | None:
        """The middle of a cell; None for a row that is not shown."""
        position = self.position(row)
        if position is None:
            return None
        return Point(self.x(COLUMN[column]) + CELL_WIDTH / 2, self.y(position) + ROW_HEIGHT / 2)
