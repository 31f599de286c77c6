"""One batch of a campaign by the laws: generate what the engine accepts, cut it in many ways, tell what breaks a law.

What becomes of case N depends on the seed, N and what the engine accepts, on nothing that came before.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from harness.campaign.events import CaseBegun, CaseGenerated
from harness.campaign.law_counts import LawCounts
from harness.campaign.protocol import BatchDone, BatchTask, Difference, Setup
from harness.campaign.running import RunningFile
from harness.campaign.slow import SlowCases
from harness.campaign.totals import Totals
from harness.generate import Generated, SeededChoices, generate_case
from harness.laws.acceptance import Accepted
from harness.laws.build import Subject
from harness.laws.judge import Judgement, judge
from harness.laws.plans import drawn_plans
from harness.laws.violation import violation_json
from harness.verdict import Verdict
from reference.definition.case import Case
from reference.definition.formats.case_json import write_case
from reference.definition.formats.children_first import children_first

PLANS: Final = 10
"""Drawn plans of a case, besides one fragment and fragments of one row."""

UNLIKELY_PERCENT: Final = 10
"""Share of the cases kept that hold what failed in every probe: an engine may come to accept it in other company."""


def run_batch(
    setup: Setup,
    task: BatchTask,
    subject: Subject,
    accepted: Accepted,
    running: RunningFile,
    *,
    is_first: bool,
    say: Callable[[Difference], None],
    stopped: Callable[[], bool],
) -> BatchDone:
    """Run a batch; ``say`` is told at once of every violation, ``stopped`` is asked before each case.

    ``running`` is told of the case in hand; of its cut plans only ``subject`` tells. ``is_first`` says that the process is
    cold, so that the time of the first case means nothing. Raises InputError when ``running`` cannot be written.
    """
    batch = _Batch(setup, task, subject, accepted, running, say, SlowCases(task.slow, is_cold=is_first))
    started = time.time()
    batch.run(stopped)
    totals = batch.totals
    totals.findings = Counter(item.signature for item in batch.differences)
    return BatchDone(
        task.first,
        totals.cases,
        started,
        time.time(),
        totals.addable(),
        [],
        batch.differences,
        batch.slow.cases,
    )


class _Batch:
    def __init__(
        self,
        setup: Setup,
        task: BatchTask,
        subject: Subject,
        accepted: Accepted,
        running: RunningFile,
        say: Callable[[Difference], None],
        slow: SlowCases,
    ) -> None:
        self._setup = setup
        self._task = task
        self._subject = subject
        self._accepted = accepted
        self._running = running
        self._say = say
        self._texts: Counter[str] = Counter()
        self.slow = slow
        self.counts = LawCounts()
        self.totals = Totals(setup.engines, setup.seed, task.first, laws=self.counts)
        self.differences: list[Difference] = []

    def run(self, stopped: Callable[[], bool]) -> None:
        task, began = self._task, time.monotonic()
        for number in range(task.first, task.first + task.count):
            if (task.seconds is not None and time.monotonic() - began >= task.seconds) or stopped():
                return
            self._running(CaseBegun(number))
            self._run_case(number)
            self.totals.cases += 1
            self._running.clear()

    def _run_case(self, number: int) -> None:
        started = time.monotonic()
        setup, totals = self._setup, self.totals
        generated = generate_case(setup.seed, number, setup.profile)
        case = children_first(generated.case)
        self._running(CaseGenerated(case))
        reason = self._why_not(case, number)
        if reason is not None:
            self.counts.left_out[reason] += 1
            totals.verdicts[Verdict.NOT_COMPARABLE] += 1
            return
        plans = drawn_plans(setup.seed, number, rows=generated.rows, free=self._subject.cuts_freely, count=PLANS)
        judgement = judge(self._subject, case, plans, locating=False)
        seconds = time.monotonic() - started
        totals.comparing_seconds += seconds
        if judgement.refused is not None:
            # Numbers of nodes differ from case to case; the reason is the same.
            self.counts.refused[re.sub(r"[0-9]+", "N", judgement.refused)] += 1
            totals.verdicts[Verdict.NOT_COMPARABLE] += 1
            return
        self._count(generated, judgement)
        rows = sum(build.core or generated.rows for build in judgement.builds)
        self.slow.add(number, seconds, rows, lambda: write_case(replace(case, cuts=tuple(plans))))
        if judgement.violations:
            self._differ(generated, number, judgement)

    def _why_not(self, case: Case, number: int) -> str | None:
        """Why the case is left out; None for one that is not."""
        reason = self._accepted.why_not(case)
        unlikely = self._accepted.why_unlikely(case)
        if reason is not None or unlikely is None:
            return reason
        choices = SeededChoices(f"fragdiff/laws/unlikely/{self._setup.seed}/{number}")
        return None if choices.flag(UNLIKELY_PERCENT) else unlikely

    def _count(self, generated: Generated, judgement: Judgement) -> None:
        totals, counts = self.totals, self.counts
        totals.completed += judgement.completed > 0
        totals.failed += judgement.completed == 0
        totals.families[generated.family] += 1
        if judgement.violations:
            totals.verdicts[Verdict.DIFFER] += 1
        else:
            totals.verdicts[Verdict.NOT_COMPARABLE if judgement.nothing else Verdict.AGREE] += 1
        counts.traces += judgement.completed > 0 and not judgement.nothing
        counts.builds += len(judgement.builds)
        counts.nothing += judgement.nothing
        counts.judged.update({law.value: times for law, times in judgement.judged.items()})
        counts.broken.update({violation.law.value for violation in judgement.violations})
        counts.not_judged.update(f"{law.value}: {reason}" for law, reason in judgement.not_judged.items())

    def _differ(self, generated: Generated, number: int, judgement: Judgement) -> None:
        """The gravest violation names the finding: the others mostly follow from it."""
        signature = judgement.violations[0].signature
        self._texts[signature] += 1
        is_wanted = self._texts[signature] <= self._task.kept
        text = write_case(judgement.case) if is_wanted else ""
        told = [violation_json(item) for item in judgement.violations] if is_wanted else []
        about = {"family": generated.family, "judged": self.totals.judged}
        found = Difference(number, signature, text, told, about)
        self.differences.append(found)
        self._say(found)
