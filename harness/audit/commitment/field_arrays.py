"""Field arithmetic on NumPy arrays of canonical uint64, p = 2^64 - 2^32 + 1."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from reference.definition.field import P

Elements = NDArray[np.uint64]
"""Canonical field elements, any shape."""

_P: Final = np.uint64(P)
_LOW: Final = np.uint64(2**32 - 1)
"""Also 2^64 mod p."""
_32: Final = np.uint64(32)


def elements(values: object) -> Elements:
    """An array of these integers, modulo p."""
    return np.array(np.array(values, dtype=object) % P, dtype=np.uint64)


def add(a: Elements, b: Elements) -> Elements:
    """a + b mod p."""
    # p - b cannot wrap, so the comparison tells whether the sum reaches p.
    return np.where(a >= _P - b, a - (_P - b), a + b)


def subtract(a: Elements, b: Elements) -> Elements:
    """a - b mod p."""
    return np.where(a >= b, a - b, a + (_P - b))


def multiply(a: Elements, b: Elements) -> Elements:
    """a * b mod p, from 32-bit halves, by 2^64 = 2^32 - 1 and 2^96 = -1."""
    a_low, a_high, b_low, b_high = a & _LOW, a >> _32, b & _LOW, b >> _32
    low = a_low * b_low
    across = a_low * b_high + (low >> _32)
    middle = a_high * b_low + (across & _LOW)
    lower = (middle << _32) | (low & _LOW)
    upper = a_high * b_high + (across >> _32) + (middle >> _32)
    return _folded(lower, upper)


def _folded(lower: Elements, upper: Elements) -> Elements:
    """lower + 2^64 upper mod p."""
    top = upper >> _32
    folded = np.where(lower >= top, lower - top, lower - top - _LOW)
    scaled = (upper & _LOW) * _LOW
    total = folded + scaled
    total = np.where(total < scaled, total + _LOW, total)
    result: Elements = np.where(total >= _P, total - _P, total)
    return result


def power(a: Elements, exponent: int) -> Elements:
    """a^exponent."""
    result = np.ones_like(a)
    while exponent:
        if exponent & 1:
            result = multiply(result, a)
        a = multiply(a, a)
        exponent >>= 1
    return result


def product_with_matrix(matrix: NDArray[np.uint64], a: Elements) -> Elements:
    """A matrix of integers below 2^24 times the columns of ``a``, (columns of the matrix, n)."""
    low = matrix @ (a & _LOW)
    high = matrix @ (a >> _32)
    return _folded((high << _32) + low, (high >> _32) + ((high << _32) + low < low).astype(np.uint64))
