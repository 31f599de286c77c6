"""The chain of transcript states: each LOGPRECOMPILE begins where the one before it ended (05 section 2.6, 12 section 7.8).

The real VM puts the states into the virtual table, whose multiset does not see their order and whose last entry comes from
outside. In order there is nothing to know from outside: the first state is zero, each next one is the result of the row
before, and results are bound to operands by the hasher bus.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from harness.audit.rule import Rule
from harness.audit.tile import Tile, Tiles
from harness.audit.violation import CellValue, NotChecked, Violation
from reference.definition.columns import COLUMN
from reference.definition.field import ZERO_WORD
from reference.definition.isa import BY_NAME

_STATE_COLUMNS: Final = ("dec_h3", "dec_h4", "dec_h5", "dec_h6")
_RESULT_COLUMNS: Final = ("stack_11", "stack_10", "stack_9", "stack_8")
STATES: Final = Rule(
    "requests.transcript",
    "requests",
    "state before a LOGPRECOMPILE = result of the LOGPRECOMPILE before it",
    "12 section 7.8",
    (*_STATE_COLUMNS, *(f"{column}'" for column in _RESULT_COLUMNS)),
)
_CODE: Final = BY_NAME["LOGPRECOMPILE"].opcode
_STATE: Final = [COLUMN[column] for column in _STATE_COLUMNS]
_RESULT: Final = [COLUMN[column] for column in _RESULT_COLUMNS]


class Steps(NamedTuple):
    """The LOGPRECOMPILE rows of a tile."""

    rows: NDArray[np.int64]
    before: NDArray[np.uint64]
    """(n, 4): the state that each begins with."""
    after: NDArray[np.uint64]
    """(n, 4): the state that it makes."""


class TranscriptOrder:
    """Keeps one word; a :class:`harness.audit.tile.TraceCheck`."""

    rules: Sequence[Rule] = (STATES,)

    def __init__(self) -> None:
        self._state: NDArray[np.uint64] = np.array(ZERO_WORD, dtype=np.uint64)
        self._wrong = 0
        self._first: Violation | None = None

    def partial(self, tile: Tile) -> Steps:
        """States before and after each LOGPRECOMPILE of the tile."""
        at = np.flatnonzero(tile.opcodes[:-1] == _CODE)
        return Steps(at + tile.first_row, tile.rows[at[:, None], _STATE], tile.rows[(at + 1)[:, None], _RESULT])

    def add(self, partial: Steps) -> None:
        """Follows the chain through the next tile."""
        for row, before, after in zip(partial.rows.tolist(), partial.before, partial.after, strict=True):
            if (before != self._state).any():
                self._wrong += 1
                self._first = self._first or _violation(row, before, self._state)
            self._state = after

    def finish(self, tiles: Tiles) -> Sequence[Violation | NotChecked]:  # noqa: ARG002 - nothing to look up
        """The first step that begins elsewhere."""
        if self._first is None:
            return ()
        first = self._first
        return (Violation(STATES, first.row, self._wrong, first.operation, first.cells, first.details),)


def _violation(row: int, found: NDArray[np.uint64], expected: NDArray[np.uint64]) -> Violation:
    cells = tuple(CellValue(column, row, int(cell)) for column, cell in zip(_STATE_COLUMNS, found, strict=True))
    return Violation(STATES, row, 1, "LOGPRECOMPILE", cells, (f"expected the state {expected.tolist()}",))
