"""The range table rebuilt from the lookups that the trace makes (05 sections 7 and 8; 12 sections 7.6 and 8.2).

Lookups are counted, so the range bus is compared exactly: no random number is involved. It needs two arrays of 65,536
counters and at most as many rows of the table as it can have.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from harness.audit.field import ONE, ZERO, add
from harness.audit.jit import jit
from harness.audit.lookup_counters import counters, give_back
from harness.audit.range_rules import STEPS
from harness.audit.rule import Rule
from harness.audit.tile import Tile, Tiles
from harness.audit.violation import CellValue, NotChecked, Violation
from reference.definition.columns import COLUMN
from reference.definition.field import P
from reference.definition.isa import BY_OPCODE

VALUES: Final = 2**16
MOST_ROWS: Final = VALUES + 1
"""No table is longer: bridges are values that nobody looks up, so no value is there twice but for the extra last row."""

SHOWN: Final = 8

BUS: Final = Rule(
    "range.bus", "range", "lookups of a value = its multiplicity", "12 section 7.6", ("range_m", "range_v")
)
LIMBS: Final = Rule("range.limbs", "range", "looked up value < 65536", "12 section 7.6")
TABLE: Final = Rule(
    "range.table", "range", "rows are those rebuilt from the lookups", "12 section 8.2", ("range_m", "range_v")
)

_FIRST_U32: Final = 0x40
_END_U32: Final = 0x50
_FIRST_LIMB: Final = COLUMN["dec_h2"]
_FIRST_DELTA: Final = COLUMN["chip_14"]
_MULTIPLICITY: Final = COLUMN["range_m"]
_VALUE: Final = COLUMN["range_v"]
_TABLE: Final = slice(_MULTIPLICITY, _VALUE + 1)
_SELECTOR: Final = COLUMN["chip_0"]
_MOST_LOOKUPS: Final = 6
"""Of one row: four limbs of its operation, two of the memory row beside it."""


def table_of(counts: NDArray[np.int64]) -> NDArray[np.uint64]:
    """(rows, 2) uint64: multiplicity and value of each row of the table for these lookups, (65536,) int64."""
    present = counts > 0
    present[[0, VALUES - 1]] = True
    values = np.flatnonzero(present)
    rows: list[tuple[int, int]] = [(int(counts[0]), 0)]
    for before, value in zip(values[:-1].tolist(), values[1:].tolist(), strict=True):
        rows += [(0, bridge) for bridge in _bridges(before, value)]
        rows.append((int(counts[value]), value))
    rows.append((0, VALUES - 1))
    return np.array(rows, dtype=np.uint64)


def _bridges(before: int, value: int) -> list[int]:
    """Values on the way from one looked up value to the next, in the largest steps that do not reach it."""
    passed = []
    for step in reversed(STEPS[1:]):
        while value - before > step:
            before += step
            passed.append(before)
        if value - before == step:
            break
    return passed


class Looked(NamedTuple):
    """What a tile looks up, and its part of the table."""

    first_row: int
    end_row: int
    values: NDArray[np.uint64]
    """Values below 65,536, in no order."""
    beyond: int
    """How many are not."""
    beyond_row: int
    table: NDArray[np.uint64] | None
    """(rows, 2); None when all is 0."""


def _lookups(tile: Tile) -> tuple[NDArray[np.uint64], NDArray[np.uint32], bool]:
    """Looked up values of the tile, the tile's row of each, and whether a row of the table is not 0."""
    values = np.empty(_MOST_LOOKUPS * tile.count, dtype=np.uint64)
    places = np.empty(_MOST_LOOKUPS * tile.count, dtype=np.uint32)
    count, has_table = _gather(tile.rows, tile.opcodes, values, places)
    return values[:count], places[:count], has_table


@jit
def _gather(rows: Any, opcodes: Any, values: Any, places: Any) -> Any:
    count = 0
    table = ZERO
    for i in range(rows.shape[0] - 1):
        table |= rows[i, _MULTIPLICITY] | rows[i, _VALUE]
        if _FIRST_U32 <= opcodes[i] < _END_U32:
            for limb in range(4):
                values[count] = rows[i, _FIRST_LIMB + limb]
                places[count] = i
                count += 1
        if rows[i, _SELECTOR] == ONE and rows[i, _SELECTOR + 1] == ONE and rows[i, _SELECTOR + 2] == ZERO:
            for limb in range(2):
                values[count] = rows[i, _FIRST_DELTA + limb]
                places[count] = i
                count += 1
    return count, table != ZERO


