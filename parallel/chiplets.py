"""Memory, ACE and kernel ROM rows, and the cells around all chiplet sections (spec 05, sections 1, 4, 5, 6)."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numba.np.ufunc.parallel import get_thread_id
from numpy.typing import NDArray

from parallel.field import invert_all
from parallel.jit import jit, jit_parallel
from parallel.lines import fill_line
from parallel.recording import Array
from reference.definition.columns import CHIPLETS

_CHIP = CHIPLETS.start
_MEMORY_FIRST = _CHIP + 3
_ACE_FIRST = _CHIP + 4
_KERNEL_FIRST = _CHIP + 5
_U16_MAX = np.uint64(2**16 - 1)
_U32_MAX = np.uint64(2**32 - 1)
_S16 = np.uint64(16)
_S32 = np.uint64(32)
_S6 = np.uint64(6)
_ZERO = np.uint64(0)
_ONE = np.uint64(1)

MEMORY_CHUNK = 1024
"""Rows per task: one batch inversion each, small enough to share, large enough to pay for the inversion."""


def memory_order(accesses: Array) -> NDArray[np.int64]:
    """Indices of the accesses by (context, word address), ties in the order they happened."""
    return np.argsort(accesses["key"], kind="stable").astype(np.int64)


@jit
def memory_chunk(
    out: Any, stride: Any, row: Any, first: Any, last: Any, order: Any, accesses: Any, counts: Any, touched: Any
) -> Any:
    """Memory rows ``first`` .. ``last - 1`` of the section that starts at ``row``; books their delta limbs."""
    count = last - first
    deltas = np.empty(count, np.uint64)
    scratch = np.empty(count, np.uint64)
    for i in range(first, last):
        access = accesses[order[i]]
        key, kind = access.key, access.kind
        at = _MEMORY_FIRST * stride + row + i
        delta, same_word = _ONE, _ONE
        if i > 0:
            before = accesses[order[i - 1]]
            if before.key >> _S32 != key >> _S32:
                delta, same_word = (key >> _S32) - (before.key >> _S32), _ZERO
            elif before.key != key:
                delta, same_word = key - before.key, _ZERO
            else:
                delta = np.uint64(access.clk - before.clk)
        out[at] = np.uint64(kind & 1)
        out[at + stride] = np.uint64((kind >> 1) & 1)
        out[at + 2 * stride] = key >> _S32
        out[at + 3 * stride] = key & _U32_MAX
        out[at + 4 * stride] = np.uint64((kind >> 2) & 1)
        out[at + 5 * stride] = np.uint64((kind >> 3) & 1)
        out[at + 6 * stride] = np.uint64(access.clk)
        for k in range(4):
            out[at + (7 + k) * stride] = access.word[k]
        for k in range(2):
            limb = (delta >> (_S16 * np.uint64(k))) & _U16_MAX
            out[at + (11 + k) * stride] = limb
            counts[limb] += np.uint32(1)
            touched[limb >> _S6] = np.uint8(1)
        out[at + 14 * stride] = same_word
        # 0 has no inverse; its place is overwritten below.
        deltas[i - first] = delta if delta != _ZERO else _ONE
        scratch[i - first] = delta
    inverse_at = (_MEMORY_FIRST + 13) * stride + row
    for i in range(count):
        out[inverse_at + first + i] = scratch[i]
    invert_all(deltas, count, scratch)
    for i in range(count):
        if out[inverse_at + first + i] != _ZERO:
            out[inverse_at + first + i] = deltas[i]


@jit_parallel
def memory_rows_parallel(out: Any, stride: Any, row: Any, order: Any, accesses: Any, counts: Any, touched: Any) -> Any:
    """All memory rows, chunks spread over threads; counts and touched have one row per thread."""
    total = order.shape[0]
    for chunk in numba.prange((total + MEMORY_CHUNK - 1) // MEMORY_CHUNK):
        thread = get_thread_id()
        first = np.int64(chunk) * MEMORY_CHUNK
        last = min(total, first + MEMORY_CHUNK)
        memory_chunk(out, stride, row, first, last, order, accesses, counts[thread], touched[thread])


def ace_rows(columns: NDArray[np.uint64], row: int, ace: NDArray[np.uint64]) -> None:
    """Copy the recorded ACE rows, (n, 16), to the columns from ``row`` on."""
    columns[_ACE_FIRST : _ACE_FIRST + 16, row : row + len(ace)] = ace.T


def kernel_rows(columns: NDArray[np.uint64], row: int, procedures: Array, calls: Array) -> int:
    """Kernel ROM rows from ``row`` on: per procedure (n, 4) one row, and one more per SYSCALL; returns the row after."""
    for procedure, count in zip(procedures, calls, strict=False):
        rows = slice(row, row + 1 + int(count))
        columns[_KERNEL_FIRST, rows] = 0
        columns[_KERNEL_FIRST, row] = 1
        for i in range(4):
            columns[_KERNEL_FIRST + 1 + i, rows] = procedure[i]
        row = rows.stop
    return row


@jit
def fill_range(out: Any, first: Any, last: Any, value: Any) -> Any:
    """out[first:last] = value; whole lines past the caches, the ends word by word."""
    while first < last and (first & 7) != 0:
        out[first] = value
        first += 1
    while first + 8 <= last:
        fill_line(out, first, value)
        first += 8
    while first < last:
        out[first] = value
        first += 1


@jit
def constant_cells(
    out: Any, stride: Any, column: Any, low: Any, high: Any, core_rows: Any, sections: Any, halt: Any, range_start: Any
) -> Any:
    """The cells of one column, rows low .. high - 1, that no fragment and no chiplet writes.

    sections: first rows of bitwise, memory, ACE, kernel ROM and padding. halt: the 49 core cells of a padding row.
    """
    base = column * stride
    if column < 49:
        first = max(low, core_rows)
        if column == 0:
            for row in range(first, high):
                out[base + row] = np.uint64(row)
        else:
            fill_range(out, base + first, base + high, halt[column])
    elif column < 51:
        fill_range(out, base + low, base + min(high, range_start), _ZERO)
    elif column == 71:
        fill_range(out, base + low, base + high, _ZERO)
    else:
        chip = column - 51
        start = 0
        for section in range(6):
            end = sections[section] if section < 5 else high
            # selector prefix: `section` ones and a zero (padding: five ones); payload follows; the rest is 0
            first_zero = (16, 14, 17, 19, 9, 4)[section]
            if chip <= section or chip > first_zero or section == 5:
                value = _ONE if chip < section else _ZERO
                fill_range(out, base + max(low, start), base + min(high, end), value)
            start = end


@jit_parallel
def constant_columns(
    out: Any, stride: Any, rows: Any, core_rows: Any, sections: Any, halt: Any, range_start: Any
) -> Any:
    """:func:`constant_cells` for all 72 columns, each in eight parts."""
    part = rows // 8
    for task in numba.prange(72 * 8):
        index = np.int64(task)
        low = (index % 8) * part
        constant_cells(out, stride, index // 8, low, low + part, core_rows, sections, halt, range_start)


@jit
def constant_columns_serial(
    out: Any, stride: Any, rows: Any, core_rows: Any, sections: Any, halt: Any, range_start: Any
) -> Any:
    """The same on one thread, for small traces."""
    for column in range(72):
        constant_cells(out, stride, column, 0, rows, core_rows, sections, halt, range_start)
