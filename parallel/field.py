"""Field arithmetic for compiled code: canonical uint64 in, canonical uint64 out.

Multiplication is emitted as LLVM IR because numba has no 128-bit product; everything else is plain numba. A bare Python
literal would turn a uint64 expression into int64 or float64, so every constant here is an explicit ``np.uint64``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types

from parallel.jit import intrinsic, jit, jit_inline, plain_or_intrinsic
from reference.definition.field import P as MODULUS

P = np.uint64(MODULUS)
EPSILON = np.uint64(2**32 - 1)
"""2^64 mod p."""
ZERO = np.uint64(0)
ONE = np.uint64(1)

_I64 = ir.IntType(64)
_I128 = ir.IntType(128)


def _constant(value: int) -> Any:
    return ir.Constant(_I64, value)


def emit_multiply(builder: Any, a: Any, b: Any) -> Any:
    """IR of the canonical product of two values below 2^64 (spec 10, section 7: 2^64 = 2^32 - 1, 2^96 = -1)."""
    product = builder.mul(builder.zext(a, _I128), builder.zext(b, _I128))
    low = builder.trunc(product, _I64)
    high = builder.trunc(builder.lshr(product, ir.Constant(_I128, 64)), _I64)
    top = builder.lshr(high, _constant(32))
    middle = builder.and_(high, _constant(2**32 - 1))
    difference = builder.sub(low, top)
    borrow = builder.icmp_unsigned("<", low, top)
    difference = builder.select(borrow, builder.sub(difference, _constant(2**32 - 1)), difference)
    scaled = builder.sub(builder.shl(middle, _constant(32)), middle)
    total = builder.add(difference, scaled)
    carry = builder.icmp_unsigned("<", total, difference)
    total = builder.select(carry, builder.add(total, _constant(2**32 - 1)), total)
    return builder.select(
        builder.icmp_unsigned(">=", total, _constant(MODULUS)), builder.sub(total, _constant(MODULUS)), total
    )


@intrinsic
def _emitted_multiply(typing_context: Any, a: Any, b: Any) -> Any:
    """a * b mod p; operands any uint64, result canonical."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return emit_multiply(builder, arguments[0], arguments[1])

    return types.uint64(types.uint64, types.uint64), generate


def _plain_multiply(a: Any, b: Any) -> np.uint64:
    return np.uint64(int(a) * int(b) % MODULUS)


multiply = plain_or_intrinsic(_plain_multiply, _emitted_multiply)


@jit_inline
def add(a: np.uint64, b: np.uint64) -> np.uint64:
    """a + b mod p of canonical operands."""
    total = a + b
    if total < a:
        total += EPSILON
    return total - P if total >= P else total


@jit_inline
def subtract(a: np.uint64, b: np.uint64) -> np.uint64:
    """a - b mod p of canonical operands."""
    return a - b if a >= b else a - b + P


@jit
def power_of_two(a: Any, squarings: Any) -> Any:
    """a to the power 2^squarings."""
    for _ in range(squarings):
        a = multiply(a, a)
    return a


@jit
def inverse_or_zero(a: Any) -> Any:
    """a^(p-2), so 0 for 0; p - 2 is 31 ones, a zero, 32 ones in binary."""
    ones2 = multiply(power_of_two(a, 1), a)
    ones4 = multiply(power_of_two(ones2, 2), ones2)
    ones8 = multiply(power_of_two(ones4, 4), ones4)
    ones16 = multiply(power_of_two(ones8, 8), ones8)
    ones24 = multiply(power_of_two(ones16, 8), ones8)
    ones28 = multiply(power_of_two(ones24, 4), ones4)
    ones30 = multiply(power_of_two(ones28, 2), ones2)
    ones31 = multiply(power_of_two(ones30, 1), a)
    ones32 = multiply(power_of_two(ones31, 1), a)
    return multiply(power_of_two(ones31, 33), ones32)


@jit
def invert_all(values: np.ndarray, count: int, scratch: np.ndarray) -> None:
    """Replace values[:count] (uint64, canonical, none zero) by their inverses; scratch has room for count more.

    Montgomery's trick: three products each and one inversion for all.
    """
    product = ONE
    for i in range(count):
        scratch[i] = product
        product = multiply(product, values[i])
    product = inverse_or_zero(product)
    for i in range(count - 1, -1, -1):
        value = values[i]
        values[i] = multiply(product, scratch[i])
        product = multiply(product, value)
