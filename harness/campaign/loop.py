"""The loop: generate, aim, compare; one case after another until told to end. What becomes of the answers is others' work."""

from __future__ import annotations

import gc
import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Final

from harness.backend import Completed, Engine, EngineFailure
from harness.campaign.events import CaseBegun, CaseCompared, CaseGenerated, Event, Listener, PlanBegun
from harness.campaign.guide import Guidance, Guide
from harness.campaign.rebuilds import rebuild_kinds
from harness.campaign.totals import Totals, cut_kind, walk_kinds
from harness.compare import compare
from harness.compiled_hash import compiled_hash
from harness.coverage import CoverageMap, CutCells
from harness.generate import COMPLETES, Generated, Profile, generate_case
from harness.verdict import Comparison, Verdict, joined
from reference.definition.case import Case
from reference.definition.formats.children_first import children_first
from reference.definition.parallel_options import DEFAULT_PARALLEL_OPTIONS


@dataclass(frozen=True, slots=True)
class Settings:
    """What to do, and when to end: after ``cases`` cases or ``seconds`` seconds, whichever comes first; None: never."""

    seed: int
    first: int = 0
    cases: int | None = None
    seconds: float | None = None
    profile: Profile = field(default_factory=Profile)
    audit: bool = True
    """Whether traces are judged by the rules of traces too."""
    filling: bool = True
    """Whether a case is cut also where no case was cut before, which depends on what ran earlier."""
    covered: CoverageMap = field(default_factory=CoverageMap)
    """What was covered before; what it lacks is cut first."""


def run_cases(
    settings: Settings,
    engines: Sequence[Engine],
    listeners: Sequence[Listener],
    stopped: Callable[[], bool] = lambda: False,
) -> Totals:
    """Run cases one after another; ``stopped`` is asked before each."""
    cases = _Cases(settings, engines, listeners, stopped)
    with _garbage_collected_seldom():
        cases.run()
    return cases.totals


_MOST_YOUNG: Final = 50_000
"""Objects made since the last collection before the next one: those of some dozen cases, a few MB."""


@contextmanager
def _garbage_collected_seldom() -> Iterator[None]:
    """A case leaves thousands of objects that refer to one another in no circle; looking for circles is 7% of its time."""
    young, *older = gc.get_threshold()
    gc.set_threshold(max(young, _MOST_YOUNG) if young else 0, *older)
    try:
        yield
    finally:
        gc.set_threshold(young, *older)


