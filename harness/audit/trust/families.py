"""Corruptions of several cells that a wrong trace builder could make (12 section 8.3).

Each family draws one corruption of a subject, or none when the subject has nothing to corrupt that way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from harness.audit.trust.corruption import Corruption, Edit
from harness.audit.trust.subject import Cells, Subject, chiplet_kind, operation_kind, operations
from reference.definition.columns import CHIPLETS, DECODER, STACK, SYSTEM, WIDTH
from reference.definition.field import P

Edits = tuple[Edit, ...]
Draw = Callable[[Cells, np.random.Generator], Edits]

_SEGMENTS: Final = (SYSTEM, DECODER, STACK, CHIPLETS)
_CORRUPTED_COLUMNS: Final = WIDTH - 1
"""Without the padding column, whose changes are no mistake of several cells."""
_MOST_IN_A_RUN: Final = 8
_TRIES: Final = 60


def run_of_deltas(cells: Cells, random: np.random.Generator) -> Edits:
    """One column is wrong by the same amount on 2 to 8 rows."""
    length = int(random.integers(2, _MOST_IN_A_RUN + 1))
    column = int(random.integers(_CORRUPTED_COLUMNS))
    first = int(random.integers(cells.shape[1] - 1 - length))
    delta = int(random.choice([1, 5, -1]))
    return tuple(Edit(row, column, (int(cells[column, row]) + delta) % P) for row in range(first, first + length))


def _change(cells: Cells, random: np.random.Generator) -> tuple[int, int] | None:
    """A column and a row where its value changes."""
    for _ in range(_TRIES):
        column = int(random.integers(_CORRUPTED_COLUMNS))
        changes = np.flatnonzero(np.diff(cells[column, :-1])) + 1
        if changes.size:
            return column, int(random.choice(changes))
    return None


def stale_value(cells: Cells, random: np.random.Generator) -> Edits:
    """A value stays what it was until its next change."""
    found = _change(cells, random)
    if found is None:
        return ()
    column, first = found
    rows = range(first, cells.shape[1] - 1)
    end = next((row for row in rows if cells[column, row] != cells[column, first]), cells.shape[1] - 1)
    return tuple(Edit(row, column, int(cells[column, first - 1])) for row in range(first, end))


def early_value(cells: Cells, random: np.random.Generator) -> Edits:
    """A value is there a row early."""
    found = _change(cells, random)
    if found is None:
        return ()
    column, row = found
    return (Edit(row - 1, column, int(cells[column, row])),)


def copied_segment(cells: Cells, random: np.random.Generator) -> Edits:
    """All columns of a segment are those of the row before."""
    segment = _SEGMENTS[random.integers(len(_SEGMENTS))]
    row = int(random.integers(1, cells.shape[1] - 1))
    return _overwritten(cells, range(segment.start, segment.stop), row, row - 1)


def exchanged_cells(cells: Cells, random: np.random.Generator) -> Edits:
    """Two cells of a segment in one row are exchanged."""
    segment = _SEGMENTS[random.integers(len(_SEGMENTS))]
    for _ in range(_TRIES):
        row = int(random.integers(cells.shape[1] - 1))
        one, other = (int(column) for column in random.integers(segment.start, segment.stop, 2))
        if cells[one, row] != cells[other, row]:
            return Edit(row, one, int(cells[other, row])), Edit(row, other, int(cells[one, row]))
    return ()


def _overwritten(cells: Cells, columns: Sequence[int], row: int, by: int) -> Edits:
    return tuple(
        Edit(row, column, int(cells[column, by])) for column in columns if cells[column, row] != cells[column, by]
    )


def _entries(cells: Cells) -> list[tuple[NDArray[np.int64], int]]:
    """First rows and length of the entries of each chiplet that has at least two."""
    c0, c1, c2, c3, c4 = (cells[CHIPLETS.start + number, :-1] == 1 for number in range(5))
    sections = (
        (~c0, 8),
        (c0 & ~c1, 8),
        (c0 & c1 & ~c2, 1),
        (c0 & c1 & c2 & ~c3, 1),
        (c0 & c1 & c2 & c3 & ~c4, 1),
    )
    entries = [(np.flatnonzero(rows)[::length], length) for rows, length in sections]
    return [(firsts, length) for firsts, length in entries if firsts.size > 1]


def _two_entries(cells: Cells, random: np.random.Generator) -> tuple[int, int, int] | None:
    """First rows of two entries of a chiplet, and their length."""
    chiplets = _entries(cells)
    if not chiplets:
        return None
    firsts, length = chiplets[random.integers(len(chiplets))]
    one, other = (int(row) for row in random.choice(firsts, 2, replace=False))
    return one, other, length


def exchanged_entries(cells: Cells, random: np.random.Generator) -> Edits:
    """Two entries of a chiplet are exchanged."""
    found = _two_entries(cells, random)
    if found is None:
        return ()
    one, other, length = found
    columns = range(CHIPLETS.start, CHIPLETS.stop)
    return tuple(
        edit
        for row in range(length)
        for edit in (
            *_overwritten(cells, columns, one + row, other + row),
            *_overwritten(cells, columns, other + row, one + row),
        )
    )


def overwritten_entry(cells: Cells, random: np.random.Generator) -> Edits:
    """An entry of a chiplet is a copy of another one."""
    found = _two_entries(cells, random)
    if found is None:
        return ()
    one, other, length = found
    columns = range(CHIPLETS.start, CHIPLETS.stop)
    return tuple(edit for row in range(length) for edit in _overwritten(cells, columns, one + row, other + row))


FAMILIES: Final[Mapping[str, Draw]] = {
    "run of equal deltas": run_of_deltas,
    "stale value": stale_value,
    "value a row early": early_value,
    "copied segment": copied_segment,
    "exchanged cells": exchanged_cells,
    "exchanged entries": exchanged_entries,
    "overwritten entry": overwritten_entry,
}


def several_cells(subjects: Sequence[Subject], family: str, count: int, seed: int) -> Iterator[Corruption]:
    """So many corruptions of a family, the same ones for the same seed; ValueError when no subject has any."""
    random = np.random.default_rng(seed)
    draw = FAMILIES[family]
    fruitless = 0
    while count:
        subject = subjects[int(random.integers(len(subjects)))]
        edits = draw(subject.cells, random)
        if not edits:
            fruitless += 1
            if fruitless > _TRIES * len(subjects):
                raise ValueError(f"no subject can be corrupted by {family}")
            continue
        fruitless = 0
        count -= 1
        yield Corruption(subject, family, _kind(subject.cells, edits[0]), edits)


def _kind(cells: Cells, edit: Edit) -> str:
    if CHIPLETS.start <= edit.column < CHIPLETS.stop:
        return chiplet_kind(cells, edit.row)
    return operation_kind(int(operations(cells[:, edit.row : edit.row + 1])[0]))
