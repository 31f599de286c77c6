"""The hasher answers in the order of execution: every request's address follows from the cycles before it (12 section 8.2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from harness.audit.field import ZERO
from harness.audit.jit import jit
from harness.audit.rule import NO_OPERATION, Rule
from harness.audit.tile import Tile, Tiles
from harness.audit.violation import CellValue, NotChecked, Violation
from reference.definition.columns import COLUMN
from reference.definition.isa import BY_NAME, BY_OPCODE

CYCLE: Final = 8
MOST_CYCLES: Final = 2**40
"""Stands for any larger number of cycles that a wrong cell asks for, so that sums stay below 2^63."""

ADDRESSES: Final = Rule(
    "requests.hasher.address",
    "requests",
    "address of a request = 1 + 8 * cycles requested before",
    "12 section 8.2",
    ("dec_addr'", "dec_h2", "dec_group_count", "stack_4"),
)
LENGTH: Final = Rule(
    "requests.hasher.length", "requests", "rows of the hasher = 8 * cycles requested", "12 section 8.2", ("chip_0",)
)

_STARTS: Final = tuple(
    BY_NAME[name].opcode for name in ("JOIN", "SPLIT", "LOOP", "SPAN", "CALL", "SYSCALL", "DYN", "DYNCALL")
)
_IN_BLOCKS: Final = tuple(BY_NAME[name].opcode for name in ("HPERM", "LOGPRECOMPILE", "MPVERIFY", "MRUPDATE"))
_SPAN: Final = BY_NAME["SPAN"].opcode
_VERIFY: Final = BY_NAME["MPVERIFY"].opcode
_UPDATE: Final = BY_NAME["MRUPDATE"].opcode
_ASKS: Final = np.isin(np.arange(NO_OPERATION + 1), _STARTS + _IN_BLOCKS)
_BEGINS: Final = np.isin(np.arange(NO_OPERATION + 1), _STARTS)
_ADDRESS: Final = COLUMN["dec_addr"]
_HELPER: Final = COLUMN["dec_h2"]
_GROUPS: Final = COLUMN["dec_group_count"]
_DEPTH: Final = COLUMN["stack_4"]
_SELECTOR: Final = COLUMN["chip_0"]


class Requests(NamedTuple):
    """A tile's requests in order."""

    rows: NDArray[np.int64]
    opcodes: NDArray[np.uint8]
    addresses: NDArray[np.uint64]
    cycles: NDArray[np.int64]
    hasher_rows: int


class HasherOrder:
    """Keeps one number: the cycles requested so far. A :class:`harness.audit.tile.TraceCheck`."""

    rules: Sequence[Rule] = (ADDRESSES, LENGTH)

    def __init__(self) -> None:
        self._cycles = 0
        self._hasher_rows = 0
        self._wrong = 0
        self._first: Violation | None = None

    def partial(self, tile: Tile) -> Requests:
        """The requests of the tile's rows."""
        rows = np.empty(tile.count, dtype=np.int64)
        addresses = np.empty(tile.count, dtype=np.uint64)
        cycles = np.empty(tile.count, dtype=np.int64)
        count, hasher_rows = _gather(tile.rows, tile.opcodes, rows, addresses, cycles)
        opcodes = tile.opcodes[rows[:count]]
        return Requests(rows[:count] + tile.first_row, opcodes, addresses[:count], cycles[:count], hasher_rows)

    def add(self, partial: Requests) -> None:
        """Compares the addresses of the next tile's requests."""
        self._hasher_rows += partial.hasher_rows
        if not partial.rows.size:
            return
        ends = np.cumsum(partial.cycles)
        expected = 1 + CYCLE * (self._cycles + ends - partial.cycles)
        self._cycles = min(self._cycles + int(ends[-1]), MOST_CYCLES)
        wrong = np.flatnonzero(partial.addresses != expected.astype(np.uint64))
        self._wrong += wrong.size
        if wrong.size and self._first is None:
            self._first = _violation(partial, int(wrong[0]), int(expected[wrong[0]]))

    def finish(self, tiles: Tiles) -> Sequence[Violation | NotChecked]:  # noqa: ARG002 - nothing to look up
        """The first request at a wrong address, and a hasher of the wrong length."""
        found = []
        if self._first is not None:
            first = self._first
            found.append(Violation(first.rule, first.row, self._wrong, first.operation, first.cells, first.details))
        if self._hasher_rows != CYCLE * self._cycles:
            detail = f"{self._cycles} cycles are requested, the hasher has {self._hasher_rows} rows"
            found.append(Violation(LENGTH, None, details=(detail,)))
        return tuple(found)


@jit
def _gather(rows: Any, opcodes: Any, places: Any, addresses: Any, cycles: Any) -> Any:
    """Requests into the three arrays; how many, and how many rows of the hasher there are."""
    limit = np.uint64(MOST_CYCLES)
    count = 0
    hasher_rows = 0
    for i in range(rows.shape[0] - 1):
        if rows[i, _SELECTOR] == ZERO:
            hasher_rows += 1
        code = opcodes[i]
        if not _ASKS[code]:
            continue
        places[count] = i
        addresses[count] = rows[i + 1, _ADDRESS] if _BEGINS[code] else rows[i, _HELPER]
        cycles[count] = 1
        if code == _SPAN:
            cycles[count] = (np.int64(min(rows[i, _GROUPS], limit)) + CYCLE - 1) // CYCLE
        elif code == _VERIFY:
            cycles[count] = np.int64(min(rows[i, _DEPTH], limit))
        elif code == _UPDATE:
            cycles[count] = 2 * np.int64(min(rows[i, _DEPTH], limit))
        count += 1
    return count, hasher_rows


def _violation(requests: Requests, at: int, expected: int) -> Violation:
    row, opcode = int(requests.rows[at]), int(requests.opcodes[at])
    column, cell_row = ("dec_addr", row + 1) if _BEGINS[opcode] else ("dec_h2", row)
    cell = CellValue(column, cell_row, int(requests.addresses[at]))
    return Violation(ADDRESSES, row, 1, BY_OPCODE[opcode].name, (cell,), (f"expected address {expected}",))
