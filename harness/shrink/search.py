"""The search: passes propose simpler cases, the best that still fails for the same reason is kept.

Every pass is a function that drives itself through :meth:`Search.attempt`; the search goes through all passes again as
long as one of them still found something. It ends early, with the best case so far, when its budget is spent.

A search runs in one process: half of all searches are over in less time than another process needs to start its engines.
The workers of a campaign shrink different findings at the same time.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from harness.corpus import identity
from harness.shrink.cuts import CUT_PASSES
from harness.shrink.inline import INLINE_PASSES
from harness.shrink.inputs import INPUT_PASSES
from harness.shrink.operations import OPERATION_PASSES
from harness.shrink.order import Measure, measure
from harness.shrink.proposals import BudgetSpent, Make, NoProposal, Pass
from harness.shrink.rebuilds import REBUILD_PASSES
from harness.shrink.resume import RESUME_PASSES
from harness.shrink.templates import TEMPLATE_PASSES
from harness.shrink.termination import ends, row_limit
from harness.shrink.tree import TREE_PASSES
from harness.shrink.walks import WALK_PASSES
from reference.definition.case import Case
from reference.definition.cuts import Every
from reference.definition.errors import InputError

PROGRAM_PASSES: tuple[tuple[str, Pass], ...] = (
    *TEMPLATE_PASSES,
    *RESUME_PASSES,
    *TREE_PASSES,
    *INLINE_PASSES,
    *OPERATION_PASSES,
    *INPUT_PASSES,
)
"""The boldest first."""

OPTION_PASSES: tuple[tuple[str, Pass], ...] = (*WALK_PASSES, *REBUILD_PASSES)

PASSES: tuple[tuple[str, Pass], ...] = (*OPTION_PASSES, *CUT_PASSES, *PROGRAM_PASSES)


PROGRAM_SHARE: Final = 0.75
"""Of the budget, before the cuts have their turn: a case with a cut at every row is one that nobody can read."""


@dataclass(frozen=True, slots=True)
class Budget:
    """When a search gives up; whichever comes first."""

    seconds: float = 20.0
    candidates: int = 5000
    clock: Callable[[], float] = time.monotonic
    """What ``seconds`` are counted by; ``time.process_time`` where the engines are in this process and other work is not to
    be paid for."""


@dataclass(slots=True)
class PassStatistics:
    """How a pass did."""

    tried: int = 0
    accepted: int = 0


@dataclass(frozen=True, slots=True)
class Shrunk:
    """The smallest case found.

    ``happens_again`` is False when the case given did not fail for the same reason when it was run once more; nothing
    was tried then. ``finished`` says that no pass found anything more, and the budget was not spent.
    """

    case: Case
    happens_again: bool
    finished: bool
    seconds: float
    passes: dict[str, PassStatistics] = field(default_factory=dict)


def shrink(
    case: Case,
    is_same: Callable[[Case], bool],
    *,
    budget: Budget = Budget(),
    stopped: Callable[[], bool] = lambda: False,
    improved: Callable[[Case], None] = lambda _: None,
) -> Shrunk:
    """The smallest case found for which ``is_same`` holds, as it holds for ``case``, which has one cut plan.

    ``stopped`` is asked before every candidate and ends the search; ``improved`` is told of every better case, so that
    nothing is lost when the process ends.
    """
    search = Search(case, is_same, budget, stopped, improved)
    if not is_same(case):
        return Shrunk(case, happens_again=False, finished=True, seconds=search.seconds)
    finished = True
    try:
        search.run()
    except BudgetSpent:
        finished = False
    best = search.best if measure(search.best) < measure(case) else case
    return Shrunk(best, happens_again=True, finished=finished, seconds=search.seconds, passes=search.statistics)


class Search:
    """The best case so far, and what it cost to find it."""

    def __init__(
        self,
        case: Case,
        is_same: Callable[[Case], bool],
        budget: Budget,
        stopped: Callable[[], bool],
        improved: Callable[[Case], None],
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

    @property
    def seconds(self) -> float:
        """Since the start."""
        return time.monotonic() - self._started

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
        before: Measure | None = None
        while before is None or measure(self.best) < before:
            before = measure(self.best)
            for name, propose in passes:
                self._pass = name
                propose(self)

    def attempt(self, make: Make) -> bool:
        """Whether the proposal is simpler, new, and fails for the same reason; then it is the best.

        Raises BudgetSpent.
        """
        self._check_budget()
        try:
            candidate = make(self.best)
        except (InputError, NoProposal):
            return False
        if measure(candidate) >= measure(self.best) or not self._try(candidate):
            return False
        self.statistics[self._pass].accepted += 1
        self._improved(candidate)
        return True

    def _cut_everywhere(self) -> None:
        """A cut at every row stays where it hurts while the program loses rows; the cuts are thinned out at the end."""
        if self.best.cut != Every(1):
            self._check_budget()
            self._try(replace(self.best, cuts=(Every(1),)))

    def _try(self, candidate: Case) -> bool:
        content = identity(candidate)
        if content in self._seen:
            return False
        self._seen.add(content)
        self._tried += 1
        self.statistics[self._pass].tried += 1
        if not (ends(candidate, self._row_limit) and self._is_same(candidate)):
            return False
        self.best = candidate
        return True

    def _check_budget(self) -> None:
        budget, share = self._budget, self._share
        spent = budget.clock() - self._spent_before
        if self._stopped() or self._tried >= share * budget.candidates or spent >= share * budget.seconds:
            raise BudgetSpent
