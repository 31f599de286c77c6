"""Extension-field arithmetic and the two folding formulas for compiled code; pairs (c0, c1), phi^2 = phi - 2."""

from __future__ import annotations

from typing import Any

import numpy as np

from parallel.field import ONE, add, inverse_or_zero, multiply, subtract
from parallel.jit import jit

# f(s) = tau^(-s), tau^-1, 1/2 and the domain offset of FRIE2F4 (spec 01, section 8.7)
FRI_FACTORS = (
    np.uint64(1),
    np.uint64(18446462594437873665),
    np.uint64(18446744069414584320),
    np.uint64(281474976710656),
)
_HALF = np.uint64(9223372034707292161)
_OFFSET = np.uint64(7)


@jit
def extension_multiply(a0: Any, a1: Any, b0: Any, b1: Any) -> Any:
    """(a0 + a1 phi)(b0 + b1 phi)."""
    low = multiply(a0, b0)
    high = multiply(a1, b1)
    cross = add(multiply(a0, b1), multiply(a1, b0))
    return subtract(low, add(high, high)), add(cross, high)


@jit
def multiply_add(a0: Any, a1: Any, b0: Any, b1: Any, c0: Any, c1: Any) -> Any:
    """a * b + c."""
    r0, r1 = extension_multiply(a0, a1, b0, b1)
    return add(r0, c0), add(r1, c1)


@jit
def _fold2(a0: Any, a1: Any, b0: Any, b1: Any, c0: Any, c1: Any) -> Any:
    """(a + b + (a - b) c) / 2."""
    d0, d1 = extension_multiply(subtract(a0, b0), subtract(a1, b1), c0, c1)
    return multiply(add(add(a0, b0), d0), _HALF), multiply(add(add(a1, b1), d1), _HALF)


@jit
def fri_fold(item: Any, out: Any) -> Any:
    """FRIE2F4 on item[0..15] (top first, uint64): out[0..15] is the stack before the overflow pop, out[16..21] the helpers.

    The caller checks the segment and the previous folding.
    """
    factor = FRI_FACTORS[np.int64(item[9])]
    x = multiply(multiply(_OFFSET, item[10]), factor)
    x_inverse = inverse_or_zero(x)
    ev0, ev1 = multiply(item[14], x_inverse), multiply(item[13], x_inverse)
    es0, es1 = extension_multiply(ev0, ev1, ev0, ev1)
    t0, t1 = _fold2(item[7], item[6], item[3], item[2], ev0, ev1)
    tau_inverse = FRI_FACTORS[1]
    u0, u1 = _fold2(item[5], item[4], item[1], item[0], multiply(ev0, tau_inverse), multiply(ev1, tau_inverse))
    r0, r1 = _fold2(t0, t1, u0, u1, es0, es1)
    poe2 = multiply(item[10], item[10])
    out[0] = t1
    out[1] = t0
    out[2] = u1
    out[3] = u0
    for segment in range(4):
        out[4 + segment] = ONE if item[9] == np.uint64(3 - segment) else np.uint64(0)
    out[8] = poe2
    out[9] = factor
    out[10] = add(item[15], np.uint64(8))
    out[11] = multiply(poe2, poe2)
    out[12] = item[8]
    out[13] = r1
    out[14] = r0
    out[16] = ev0
    out[17] = ev1
    out[18] = es0
    out[19] = es1
    out[20] = x
    out[21] = x_inverse


@jit
def horner_base(item: Any, a0: Any, a1: Any, out: Any) -> Any:
    """Eight base coefficients item[7]..item[0]; out: accumulator after four (2), after eight (2)."""
    c0, c1 = item[15], item[14]
    for k in range(8):
        c0, c1 = extension_multiply(c0, c1, a0, a1)
        c0 = add(c0, item[7 - k])
        if k == 3:
            out[0] = c0
            out[1] = c1
    out[2] = c0
    out[3] = c1


@jit
def horner_extension(item: Any, a0: Any, a1: Any, out: Any) -> Any:
    """Four extension coefficients (item[7], item[6]) ... (item[1], item[0]); out as for :func:`horner_base`."""
    c0, c1 = item[15], item[14]
    for k in range(4):
        c0, c1 = multiply_add(c0, c1, a0, a1, item[7 - 2 * k], item[6 - 2 * k])
        if k == 1:
            out[0] = c0
            out[1] = c1
    out[2] = c0
    out[3] = c1
