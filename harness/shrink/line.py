"""Candidates in the order of the search: the first few are judged at once, answers are asked for one after another."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Final, Protocol

from harness.shrink.judges import Answer
from reference.definition.case import Case

REACH: Final = 2
"""Candidates in line for each worker: whoever is done early goes on with one further behind."""

_LOOK_SECONDS: Final = 0.25


class Panel(Protocol):
    """Who judges: :class:`harness.shrink.judges.Judges`, or what stands for it."""

    @property
    def jobs(self) -> int:
        """How many candidates are judged at once."""

    def has_room(self) -> bool:
        """Whether one more candidate can be given."""

    def give(self, ticket: int, candidate: Case, row_limit: int) -> None:
        """Begin to judge a candidate."""

    def wait(self, seconds: float) -> Answer | None:
        """The next answer; None when there is none within the time."""


@dataclass(slots=True)
class Waiting:
    """A candidate in line."""

    candidate: Case
    content: str
    """Equal for equal candidates."""
    ticket: int
    is_given: bool = False
    answer: Answer | None = None


class Line:
    """Candidates that wait for an answer, and the judges that they are given to in order."""

    def __init__(self, panel: Panel, row_limit: int) -> None:
        self._panel = panel
        self._row_limit = row_limit
        self._waiting: deque[Waiting] = deque()
        self._tickets = count()

    @property
    def has_place(self) -> bool:
        """Whether the line is shorter than it may be."""
        return len(self._waiting) < REACH * self._panel.jobs

    def holds(self, content: str) -> bool:
        """Whether such a candidate is in line."""
        return any(each.content == content for each in self._waiting)

    def append(self, candidate: Case, content: str) -> Waiting:
        """Put a candidate at the end."""
        waiting = Waiting(candidate, content, next(self._tickets))
        self._waiting.append(waiting)
        return waiting

    def first_answer(self) -> Iterator[Answer | None]:
        """Judge until there is the answer to the first in line, which then leaves it; None from time to time before."""
        first = self._waiting[0]
        while first.answer is None:
            self._hand_out()
            answer = self._panel.wait(_LOOK_SECONDS)
            # The ones that are in line no more were given ahead of time, and nobody needs their answers.
            for each in self._waiting:
                if answer is not None and each.ticket == answer.ticket:
                    each.answer = answer
            yield None
        self._waiting.popleft()
        yield first.answer

    def clear(self) -> int:
        """Forget everybody; how many of them had been given to a judge."""
        given = sum(each.is_given for each in self._waiting)
        self._waiting.clear()
        return given

    def _hand_out(self) -> None:
        for each in self._waiting:
            if not each.is_given:
                if not self._panel.has_room():
                    return
                self._panel.give(each.ticket, each.candidate, self._row_limit)
                each.is_given = True