class _Cases:
    def __init__(
        self,
        settings: Settings,
        engines: Sequence[Engine],
        listeners: Sequence[Listener],
        stopped: Callable[[], bool],
    ) -> None:
        self._settings = settings
        self._engines = engines
        self._listeners = listeners
        self._stopped = stopped
        self._guide = Guide(engines, filling=settings.filling)
        self._covered = CoverageMap()
        self._covered.merge(settings.covered)
        self._started = time.monotonic()
        names = tuple(engine.name for engine in engines)
        self.totals = Totals(engines=names, seed=settings.seed, first=settings.first)

    def run(self) -> None:
        for number in itertools.count(self._settings.first):
            if self._is_used_up() or self._stopped():
                break
            self._emit(CaseBegun(number))
            self._run_case(number)
        self._take_time()

    def _is_used_up(self) -> bool:
        cases, seconds = self._settings.cases, self._settings.seconds
        return (cases is not None and self.totals.cases >= cases) or (
            seconds is not None and time.monotonic() - self._started >= seconds
        )

    def _take_time(self) -> None:
        self.totals.seconds = time.monotonic() - self._started

    def _emit(self, event: Event) -> None:
        for listener in self._listeners:
            listener(event)

    @compiled_hash()
    def _run_case(self, number: int) -> None:
        generated = generate_case(self._settings.seed, number, self._settings.profile)
        # Numbered as the comparison numbers it, so that the reference's run is used again there.
        case = children_first(generated.case)
        self._emit(CaseGenerated(case))
        guidance = self._ask_guide(case)
        seed = self._settings.seed
        plan = self._guide.plan(case, guidance, seed, number)
        walk = self._guide.walk(case, guidance, seed, number)
        rebuild = self._guide.rebuild(case, guidance, seed, number)
        case = replace(case, cuts=(plan,), gpu=walk, parallel=rebuild)
        case, comparison = self._compare_plans(case, guidance, number)
        self._count(generated, case, guidance, comparison)
        self._emit(CaseCompared(number, generated, case, guidance and guidance.outcome, comparison, self.totals))

    def _ask_guide(self, case: Case) -> Guidance | None:
        try:
            return self._guide.guidance(case)
        except EngineFailure as failure:
            # As one of the engines the reference breaks once more in the comparison, and is a finding there.
            if failure.engine not in self.totals.engines:
                self.totals.counts.not_comparable[f"{failure.engine} as guide: {failure.reason}"] += 1
            return None

    def _compare_plans(self, case: Case, guidance: Guidance | None, number: int) -> tuple[Case, Comparison]:
        """The case at its own plan, then at further ones while it agrees; the case as it differed, and all that was seen."""
        comparison = self._compare_plan(case, guidance)
        for further in self._further(case, guidance, number):
            if comparison.verdict is not Verdict.AGREE:
                break
            # A trace that agrees with the one before has been judged.
            seen = self._compare_plan(further, guidance, audit=False)
            if seen.verdict is Verdict.DIFFER:
                judged = self._compare(further)
                # A difference that shows once is one, too.
                return further, joined(comparison, judged if judged.verdict is Verdict.DIFFER else seen)
            comparison = joined(comparison, seen)
        return case, comparison

    def _further(self, case: Case, guidance: Guidance | None, number: int) -> Iterator[Case]:
        """The case at every boundary of a short program; at what the map still lacks; a few cases at all plans of a kind."""
        every = self._guide.every_boundary(guidance, case.cut)
        if every is not None:
            # Rebuilt plainly: thousands of saved contexts would cost more than all the rest.
            yield replace(case, cuts=(every,), parallel=DEFAULT_PARALLEL_OPTIONS)
        filling = self._guide.filling(guidance, self._covered)
        if filling is not None:
            yield replace(case, cuts=(filling,))
        # Whoever stops waits for them: a case that was counted has been compared as it always is.
        for plan in self._guide.sweep(guidance, self._settings.seed, number):
            yield replace(case, cuts=(plan,))

    def _compare_plan(self, case: Case, guidance: Guidance | None, *, audit: bool = True) -> Comparison:
        """The comparison at one plan; what it covered is counted, the rest is counted once for the case."""
        self._emit(PlanBegun(case))
        started = time.monotonic()
        comparison = self._compare(case, audit=audit)
        totals = self.totals
        totals.comparing_seconds += time.monotonic() - started
        totals.cuts[cut_kind(case.cut)] += 1
        if guidance is not None and (comparison.counts.boundaries or comparison.counts.seams):
            cut = CutCells.of(guidance.cells, case.cut)
            if cut is not None:
                totals.coverage.count(cut, case.name)
                self._covered.count(cut, case.name)
        return comparison

    def _count(self, generated: Generated, case: Case, guidance: Guidance | None, comparison: Comparison) -> None:
        totals = self.totals
        totals.cases += 1
        totals.verdicts[comparison.verdict] += 1
        totals.counts += comparison.counts
        totals.families[generated.family] += 1
        totals.walks.update([*walk_kinds(case.gpu), *rebuild_kinds(case.parallel)])
        self._take_time()
        if guidance is None:
            return
        completed = isinstance(guidance.outcome, Completed)
        totals.completed += completed
        totals.failed += not completed
        ended = COMPLETES if isinstance(guidance.outcome, Completed) else guidance.outcome.error
        if ended != generated.intended:
            totals.unintended[f"{generated.intended} -> {ended}"] += 1
        if comparison.counts.failures and not completed:
            totals.errors[ended] += 1
        if comparison.counts.rows:
            totals.operations.update(guidance.operations)
            totals.nodes.update(guidance.nodes)

    def _compare(self, case: Case, *, audit: bool = True) -> Comparison:
        return compare(case, self._engines, audit=audit and self._settings.audit)
