"""The loop: generate, aim, compare, keep what differs; one case after another until told to end.

A difference is on disk before it is shrunk. Whatever ends the loop, listeners get their last event.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from harness.backend import Completed, Engine, EngineFailure
from harness.campaign.events import (
    CampaignFinished,
    CampaignStarted,
    CaseCompared,
    Event,
    FindingKept,
    FindingRepeated,
    FindingShrunk,
    Listener,
)
from harness.campaign.guide import Guidance, Guide
from harness.campaign.keeping import Finding, keep_found, keep_smallest, write_report
from harness.campaign.totals import Totals, cut_kind, walk_kinds
from harness.compare import compare
from harness.generate import COMPLETES, Generated, Profile, generate_case
from harness.shrink import Budget, shrink
from harness.verdict import Comparison, Verdict
from reference.definition.case import Case
from reference.definition.formats.children_first import children_first


@dataclass(frozen=True, slots=True)
class Settings:
    """What to do, and when to end: after ``cases`` cases or ``seconds`` seconds, whichever comes first; None: never."""

    seed: int
    out: Path
    first: int = 0
    cases: int | None = None
    seconds: float | None = None
    profile: Profile = field(default_factory=Profile)
    kept_per_signature: int = 3
    """Further cases with the same signature are counted, neither written nor shrunk: they tell nothing new."""
    shrinking: Budget = field(default_factory=Budget)
    audit: bool = True
    """Whether traces are judged by the rules of traces too."""


def run_campaign(
    settings: Settings,
    engines: Sequence[Engine],
    listeners: Sequence[Listener],
    stopped: Callable[[], bool] = lambda: False,
) -> Totals:
    """Run a campaign; ``stopped`` is asked before each case and while shrinking.

    Raises InputError when a finding cannot be written.
    """
    campaign = _Campaign(settings, engines, listeners, stopped)
    try:
        campaign.run()
    finally:
        campaign.finish()
    return campaign.totals


class _Campaign:
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
        self._guide = Guide(engines)
        self._started = time.monotonic()
        self._used_up = False
        names = tuple(engine.name for engine in engines)
        self.totals = Totals(engines=names, seed=settings.seed, first=settings.first)

    def run(self) -> None:
        settings = self._settings
        self._emit(CampaignStarted(self.totals.engines, settings.seed, settings.first))
        for number in itertools.count(settings.first):
            self._used_up = self._is_used_up()
            if self._used_up or self._stopped():
                return
            self._run_case(number)

    def finish(self) -> None:
        self._take_time()
        self._emit(CampaignFinished(self.totals, stopped=not self._used_up))

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

    def _run_case(self, number: int) -> None:
        generated = generate_case(self._settings.seed, number, self._settings.profile)
        # Numbered as the comparison numbers it, so that the reference's run is used again there.
        case = children_first(generated.case)
        guidance = self._ask_guide(case)
        seed = self._settings.seed
        plan = self._guide.plan(case, guidance, seed, number)
        case = replace(case, cuts=(plan,), gpu=self._guide.walk(case, guidance, seed, number))
        started = time.monotonic()
        comparison = self._compare(case)
        self.totals.comparing_seconds += time.monotonic() - started
        self._count(generated, case, guidance, comparison)
        self._emit(CaseCompared(number, generated, guidance and guidance.outcome, comparison, self.totals))
        if comparison.verdict is Verdict.DIFFER:
            self._found(number, case, comparison)

    def _ask_guide(self, case: Case) -> Guidance | None:
        try:
            return self._guide.guidance(case)
        except EngineFailure as failure:
            # As one of the engines the reference breaks once more in the comparison, and is a finding there.
            if failure.engine not in self.totals.engines:
                self.totals.counts.not_comparable[f"{failure.engine} as guide: {failure.reason}"] += 1
            return None

    def _count(self, generated: Generated, case: Case, guidance: Guidance | None, comparison: Comparison) -> None:
        totals = self.totals
        totals.cases += 1
        totals.verdicts[comparison.verdict] += 1
        totals.counts += comparison.counts
        totals.families[generated.family] += 1
        totals.cuts[cut_kind(case.cut)] += 1
        totals.walks.update(walk_kinds(case.gpu))
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
        if comparison.counts.boundaries or comparison.counts.seams:
            totals.situations.add(guidance.situations, case.cut)

    # ---- findings ---------------------------------------------------------------------------------------------------

    def _found(self, number: int, case: Case, comparison: Comparison) -> None:
        """The first divergence names the finding: later ones of the same case mostly follow from it."""
        divergence = comparison.divergences[0]
        signature = divergence.signature
        self.totals.findings[signature] += 1
        if self.totals.findings[signature] > self._settings.kept_per_signature:
            self._emit(FindingRepeated(number, signature, self.totals.findings[signature]))
            return
        finding = Finding(signature, case, comparison, self.totals.engines, self._settings.seed, number)
        directory = keep_found(finding, self._settings.out)
        self._emit(FindingKept(number, signature, directory, divergence))
        self._shrink(finding, directory)

    def _shrink(self, finding: Finding, directory: Path) -> None:
        shrunk = shrink(
            finding.case,
            lambda case: self._has_signature(case, finding.signature),
            budget=self._settings.shrinking,
            stopped=self._stopped,
            improved=lambda case: keep_smallest(finding, case, directory),
        )
        is_smaller = shrunk.case is not finding.case
        if is_smaller:
            keep_smallest(finding, shrunk.case, directory)
        smallest = self._compare(shrunk.case) if is_smaller else None
        write_report(finding, directory, shrunk, smallest)
        self._emit(FindingShrunk(finding.signature, directory, finding.case, shrunk))
        self._take_time()

    def _has_signature(self, case: Case, signature: str) -> bool:
        return any(divergence.signature == signature for divergence in self._compare(case).divergences)

    def _compare(self, case: Case) -> Comparison:
        return compare(case, self._engines, audit=self._settings.audit)
