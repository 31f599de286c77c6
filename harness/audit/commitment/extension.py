"""Elements of the extensions of degree 1, 2 and 3 as tuples of integers, lowest coefficient first (spec 11, section 1)."""

from __future__ import annotations

from collections.abc import Sequence

from reference.definition.field import P

Extended = tuple[int, ...]

_REDUCTION: dict[int, Extended] = {1: (), 2: (-2, 1), 3: (1, 1, 0)}
"""By degree d: x^d, from x^2 = x - 2 and x^3 = x + 1."""


def embedded(value: int, degree: int) -> Extended:
    """A base element."""
    return (value, *(0,) * (degree - 1))


def add(a: Extended, b: Extended) -> Extended:
    """a + b."""
    return tuple((x + y) % P for x, y in zip(a, b, strict=True))


def multiply(a: Extended, b: Extended) -> Extended:
    """a * b."""
    degree = len(a)
    product = [0] * (2 * degree - 1)
    for i, x in enumerate(a):
        for j, y in enumerate(b):
            product[i + j] += x * y
    for power in range(2 * degree - 2, degree - 1, -1):
        top = product.pop()
        for i, factor in enumerate(_REDUCTION[degree]):
            product[power - degree + i] += factor * top
    return tuple(value % P for value in product)


def evaluate(coefficients: Sequence[int], point: Extended) -> Extended:
    """A polynomial with base coefficients, lowest first, at a point."""
    value = embedded(0, len(point))
    for coefficient in reversed(coefficients):
        value = add(multiply(value, point), embedded(coefficient, len(point)))
    return value
