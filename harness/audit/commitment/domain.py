"""Low-degree extension of columns: interpolate over the trace domain, evaluate on a coset (spec 11, sections 1 and 2)."""

from __future__ import annotations

from typing import Final

import numpy as np

from harness.audit.commitment.field_arrays import Elements, add, multiply, subtract
from reference.definition.field import P, inverse_or_zero

OFFSET: Final = 7
"""The multiplicative generator shifts the extension domain off the trace domain."""
ROOT_OF_UNITY: Final = 7277203076849721926
"""Of order 2^32. It is not 7^((p-1)/2^32); with that one the domain's points come in another order."""
TWO_ADICITY: Final = 32


def root_of_unity(size: int) -> int:
    """The generator of the domain of ``size`` points, a power of two."""
    return pow(ROOT_OF_UNITY, 2**TWO_ADICITY // size, P)


def powers(base: int, count: int) -> Elements:
    """1, base, base^2, ..."""
    values = [1]
    for _ in range(count - 1):
        values.append(values[-1] * base % P)
    return np.array(values, dtype=np.uint64)


def transform(coefficients: Elements, root: int) -> Elements:
    """Values at root^0, root^1, ... of the polynomials whose coefficients are the rows, (columns, size)."""
    size = coefficients.shape[1]
    bits = size.bit_length() - 1
    order = [int(f"{i:0{bits}b}"[::-1], 2) for i in range(size)] if bits else [0]
    values = coefficients[:, order]
    half = 1
    while half < size:
        twiddles = powers(pow(root, size // (2 * half), P), half)
        pairs = values.reshape(values.shape[0], -1, 2, half)
        odd = multiply(pairs[:, :, 1], twiddles)
        values = np.stack([add(pairs[:, :, 0], odd), subtract(pairs[:, :, 0], odd)], axis=2).reshape(values.shape)
        half *= 2
    return values


def interpolate(columns: Elements) -> Elements:
    """Coefficients, lowest first, of the polynomials with these values on the trace domain; (columns, n)."""
    size = columns.shape[1]
    coefficients = transform(columns, inverse_or_zero(root_of_unity(size)))
    return multiply(coefficients, np.uint64(inverse_or_zero(size)) * np.ones(1, dtype=np.uint64))


def extend(coefficients: Elements, blowup: int) -> Elements:
    """Values at 7 g^i for i = 0 .. n blowup - 1, natural order; (columns, n blowup)."""
    size = coefficients.shape[1] * blowup
    shifted = np.zeros((coefficients.shape[0], size), dtype=np.uint64)
    shifted[:, : coefficients.shape[1]] = multiply(coefficients, powers(OFFSET, coefficients.shape[1]))
    return transform(shifted, root_of_unity(size))
