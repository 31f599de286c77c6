"""One batch of cases: the same wherever it runs, in this process, in a worker, or on another machine."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from harness.backend import Engine
from harness.campaign.events import CaseBegun, CaseCompared, Event, Listener
from harness.campaign.loop import Settings, run_cases
from harness.campaign.protocol import BatchDone, BatchTask, Difference, Setup
from harness.campaign.slow import SlowCases
from harness.coverage import CoverageMap
from harness.reporting import divergence_json
from harness.verdict import Verdict
from reference.definition.formats.case_json import write_case


def run_batch(
    setup: Setup,
    task: BatchTask,
    engines: Sequence[Engine],
    covered: CoverageMap,
    *,
    is_first: bool,
    listeners: Sequence[Listener] = (),
    say: Callable[[Difference], None] = lambda _: None,
    stopped: Callable[[], bool] = lambda: False,
) -> BatchDone:
    """Run a batch; ``say`` is told at once of every difference whose text is wanted, ``stopped`` is asked before each case.

    ``covered`` is what the campaign has covered, the task's news included. ``is_first`` says that the process is cold, so that
    the time of the first case means nothing.
    """
    settings = Settings(
        setup.seed,
        task.first,
        task.count,
        task.seconds,
        setup.profile,
        setup.audit,
        setup.filling,
        covered,
    )
    heard = _Heard(task, say, is_first)
    started = time.time()
    totals = run_cases(settings, engines, [*listeners, heard], stopped)
    totals.findings = Counter(item.signature for item in heard.differences)
    smallest = totals.coverage.smallest
    return BatchDone(
        task.first,
        totals.cases,
        started,
        time.time(),
        totals.addable(),
        [(cell, int(totals.coverage.counts[cell]), at.case, at.rows, at.row) for cell, at in sorted(smallest.items())],
        heard.differences,
        heard.slow.cases,
    )


def learn(covered: CoverageMap, cells: Sequence[tuple[int, int]]) -> None:
    """Count what other workers have covered, (cell, times) each; which case did it is not needed to aim."""
    if cells:
        numbers, times = np.array(cells, np.int64).T
        covered.counts[numbers] += times


class _Heard:
    """What a batch has to say besides its totals."""

    def __init__(self, task: BatchTask, say: Callable[[Difference], None], is_first: bool) -> None:
        self._task = task
        self._say = say
        self.slow = SlowCases(task.slow, is_cold=is_first)
        self._begun = 0.0
        self._texts: Counter[str] = Counter()
        self.differences: list[Difference] = []

    def __call__(self, event: Event) -> None:
        match event:
            case CaseBegun():
                self._begun = time.monotonic()
            case CaseCompared():
                self._time(event)
                if event.comparison.verdict is Verdict.DIFFER:
                    self._differ(event)

    def _time(self, event: CaseCompared) -> None:
        seconds, rows = time.monotonic() - self._begun, event.comparison.counts.rows
        self.slow.add(event.number, seconds, rows, lambda: write_case(event.case))

    def _differ(self, event: CaseCompared) -> None:
        """The first divergence names the finding: later ones of the same case mostly follow from it."""
        divergences = event.comparison.divergences
        signature = divergences[0].signature
        self._texts[signature] += 1
        is_wanted = self._texts[signature] <= self._task.kept
        text = write_case(event.case) if is_wanted else ""
        told = [divergence_json(item) for item in divergences] if is_wanted else []
        found = Difference(event.number, signature, text, told)
        self.differences.append(found)
        self._say(found)
