"""The search: passes propose simpler cases, the best that still fails for the same reason is kept.

Every pass is a function that drives itself through :meth:`Search.attempt`; the search goes through all passes again as
long as one of them still found something. It ends early, with the best case so far, when its budget is spent.

Most searches are over in less time than another process needs to start its engines, so they run in this one. A search that
turns out to be slow goes on with several candidates judged at once, when there are judges; its answers are the same, and so is
what it finds. The workers of a campaign shrink different findings at the same time.
"""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Final, TypeVar

from harness.corpus import identity
from harness.shrink.ahead import Detour, Recorded, Taken, ahead
from harness.shrink.cuts import CUT_PASSES
from harness.shrink.line import Line, Panel
from harness.shrink.order import Measure, measure
from harness.shrink.pace import Pace
from harness.shrink.passes import OPTION_PASSES, PASSES, PROGRAM_PASSES
from harness.shrink.proposals import BudgetSpent, Make, NoProposal, Pass
from harness.shrink.shrunk import DEFAULT_BUDGET, Budget, PassStatistics, Shrunk
from harness.shrink.termination import ends, row_limit
from reference.definition.case import Case
from reference.definition.cuts import Every
from reference.definition.errors import InputError

T = TypeVar("T")

PROGRAM_SHARE: Final = 0.75
"""Of the budget, before the cuts have their turn: a case with a cut at every row is one that nobody can read."""

DETOUR_CANDIDATES: Final = 200
"""After which a detour that has led nowhere is given up."""


def shrink(
    case: Case,
    is_same: Callable[[Case], bool],
    *,
    budget: Budget = DEFAULT_BUDGET,
    stopped: Callable[[], bool] = lambda: False,
    improved: Callable[[Case], None] = lambda _: None,
    judges: Panel | None = None,
) -> Shrunk:
    """The smallest case found for which ``is_same`` holds, as it holds for ``case``, which has one cut plan.

    ``stopped`` is asked before every candidate and ends the search; ``improved`` is told of every better case, so that
    nothing is lost when the process ends. ``judges`` answer like ``is_same``, several at once; they are asked when the search
    is slow. Raises InputError when they cannot be had then.
    """
    search = Search(case, is_same, budget, stopped, improved, judges)
    if not search.happens_again():
        return Shrunk(case, happens_again=False, finished=True, seconds=search.seconds)
    finished = True
    try:
        search.run()
    except BudgetSpent:
        finished = False
    best = search.best if measure(search.best) < measure(case) else case
    return Shrunk(best, happens_again=True, finished=finished, seconds=search.seconds, passes=search.statistics)


class _TurnedSlow(Exception):  # noqa: N818 - what happened
    """The pass goes on with judges."""


class _DetourEnded(Exception):  # noqa: N818 - what happened
    """It has led nowhere for long enough."""


def _until_nothing_changes(search: Search, passes: Sequence[T]) -> Iterator[T]:
    """All passes, and again as long as the best case has become simpler."""
    before: Measure | None = None
    while before is None or measure(search.best) < before:
        before = measure(search.best)
        yield from passes


