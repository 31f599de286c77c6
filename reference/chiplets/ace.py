"""Arithmetic circuit evaluation: one section of rows per EVALCIRCUIT (spec 05 section 5, 01 section 10).

A circuit lies in memory: first the variables, two to a word, then the gates, one element each. It is evaluated before
any row is written, and variables are fetched only when a gate names them. So a circuit that fails costs as much as the
gates that were written, whatever sizes it claims; and it needs no rows, because a failing program has no trace.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from reference.chiplets.memory import WORD_SIZE, Memory, check_word_address
from reference.definition.errors import BeyondLimits, ExecutionFailure
from reference.definition.field import (
    U32_LIMIT,
    ZERO_WORD,
    Extension,
    P,
    extension_add,
    extension_multiply,
    extension_subtract,
)

WIDTH = 16
"""Payload columns: s_start, s_block, ctx, ptr, clk, op, id0, v0 (2), id1, v1 (2), id2, v2 (2), m0."""

MAX_WIRES = 2**30 - 1
"""A gate names its inputs by 30-bit wire ids."""

MAX_READ_ROWS = 2**22
"""More READ rows are refused: with their memory rows they would need a trace of 2^24 rows, 9 GiB."""

U64_LIMIT = 2**64
ID_BITS = 30
ID_MASK = 2**ID_BITS - 1
SUB, MUL, ADD = range(3)


class Ace:
    """The rows of all circuits so far."""

    def __init__(self) -> None:
        self._rows = array("Q")

    def evaluate(self, memory: Memory, ctx: int, clk: int, ptr: int, num_vars: int, num_eval: int) -> None:
        """Evaluate the circuit at ``ptr``, append its section and the memory reads that fetch it.

        Raises ExecutionFailure ``AceChipError`` (the detail names the reason; the real VM gives neither a clk nor the
        inner variant), ``CircuitTooLarge``, ``MemoryError.AddressOutOfBounds`` or ``MemoryError.UnalignedWordAccess``;
        BeyondLimits for a circuit that evaluates to zero and has more than MAX_READ_ROWS x 2 variables.
        """
        n_read, n_eval = _check_sizes(num_vars, num_eval)
        circuit = _Circuit(memory, ctx, clk, ptr, n_read, n_eval)
        circuit.evaluate()
        if n_read // 2 > MAX_READ_ROWS:
            raise BeyondLimits(f"EVALCIRCUIT reads at most {2 * MAX_READ_ROWS} variables here")
        circuit.append_rows(self._rows)

    def table(self) -> NDArray[np.uint64]:
        """All rows, shape (n, 16), dtype uint64, sections in execution order."""
        return np.array(self._rows, dtype=np.uint64).reshape(-1, WIDTH)


def _failure(reason: str) -> ExecutionFailure:
    return ExecutionFailure("AceChipError", detail=reason)


def _check_sizes(num_vars: int, num_eval: int) -> tuple[int, int]:
    """The checks on the two sizes, in the real VM's order, and what it then works with.

    The real VM adds the sizes in 64 bits, and after the checks cuts each to 32 bits: sizes whose sum wraps pass
    (spec 08, B2). When the cut sizes together exceed the limit it panics, which is the failure ``CircuitTooLarge``
    here, a name of our own.
    """
    num_wires = (num_vars + num_eval) % U64_LIMIT
    if num_wires > MAX_WIRES:
        raise _failure(f"TooManyWires({num_wires})")
    if num_vars % 2 or num_vars == 0:
        raise _failure(f"NumVarIsNotWordAlignedOrIsEmpty({num_vars})")
    if num_eval % 4 or num_eval == 0:
        raise _failure(f"NumEvalIsNotWordAlignedOrIsEmpty({num_eval})")
    n_read, n_eval = num_vars % U32_LIMIT, num_eval % U32_LIMIT
    if n_read + n_eval > MAX_WIRES:
        raise ExecutionFailure("CircuitTooLarge", detail=f"{n_read} variables and {n_eval} gates after the cut")
    return n_read, n_eval


@dataclass(slots=True)
class _Circuit:
    """One evaluation: gate results in order, and how often each wire is used.

    Wire number t, counted from 0 in the order of creation, has id W - 1 - t: variables first, then gates.
    """

    memory: Memory
    ctx: int
    clk: int
    ptr: int
    n_read: int
    n_eval: int
    results: list[Extension] = field(default_factory=list)
    uses: dict[int, int] = field(default_factory=dict)
    """By wire id; wires that no gate uses are absent."""

    @property
    def gates_ptr(self) -> int:
        """Where the gates begin."""
        return (self.ptr + 2 * self.n_read) % P

    def evaluate(self) -> None:
        """Evaluate all gates; raises as :meth:`Ace.evaluate` does, in the order of the real VM's steps."""
        self._check_read_addresses()
        for gate in range(self.n_eval):
            op, left, right = self._decode(gate)
            a, b = self._use(left), self._use(right)
            operate = extension_subtract if op == SUB else extension_multiply if op == MUL else extension_add
            self.results.append(operate(a, b))
        if self.n_read + self.n_eval == 0 or self._value(self.n_read + self.n_eval - 1) != (0, 0):
            raise _failure("CircuitNotEvaluateZero")

    def append_rows(self, rows: array[int]) -> None:
        """Append READ rows, then EVAL rows, and make the memory reads behind them.

        There is a READ row, which starts the section: without variables no gate has an input, and the circuit fails.
        """
        wires = self.n_read + self.n_eval
        num_eval_cell = (self.n_eval - 1) % U32_LIMIT
        for row in range(self.n_read // 2):
            ptr = self.ptr + WORD_SIZE * row
            v0_0, v0_1, v1_0, v1_1 = self.memory.read_word(self.ctx, ptr, self.clk)
            id0, id1 = wires - 1 - 2 * row, wires - 2 - 2 * row
            rows.extend((int(row == 0), 0, self.ctx, ptr, self.clk, 0, id0, v0_0, v0_1, id1, v1_0, v1_1))
            rows.extend((num_eval_cell, 0, self.uses.get(id1, 0), self.uses.get(id0, 0)))
        for gate, result in enumerate(self.results):
            self._append_eval_row(rows, gate, result)

    def _append_eval_row(self, rows: array[int], gate: int, result: Extension) -> None:
        ptr = self.gates_ptr + gate
        op, left, right = self._decode(gate)
        self.memory.read_element(self.ctx, ptr, self.clk)
        id0 = self.n_eval - 1 - gate
        rows.extend((0, 1, self.ctx, ptr, self.clk, (op - 1) % P, id0, *result))
        rows.extend((left, *self._value(self._number(left)), right, *self._value(self._number(right))))
        rows.append(self.uses.get(id0, 0))

    def _check_read_addresses(self) -> None:
        """What the READ steps can fail with: the first access is unaligned or out of bounds, or a later one too far."""
        if self.n_read:
            check_word_address(self.ptr, self.clk)
            if self.gates_ptr > U32_LIMIT:
                check_word_address(U32_LIMIT, self.clk)

    def _decode(self, gate: int) -> tuple[int, int, int]:
        """Operation, left id and right id of a gate."""
        addr = (self.gates_ptr + gate) % P
        if addr >= U32_LIMIT:
            raise ExecutionFailure("MemoryError.AddressOutOfBounds", detail=f"address {addr} is not below 2^32")
        instruction = self.memory.peek_element(self.ctx, addr) or 0
        op = instruction >> 2 * ID_BITS
        if op > ADD:
            raise _failure("FailedDecodeInstruction")
        return op, instruction & ID_MASK, instruction >> ID_BITS & ID_MASK

    def _number(self, wire_id: int) -> int:
        return self.n_read + self.n_eval - 1 - wire_id

    def _use(self, wire_id: int) -> Extension:
        """The value of a gate's input, counted as a use."""
        number = self._number(wire_id)
        if not 0 <= number < self.n_read + len(self.results):
            raise _failure("FailedWireBusRead")
        self.uses[wire_id] = self.uses.get(wire_id, 0) + 1
        return self._value(number)

    def _value(self, number: int) -> Extension:
        """The value of wire ``number``, a variable or the result of a gate."""
        if number >= self.n_read:
            return self.results[number - self.n_read]
        word = self.memory.peek_word(self.ctx, self.ptr + 2 * (number - number % 2)) or ZERO_WORD
        return (word[2], word[3]) if number % 2 else (word[0], word[1])
