"""One trial: how long it takes to catch a planted fault, and how small the case becomes.

A fault of an engine is hunted by the campaign that users run, with the reference and the healthy engine beside the faulty one;
what is found first is shrunk to the smallest case with the same signature. A fault of the comparison is given the campaign's
cases and engines that are all right, and canaries; one of the generator a batch of its own cases.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from harness.account import VacuousComparison
from harness.backend import Engine
from harness.backends.parallel import ParallelEngine
from harness.backends.reference import ReferenceEngine
from harness.campaign import CaseCompared, Event, Settings, run_cases
from harness.canary import release_canary, release_refusal
from harness.compare import compare
from harness.faults.fault import Check, Fault, InComparison, InGenerator
from harness.faults.faulty_engine import FaultyEngine
from harness.faults.generation import Writer, judge
from harness.generate import SeededChoices
from harness.guarded import GuardedEngine
from harness.parts import Parts
from harness.shrink import Budget, Shrunk, shrink
from harness.shrink.size import Size, size_of
from harness.verdict import Comparison, Divergence, Verdict
from reference.definition.case import Case
from reference.definition.formats.children_first import children_first

SMOKE_SECONDS: Final = 60.0
"""What a campaign runs when nothing is said."""

MOST_SECONDS: Final = 10 * SMOKE_SECONDS
"""A fault that is not caught by then is not caught."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What became of one fault with one seed. ``cases`` and ``seconds`` are those up to the catch.

    Seconds pass faster on a machine that does other work too; ``cpu_seconds`` and ``shrinking_cpu_seconds`` are those of
    this process, all threads together. ``signature`` is what was found, or what was complained about.
    """

    fault: str
    seed: int
    by: Check | None
    """The check that caught it; None when nothing did."""
    cases: int
    seconds: float
    signature: str = ""
    found: Case | None = None
    smallest: Case | None = None
    size: Size | None = None
    shrinking_seconds: float = 0.0
    cpu_seconds: float = 0.0
    shrinking_cpu_seconds: float = 0.0

    @property
    def caught(self) -> bool:
        """Whether anything caught it."""
        return self.by is not None


@dataclass(slots=True)
class _FirstDifference:
    """Ends a campaign with its first difference."""

    case: Case | None = None
    divergence: Divergence | None = None
    cases: int = 0
    seconds: float = 0.0
    _started: float = field(default_factory=time.monotonic)

    def __call__(self, event: Event) -> None:
        if isinstance(event, CaseCompared):
            self.cases = event.totals.cases
            self.seconds = time.monotonic() - self._started
            if event.comparison.verdict is Verdict.DIFFER:
                self.case = event.case
                self.divergence = event.comparison.divergences[0]


def try_engine(fault: Fault, seed: int, *, shrinking: Budget, seconds: float = MOST_SECONDS) -> Trial:
    """Hunts a fault of an engine for ``seconds`` at most, then shrinks for as long as ``shrinking`` says."""
    started = time.process_time()
    engines = trial_engines(fault)
    first = _FirstDifference()
    settings = Settings(seed=seed, seconds=seconds)
    run_cases(settings, engines, [first], lambda: first.case is not None)
    caught = time.process_time()
    if first.case is None or first.divergence is None:
        return Trial(fault.name, seed, None, first.cases, first.seconds, cpu_seconds=caught - started)
    by, signature = Check(first.divergence.kind.value), first.divergence.signature
    shrunk = shrink_fault(fault, first.case, signature, shrinking)
    return Trial(
        fault.name,
        seed,
        by,
        first.cases,
        first.seconds,
        signature,
        first.case,
        shrunk.case,
        size_of(shrunk.case),
        shrunk.seconds,
        caught - started,
        time.process_time() - caught,
    )


def trial_engines(fault: Fault) -> list[Engine]:
    """Reference, healthy engine and faulty engine; the last one guarded, because it may raise anything."""
    return [ReferenceEngine(), ParallelEngine(), GuardedEngine(FaultyEngine(fault))]


def shrink_fault(fault: Fault, case: Case, signature: str, budget: Budget) -> Shrunk:
    """The smallest case on which the fault shows with this signature.

    What a build leaves to the next one shows in no first run; then every candidate runs twice.
    """
    for runs in (1, 2):
        shrunk = shrink(case, _has_signature(fault, signature, runs), budget=budget)
        if shrunk.happens_again:
            break
    return shrunk


def _has_signature(fault: Fault, signature: str, runs: int) -> Callable[[Case], bool]:
    faulty = GuardedEngine(FaultyEngine(fault))
    engines: list[Engine] = [ReferenceEngine(), faulty]

    def is_same(candidate: Case) -> bool:
        faulty.close()
        return any(
            divergence.signature == signature
            for _ in range(runs)
            for divergence in compare(candidate, engines).divergences
        )

    return is_same


def try_comparison(fault: Fault, seed: int, *, seconds: float = MOST_SECONDS) -> Trial:
    """Compares with the faulty parts: engines that agree, then one that lies, refuses or breaks, case after case."""
    assert isinstance(fault.plant, InComparison)
    parts = Parts(**fault.plant.parts)
    reference, writer = ReferenceEngine(), Writer()
    started = time.monotonic()

    def compared(case: Case, engines: Sequence[Engine]) -> Comparison:
        return compare(case, engines, parts=parts)

    def used() -> float:
        return time.monotonic() - started

    for number in itertools.count():
        if used() >= seconds:
            return Trial(fault.name, seed, None, number, used())
        case = children_first(writer.generated(seed, number).case)
        case = replace(case, cuts=(writer.plan(case, seed, number),))
        choices = SeededChoices(f"fragdiff/canary/1/{seed}/{number}")
        try:
            compared(case, [reference, ParallelEngine()])
            noticed = release_canary(case, reference, choices, compared) or release_refusal(case, reference, compared)
        except VacuousComparison as vacuous:
            return Trial(fault.name, seed, Check.ACCOUNT, number + 1, used(), str(vacuous), case)
        if noticed is not None:
            return Trial(fault.name, seed, Check.CANARY, number + 1, used(), noticed, case)
    raise AssertionError("the numbers do not end")


def try_generator(fault: Fault, seed: int) -> Trial:
    """Judges one batch of the faulty writer's cases."""
    assert isinstance(fault.plant, InGenerator)
    started = time.monotonic()
    judged = judge(fault.plant.writer(), seed)
    by, what = (None, "") if judged.complaint is None else judged.complaint
    return Trial(fault.name, seed, by, judged.cases, time.monotonic() - started, what)


def try_fault(fault: Fault, seed: int, *, shrinking: Budget, seconds: float = MOST_SECONDS) -> Trial:
    """The trial that fits the fault."""
    if fault.in_engine:
        return try_engine(fault, seed, shrinking=shrinking, seconds=seconds)
    started = time.process_time()
    is_comparison = isinstance(fault.plant, InComparison)
    trial = try_comparison(fault, seed, seconds=seconds) if is_comparison else try_generator(fault, seed)
    return replace(trial, cpu_seconds=time.process_time() - started)
