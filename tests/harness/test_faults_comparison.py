"""The comparison is held to account: faults in it are noticed, and nothing is noticed where there is none."""

from dataclasses import replace

import pytest
from made_engines import CASE, CORE, ROWS, STARTS, SUMMARY, MadeEngine, MadeRun

from harness.account import VacuousComparison, check_account
from harness.backends.parallel import ParallelEngine
from harness.backends.reference import ReferenceEngine
from harness.canary import LIES, release_canary, release_refusal
from harness.compare import compare
from harness.faults import Check
from harness.faults.in_comparison import COMPARISON_FAULTS
from harness.faults.trial import try_comparison
from harness.findings import Contender
from harness.generate import SeededChoices, generate_case
from harness.parts import EXACT, Parts
from harness.verdict import Counts, Verdict
from reference.definition.columns import WIDTH
from reference.definition.cuts import Every
from reference.definition.outcome import Failed

PAIRS = 2


def contenders(run=None, count=PAIRS + 1):
    return [Contender(MadeEngine(f"engine {number}"), run or MadeRun()) for number in range(count)]


def honest_counts():
    return Counts(comparisons=PAIRS, rows=PAIRS * ROWS, cells=PAIRS * ROWS * WIDTH, boundaries=PAIRS * len(STARTS))


def test_an_honest_account_is_accepted():
    check_account(contenders(), PAIRS + 1, CASE.cut, honest_counts())


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"rows": PAIRS * ROWS - 1}, "127 of 128 rows"),
        ({"cells": PAIRS * ROWS * (WIDTH - 1)}, "9088 of 9216 cells"),
        ({"boundaries": PAIRS * (len(STARTS) - 1)}, "4 of 6 boundary states"),
        ({"rows": 0, "cells": 0, "boundaries": 0}, "0 of 128 rows"),
        ({"rows": PAIRS * ROWS + 1}, "129 of 128 rows"),
    ],
)
def test_an_account_that_is_short_is_refused(change, reason):
    counts = honest_counts()
    for name, value in change.items():
        setattr(counts, name, value)
    with pytest.raises(VacuousComparison, match=f"says that all agree, but {reason} were compared"):
        check_account(contenders(), PAIRS + 1, CASE.cut, counts)


def test_an_engine_that_did_not_run_is_missed():
    with pytest.raises(VacuousComparison, match="3 of 4 engines ran"):
        check_account(contenders(), PAIRS + 2, CASE.cut, honest_counts())


def test_summaries_that_differ_are_no_agreement():
    runs = [*contenders(count=2), Contender(MadeEngine("other"), MadeRun(summary=replace(SUMMARY, core=CORE + 1)))]
    with pytest.raises(VacuousComparison, match="the summaries differ"):
        check_account(runs, PAIRS + 1, CASE.cut, honest_counts())


def test_failures_that_were_not_compared_are_missed():
    failed = MadeRun(outcome=Failed("DivideByZero", 3), summary=None)
    check_account(contenders(failed), PAIRS + 1, CASE.cut, Counts(failures=PAIRS))
    with pytest.raises(VacuousComparison, match="1 of 2 equal failures"):
        check_account(contenders(failed), PAIRS + 1, CASE.cut, Counts(failures=1))


def test_states_that_an_engine_does_not_give_are_owed_by_nobody():
    counts = honest_counts()
    counts.boundaries = 0
    counts.not_comparable["one: boundaries: none"] += 1
    check_account(contenders(), PAIRS + 1, CASE.cut, counts)


def test_the_parts_are_used():
    quiet = Parts(first_wrong_row=lambda left, right, first_row, regions: None)
    cells = MadeRun().cells.copy()
    cells[0, 5] += 1
    engines = [MadeEngine("one"), MadeEngine("other", MadeRun(cells=cells))]
    kinds = [{item.kind.value for item in compare(CASE, engines, parts=parts).divergences} for parts in (EXACT, quiet)]
    assert kinds == [{"cell"}, {"summary"}]


@pytest.mark.parametrize("fault", COMPARISON_FAULTS, ids=lambda fault: fault.name)
def test_a_fault_of_the_comparison_is_noticed(fault):
    trial = try_comparison(fault, seed=3, seconds=60)
    assert trial.by in fault.caught_by
    assert trial.by in (Check.ACCOUNT, Check.CANARY)


@pytest.fixture(scope="module")
def cases():
    found = [replace(generate_case(5, number).case, cuts=(Every(1 + number % 7),)) for number in range(24)]
    assert any(ReferenceEngine().run(case).summary is None for case in found)
    return found


@pytest.mark.parametrize("lie", LIES, ids=lambda lie: lie.name)
def test_the_right_comparison_names_every_lie(lie, cases, monkeypatch):
    monkeypatch.setattr("harness.canary.LIES", (lie,))
    told = 0
    for number, case in enumerate(cases):
        reference = ReferenceEngine()
        try:
            assert release_canary(case, reference, SeededChoices(f"lie {number}"), compare) is None
        except VacuousComparison as nothing:
            assert str(nothing) == "there is no lie that fits the run"
        else:
            told += 1
    assert told >= len(cases) // 4


def test_the_right_comparison_names_engines_that_break_and_refuse(cases):
    for case in cases:
        assert release_refusal(case, ReferenceEngine(), compare) is None


def test_nothing_is_noticed_where_nothing_is_wrong(cases):
    for case in cases:
        comparison = compare(case, [ReferenceEngine(), ParallelEngine()])
        assert comparison.verdict is Verdict.AGREE