class RangeCheck:
    """Each value is in the table as often as it is looked up, and the table is what its builder would make of the lookups."""

    rules: Sequence[Rule] = (BUS, LIMBS, TABLE)

    def __init__(self) -> None:
        self._looked_up, self._given = counters(VALUES)
        """Lookups of a value; sum of its multiplicities, modulo p."""
        self._beyond = 0
        self._beyond_row: int | None = None
        self._foreign: tuple[int, int, int] | None = None
        """Row, multiplicity and value of the first table row that is not for 16 bits."""
        self._parts: deque[tuple[int, NDArray[np.uint64]]] = deque()
        self._stray: tuple[int, NDArray[np.uint64]] | None = None
        """First row that is not 0 where no table can be."""
        self._rows = 0

    def partial(self, tile: Tile) -> Looked:
        """Values looked up and rows of the table."""
        values, places, has_table = _lookups(tile)
        beyond = np.flatnonzero(values >= VALUES)
        return Looked(
            tile.first_row,
            tile.first_row + tile.count,
            np.delete(values, beyond) if beyond.size else values,
            beyond.size,
            int(places[beyond].min()) + tile.first_row if beyond.size else 0,
            tile.rows[:-1, _TABLE].copy() if has_table else None,
        )

    def add(self, partial: Looked) -> None:
        """Counts the next tile's lookups and keeps its rows of the table."""
        _count(partial.values, self._looked_up)
        if partial.beyond and self._beyond_row is None:
            self._beyond_row = partial.beyond_row
        self._beyond += partial.beyond
        self._rows = partial.end_row
        if partial.table is None:
            return
        foreign = _give(partial.table, self._given)
        if foreign >= 0 and self._foreign is None:
            self._foreign = (partial.first_row + foreign, *map(int, partial.table[foreign]))
        self._parts.append((partial.first_row, partial.table))
        while self._parts[0][0] + len(self._parts[0][1]) <= self._rows - MOST_ROWS:
            first, table = self._parts.popleft()
            if self._stray is None:
                at = int(np.flatnonzero(table.any(axis=1))[0])
                self._stray = first + at, table[at]

    def finish(self, tiles: Tiles) -> Sequence[Violation | NotChecked]:
        """What the counts and the table say."""
        found = [self._judge_bus(tiles), self._judge_limbs(), self._judge_table()]
        give_back(self._looked_up, self._given)
        return tuple(violation for violation in found if violation is not None)

    def _judge_limbs(self) -> Violation | None:
        return Violation(LIMBS, self._beyond_row, self._beyond) if self._beyond else None

    def _judge_bus(self, tiles: Tiles) -> Violation | None:
        wrong = np.flatnonzero(self._looked_up.view(np.uint64) != self._given)
        if not wrong.size and self._foreign is None:
            return None
        details = []
        first_row = None
        if self._foreign is not None:
            first_row, multiplicity, value = self._foreign
            details.append(f"row {first_row}: the table has {value} with multiplicity {multiplicity}, beyond 16 bits")
        shown = wrong[:SHOWN].tolist()
        rows = _rows_of(shown, tiles) if shown else {}
        for value in shown:
            given = int(self._given[value])
            given = given if given <= P // 2 else given - P
            seekers, givers = rows[value]
            details.append(
                f"{value}: looked up {int(self._looked_up[value])} times{_at(seekers)}, in the table {given} times{_at(givers)}"
            )
            mentioned = [row for row, _ in seekers] + [row for row, _ in givers]
            if mentioned:
                first_row = min(mentioned) if first_row is None else min(first_row, *mentioned)
        if wrong.size > SHOWN:
            details.append(f"and {wrong.size - SHOWN} more values")
        return Violation(BUS, first_row, max(1, int(wrong.size)), details=tuple(details))

    def _judge_table(self) -> Violation | None:
        expected = table_of(self._looked_up)
        start = self._rows - len(expected)
        wrong = _FirstWrong()
        if start < 0:
            return Violation(
                TABLE, None, details=(f"{len(expected)} rows are needed, the trace has room for {self._rows}",)
            )
        if self._stray is not None:
            wrong.see(self._stray[0], self._stray[1], np.zeros(2, dtype=np.uint64))
        at = start
        for first, table in self._parts:
            wanted = np.zeros_like(table)
            inside = max(first, start)
            if inside < first + len(table):
                wanted[inside - first :] = expected[inside - start : first + len(table) - start]
            if inside > at:
                wrong.see_missing(at, expected[at - start : inside - start])
            at = max(at, first + len(table))
            for row in np.flatnonzero((wanted != table).any(axis=1)).tolist():
                wrong.see(first + row, table[row], wanted[row])
        wrong.see_missing(at, expected[at - start :])
        return wrong.violation()


