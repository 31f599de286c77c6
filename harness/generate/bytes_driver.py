"""The driver for coverage fuzzers: every choice is read off the bytes of an input, so that what the fuzzer mutates is the case.

Any bytes give a valid case, the same bytes the same one. Where they end, every further answer is the simplest: a shorter input
is a shorter program, and no input is too short.

def one_input(data):
    case = case_of(data).case
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from harness.generate.generated import Generated, generate
from harness.generate.profile import Profile

T = TypeVar("T")

PROFILE: Final = Profile(swarm_percent=0)
"""What a fuzzer draws from unless told otherwise: a swarm would spend bytes on what the fuzzer finds out by itself."""


class BytesChoices:
    """Choices read from bytes: so many for each as it has answers to tell apart, most significant first."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def used(self) -> int:
        """Bytes read so far; more than there were when simplest answers stood in for the rest."""
        return self._at

    def integer(self, low: int, high: int) -> int:
        """Bytes modulo the number of answers; the difference of two close bytes is that of two close answers."""
        answers = high - low + 1
        return low if answers == 1 else low + self._read(answers - 1) % answers

    def pick(self, options: Sequence[T]) -> T:
        """One byte for up to 256 options."""
        return options[self.integer(0, len(options) - 1)]

    def flag(self, percent: int = 50) -> bool:
        """One byte; the larger, the more likely True."""
        return self._read(255) * 100 >= 256 * (100 - percent) if percent < 100 else True

    def part(self, write: Callable[[], T]) -> T:
        """Nothing to remember: a fuzzer knows bytes only."""
        return write()

    def _read(self, largest: int) -> int:
        length = (largest.bit_length() + 7) // 8
        found = self._data[self._at : self._at + length]
        self._at += length
        return int.from_bytes(found + bytes(length - len(found)), "big")


def case_of(data: bytes, profile: Profile = PROFILE, *, name: str = "from-bytes") -> Generated:
    """The case that the bytes stand for, and what it is meant to do."""
    return generate(BytesChoices(data), profile, name=name)
