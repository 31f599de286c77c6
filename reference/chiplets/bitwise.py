"""The bitwise chiplet: eight rows per U32AND or U32XOR, most significant limb first (spec 05, section 3)."""

from __future__ import annotations

from array import array

import numpy as np
from numpy.typing import NDArray

WIDTH = 13
"""Payload columns: op, a, b, a0..a3, b0..b3, z_prev, z."""

CYCLE_ROWS = 8
"""Rows per request: a 32-bit operand has 8 limbs of 4 bits."""

LIMB_BITS = 4
AND = 0
XOR = 1


class Bitwise:
    """The requests so far: three numbers each, op, a and b."""

    def __init__(self) -> None:
        self._requests = array("Q")

    def and_(self, a: int, b: int) -> int:
        """The conjunction of two u32 values (U32AND: a = s1, b = s0)."""
        self._requests.extend((AND, a, b))
        return a & b

    def xor(self, a: int, b: int) -> int:
        """The exclusive or of two u32 values (U32XOR: a = s1, b = s0)."""
        self._requests.extend((XOR, a, b))
        return a ^ b

    def table(self) -> NDArray[np.uint64]:
        """All rows, shape (8 x requests, 13), dtype uint64: op, a, b, a0..a3, b0..b3, z_prev, z."""
        rows = array("Q")
        requests = iter(self._requests)
        for op, a, b in zip(requests, requests, requests, strict=True):
            _append_cycle(rows, op, a, b)
        return np.array(rows, dtype=np.uint64).reshape(-1, WIDTH)


def _append_cycle(rows: array[int], op: int, a: int, b: int) -> None:
    z = a & b if op == AND else a ^ b
    for shift in range(32 - LIMB_BITS, -1, -LIMB_BITS):
        a_prefix, b_prefix = a >> shift, b >> shift
        rows.extend((op, a_prefix, b_prefix))
        rows.extend(a_prefix >> bit & 1 for bit in range(LIMB_BITS))
        rows.extend(b_prefix >> bit & 1 for bit in range(LIMB_BITS))
        rows.extend((z >> (shift + LIMB_BITS), z >> shift))