def _at(places: Sequence[tuple[int, str]]) -> str:
    """The first place, for people."""
    return f" (first on row {places[0][0]}, {places[0][1]})" if places else ""


class _FirstWrong:
    """The first row of the table that is not as expected, and how many are not."""

    def __init__(self) -> None:
        self._count = 0
        self._first: tuple[int, NDArray[np.uint64], NDArray[np.uint64]] | None = None

    def see(self, row: int, found: NDArray[np.uint64], wanted: NDArray[np.uint64]) -> None:
        """This row is wrong."""
        self._count += 1
        if self._first is None or row < self._first[0]:
            self._first = row, found, wanted

    def see_missing(self, first_row: int, wanted: NDArray[np.uint64]) -> None:
        """The trace has zeros from ``first_row`` on where these rows should be."""
        for row in np.flatnonzero(wanted.any(axis=1)).tolist():
            self.see(first_row + row, np.zeros(2, dtype=np.uint64), wanted[row])

    def violation(self) -> Violation | None:
        """None when nothing was wrong."""
        if self._first is None:
            return None
        row, found, wanted = self._first
        cells = (CellValue("range_m", row, int(found[0])), CellValue("range_v", row, int(found[1])))
        detail = f"expected multiplicity {int(wanted[0])} of value {int(wanted[1])}"
        return Violation(TABLE, row, self._count, cells=cells, details=(detail,))


def _rows_of(values: Sequence[int], tiles: Tiles) -> dict[int, tuple[list[tuple[int, str]], list[tuple[int, str]]]]:
    """By value: the first row that looks it up and the first table row that has it with a multiplicity, as lists of one
    or none, with what the row is."""
    rows: dict[int, tuple[list[tuple[int, str]], list[tuple[int, str]]]] = {value: ([], []) for value in values}
    for tile in tiles():
        looked_up, places, _ = _lookups(tile)
        for value in values:
            seekers, givers = rows[value]
            at = np.flatnonzero(looked_up == value)
            if at.size and not seekers:
                place = int(places[at].min()) + tile.first_row
                seekers.append((place, _sender(tile, place)))
            table = tile.rows[:-1, _TABLE]
            at = np.flatnonzero((table[:, 1] == value) & (table[:, 0] != 0))
            if at.size and not givers:
                givers.append((int(at[0]) + tile.first_row, "range table"))
    return rows


def _sender(tile: Tile, row: int) -> str:
    opcode = int(tile.opcodes[row - tile.first_row])
    return BY_OPCODE[opcode].name if _FIRST_U32 <= opcode < _END_U32 and opcode in BY_OPCODE else "memory"


@jit
def _count(values: Any, counts: Any) -> None:
    for value in values:
        counts[value] += 1


@jit
def _give(table: Any, given: Any) -> Any:
    """Adds multiplicities; the first row with a multiplicity for a value beyond 16 bits, or -1."""
    foreign = -1
    for row in range(len(table)):
        multiplicity, value = table[row, 0], table[row, 1]
        if value < len(given):
            given[value] = add(given[value], multiplicity)
        elif multiplicity != 0 and foreign < 0:
            foreign = row
    return foreign