class Search:
    """The best case so far, and what it cost to find it."""

    def __init__(
        self,
        case: Case,
        is_same: Callable[[Case], bool],
        budget: Budget,
        stopped: Callable[[], bool],
        improved: Callable[[Case], None],
        judges: Panel | None,
    ) -> None:
        self.best = case
        self.statistics = {name: PassStatistics() for name, _ in PASSES}
        self._is_same = is_same
        self._budget = budget
        self._stopped = stopped
        self._improved = improved
        self._seen = {identity(case)}
        self._tried = 0
        self._row_limit = row_limit(case)
        self._started = time.monotonic()
        self._spent_before = budget.clock()
        self._pass = PASSES[0][0]
        self._share = 1.0
        self._pace = Pace()
        self._line = None if judges is None else Line(judges, self._row_limit)
        self._crowded = False
        self._turned_from: Case | None = None
        """The best case before the detour that is being taken."""
        self._detour_ends = 0

    @property
    def seconds(self) -> float:
        """Since the start."""
        return time.monotonic() - self._started

    def happens_again(self) -> bool:
        """Whether the case that the search begins with is what it is said to be."""
        return self._judged_here(self.best)

    def run(self) -> None:
        """All passes until none finds anything; BudgetSpent.

        Cuts come last: a single cut pins the program's rows, so that hardly any of them could still be taken away.
        """
        self._share = PROGRAM_SHARE
        with contextlib.suppress(BudgetSpent):
            self._repeat(OPTION_PASSES)
            self._cut_everywhere()
            self._repeat(PROGRAM_PASSES)
        self._share = 1.0
        self._repeat(CUT_PASSES)
        self._repeat(PASSES)

    def _repeat(self, passes: Sequence[tuple[str, Pass]]) -> None:
        """By name, which the statistics are kept by."""
        for name, propose in _until_nothing_changes(self, passes):
            self._pass = name
            self._go(propose)

    # ---- what passes ask --------------------------------------------------------------------------------------------

    def attempt(self, make: Make) -> bool:
        """Whether the proposal is simpler, new, and fails for the same reason; then it is the best.

        Raises BudgetSpent.
        """
        self._check_pace()
        self._check_budget()
        proposed = self._proposed(make)
        return proposed is not None and self._try(*proposed)

    def detour(self, make: Make, passes: Sequence[Pass]) -> bool:
        """Whether a proposal that fails for the same reason is made simpler than the best by the passes; then that is the best.

        Raises BudgetSpent.
        """
        assert self._turned_from is None, "a detour from a detour might never come back"
        self._check_pace()
        self._check_budget()
        proposed = self._proposed(make, is_simpler=False)
        if proposed is None:
            return False
        before = self._turned_from = self.best
        self._detour_ends = self._tried + DETOUR_CANDIDATES
        try:
            if self._try(*proposed):
                for propose in _until_nothing_changes(self, passes):
                    self._go(propose)
        except _DetourEnded:
            pass
        finally:
            self._turned_from = None
            if measure(self.best) >= measure(before):
                self.best = before
        return self.best is not before

    def _cut_everywhere(self) -> None:
        """A cut at every row stays where it hurts while the program loses rows; the cuts are thinned out at the end."""
        if self.best.cut != Every(1):
            self._check_budget()
            with contextlib.suppress(_TurnedSlow):
                self._check_pace()
            proposed = self._proposed(lambda case: replace(case, cuts=(Every(1),)), is_simpler=False)
            if proposed is not None and self._judged(*proposed):
                self.best = proposed[0]

    # ---- one candidate ----------------------------------------------------------------------------------------------

    def _proposed(self, make: Make, *, is_simpler: bool = True) -> tuple[Case, str] | None:
        """The candidate and its content; None when there is none, it is not simpler than the best, or it was tried before."""
        try:
            candidate = make(self.best)
        except (InputError, NoProposal):
            return None
        if is_simpler and measure(candidate) >= measure(self.best):
            return None
        content = identity(candidate)
        return None if content in self._seen else (candidate, content)

    def _try(self, candidate: Case, content: str) -> bool:
        if self._judged(candidate, content):
            self._take(candidate)
            return True
        return False

    def _judged(self, candidate: Case, content: str) -> bool:
        self._count(content)
        if not self._crowded or self._line is None:
            return self._judged_here(candidate)
        self._line.append(candidate, content)
        try:
            return self._first_in(self._line)
        finally:
            self._clear(self._line)

    def _judged_here(self, candidate: Case) -> bool:
        started = time.monotonic()
        try:
            return ends(candidate, self._row_limit) and self._is_same(candidate)
        finally:
            self._pace.note(time.monotonic() - started)

    def _count(self, content: str) -> None:
        self._seen.add(content)
        self._tried += 1
        self.statistics[self._pass].tried += 1

    def _take(self, candidate: Case) -> None:
        """The best from now on; on a detour only somebody who is simpler than all before is told of."""
        self.best = candidate
        if self._turned_from is None or measure(candidate) < measure(self._turned_from):
            self.statistics[self._pass].accepted += 1
            self._improved(candidate)

    def _check_budget(self) -> None:
        budget, share = self._budget, self._share
        spent = budget.clock() - self._spent_before
        if self._stopped() or self._tried >= share * budget.candidates or spent >= share * budget.seconds:
            raise BudgetSpent
        if self._turned_from is not None and self._tried >= self._detour_ends:
            raise _DetourEnded

    # ---- several at once --------------------------------------------------------------------------------------------

    def _go(self, propose: Pass) -> None:
        """One pass, by candidates one after another as long as that is fast enough, or nobody else is there."""
        if self._line is None:
            propose(self)
            return
        best, answers = self.best, list[Taken]()
        if not self._crowded:
            try:
                propose(Recorded(self, answers))
                return
            except _TurnedSlow:
                pass
        while coming := ahead(propose, best, answers):
            if isinstance(coming, Detour):
                answers.append(self.best if self.detour(coming.make, coming.passes) else None)
            else:
                answers += self._settled(self._line, iter(coming))

    def _check_pace(self) -> None:
        if self._line is not None and not self._crowded and self._pace.is_slow:
            self._crowded = True
            raise _TurnedSlow

    def _settled(self, line: Line, coming: Iterator[Make]) -> list[Taken]:
        """The answers to proposals up to the first one that is taken, each as it would be if it had been asked by itself."""
        answers: list[Taken] = []
        order: deque[tuple[Case, str] | None] = deque()
        try:
            while True:
                self._line_up(line, order, coming)
                if not order:
                    return answers
                self._check_budget()
                first = order.popleft()
                if first is not None:
                    self._count(first[1])
                    if self._first_in(line):
                        self._take(first[0])
                        return [*answers, first[0]]
                answers.append(None)
        finally:
            self._clear(line)

    def _line_up(self, line: Line, order: deque[tuple[Case, str] | None], coming: Iterator[Make]) -> None:
        while line.has_place and (make := next(coming, None)) is not None:
            proposed = self._proposed(make)
            # What is in line will have been tried.
            if proposed is not None and line.holds(proposed[1]):
                proposed = None
            if proposed is not None:
                line.append(*proposed)
            order.append(proposed)

    def _first_in(self, line: Line) -> bool:
        for answer in line.first_answer():
            if answer is None:
                if self._stopped():
                    raise BudgetSpent
                continue
            self.statistics[self._pass].lost += answer.is_same is None
            return answer.is_same is True
        raise AssertionError("the first in line is always answered")

    def _clear(self, line: Line) -> None:
        self.statistics[self._pass].speculative += line.clear()
