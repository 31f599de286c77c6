"""What a pass would propose next, so that several candidates can be judged at once with the answers of one by one.

A pass drives itself by the answers that it gets. Run once more with the answers so far, and with "no" to everything behind
them, it says what comes next as long as nothing is taken; the first candidate that is taken makes what was asked ahead of time
worthless. Passes change nothing but through their answers, so any number of such runs says the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Final, NamedTuple

from harness.shrink.proposals import Make, Pass, Proposals
from reference.definition.case import Case

MOST_AHEAD: Final = 256
"""Proposals of one run; the pass is run again for more."""

Taken = Case | None
"""The answer to a proposal: the case that is the best from then on; None for no."""


class Detour(NamedTuple):
    """A proposal that passes of its own go on from; nothing can be told of what comes behind it."""

    make: Make
    passes: Sequence[Pass]


class _Enough(Exception):  # noqa: N818 - not a mistake
    """No more is asked of the pass."""


class _Replay:
    """The search as it was, for a pass that is run again."""

    def __init__(self, best: Case, answers: Sequence[Taken]) -> None:
        self.best = best
        self.found: list[Make] = []
        self.detour_found: Detour | None = None
        self._answers = iter(answers)
        self._left = len(answers)

    def attempt(self, make: Make) -> bool:
        """The answer that there was; else no."""
        if self._left:
            return self._answer()
        self.found.append(make)
        if len(self.found) == MOST_AHEAD:
            raise _Enough
        return False

    def detour(self, make: Make, passes: Sequence[Pass]) -> bool:
        """The answer that there was; else what comes behind is not asked for."""
        if self._left:
            return self._answer()
        if not self.found:
            self.detour_found = Detour(make, passes)
        raise _Enough

    def _answer(self) -> bool:
        self._left -= 1
        taken = next(self._answers)
        if taken is not None:
            self.best = taken
        return taken is not None


def ahead(propose: Pass, best: Case, answers: Sequence[Taken]) -> Sequence[Make] | Detour:
    """What a pass that began with ``best`` and got these answers proposes next: a detour, or proposals, none at its end."""
    replay = _Replay(best, answers)
    with suppress(_Enough):
        propose(replay)
    return replay.detour_found or replay.found


class Recorded:
    """A search whose answers are written down, so that a pass can be run again; it may end the pass at any proposal."""

    def __init__(self, search: Proposals, answers: list[Taken]) -> None:
        self._search = search
        self._answers = answers

    @property
    def best(self) -> Case:
        """The best case so far."""
        return self._search.best

    def attempt(self, make: Make) -> bool:
        """The search's answer."""
        return self._noted(self._search.attempt(make))

    def detour(self, make: Make, passes: Sequence[Pass]) -> bool:
        """The search's answer."""
        return self._noted(self._search.detour(make, passes))

    def _noted(self, is_taken: bool) -> bool:
        self._answers.append(self.best if is_taken else None)
        return is_taken
