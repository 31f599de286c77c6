"""The three algebraic permutations on many states at once: RPO, RPX, Poseidon2 (spec 04 section 7.1, 11 section 3)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from harness.audit.commitment.field_arrays import Elements, add, multiply, power, product_with_matrix
from harness.audit.commitment.poseidon2_constants import DIAGONAL, INITIAL, INTERNAL, M4, TERMINAL
from reference.definition.rpo import ALPHA, INVERSE_ALPHA, MDS, ROUNDS, STATE_WIDTH
from reference.definition.rpo_constants import ARK1, ARK2

Permutation = Callable[[Elements], Elements]
"""(12, n) uint64 states, one a column, to their images."""


def _columns(values: object) -> Elements:
    return np.array(values, dtype=np.uint64)[..., np.newaxis]


_MDS: Final = np.array(MDS, dtype=np.uint64)
_ARK1: Final = _columns(ARK1)
_ARK2: Final = _columns(ARK2)


def _full_round(state: Elements, index: int) -> Elements:
    half = power(add(product_with_matrix(_MDS, state), _ARK1[index]), ALPHA)
    return power(add(product_with_matrix(_MDS, half), _ARK2[index]), INVERSE_ALPHA)


def rpo(state: Elements) -> Elements:
    """Seven full rounds."""
    for index in range(ROUNDS):
        state = _full_round(state, index)
    return state


def rpx(state: Elements) -> Elements:
    """Full rounds 0, 2, 4, rounds over the cubic extension 1, 3, 5, and a last linear one."""
    for index in range(0, ROUNDS - 1, 2):
        state = _extension_round(_full_round(state, index), index + 1)
    return add(product_with_matrix(_MDS, state), _ARK1[ROUNDS - 1])


def _extension_round(state: Elements, index: int) -> Elements:
    """Four elements of F_p[x]/(x^3 - x - 1) to the seventh power."""
    triples = add(state, _ARK1[index]).reshape(STATE_WIDTH // 3, 3, -1)
    square = _cubic_product(triples, triples)
    fourth = _cubic_product(square, square)
    return _cubic_product(_cubic_product(fourth, square), triples).reshape(STATE_WIDTH, -1)


def _cubic_product(a: Elements, b: Elements) -> Elements:
    """By x^3 = x + 1 and x^4 = x^2 + x; the coefficients are the second axis."""
    a0, a1, a2 = a[:, 0], a[:, 1], a[:, 2]
    b0, b1, b2 = b[:, 0], b[:, 1], b[:, 2]
    degree_3 = add(multiply(a1, b2), multiply(a2, b1))
    degree_4 = multiply(a2, b2)
    c0 = add(multiply(a0, b0), degree_3)
    c1 = add(add(multiply(a0, b1), multiply(a1, b0)), add(degree_3, degree_4))
    c2 = add(add(multiply(a0, b2), multiply(a1, b1)), add(multiply(a2, b0), degree_4))
    return np.stack([c0, c1, c2], axis=1)


def _external_matrix() -> Elements:
    """The block matrix of the external layer: M4 on each block of four, and once more from every block."""
    block = np.array(M4, dtype=np.uint64)
    return np.kron(np.ones((3, 3), dtype=np.uint64) + np.eye(3, dtype=np.uint64), block)


_EXTERNAL: Final = _external_matrix()
_DIAGONAL: Final = _columns(DIAGONAL)
_INITIAL: Final = _columns(INITIAL)
_TERMINAL: Final = _columns(TERMINAL)
_INTERNAL: Final = _columns(INTERNAL)
_ONES: Final = np.ones((STATE_WIDTH, STATE_WIDTH), dtype=np.uint64)


def poseidon2(state: Elements) -> Elements:
    """Four external rounds, 22 internal ones, four external ones."""
    state = product_with_matrix(_EXTERNAL, state)
    for constants in _INITIAL:
        state = product_with_matrix(_EXTERNAL, power(add(state, constants), ALPHA))
    for constant in _INTERNAL:
        state = np.concatenate([power(add(state[:1], constant), ALPHA), state[1:]])
        state = add(multiply(state, _DIAGONAL), product_with_matrix(_ONES, state))
    for constants in _TERMINAL:
        state = product_with_matrix(_EXTERNAL, power(add(state, constants), ALPHA))
    return state
