"""One trial: how long a campaign needs to catch a planted fault, and how small the case becomes.

The campaign is the one that users run, with the reference and the healthy engine beside the faulty one. What it finds first
is shrunk to the smallest case with the same signature.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from harness.backend import Engine
from harness.backends.parallel import ParallelEngine
from harness.backends.reference import ReferenceEngine
from harness.campaign import CaseCompared, Event, Settings, run_campaign
from harness.campaign.guide import Guide
from harness.compare import compare
from harness.faults.faulty_engine import FaultyEngine
from harness.faults.fault import Check, Fault
from harness.generate import Profile, generate_case
from harness.guarded import GuardedEngine
from harness.shrink import Budget, Shrunk, shrink
from harness.shrink.edits import forests_of
from harness.verdict import Divergence, Kind, Verdict
from reference.definition.case import Case
from reference.definition.formats.children_first import children_first
from reference.definition.isa import NOOP
from reference.definition.mast import Block
from reference.processor import execute

SMOKE_SECONDS: Final = 60.0
"""What a campaign runs when nothing is said."""

MOST_SECONDS: Final = 10 * SMOKE_SECONDS
"""A fault that is not caught by then is not caught."""


@dataclass(frozen=True, slots=True)
class Size:
    """What a person has to read: operations but for NOOPs, which stand where a block would be empty, nodes, cuts."""

    operations: int
    nodes: int
    cuts: int


@dataclass(frozen=True, slots=True)
class Trial:
    """What became of one fault with one seed. ``cases`` and ``seconds`` are those of the campaign, up to the catch."""

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

    @property
    def caught(self) -> bool:
        """Whether anything caught it."""
        return self.by is not None


@dataclass(slots=True)
class _FirstDifference:
    """Ends a campaign with its first difference."""

    number: int | None = None
    divergence: Divergence | None = None
    cases: int = 0
    seconds: float = 0.0
    _started: float = field(default_factory=time.monotonic)

    def __call__(self, event: Event) -> None:
        if isinstance(event, CaseCompared):
            self.cases = event.totals.cases
            self.seconds = time.monotonic() - self._started
            if event.comparison.verdict is Verdict.DIFFER:
                self.number = event.number
                self.divergence = event.comparison.divergences[0]

    @property
    def found(self) -> bool:
        return self.number is not None


def try_engine(fault: Fault, seed: int, *, shrinking: Budget, seconds: float = MOST_SECONDS) -> Trial:
    """Hunts a fault of an engine for ``seconds`` at most, then shrinks for as long as ``shrinking`` says."""
    engines = trial_engines(fault)
    first = _FirstDifference()
    settings = Settings(seed=seed, out=Path(), seconds=seconds, kept_per_signature=0)
    run_campaign(settings, engines, [first], lambda: first.found)
    if first.number is None or first.divergence is None:
        return Trial(fault.name, seed, None, first.cases, first.seconds)
    by, signature = Check(first.divergence.kind.value), first.divergence.signature
    found = campaign_case(engines, seed, first.number)
    shrunk = shrink_fault(fault, found, signature, shrinking)
    return Trial(
        fault.name,
        seed,
        by,
        first.cases,
        first.seconds,
        signature,
        found,
        shrunk.case,
        size_of(shrunk.case),
        shrunk.seconds,
    )


def trial_engines(fault: Fault) -> list[Engine]:
    """Reference, healthy engine and faulty engine; the last one guarded, because it may raise anything."""
    return [ReferenceEngine(), ParallelEngine(), GuardedEngine(FaultyEngine(fault))]


def campaign_case(engines: Sequence[Engine], seed: int, number: int) -> Case:
    """Case ``number`` of a campaign with these engines, with its cut plan."""
    guide = Guide(engines)
    case = children_first(generate_case(seed, number, Profile()).case)
    guidance = guide.guidance(case)
    return replace(case, cuts=(guide.plan(case, guidance, seed, number),), gpu=guide.walk(case, guidance, seed, number))


def shrink_fault(fault: Fault, case: Case, signature: str, budget: Budget) -> Shrunk:
    """The smallest case on which the fault shows with this signature."""
    engines: list[Engine] = [ReferenceEngine(), GuardedEngine(FaultyEngine(fault))]

    def is_same(candidate: Case) -> bool:
        return any(item.signature == signature for item in compare(candidate, engines).divergences)

    return shrink(case, is_same, budget=budget)


def size_of(case: Case) -> Size:
    """The size of a case with one cut plan."""
    nodes = [node for forest in forests_of(case) for node in forest.nodes]
    blocks = [node for node in nodes if isinstance(node, Block)]
    operations = sum(item.code != NOOP for block in blocks for item in block.operations)
    return Size(operations, len(nodes), len(case.cut.starts(execute(case).core_rows)) - 1)


def kind_check(kind: Kind) -> Check:
    """The check that a kind of divergence stands for; ValueError for one that catches no planted fault."""
    return Check(kind.value)
