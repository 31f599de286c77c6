"""The source of choices: three verbs, and everything the grammar decides goes through them.

A driver is anything with these verbs. The smallest answer (0, the first option, no) always leads to the simplest
program, so a driver that can shrink its answers shrinks programs.
"""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from typing import Generic, Protocol, TypeVar

T = TypeVar("T")


class Choices(Protocol):
    """Where decisions come from."""

    def integer(self, low: int, high: int) -> int:
        """An integer in low..high, both included; ``low`` is the simplest."""
        ...

    def pick(self, options: Sequence[T]) -> T:
        """One of the options (at least one); the first is the simplest."""
        ...

    def flag(self, percent: int = 50) -> bool:
        """True in about ``percent`` of 100 draws; False is the simplest."""
        ...

    def part(self, write: Callable[[], T]) -> T:
        """The result of ``write``, whose choices belong together: a shrinker may take them out as a whole."""
        ...


def pick_weighted(choices: Choices, options: Sequence[tuple[int, T]]) -> T:
    """One of (weight, option); the first is the simplest. Options of weight 0 are never drawn.

    Raises ValueError when no option has a weight.
    """
    return Weighted(options).pick(choices)


class Weighted(Generic[T]):
    """(weight, option) pairs that are picked from again and again, as :func:`pick_weighted` does once."""

    def __init__(self, options: Iterable[tuple[int, T]]) -> None:
        self._options: list[T] = []
        self._ends: list[int] = []
        total = 0
        for weight, option in options:
            if weight > 0:
                total += weight
                self._options.append(option)
                self._ends.append(total)
        self._last = total - 1

    def __bool__(self) -> bool:
        """Whether there is anything to pick."""
        return bool(self._options)

    def pick(self, choices: Choices) -> T:
        """One of the options; ValueError when there are none."""
        if not self._options:
            raise ValueError("there is no option to pick from")
        return self._options[bisect_right(self._ends, choices.integer(0, self._last))]


def several(choices: Choices, most: int, percent: int, write: Callable[[], None]) -> None:
    """Run ``write`` 0 to ``most`` times, going on in ``percent`` of 100 cases; each run is a part of its own.

    So is what ``write`` chooses: at its simplest it is one plain step, which is then easy to take out.
    """

    def once() -> bool:
        go_on = choices.flag(percent)
        if go_on:
            choices.part(write)
        return go_on

    for _ in range(most):
        if not choices.part(once):
            return


class SeededChoices:
    """The driver of campaigns: a seeded PRNG. The same seed gives the same choices on every machine and release."""

    def __init__(self, seed: str) -> None:
        # Seeding by text goes through SHA-512 and is stable; seeds that differ by one digit are unrelated.
        source = random.Random(seed)
        self._bits, self._unit = source.getrandbits, source.random

    def integer(self, low: int, high: int) -> int:
        """Uniform in low..high, drawn as ``random.randrange`` draws it, at a third of its cost.

        Raises ValueError when ``high`` is below ``low``.
        """
        count = high - low + 1
        if count <= 0:
            raise ValueError(f"there is no integer in {low}..{high}")
        bits = count.bit_length()
        drawn = self._bits(bits)
        while drawn >= count:
            drawn = self._bits(bits)
        return low + drawn

    def pick(self, options: Sequence[T]) -> T:
        """Uniform among the options; ValueError when there are none."""
        count = len(options)
        if not count:
            raise ValueError("there is no option to pick from")
        # As :meth:`integer` draws, without the call: half of all choices are made here.
        bits = count.bit_length()
        drawn = self._bits(bits)
        while drawn >= count:
            drawn = self._bits(bits)
        return options[drawn]

    def flag(self, percent: int = 50) -> bool:
        """True with the probability ``percent`` / 100."""
        return self._unit() * 100 < percent

    def part(self, write: Callable[[], T]) -> T:
        """Nothing to remember: a PRNG does not shrink."""
        return write()
