"""Outcomes, summaries, boundary states, and the verdict when there is little to compare."""

from dataclasses import replace

import pytest
from made_engines import (
    CASE,
    SUMMARY,
    MadeEngine,
    MadeRun,
    made_boundary,
    with_boundary,
    with_cell,
)

from harness.backend import EngineFailure, NotComparable
from harness.compare import VacuousComparison, compare
from harness.verdict import Counts, Kind, Verdict, describe
from reference.definition.boundary import Continuation, Position
from reference.definition.cuts import At, Every
from reference.definition.outcome import Completed, Failed


def failed(error, clk):
    return MadeRun(outcome=Failed(error, clk, "text"), summary=None)


def against(run, base=None):
    return compare(CASE, [MadeEngine("one", base), MadeEngine("other", run)])


def only_divergence(comparison):
    (divergence,) = comparison.divergences
    assert comparison.verdict is Verdict.DIFFER
    return divergence


def test_equal_failures_agree_and_are_counted():
    comparison = against(failed("DivideByZero", 3), failed("DivideByZero", 3))
    assert comparison.verdict is Verdict.AGREE
    assert (comparison.counts.failures, comparison.counts.rows) == (1, 0)


def test_the_detail_of_a_failure_is_not_compared():
    other = MadeRun(outcome=Failed("DivideByZero", 3, "another text"), summary=None)
    assert against(other, failed("DivideByZero", 3)).verdict is Verdict.AGREE


def test_failures_at_another_clk_differ():
    divergence = only_divergence(against(failed("DivideByZero", 4), failed("DivideByZero", 3)))
    assert (divergence.kind, divergence.columns) == (Kind.OUTCOME, (("clk", 3, 4),))


def test_a_clk_differs_from_none():
    assert only_divergence(against(failed("E", None), failed("E", 0))).columns == (("clk", 0, None),)


def test_failures_with_another_name_differ():
    divergence = only_divergence(against(failed("NotU32Values", 3), failed("DivideByZero", 3)))
    assert divergence.columns == (("outcome", "DivideByZero", "NotU32Values"),)
    assert divergence.signature == "outcome one|other DivideByZero NotU32Values"


def test_failing_and_completing_differ():
    comparison = against(failed("DivideByZero", 3))
    assert only_divergence(comparison).columns == (("outcome", "completed", "DivideByZero"),)
    assert comparison.counts.rows == 0


def test_another_output_is_named_by_its_stack_position():
    outputs = (*range(15), 99)
    run = MadeRun(outcome=Completed(outputs), summary=replace(SUMMARY, stack=outputs))
    kinds = {item.kind: item.columns for item in against(run).divergences}
    assert kinds[Kind.OUTCOME] == (("stack[15]", 15, 99),)
    assert kinds[Kind.SUMMARY] == (("stack[15]", 15, 99),)


@pytest.mark.parametrize("name", ["rows", "core", "range", "chiplets", "hasher", "bitwise", "memory", "kernel_rom"])
def test_every_length_is_compared(name):
    run = MadeRun(summary=replace(SUMMARY, **{name: getattr(SUMMARY, name) + 1}))
    assert (name, getattr(SUMMARY, name), getattr(SUMMARY, name) + 1) in [
        column for item in against(run).divergences for column in item.columns if item.kind is Kind.SUMMARY
    ]


def test_the_program_hash_is_compared():
    run = MadeRun(summary=replace(SUMMARY, program_hash=(1, 2, 3, 5)))
    assert only_divergence(against(run)).columns == (("program_hash[3]", 4, 5),)


def test_a_completed_run_without_summary_is_a_failed_engine():
    assert only_divergence(against(MadeRun(summary=None))).kind is Kind.ENGINE_FAILURE


@pytest.mark.parametrize(
    ("fields", "names"),
    [
        ({"ctx": 8}, ["ctx"]),
        ({"fn_hash": (10, 11, 0, 13)}, ["fn_hash[2]"]),
        ({"transcript_state": (0, 21, 22, 23)}, ["transcript_state[0]"]),
        ({"current_addr": 6}, ["current_addr"]),
        ({"parent_addr": 4}, ["parent_addr"]),
        ({"stack": (4, 5, 6, 7, *range(9, 20), 0)}, [f"stack[{index}]" for index in range(4, 16)]),
        ({"depth": 16}, ["depth"]),
        ({"overflow_addr": 0}, ["overflow_addr"]),
        ({"position": Position("op", 0, 1, 4)}, ["position"]),
        ({"continuations": (Continuation("FinishJoin", 4),)}, ["continuations count"]),
        ({"continuations": (Continuation("FinishJoin", 4), Continuation("StartNode", 3))}, ["continuations[1]"]),
    ],
)
def test_every_field_of_a_boundary_state_is_compared(fields, names):
    divergence = only_divergence(against(with_boundary(1, **fields)))
    assert (divergence.kind, divergence.row) == (Kind.BOUNDARY, 4)
    assert [item.name for item in divergence.columns] == names
    assert "boundary" in describe(divergence)


