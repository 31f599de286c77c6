"""EVALCIRCUIT for compiled code: check a circuit, then record its memory reads and its ACE rows.

Checking reads memory gate by gate and fails early, so absurd sizes cost nothing; recording runs only for circuits that end
in zero. Wire number t, counted from 0 in order of creation, has id (wires - 1 - t). Source: spec 01 section 10, 05 section 5,
08 B2 (sizes are added in 64 bits and then cut to 32).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from parallel.extension import extension_multiply
from parallel.field import ONE, ZERO, add, subtract
from parallel.jit import jit
from parallel.memory import find_slot
from parallel.recording import ACCESS_ELEMENT_SHIFT, ACCESS_READ, ACCESS_WORD

ACE_CHIP_ERROR = 1
ADDRESS_OUT_OF_BOUNDS = 2
UNALIGNED_WORD_ACCESS = 3
CIRCUIT_TOO_LARGE = 4
TOO_MANY_READS = 5

_MAX_WIRES = np.uint64(2**30 - 1)
MAX_READ_ROWS = 2**22
"""More are beyond the engine: a trace of 2^23 rows and 9 GiB for one operation."""

_U32_MAX = np.uint64(2**32 - 1)
_ID_MASK = np.uint64(2**30 - 1)
_S30 = np.uint64(30)
_S32 = np.uint64(32)
_S60 = np.uint64(60)
_WORD_MASK = np.uint64(2**64 - 4)


@jit
def _element(keys: Any, memory: Any, ctx: Any, address: Any) -> Any:
    """Memory element, 0 where nothing was written."""
    key = (np.uint64(ctx) << _S32) | (address & _WORD_MASK)
    slot = find_slot(keys, key)
    return memory[slot, np.int64(address & np.uint64(3))] if keys[slot] == key else ZERO


@jit
def _gate_operands(keys: Any, memory: Any, ctx: Any, ptr: Any, n_read: Any, number: Any, results: Any) -> Any:
    """Value of wire ``number``: a variable in memory, or the result of a gate."""
    if number >= n_read:
        return results[number - n_read, 0], results[number - n_read, 1]
    address = ptr + np.uint64(2 * number)
    return _element(keys, memory, ctx, address), _element(keys, memory, ctx, address + ONE)


@jit
def _operate(operation: Any, a0: Any, a1: Any, b0: Any, b1: Any) -> Any:
    """0 subtracts, 1 multiplies, 2 adds."""
    if operation == ZERO:
        return subtract(a0, b0), subtract(a1, b1)
    if operation == ONE:
        return extension_multiply(a0, a1, b0, b1)
    return add(a0, b0), add(a1, b1)


@jit
def evaluate(keys: Any, memory: Any, ctx: Any, ptr: Any, num_vars: Any, num_eval: Any) -> Any:
    """(error, results): error 0 and the gate results (n_eval, 2) when the circuit ends in zero."""
    results = np.empty((64, 2), np.uint64)
    wires = num_vars + num_eval  # wraps, as the real VM's sum does
    if wires > _MAX_WIRES or num_vars & ONE or num_vars == ZERO or num_eval & np.uint64(3) or num_eval == ZERO:
        return ACE_CHIP_ERROR, results
    n_read, n_eval = np.int64(num_vars & _U32_MAX), np.int64(num_eval & _U32_MAX)
    if np.uint64(n_read + n_eval) > _MAX_WIRES:
        return CIRCUIT_TOO_LARGE, results
    gates = add(ptr, np.uint64(2 * n_read))
    if n_read:
        if ptr > _U32_MAX:
            return ADDRESS_OUT_OF_BOUNDS, results
        if ptr & np.uint64(3):
            return UNALIGNED_WORD_ACCESS, results
        if ptr + np.uint64(2 * n_read) > _U32_MAX + ONE:
            return ADDRESS_OUT_OF_BOUNDS, results
    for gate in range(n_eval):
        address = add(gates, np.uint64(gate))
        if address > _U32_MAX:
            return ADDRESS_OUT_OF_BOUNDS, results
        instruction = _element(keys, memory, ctx, address)
        left = n_read + n_eval - 1 - np.int64(instruction & _ID_MASK)
        right = n_read + n_eval - 1 - np.int64((instruction >> _S30) & _ID_MASK)
        created = n_read + gate
        bad_wire = left < 0 or left >= created or right < 0 or right >= created
        if instruction >> _S60 > np.uint64(2) or bad_wire:
            return ACE_CHIP_ERROR, results
        if gate == results.shape[0]:
            larger = np.empty((2 * gate, 2), np.uint64)
            larger[:gate] = results
            results = larger
        a0, a1 = _gate_operands(keys, memory, ctx, ptr, n_read, left, results)
        b0, b1 = _gate_operands(keys, memory, ctx, ptr, n_read, right, results)
        results[gate, 0], results[gate, 1] = _operate(instruction >> _S60, a0, a1, b0, b1)
    if n_read + n_eval == 0:
        return ACE_CHIP_ERROR, results
    last0, last1 = _gate_operands(keys, memory, ctx, ptr, n_read, n_read + n_eval - 1, results)
    if last0 != ZERO or last1 != ZERO:
        return ACE_CHIP_ERROR, results
    return (TOO_MANY_READS if n_read // 2 > MAX_READ_ROWS else 0), results


@jit
def circuit_rows(num_vars: Any, num_eval: Any) -> Any:
    """Memory accesses and ACE rows of a circuit that evaluates to zero."""
    return np.int64(num_vars & _U32_MAX) // 2 + np.int64(num_eval & _U32_MAX)


@jit
def _record_read(accesses: Any, at: Any, key: Any, clk: Any, kind: Any, memory: Any, slot: Any) -> Any:
    entry = accesses[at]
    entry.key = key
    entry.clk = clk
    entry.kind = kind
    for i in range(4):
        entry.word[i] = memory[slot, i] if slot >= 0 else ZERO


@jit
def _slot_or_none(keys: Any, key: Any) -> Any:
    slot = find_slot(keys, key)
    return slot if keys[slot] == key else -1


@jit
def record(
    keys: Any,
    memory: Any,
    ctx: Any,
    clk: Any,
    ptr: Any,
    num_vars: Any,
    num_eval: Any,
    results: Any,
    accesses: Any,
    at: Any,
    ace: Any,
    row: Any,
) -> Any:
    """Write the accesses from ``at`` on and the ACE rows (16 words each) from ``row`` on; both have room."""
    n_read, n_eval = np.int64(num_vars & _U32_MAX), np.int64(num_eval & _U32_MAX)
    wires = n_read + n_eval
    gates = add(ptr, np.uint64(2 * n_read))
    uses = np.zeros(wires, np.uint64)
    base = np.uint64(ctx) << _S32
    for gate in range(n_eval):
        instruction = _element(keys, memory, ctx, gates + np.uint64(gate))
        uses[np.int64(instruction & _ID_MASK)] += ONE
        uses[np.int64((instruction >> _S30) & _ID_MASK)] += ONE
    for pair in range(n_read // 2):
        address = ptr + np.uint64(4 * pair)
        _record_read(
            accesses, at, base | address, clk, ACCESS_READ | ACCESS_WORD, memory, _slot_or_none(keys, base | address)
        )
        first = wires - 1 - 2 * pair
        cells = ace[row]
        cells[:] = ZERO
        cells[0] = ONE if pair == 0 else ZERO
        cells[2], cells[3], cells[4] = np.uint64(ctx), address, np.uint64(clk)
        cells[6], cells[9] = np.uint64(first), np.uint64(first - 1)
        for i in range(2):
            cells[7 + i] = accesses[at].word[i]
            cells[10 + i] = accesses[at].word[2 + i]
        cells[12] = np.uint64(n_eval - 1) & _U32_MAX
        cells[14], cells[15] = uses[first - 1], uses[first]
        at += 1
        row += 1
    for gate in range(n_eval):
        address = gates + np.uint64(gate)
        instruction = _element(keys, memory, ctx, address)
        kind = ACCESS_READ | (np.int64(address & np.uint64(3)) << ACCESS_ELEMENT_SHIFT)
        key = base | (address & _WORD_MASK)
        _record_read(accesses, at, key, clk, kind, memory, _slot_or_none(keys, key))
        left, right = instruction & _ID_MASK, (instruction >> _S30) & _ID_MASK
        cells = ace[row]
        cells[0], cells[1] = ZERO, ONE
        cells[2], cells[3], cells[4] = np.uint64(ctx), address, np.uint64(clk)
        cells[5] = subtract(instruction >> _S60, ONE)
        cells[6], cells[7], cells[8] = np.uint64(n_eval - 1 - gate), results[gate, 0], results[gate, 1]
        cells[9] = left
        cells[10], cells[11] = _gate_operands(keys, memory, ctx, ptr, n_read, wires - 1 - np.int64(left), results)
        cells[12] = right
        cells[13], cells[14] = _gate_operands(keys, memory, ctx, ptr, n_read, wires - 1 - np.int64(right), results)
        cells[15] = uses[n_eval - 1 - gate]
        at += 1
        row += 1
