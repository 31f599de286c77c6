"""What is known about a stack item while a program is written, and the pool of awkward values.

A known item is its canonical integer. Unknown ones are negative marks that say as much as is certain; when in doubt the
model says less than it could, because a redundant PUSH is harmless and a surprising operand ends the program.
"""

from __future__ import annotations

from typing import Final

from harness.generate.choices import Choices
from reference.definition.field import U32_LIMIT, P, Word

ANY: Final = -1
"""Some field element."""

U32: Final = -2
"""Some element below 2^32."""

BIT: Final = -3
"""0 or 1."""

U32_EDGES: Final = (0, 1, 2, 3, 2**16 - 1, 2**16, 2**31, 2**32 - 2, 2**32 - 1)
"""Where limbs fill up, carry and borrow."""

FIELD_EDGES: Final = (0, 1, 2, P - 1, 2**32 - 1, 2**32, P - 2**32, 2**63, P // 2)
"""Where canonical reduction, inversion and 64-bit integers go wrong."""


def is_bit(value: int) -> bool:
    """Is it certainly 0 or 1?"""
    return value in (0, 1, BIT)


def is_u32(value: int) -> bool:
    """Is it certainly below 2^32?"""
    return value in (U32, BIT) or 0 <= value < U32_LIMIT


def meet(one: int, other: int) -> int:
    """What is certain about an item that is one or the other."""
    if one == other:
        return one
    if is_bit(one) and is_bit(other):
        return BIT
    return U32 if is_u32(one) and is_u32(other) else ANY


def draw_element(choices: Choices) -> int:
    """A field element: half of them awkward."""
    return choices.integer(0, P - 1) if choices.flag(50) else choices.pick(FIELD_EDGES)


def draw_u32(choices: Choices) -> int:
    """A u32: half of them awkward."""
    return choices.integer(0, U32_LIMIT - 1) if choices.flag(50) else choices.pick(U32_EDGES)


def draw_word(choices: Choices) -> Word:
    """Four elements that differ from one another, none of them 0: a swapped pair shows."""
    return spread(choices.integer(1, P - 1))


def spread(seed: int) -> Word:
    """Four distinct non-zero elements made from one."""
    # An odd multiplier far from a power of two; the sums are distinct for any seed because the steps are.
    first, second, third, fourth = (1 + (seed - 1 + 0x9E37_79B9_7F4A_7C15 * step) % (P - 1) for step in range(4))
    return first, second, third, fourth
