"""Writes the core columns row by row: system, decoder and stack (spec 03 section 3, 04 sections 2-4).

A row shows the system and the stack as they were before its operation, so they are noted when the row begins; the decoder
cells are known when the operation is done.
"""

from __future__ import annotations

from array import array
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from reference.definition.columns import CORE_WIDTH
from reference.definition.errors import ExecutionFailure
from reference.definition.field import Word, inverse_or_zero
from reference.execution import RowMark
from reference.machine import STACK_DEPTH, Machine
from reference.opcode_cells import BITS, EXTRA

NO_FLAGS = (0, 0, 0)
"""Batch flags of all rows but SPAN and RESPAN."""


@lru_cache(maxsize=2**12)
def _inverse(beyond: int) -> int:
    """Of the depth - 16: programs have the same few depths on most of their rows."""
    return inverse_or_zero(beyond)


class CoreRows:
    """The rows written so far, and what was noted when each began."""

    def __init__(self, machine: Machine, max_cycles: int) -> None:
        self._machine = machine
        self._max_cycles = max_cycles
        self._cells = array("Q")
        self.marks: list[RowMark] = []
        self._before: tuple[tuple[int, ...], tuple[int, ...], RowMark]

    def cells(self) -> NDArray[np.uint64]:
        """All rows, shape (n, 49), uint64, row-major."""
        return np.frombuffer(self._cells, np.uint64).reshape(-1, CORE_WIDTH)

    def stack_cells(self) -> tuple[int, ...]:
        """The 19 stack columns of the present state: items, depth, overflow address, inverse of depth - 16."""
        machine = self._machine
        overflow = machine.overflow
        if not overflow:
            return (*machine.stack, STACK_DEPTH, 0, 0)
        beyond = len(overflow)
        return (*machine.stack, STACK_DEPTH + beyond, overflow[-1][1], _inverse(beyond))

    def begin(self, mark: RowMark) -> None:
        """Note system and stack before anything of the row happens."""
        machine = self._machine
        self._before = (machine.clk, machine.ctx, *machine.fn_hash), self.stack_cells(), mark

    def end(self, decoder: tuple[int, ...]) -> None:
        """Write the row with these 24 decoder cells and advance the clock.

        Raises ExecutionFailure ``CycleLimitExceeded`` when the row was one too many.
        """
        system, stack, mark = self._before
        self._cells.extend((*system, *decoder, *stack))
        self.marks.append(mark)
        self._machine.clk += 1
        if self._machine.clk > self._max_cycles:
            raise ExecutionFailure("CycleLimitExceeded", detail=f"more than {self._max_cycles} rows")

    def end_control(
        self,
        code: int,
        address: int,
        first: Word,
        second: Word,
        *,
        group_count: int = 0,
        flags: tuple[int, ...] = NO_FLAGS,
    ) -> None:
        """End a row that executes no operation of a block: dec_in_span and dec_op_index are 0."""
        self.end((address, *BITS[code], *first, *second, 0, group_count, 0, *flags, *EXTRA[code]))
