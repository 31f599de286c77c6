"""Cuts a trace that comes in windows of any size into tiles, row after row and with the row that follows.

An engine's window may be a single row or the whole trace; its columns lie far apart in memory. A tile is small enough for
the processor's second cache and each of its rows is contiguous.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple, Protocol

import numpy as np
from numba import types
from numpy.typing import NDArray

from harness.audit.jit import jit_with
from harness.audit.rule import NO_OPERATION, Rows
from harness.audit.tile import Tile
from reference.definition.columns import COLUMN, WIDTH
from reference.definition.isa import BY_NAME, OPCODE_BITS, decoder_bits, extra_bits

TILE_ROWS = 1024
MIN_ROWS = 2
"""Below that there is no row to judge: the last row is random."""


class Window(Protocol):
    """Consecutive rows of a trace as an engine gives them (a ``harness.backend.Window`` is one)."""

    @property
    def first_row(self) -> int:
        """The number of the first row."""

    @property
    def cells(self) -> NDArray[np.uint64]:
        """(72, n) uint64, n >= 1."""


Windows = Callable[[], Iterable[Window]]
"""Gives every row of the trace once, in order, as often as it is called."""


class BadTrace(ValueError):  # noqa: N818 - a word of its own
    """What was given is not the rows of a trace, so nothing can be judged."""


class TilePart(NamedTuple):
    """The columns of a tile before they are turned into rows."""

    first_row: int
    pieces: tuple[NDArray[np.uint64], ...]
    """(72, n_i) uint64 each, together the tile's own rows and the row after them; of the last tile the random row."""


def tile_parts(windows: Iterable[Window], rows: int) -> Iterator[TilePart]:
    """The trace's rows in parts of :data:`TILE_ROWS`. ``rows`` is the trace's length, the random row included.

    Raises BadTrace when the windows are not the rows of a trace of this length.
    """
    if rows < MIN_ROWS:
        raise BadTrace(f"a trace of {rows} rows has no row to judge")
    pieces: list[NDArray[np.uint64]] = []
    held = given = first_row = 0
    for window in windows:
        cells = window.cells
        if window.first_row != given or cells.ndim != 2 or cells.shape[0] != WIDTH or cells.dtype != np.uint64:
            raise BadTrace(
                f"row {given} is followed by a window of {cells.dtype} {cells.shape} that begins at {window.first_row}"
            )
        given += cells.shape[1]
        taken = 0
        while held + cells.shape[1] - taken > TILE_ROWS:
            end = taken + TILE_ROWS + 1 - held
            yield TilePart(first_row, (*pieces, cells[:, taken:end]))
            # The row after a tile is the first of the next.
            taken = end - 1
            first_row += TILE_ROWS
            pieces, held = [], 0
        if taken < cells.shape[1]:
            pieces.append(cells[:, taken:])
            held += cells.shape[1] - taken
    if given != rows:
        raise BadTrace(f"the windows hold {given} rows of a trace of {rows}")
    if held > 1:
        yield TilePart(first_row, tuple(pieces))


class TileBuffer:
    """Room for one tile at a time; each thread has its own."""

    def __init__(self) -> None:
        self._rows: Rows = np.empty((TILE_ROWS + 1, WIDTH), dtype=np.uint64)
        self._opcodes: NDArray[np.uint8] = np.empty(TILE_ROWS + 1, dtype=np.uint8)

    def fill(self, part: TilePart, trace_rows: int) -> Tile:
        """The part as a tile that is valid until the next call."""
        cells = part.pieces[0] if len(part.pieces) == 1 else np.concatenate(part.pieces, axis=1)
        count = cells.shape[1]
        rows, opcodes = self._rows[:count], self._opcodes[:count]
        transpose(cells, rows, opcodes)
        random_row = None
        if part.first_row + count == trace_rows:
            random_row = rows[count - 1].copy()
            rows[count - 1] = successor(rows[count - 2])
            opcodes[count - 1] = _HALT
        return Tile(part.first_row, trace_rows, rows, opcodes, random_row)


_HALT = BY_NAME["HALT"].opcode
_END = BY_NAME["END"].opcode
_BITS = slice(COLUMN["dec_op_bit_0"], COLUMN["dec_op_bit_0"] + OPCODE_BITS)
_STACK = COLUMN["stack_0"]
_DEPTH = COLUMN["stack_b0"]
_SUCCESSOR_ZEROS = [
    COLUMN[name]
    for name in (
        "ctx",
        *(f"fn_hash_{i}" for i in range(4)),
        "dec_addr",
        *(f"dec_h{i}" for i in range(4, 8)),
        "dec_in_span",
        "dec_group_count",
        "dec_op_index",
        *(f"dec_batch_flag_{i}" for i in range(3)),
        "stack_b1",
        "stack_h0",
    )
]
_END_BITS = np.array(decoder_bits(_END), dtype=np.uint64)
_HALT_BITS = np.array((*decoder_bits(_HALT),), dtype=np.uint64)
_HALT_EXTRA = np.array(extra_bits(_HALT), dtype=np.uint64)
_EXTRA = COLUMN["dec_bit_extra_0"]


def successor(row: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The row, (72,) uint64, that would follow the last row but one if there were room for it (12 section 7.10).

    A HALT in the root context with an empty overflow table; the END of an entered loop has dropped its condition.
    """
    after = row.copy()
    after[COLUMN["clk"]] = (int(row[COLUMN["clk"]]) + 1) % 2**64
    after[_SUCCESSOR_ZEROS] = 0
    after[_DEPTH] = 16
    after[_BITS] = _HALT_BITS
    after[_EXTRA : _EXTRA + 2] = _HALT_EXTRA
    if (row[_BITS] == _END_BITS).all() and row[COLUMN["dec_h5"]] == 1:
        after[_STACK : _STACK + 15] = row[_STACK + 1 : _STACK + 16]
        after[_STACK + 15] = 0
    return after


_FIRST_BIT = COLUMN["dec_op_bit_0"]
_COLUMNS_AT_ONCE = 8


@jit_with(
    types.void(
        types.Array(types.uint64, 2, "A", readonly=True),
        types.Array(types.uint64, 2, "C"),
        types.Array(types.uint8, 1, "C"),
    )
)
def transpose(cells: Any, rows: Any, opcodes: Any) -> None:
    """Compiled: rows[i, c] = cells[c, i], and the opcode of each row.

    The columns of a long trace lie a power of two apart and so compete for the same few lines of the cache: eight of them
    at a time do fit.
    """
    count = rows.shape[0]
    for first in range(0, WIDTH, _COLUMNS_AT_ONCE):
        for i in range(count):
            for column in range(_COLUMNS_AT_ONCE):
                rows[i, first + column] = cells[first + column, i]
    for i in range(count):
        code = np.uint64(0)
        largest = np.uint64(0)
        for bit in range(OPCODE_BITS):
            value = rows[i, _FIRST_BIT + bit]
            largest |= value
            code |= (value & np.uint64(1)) << np.uint64(bit)
        opcodes[i] = np.uint8(code) if largest <= np.uint64(1) else np.uint8(NO_OPERATION)
