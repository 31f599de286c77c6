"""A campaign by the laws alone: generate what one engine accepts, cut it in many ways, keep and shrink what breaks a law."""

from __future__ import annotations

import itertools
import json
import re
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from harness.compiled_hash import compiled_hash
from harness.corpus import write_new
from harness.generate import Generated, Profile, SeededChoices, generate_case
from harness.laws.acceptance import Accepted, learn
from harness.laws.build import Subject
from harness.laws.judge import Judgement, judge
from harness.laws.keeping import Finding, Reduced, keep_found, write_finding
from harness.laws.plans import drawn_plans, sweep_plans
from harness.laws.reducing import SIZES, reduced
from harness.laws.screen import Screen, make_screen
from harness.laws.sizes import sizes_of
from harness.laws.subjects import open_subject
from harness.laws.violation import Law
from harness.shrink import Budget
from reference.definition.formats.children_first import children_first
from reference.processor import execute

SUMMARY: Final = "summary.json"

PLANS: Final = 10
"""Drawn plans of a case, besides one fragment and fragments of one row."""

UNLIKELY_PERCENT: Final = 10
"""Share of the cases kept that hold what failed in every probe: an engine may come to accept it in other company."""


@dataclass(slots=True)
class LawTotals:
    """What a campaign did."""

    engine: str
    seed: int
    cases: int = 0
    """Judged; a case that the engine refuses is none."""
    completed: int = 0
    """Of which at least one build has a trace."""
    traces_judged: int = 0
    """Of these, the cases of which something could be judged."""
    builds: int = 0
    nothing: int = 0
    """Cases that were built and of which nothing could be judged."""
    seconds: float = 0.0
    judged: Counter[Law] = field(default_factory=Counter)
    not_judged: Counter[str] = field(default_factory=Counter)
    """Laws that were not asked, by reason."""
    left_out: Counter[str] = field(default_factory=Counter)
    """Generated cases that were not given to the engine, by reason."""
    refused: Counter[str] = field(default_factory=Counter)
    families: Counter[str] = field(default_factory=Counter)
    violations: Counter[str] = field(default_factory=Counter)
    """Cases that broke a law, by signature."""
    findings: list[dict[str, Any]] = field(default_factory=list)
    """Of each one kept: signature, directory, number, cases, seconds, shape."""

    @property
    def is_vacuous(self) -> bool:
        """Whether no case with a trace was judged: failing alike is all that an engine that never cuts can show."""
        return not self.traces_judged

    def as_json(self) -> dict[str, Any]:
        """All of it; counters as objects."""
        return {
            "engine": self.engine,
            "seed": self.seed,
            "cases": self.cases,
            "completed": self.completed,
            "builds": self.builds,
            "nothing_judged": self.nothing,
            "seconds": round(self.seconds, 2),
            "judged": {law.value: count for law, count in self.judged.items()},
            "not_judged": dict(self.not_judged),
            "left_out": dict(self.left_out),
            "refused": dict(self.refused),
            "families": dict(self.families),
            "violations": dict(self.violations),
            "findings": self.findings,
        }


def fuzz_by_laws(
    engine: str,
    *,
    seed: int,
    seconds: float | None,
    cases: int | None,
    out: Path,
    profile: Profile,
    first: int = 0,
    shrink_seconds: float = Budget().seconds,
    keep: int = 3,
    as_json: bool = False,
    quiet: bool = False,
    stopped: Callable[[], bool] = lambda: False,
) -> LawTotals:
    """Run a campaign until ``seconds`` have passed, ``cases`` cases are judged, or ``stopped`` says so.

    Raises InputError for an engine that cannot be judged, and when ``out`` cannot be written.
    """
    started = time.monotonic()
    with open_subject(engine) as subject, compiled_hash(), make_screen(as_json=as_json, quiet=quiet) as screen:
        accepted = learn(subject)
        screen.started(engine, seed, first, accepted)
        budget = Budget(seconds=shrink_seconds)
        campaign = _Campaign(
            subject, accepted, LawTotals(engine, seed), profile, out, budget, keep, screen, started, stopped
        )
        try:
            campaign.run(first, cases, seconds)
        finally:
            campaign.finish()
    return campaign.totals