def test_the_last_boundary_counts_too():
    assert only_divergence(against(with_boundary(2, depth=20))).row == 8


def test_a_wrong_recording_and_a_wrong_rebuild_are_reported_apart():
    run = replace(with_boundary(0, depth=20), cells=with_cell("ctx", 9, 1).cells)
    assert [item.kind for item in against(run).divergences] == [Kind.BOUNDARY, Kind.CELL]


def test_a_skipped_boundary_differs_from_the_plan():
    divergence = only_divergence(against(MadeRun(states=[made_boundary(0), made_boundary(8)])))
    assert (divergence.kind, divergence.left, divergence.right) == (Kind.BOUNDARY, "cut plan", "other")
    assert divergence.columns == (("boundary[1]", 4, 8), ("boundary count", 3, 2))


def test_engines_that_both_skip_a_boundary_do_not_agree():
    short = [made_boundary(0), made_boundary(4)]
    comparison = against(MadeRun(states=short), MadeRun(states=list(short)))
    assert comparison.verdict is Verdict.DIFFER
    assert comparison.counts.boundaries == 0


def test_missing_boundaries_are_counted_and_cells_are_still_compared():
    comparison = against(MadeRun(states=None))
    assert comparison.verdict is Verdict.AGREE
    assert comparison.counts.boundaries == 0
    assert comparison.counts.not_comparable == {"other: boundaries: no boundary states": 1}


def test_seams_that_no_engine_built_are_counted_apart():
    comparison = against(MadeRun(built_with_cuts=False), MadeRun(built_with_cuts=False))
    assert (comparison.counts.seams, comparison.counts.seams_not_exercised) == (0, 2)


def test_an_engine_that_contradicts_itself_is_a_divergence():
    divergence = only_divergence(against(MadeRun(said=("size 3 differs in 17 cells",))))
    assert (divergence.kind, divergence.left, divergence.right) == (Kind.SELF, "other", "other")
    assert divergence.signature == "self other size N differs in N cells"


def test_a_broken_engine_is_never_agreement():
    comparison = against(EngineFailure("other", "ended by signal 11", "last words"))
    divergence = only_divergence(comparison)
    assert divergence.kind is Kind.ENGINE_FAILURE
    assert "last words" in describe(divergence)


def test_an_engine_that_cannot_do_the_case_makes_it_not_comparable():
    comparison = against(NotComparable("other", "needs replies"))
    assert comparison.verdict is Verdict.NOT_COMPARABLE
    assert comparison.counts.not_comparable == {"other: needs replies": 1}


def test_fewer_engines_than_asked_are_not_agreement_even_when_the_others_agree():
    engines = [MadeEngine("a"), MadeEngine("b", NotComparable("b", "no device")), MadeEngine("c")]
    comparison = compare(CASE, engines)
    assert comparison.verdict is Verdict.NOT_COMPARABLE
    assert comparison.counts.rows == 64


def test_a_difference_is_reported_even_when_another_engine_is_missing():
    engines = [MadeEngine("a"), MadeEngine("b", NotComparable("b", "none")), MadeEngine("c", with_cell("ctx", 2, 1))]
    assert compare(CASE, engines).verdict is Verdict.DIFFER


@pytest.mark.parametrize("count", [0, 1])
def test_fewer_than_two_engines_are_refused(count):
    with pytest.raises(VacuousComparison):
        compare(CASE, [MadeEngine("a")] * count)


def test_an_engine_is_not_compared_with_itself():
    engine = MadeEngine("a")
    with pytest.raises(VacuousComparison):
        compare(CASE, [engine, engine])


def test_a_case_with_two_plans_is_refused():
    with pytest.raises(ValueError, match="too many values"):
        compare(replace(CASE, cuts=(Every(1), At((3,)))), [MadeEngine("a"), MadeEngine("b")])


def test_counts_add_up():
    total = Counts()
    for run in (MadeRun(), MadeRun(states=None), with_cell("ctx", 6, 1)):
        total += against(run).counts
    assert (total.rows, total.boundaries, total.comparisons) == (64 + 64 + 7, 6, 3)
    assert total.not_comparable.total() == 1
    assert not total.nothing
    assert Counts().nothing
