"""Field and extension arithmetic of the audit's compiled rules, p = 2^64 - 2^32 + 1.

Operands are cells of a trace under suspicion: any uint64 is allowed and nothing here fails. Results are canonical when the
operands are; a cell that is not canonical is reported by a rule of its own. A bare Python literal would turn a uint64
expression into int64 or float64, so every constant is an explicit ``np.uint64``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types

from harness.audit.jit import intrinsic, jit, jit_inline
from reference.definition.field import P as MODULUS

P = np.uint64(MODULUS)
EPSILON = np.uint64(2**32 - 1)
"""2^64 mod p."""
ZERO = np.uint64(0)
ONE = np.uint64(1)
TWO = np.uint64(2)
SHIFT_32 = np.uint64(32)


@intrinsic
def product_high(_: Any, __: Any, ___: Any) -> Any:
    """The upper 64 bits of the product of two uint64, which numba cannot express."""

    def generate(_: Any, builder: Any, __: Any, arguments: Any) -> Any:
        wide = ir.IntType(128)
        product = builder.mul(builder.zext(arguments[0], wide), builder.zext(arguments[1], wide))
        return builder.trunc(builder.lshr(product, ir.Constant(wide, 64)), ir.IntType(64))

    return types.uint64(types.uint64, types.uint64), generate


@jit_inline
def add(a: Any, b: Any) -> Any:
    """a + b mod p."""
    total = a + b
    if total < a:
        total += EPSILON
    return total - P if total >= P else total


@jit_inline
def sub(a: Any, b: Any) -> Any:
    """a - b mod p."""
    return a - b if a >= b else a - b + P


@jit_inline
def mul(a: Any, b: Any) -> Any:
    """a * b mod p, by 2^64 = 2^32 - 1 and 2^96 = -1; canonical for every pair of uint64."""
    low = a * b
    high = product_high(a, b)
    top = high >> SHIFT_32
    folded = low - top
    if low < top:
        folded -= EPSILON
    middle = (high & EPSILON) * EPSILON
    total = folded + middle
    if total < middle:
        total += EPSILON
    return total - P if total >= P else total


@jit_inline
def power_7(a: Any) -> Any:
    """a^7."""
    square = mul(a, a)
    return mul(mul(square, square), mul(square, a))


@jit
def power(a: Any, exponent: Any) -> Any:
    """a^exponent, both uint64."""
    result = ONE
    while exponent != ZERO:
        if exponent & ONE:
            result = mul(result, a)
        a = mul(a, a)
        exponent >>= ONE
    return result


@jit
def inverse(a: Any) -> Any:
    """1/a; 0 for 0."""
    return power(a, P - TWO)