class _Campaign:
    def __init__(
        self,
        subject: Subject,
        accepted: Accepted,
        totals: LawTotals,
        profile: Profile,
        out: Path,
        budget: Budget,
        keep: int,
        screen: Screen,
        started: float,
        stopped: Callable[[], bool],
    ) -> None:
        self._subject = subject
        self._accepted = accepted
        self.totals = totals
        self._profile = profile
        self._out = out
        self._budget = budget
        self._keep = keep
        self._screen = screen
        self._started = started
        self._stopped = stopped
        # A directory that cannot be written is known before an hour has passed.
        self._write_summary(finished=False)

    def run(self, first: int, cases: int | None, seconds: float | None) -> None:
        for number in itertools.count(first):
            over = (cases is not None and self.totals.cases >= cases) or (
                seconds is not None and time.monotonic() - self._started >= seconds
            )
            if over or self._stopped():
                return
            self._run_case(number)
            self.totals.seconds = time.monotonic() - self._started
            self._screen.progress(self.totals)

    def finish(self) -> None:
        self.totals.seconds = time.monotonic() - self._started
        self._write_summary(finished=True)
        self._screen.finished(self.totals)

    def _write_summary(self, *, finished: bool) -> None:
        text = json.dumps({"finished": finished} | self.totals.as_json(), indent=2)
        write_new(self._out / SUMMARY, text + "\n")

    def _run_case(self, number: int) -> None:
        totals = self.totals
        generated = generate_case(totals.seed, number, self._profile)
        case = children_first(generated.case)
        reason = self._accepted.why_not(case)
        if reason is None and self._accepted.why_unlikely(case) is not None:
            choices = SeededChoices(f"fragdiff/laws/unlikely/{totals.seed}/{number}")
            reason = None if choices.flag(UNLIKELY_PERCENT) else self._accepted.why_unlikely(case)
        if reason is not None:
            totals.left_out[reason] += 1
            return
        plans = drawn_plans(totals.seed, number, rows=generated.rows, free=self._subject.cuts_freely, count=PLANS)
        judgement = judge(self._subject, case, plans, locating=False)
        if judgement.refused is not None:
            # Numbers of nodes differ from case to case; the reason is the same.
            totals.refused[re.sub(r"[0-9]+", "N", judgement.refused)] += 1
            return
        self._count(generated, judgement)
        if judgement.violations:
            self._found(generated, number, judgement)

    def _count(self, generated: Generated, judgement: Judgement) -> None:
        totals = self.totals
        totals.cases += 1
        totals.completed += judgement.completed > 0
        totals.traces_judged += judgement.completed > 0 and not judgement.nothing
        totals.builds += len(judgement.builds)
        totals.nothing += judgement.nothing
        totals.judged += judgement.judged
        totals.not_judged.update(f"{law.value}: {reason}" for law, reason in judgement.not_judged.items())
        totals.families[generated.family] += 1

    def _found(self, generated: Generated, number: int, judgement: Judgement) -> None:
        totals = self.totals
        signature = judgement.violations[0].signature
        totals.violations[signature] += 1
        if totals.violations[signature] > self._keep:
            self._screen.repeated(number, signature, totals.violations[signature])
            return
        seconds = time.monotonic() - self._started
        finding = Finding(
            signature, judgement, totals.engine, totals.seed, number, totals.cases, seconds, generated.family
        )
        directory = keep_found(finding, self._out)
        self._screen.found(finding, directory)
        smallest = self._reduce(finding)
        write_finding(finding, directory, smallest)
        totals.findings.append(
            {
                "signature": signature,
                "directory": str(directory),
                "number": number,
                "cases": finding.cases,
                "seconds": round(seconds, 2),
                "shape": smallest.shape,
            }
        )
        self._write_summary(finished=False)
        self._screen.reduced(smallest, directory)

    def _reduce(self, finding: Finding) -> Reduced:
        """The smallest case, judged at every size that cuts it."""
        violation = finding.judgement.violations[0]
        shrunk = reduced(self._subject, finding.judgement.case, violation, self._budget, self._stopped)
        case = children_first(shrunk.case)
        # Another release may take more rows for a program than the reference does.
        rows = max(SIZES, 2 * execute(case).core_rows)
        judgement = judge(self._subject, case, sweep_plans(rows))
        return Reduced(replace(shrunk, case=case), judgement, sizes_of(judgement.builds))
