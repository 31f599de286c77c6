"""Checks of neighbouring rows, on the device: each kernel reports the first row that breaks its rule.

Rules (spec 09, B8; spec 12, sections 3 to 5): clk grows by one and is the row's number; the bits of the opcode and the flags
beside them are 0 or 1; the range table starts at 0, steps by 0 or by a power of three up to 2187, and ends with 65535; a
memory row says whether its context and word are those of the row before it, and by how much the order grew.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from gpu.chips import CELL_BYTES, Cells, Tile
from gpu.columns import Columns, scratch
from gpu.device import View
from gpu.errors import NO_ERROR
from gpu.launching import Argument
from gpu.proof import Findings
from reference.definition.columns import COLUMN, COLUMN_NAMES

FLAG_COLUMNS: Final = (
    *(f"dec_op_bit_{i}" for i in range(7)),
    "dec_in_span",
    *(f"dec_batch_flag_{i}" for i in range(3)),
    *(f"dec_bit_extra_{i}" for i in range(2)),
)
"""Decoder columns that are 0 or 1 on every row but the last one, which is random."""

_CLOCK_REASONS: Final = ("clk is not that of the row before plus 1", "clk is not the number of the row")
_RANGE_REASONS: Final = (
    "the step from the row before is neither 0 nor one of 1, 3, 9, .., 2187",
    "the table does not begin with 0",
    "the table does not end with 65535",
)
_MEMORY_REASONS: Final = (
    "the flag for the same context and word is wrong",
    "the delta is not the step from the row before",
)
_MEMORY_COLUMNS: Final = tuple(f"chip_{i}" for i in (5, 6, 9, 14, 15, 17))
"""Of a memory row: ctx, word address, clk, d0, d1, same context and word."""
_RUN_ARRAYS: Final = ("run_start", "run_base", "run_key", "run_clk", "run_first")


class Transitions:
    """The checks that apply to a chip, reported into ``findings`` under clock, flags, range and memory."""

    def __init__(self, findings: Findings) -> None:
        self.findings = findings

    def scratch_bytes(self, tiles: Sequence[Tile]) -> int:  # noqa: ARG002 -- the same for every chip
        """One word: a check at a time."""
        return CELL_BYTES

    def consume(self, columns: Columns) -> None:
        """Runs the checks of this chip; a chip without any adds nothing to what was checked."""
        for cell in columns.cells:
            rows = min(cell.tile.rows, columns.extent.rows - 1 - cell.tile.first_row)
            if rows > 0:
                self._clock(columns, cell, rows)
                self._flags(columns, cell, rows)
        if columns.chip == "rng":
            self._range(columns)
        if columns.chip == "mem":
            self._memory(columns)

    def _clock(self, columns: Columns, cell: Cells, rows: int) -> None:
        clk = _column(cell, "clk")
        if clk is not None:
            first = cell.tile.first_row
            word = _checked(columns, "proof_clock", rows, clk, rows, first)
            self.findings.note(columns, "clock", rows, _described(word, lambda detail: _CLOCK_REASONS[detail]))

    def _flags(self, columns: Columns, cell: Cells, rows: int) -> None:
        for first, count in _neighbours(cell.tile):
            place = cell.buffer.offset((first - cell.tile.first_column) * cell.ld) if cell.buffer else None
            shape = (cell.ld, rows, count, cell.tile.first_row)
            word = _checked(columns, "proof_binary", rows * count, place, *shape)
            self.findings.note(columns, "flags", rows * count, _described(word, _not_binary(first)))

    def _range(self, columns: Columns) -> None:
        for cell, values in columns.tiles_with("range_v"):
            rows = cell.tile.rows
            word = _checked(columns, "proof_range", rows, values, rows, cell.tile.first_row)
            self.findings.note(columns, "range", rows, _described(word, lambda detail: _RANGE_REASONS[detail]))

    def _memory(self, columns: Columns) -> None:
        runs = [columns.plan[name] for name in _RUN_ARRAYS]
        for cell in columns.cells:
            places = [_column(cell, name) for name in _MEMORY_COLUMNS]
            rows = cell.tile.rows
            arguments = (*places, rows, cell.tile.first_row, *runs, runs[0].size)
            word = _checked(columns, "proof_memory", rows, *arguments)
            self.findings.note(columns, "memory", rows, _described(word, lambda detail: _MEMORY_REASONS[detail]))


def _column(cell: Cells, name: str) -> View | None:
    local = COLUMN[name] - cell.tile.first_column
    return cell.buffer.offset(local * cell.ld) if cell.buffer and 0 <= local < cell.tile.columns else None


def _neighbours(tile: Tile) -> list[tuple[int, int]]:
    """The flag columns of a tile as runs of neighbouring columns: first column of the trace, and how many."""
    found: list[tuple[int, int]] = []
    for column in sorted(COLUMN[name] for name in FLAG_COLUMNS):
        if not tile.first_column <= column < tile.first_column + tile.columns:
            continue
        if found and sum(found[-1]) == column:
            found[-1] = (found[-1][0], found[-1][1] + 1)
        else:
            found.append((column, 1))
    return found


def _not_binary(first_column: int) -> Callable[[int], str]:
    return lambda detail: f"{COLUMN_NAMES[first_column + detail]} is neither 0 nor 1"


def _checked(columns: Columns, kernel: str, threads: int, *arguments: Argument) -> int:
    """Launches a check with a fresh word behind its other arguments; the word afterwards."""
    with scratch(columns.device, "first bad row", 1, NO_ERROR) as bad:
        columns.device.launch(kernel, threads, *arguments, bad, lane=columns.lane)
        return int(columns.device.download(bad)[0])


def _described(word: int, reason: Callable[[int], str]) -> str | None:
    return None if word == NO_ERROR else f"row {word >> 8}: {reason(word & 0xFF)}"
