"""Hasher and bitwise rows for compiled code, written by the fragment that requests them.

The rows of one request start at a multiple of 8, so each of their columns is whole cache lines. ``stride`` is the distance
of two columns in words; chiplet column n is column 51 + n of the trace. Sources: spec 05, sections 2 and 3.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from parallel.jit import jit
from parallel.lines import copy_line, transpose_to_lines
from reference.definition.columns import CHIPLETS

_CHIP = CHIPLETS.start
_HASHER_FIRST = _CHIP + 1
_BITWISE_FIRST = _CHIP + 2
BITWISE_WIDTH = 13

_ZERO = np.uint64(0)
_ONE = np.uint64(1)

# main selectors (s1, s2) by request; s0 is 1 in all of them
PERMUTATION = 0
MP_VERIFY = 1
MR_OLD = 2
MR_NEW = 3


@jit
def node_rows(out: Any, stride: Any, row: Any, hasher_rows: Any, first: Any, count: Any) -> Any:
    """Copy the ``count`` permutations of a node, hasher_rows flat (n * 16 * 8,), to the rows from ``row`` on."""
    for permutation in range(count):
        for column in range(16):
            at = (_HASHER_FIRST + column) * stride + row + 8 * permutation
            copy_line(out, at, hasher_rows, ((first + permutation) * 16 + column) * 8)


@jit
def _selector_line(out: Any, at: Any, initial: Any, middle: Any, final: Any, scratch: Any) -> Any:
    scratch[0] = initial
    for i in range(1, 7):
        scratch[i] = middle
    scratch[7] = final
    copy_line(out, at, scratch, 0)


@jit
def permutation_rows(
    out: Any,
    stride: Any,
    row: Any,
    words: Any,
    permutation: Any,
    request: Any,
    is_first: Any,
    is_last: Any,
    first_index: Any,
    rest_index: Any,
    scratch: Any,
) -> Any:
    """Rows of one recorded permutation (96 words at words[96 * permutation]): state by state, selectors and node index."""
    s1 = np.uint64(request >> 1)
    s2 = np.uint64(request & 1)
    final_0 = _ONE if request != PERMUTATION and not is_last else _ZERO
    final_1 = s1 if request != PERMUTATION and not is_last else _ZERO
    final_2 = _ONE if request == PERMUTATION else (s2 if not is_last else _ZERO)
    base = _HASHER_FIRST * stride + row
    _selector_line(out, base, _ONE if is_first else _ZERO, _ZERO, final_0, scratch)
    _selector_line(out, base + stride, s1, s1, final_1, scratch)
    _selector_line(out, base + 2 * stride, s2, s2, final_2, scratch)
    # The states are row-major; 8 x 8 of them are transposed in registers, the last four elements one by one.
    transpose_to_lines(words, permutation * 96, 12, out, base + 3 * stride, stride)
    for element in range(8, 12):
        for state in range(8):
            scratch[state] = words[permutation * 96 + state * 12 + element]
        copy_line(out, base + (3 + element) * stride, scratch, 0)
    _selector_line(out, base + 15 * stride, first_index, rest_index, rest_index, scratch)


@jit
def merkle_rows(
    out: Any, stride: Any, row: Any, words: Any, first: Any, levels: Any, request: Any, index: Any, scratch: Any
) -> Any:
    """Rows of one Merkle path of ``levels`` recorded permutations (spec 05, section 2.4)."""
    for level in range(levels):
        rest = index >> np.uint64(level) >> _ONE
        first_index = index if level == 0 else rest
        permutation_rows(
            out, stride, row + 8 * level, words, first + level, request, level == 0, level == levels - 1,
            first_index, rest, scratch,
        )  # fmt: skip


@jit
def bitwise_rows(out: Any, stride: Any, row: Any, a: Any, b: Any, is_xor: Any, scratch: Any) -> Any:
    """The 8 rows of U32AND or U32XOR: a = item 1, b = item 0; scratch has 104 words."""
    z = _ZERO
    for k in range(8):
        shift = np.uint64(28 - 4 * k)
        x = a >> shift
        y = b >> shift
        scratch[k] = np.uint64(is_xor)
        scratch[8 + k] = x
        scratch[16 + k] = y
        for bit in range(4):
            scratch[(3 + bit) * 8 + k] = (x >> np.uint64(bit)) & _ONE
            scratch[(7 + bit) * 8 + k] = (y >> np.uint64(bit)) & _ONE
        scratch[88 + k] = z
        z = x ^ y if is_xor else x & y
        scratch[96 + k] = z
    for column in range(BITWISE_WIDTH):
        copy_line(out, (_BITWISE_FIRST + column) * stride + row, scratch, 8 * column)
