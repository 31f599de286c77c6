"""A tile: the next rows of a trace as the audit's loops want them; and the interface of what accumulates over tiles."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from harness.audit.rule import Rows, Rule
from harness.audit.violation import NotChecked, Violation


@dataclass(frozen=True, slots=True)
class Tile:
    """Rows ``first_row .. first_row + n - 1`` of a trace and the row after them.

    The random last row is in no tile: the trace's last row but one is followed by its fictitious successor (12 section
    7.10). The arrays are used again for later tiles: what is kept must be copied.
    """

    first_row: int
    trace_rows: int
    rows: Rows
    """(n + 1, 72) uint64, C order."""
    opcodes: NDArray[np.uint8]
    """(n + 1,) uint8; ``NO_OPERATION`` where the opcode bits are not bits."""
    random_row: NDArray[np.uint64] | None = None
    """(72,) uint64: the trace's last row, with the last tile only."""

    @property
    def count(self) -> int:
        """n, the rows of its own."""
        return len(self.rows) - 1

    @property
    def is_last(self) -> bool:
        """Whether the trace's last row but one is in it."""
        return self.random_row is not None


Tiles = Callable[[], Iterable[Tile]]
"""Gives the tiles of the trace from the first row on, as often as it is called."""


class TraceCheck(Protocol):
    """Rules on the whole trace, fed tile by tile; one object judges one trace.

    ``partial`` runs in several threads at once, so it changes nothing of the object; ``add`` gets the partials in row order.
    """

    @property
    def rules(self) -> Sequence[Rule]:
        """All rules that it may check."""

    def partial(self, tile: Tile) -> Any:
        """What the check needs of one tile; size bounded by the tile's, nothing of its arrays."""

    def add(self, partial: Any) -> None:
        """Takes the partial of the next tile."""

    def finish(self, tiles: Tiles) -> Sequence[Violation | NotChecked]:
        """After the last tile: what is violated, explained (``tiles`` may be read again for that), and what was not
        checked because too little is known. A rule of ``rules`` that is in neither was checked."""
