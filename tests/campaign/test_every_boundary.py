"""Campaigns over reference and parallel compare every boundary of a program, and count each comparison once."""

from __future__ import annotations

from collections import defaultdict

import pytest

from harness.backends.parallel import ParallelEngine
from harness.backends.reference import ReferenceEngine
from harness.campaign import Event, PlanBegun, Settings, run_cases
from harness.campaign.guide import EVERY_BOUNDARY_ROWS
from harness.verdict import Verdict
from reference.definition.case import Case
from reference.definition.outcome import Completed


class _Plans:
    """The cases of each name, one for each plan that was compared."""

    def __init__(self) -> None:
        self.by_name: dict[str, list[Case]] = defaultdict(list)

    def __call__(self, event: Event) -> None:
        if isinstance(event, PlanBegun):
            self.by_name[event.case.name].append(event.case)


@pytest.mark.parametrize("filling", [True, False])
def test_every_boundary_is_compared_and_each_comparison_counted_once(filling: bool) -> None:
    plans = _Plans()
    settings = Settings(seed=3, cases=25, audit=False, filling=filling)
    totals = run_cases(settings, [ReferenceEngine(), ParallelEngine()], [plans])
    assert totals.verdicts == {Verdict.AGREE: 25}
    owed = short = 0
    for cases in plans.by_name.values():
        run = ReferenceEngine().run(cases[0])
        if not isinstance(run.outcome, Completed):
            continue
        rows = run.execution.core_rows
        begun = [case.cut.starts(rows) for case in cases]
        owed += sum(map(len, begun))
        if rows <= EVERY_BOUNDARY_ROWS:
            short += 1
            assert set().union(*begun) == set(range(rows))
            assert sorted(map(len, begun))[-1] == rows
    assert totals.counts.boundaries == owed
    assert short > 10
