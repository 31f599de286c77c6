"""Where the chiplet table begins and ends, and that the kernel ROM lists the kernel in order (12 section 8.2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from harness.audit.field import ONE, ZERO
from harness.audit.jit import jit
from harness.audit.known import Known
from harness.audit.rule import Rule
from harness.audit.tile import Tile, Tiles
from harness.audit.violation import CellValue, NotChecked, Violation
from reference.definition.columns import COLUMN
from reference.definition.field import Word, as_word

BEGINS: Final = Rule(
    "requests.chiplets.begin",
    "requests",
    "row 0 begins a linear hash",
    "12 section 8.2",
    ("chip_0", "chip_1", "chip_2", "chip_3"),
)
ENDS: Final = Rule(
    "requests.chiplets.end",
    "requests",
    "the last row but one is padding",
    "12 section 8.2",
    ("chip_0", "chip_1", "chip_2", "chip_3", "chip_4"),
)
KERNEL: Final = Rule(
    "requests.kernel.order",
    "requests",
    "first rows of the kernel ROM = procedures in kernel order",
    "12 section 8.2",
    ("chip_5", "chip_6", "chip_7", "chip_8", "chip_9"),
)

_SELECTORS: Final = slice(COLUMN["chip_0"], COLUMN["chip_4"] + 1)
_LINEAR: Final = [0, 1, 0, 0]
_PADDING: Final = [1, 1, 1, 1, 1]
_IN_KERNEL_ROM: Final = COLUMN["chip_4"]
_IS_FIRST: Final = COLUMN["chip_5"]
_DIGEST: Final = slice(COLUMN["chip_6"], COLUMN["chip_9"] + 1)
MOST_PROCEDURES: Final = 255
"""A kernel has no more (spec 04 section 8)."""


class Seen(NamedTuple):
    """What a tile shows of the sections' ends and the kernel."""

    first: tuple[int, ...] | None
    """The selectors of row 0."""
    last: tuple[int, tuple[int, ...]] | None
    """The trace's last row but one and its selectors."""
    procedures: tuple[tuple[int, Word], ...]
    """Rows and digests of procedures, no more than a kernel can have and one."""
    procedure_rows: int


class SectionEnds:
    """Keeps the digests of the kernel ROM's procedures; a :class:`harness.audit.tile.TraceCheck`."""

    rules: Sequence[Rule] = (BEGINS, ENDS, KERNEL)

    def __init__(self, known: Known) -> None:
        self._kernel = known.kernel
        self._first: tuple[int, ...] = ()
        self._last: tuple[int, tuple[int, ...]] = (0, ())
        self._procedures: list[tuple[int, Word]] = []
        self._count = 0

    def partial(self, tile: Tile) -> Seen:
        """Ends of the table and procedures of the kernel in this tile."""
        rows = tile.rows[:-1]
        at = np.empty(tile.count, dtype=np.int64)
        at = at[: _procedure_rows(tile.rows, at)]
        procedures = tuple(
            (int(i) + tile.first_row, as_word(int(cell) for cell in rows[i, _DIGEST]))
            for i in at[: MOST_PROCEDURES + 1]
        )
        first = tuple(rows[0, _SELECTORS].tolist()) if tile.first_row == 0 else None
        last = (tile.trace_rows - 2, tuple(rows[-1, _SELECTORS].tolist())) if tile.is_last else None
        return Seen(first, last, procedures, at.size)

    def add(self, partial: Seen) -> None:
        """Takes what the next tile shows."""
        self._first = partial.first or self._first
        self._last = partial.last or self._last
        self._procedures += partial.procedures[: MOST_PROCEDURES + 1 - len(self._procedures)]
        self._count += partial.procedure_rows

    def finish(self, tiles: Tiles) -> Sequence[Violation | NotChecked]:  # noqa: ARG002 - nothing to look up
        """What is wrong with the ends and with the kernel; without a known kernel its order is not checked."""
        found: list[Violation | NotChecked] = []
        if list(self._first[: len(_LINEAR)]) != _LINEAR:
            found.append(Violation(BEGINS, 0, cells=_cells(0, self._first[: len(_LINEAR)])))
        if list(self._last[1]) != _PADDING:
            found.append(Violation(ENDS, self._last[0], cells=_cells(*self._last)))
        if self._kernel is None:
            found.append(NotChecked(KERNEL, "the kernel is not known"))
        elif (wrong := self._judge_kernel(self._kernel)) is not None:
            found.append(wrong)
        return tuple(found)

    def _judge_kernel(self, kernel: Sequence[Word]) -> Violation | None:
        for number, (row, digest) in enumerate(self._procedures):
            wanted = kernel[number] if number < len(kernel) else None
            if digest != wanted:
                cells = tuple(CellValue(f"chip_{6 + i}", row, cell) for i, cell in enumerate(digest))
                return Violation(KERNEL, row, cells=cells, details=(f"procedure {number} of the kernel is {wanted}",))
        if self._count != len(kernel):
            return Violation(KERNEL, None, details=(f"{self._count} procedures instead of {len(kernel)}",))
        return None


@jit
def _procedure_rows(rows: Any, found: Any) -> Any:
    """Rows of the kernel ROM that are a procedure's first; how many there are."""
    count = 0
    for i in range(rows.shape[0] - 1):
        if rows[i, _IN_KERNEL_ROM] != ZERO or rows[i, _IS_FIRST] != ONE:
            continue
        others = True
        for column in range(_IN_KERNEL_ROM - 4, _IN_KERNEL_ROM):
            others = others and rows[i, column] == ONE
        if others:
            found[count] = i
            count += 1
    return count


def _cells(row: int, selectors: Sequence[int]) -> tuple[CellValue, ...]:
    return tuple(CellValue(f"chip_{number}", row, value) for number, value in enumerate(selectors))
