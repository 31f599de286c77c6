"""The driver for property tests: every choice is a draw, so a failing case shrinks to a small program.

@given(cases())
@settings(deadline=None)
def test_engines_agree(case): ...
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from hypothesis import strategies as st

from harness.generate.generated import Generated, generate
from harness.generate.profile import SMALL, Profile
from reference.definition.case import Case

T = TypeVar("T")


class DrawnChoices:
    """Choices made by Hypothesis; each verb is one integer that shrinks towards the simplest answer."""

    def __init__(self, draw: st.DrawFn) -> None:
        self._draw = draw

    def integer(self, low: int, high: int) -> int:
        """Shrinks towards ``low``."""
        return low if low == high else self._draw(st.integers(low, high))

    def pick(self, options: Sequence[T]) -> T:
        """Shrinks towards the first."""
        return options[self.integer(0, len(options) - 1)]

    def flag(self, percent: int = 50) -> bool:
        """Shrinks towards False."""
        return self.integer(0, 99) >= 100 - percent

    def part(self, write: Callable[[], T]) -> T:
        """Hypothesis knows what belongs together by the strategy that drew it."""
        return self._draw(_part(self, write))

    def within(self, draw: st.DrawFn, write: Callable[[], T]) -> T:
        """Run ``write`` with another source of draws."""
        outer, self._draw = self._draw, draw
        try:
            return write()
        finally:
            self._draw = outer


@st.composite
def _part(draw: st.DrawFn, choices: DrawnChoices, write: Callable[[], T]) -> T:
    return choices.within(draw, write)


@st.composite
def generated(draw: st.DrawFn, profile: Profile = SMALL) -> Generated:
    """Cases with what they are meant to do."""
    return generate(DrawnChoices(draw), profile)


def cases(profile: Profile = SMALL) -> st.SearchStrategy[Case]:
    """Cases: a program, its inputs, one cut plan."""
    return generated(profile).map(lambda each: each.case)
