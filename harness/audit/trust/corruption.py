"""Corruptions of single cells, drawn so that every operation and every kind of chiplet row gets its share (12 section 8.3)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from harness.audit.trust.subject import Cells, Subject, chiplet_kind, operation_kind, operations
from reference.definition.columns import CHIPLETS, COLUMN_NAMES, CORE_WIDTH, PAD, RANGE, WIDTH
from reference.definition.field import P

ROWS_PER_KIND: Final = 6
"""Of one trace: more rows of one kind, of the same program, would say the same again."""


class Edit(NamedTuple):
    """A cell and what is written into it."""

    row: int
    column: int
    value: int


@dataclass(frozen=True, slots=True)
class Corruption:
    """Cells of a subject that are overwritten."""

    subject: Subject
    family: str
    kind: str
    """What the first wrong row is."""
    edits: tuple[Edit, ...]

    def __str__(self) -> str:
        first = self.edits[0]
        more = f" and {len(self.edits) - 1} more" if len(self.edits) > 1 else ""
        return f"{self.subject.name} {COLUMN_NAMES[first.column]}[{first.row}] = {first.value}{more} ({self.kind})"


@contextmanager
def applied(corruption: Corruption) -> Iterator[Subject]:
    """The subject while it is corrupted; its cells are put back afterwards."""
    cells = corruption.subject.cells
    before = [int(cells[edit.column, edit.row]) for edit in corruption.edits]
    for edit in corruption.edits:
        cells[edit.column, edit.row] = edit.value
    try:
        yield corruption.subject
    finally:
        # Backwards, for a family may name a cell twice.
        for edit, value in zip(reversed(corruption.edits), reversed(before), strict=True):
            cells[edit.column, edit.row] = value


class _Stratum(NamedTuple):
    kind: str
    columns: range
    rows: list[tuple[Subject, int]]


_SHARES: Final = (("core", 0.52), ("chiplets", 0.4), ("range", 0.05), ("ends", 0.03))
"""By part of the trace: how many corruptions are there."""


class SingleCells:
    """Draws single-cell corruptions of the subjects, the same ones for the same seed."""

    def __init__(self, subjects: Sequence[Subject], seed: int) -> None:
        self._random = np.random.default_rng(seed)
        self._parts: dict[str, list[_Stratum]] = {}
        rows: dict[tuple[str, str], list[tuple[Subject, int]]] = defaultdict(list)
        for subject in subjects:
            for part, kind, row in self._rows_of(subject):
                rows[part, kind].append((subject, row))
        columns = {
            "core": range(CORE_WIDTH),
            "chiplets": range(CHIPLETS.start, CHIPLETS.stop),
            "range": range(RANGE.start, RANGE.stop),
            "ends": range(WIDTH),
        }
        for part, of_part in columns.items():
            self._parts[part] = [
                _Stratum(k, of_part, found)
                for (p, k), found in sorted(rows.items(), key=lambda item: item[0])
                if p == part
            ]

    def _rows_of(self, subject: Subject) -> Iterator[tuple[str, str, int]]:
        """Part, kind and row of some rows of each kind."""
        cells, last = subject.cells, subject.rows - 1
        by_kind: dict[tuple[str, str], list[int]] = defaultdict(list)
        codes = operations(cells)
        for row in range(last):
            by_kind["core", operation_kind(int(codes[row]))].append(row)
            by_kind["chiplets", chiplet_kind(cells, row)].append(row)
            in_table = cells[RANGE, row].any()
            by_kind["range", "range table" if in_table else "above the range table"].append(row)
        by_kind["ends", "random row"].append(last)
        by_kind["ends", "first row"].append(0)
        by_kind["ends", "last row but one"].append(last - 1)
        for (part, kind), rows in by_kind.items():
            count = min(len(rows), ROWS_PER_KIND)
            for row in self._random.choice(rows, count, replace=False).tolist():
                yield part, kind, row

    @property
    def kinds(self) -> tuple[str, ...]:
        """All kinds of rows that corruptions are drawn from."""
        return tuple(stratum.kind for strata in self._parts.values() for stratum in strata)

    def draw(self, count: int) -> Iterator[Corruption]:
        """So many corruptions."""
        names = [name for name, _ in _SHARES]
        shares = [share for _, share in _SHARES]
        while count:
            strata = self._parts[names[self._random.choice(len(names), p=shares)]]
            stratum = strata[self._random.integers(len(strata))]
            subject, row = stratum.rows[self._random.integers(len(stratum.rows))]
            column = int(self._random.choice(stratum.columns))
            value = another_value(subject.cells, row, column, self._random)
            if value != subject.cells[column, row]:
                yield Corruption(subject, "single cell", stratum.kind, (Edit(row, column, value),))
                count -= 1


def another_value(cells: Cells, row: int, column: int, random: np.random.Generator) -> int:
    """What a cell might be by mistake: one off, any element, 0 or 1, another row's, the row before's, or not canonical.
    It may be what is there already."""
    old = int(cells[column, row])
    match int(random.integers(7)):
        case 0:
            return (old + 1) % P
        case 1:
            return (old - 1) % P
        case 2:
            return int(random.integers(P, dtype=np.uint64))
        case 3:
            return 0 if old else 1
        case 4:
            return int(cells[column, random.integers(cells.shape[1] - 1)])
        case 5:
            return int(cells[column, row - 1]) if row else (old + 5) % P
        case _:
            return old + P if old + P < 2**64 else (old ^ 1) % P


PAD_COLUMN: Final = PAD.start
