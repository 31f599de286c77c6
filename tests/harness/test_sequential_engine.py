"""The sequential engine of the real VM, as its record tells of it: one process, cells without a value, messages."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_engines import CASE, SUMMARY, MadeEngine, MadeRun
from two_engines import pair_of

from harness.auditing import audit_run
from harness.backend import NOT_GIVEN, REAL_VM, REAL_VM_SEQUENTIAL, EngineFailure, NotComparable
from harness.backends.program import shared_program
from harness.compare import compare
from harness.engines import find_engine
from harness.lockstep import RowStream
from harness.verdict import Kind, Verdict
from reference.definition.cuts import At
from reference.definition.outcome import Completed, Failed

pytestmark = pytest.mark.usefixtures("nothing_known")

HERE = Path(__file__).parent


@pytest.fixture
def fake():
    opened = []

    def make(mode):
        opened.append(pair_of([sys.executable, str(HERE / "fake_vm.py"), mode], "fake"))
        return opened[-1]

    yield make
    for pair in opened:
        for engine in pair:
            engine.close()


def listing(*items):
    return "listed:" + json.dumps(list(items))


def differing(column, rows, count=None):
    return {"col": column, "rows": rows, "count": len(rows) if count is None else count, "len": [64, 64]}


# ---- one process, one run of a case ---------------------------------------------------------------------------------


def test_both_engines_read_one_answer_and_a_second_look_is_a_second_run(fake):
    parallel, sequential = fake(listing())
    program = parallel.program
    for runs in (1, 2):
        assert compare(CASE, [parallel, sequential]).verdict is Verdict.AGREE
        assert program._asked == runs
    sequential.run(CASE)
    sequential.run(CASE)
    assert program._asked == 4


def test_a_crash_is_the_failure_of_both_and_happens_once(fake):
    parallel, sequential = fake("second-crash")
    with pytest.raises(NotComparable, match="no sequential engine"):
        sequential.run(CASE)
    comparison = compare(replace(CASE), [parallel, sequential])
    assert [item.detail.splitlines()[0] for item in comparison.divergences] == ["ended by signal 6"] * 2
    assert parallel.program._asked == 2


def test_the_process_ends_when_the_last_engine_is_closed(fake):
    parallel, sequential = fake(listing())
    compare(CASE, [parallel, sequential])
    process = parallel.program.process
    parallel.close()
    assert process._process is not None
    sequential.close()
    assert process._process is None


def test_engines_found_by_name_share_the_program_of_their_command():
    first, second, other = (find_engine(name) for name in ("exec:vm run", "exec-sequential:vm run", "exec:vm walk"))
    assert first.program is second.program is shared_program(["vm", "run"])
    assert other.program is not first.program
    assert (first.name, second.name) == ("exec:vm run", "exec-sequential:vm run")


# ---- what a record gives --------------------------------------------------------------------------------------------


def test_cells_that_differ_have_no_value_and_all_others_the_dumped_one(fake):
    _, sequential = fake(listing(differing(3, [7, 9]), differing(71, [63])))
    (window,) = sequential.run(CASE).windows()
    expected = np.arange(72, dtype=np.uint64)[:, None] * np.uint64(1000) + np.arange(64, dtype=np.uint64)
    expected[3, [7, 9]] = expected[71, 63] = NOT_GIVEN
    assert np.array_equal(window.cells, expected)
    assert (window.other_than[3, 7], window.other_than[71, 63]) == (3007, 71063)


def dumped(**cells):
    """An engine with the fake's trace, but for some cells, given as ``c3_r7=value``."""
    values = np.arange(72, dtype=np.uint64)[:, None] * np.uint64(1000) + np.arange(64, dtype=np.uint64)
    for place, value in cells.items():
        column, row = (int(text[1:]) for text in place.split("_"))
        values[column, row] = value
    summary = replace(
        SUMMARY, program_hash=(1, 0, 0, 0), core=10, range=8, chiplets=8, bitwise=8, memory=8, kernel_rom=8
    )
    return MadeEngine("third", MadeRun(summary=summary, cells=values, states=None))


def test_a_cell_that_is_not_given_differs_from_whoever_has_the_dumped_value(fake):
    _, sequential = fake(listing(differing(3, [7])))
    for engines in ([dumped(), sequential], [sequential, dumped()]):
        comparison = compare(CASE, engines)
        (divergence,) = comparison.divergences
        assert (divergence.row, [item.name for item in divergence.columns]) == (7, ["fn_hash_1"])


def test_a_cell_that_is_not_given_may_be_equal_to_any_other_value_and_ends_the_comparison(fake):
    _, sequential = fake(listing(differing(3, [7])))
    for engines in ([dumped(c3_r7=5), sequential], [sequential, dumped(c3_r7=5)]):
        comparison = compare(CASE, engines)
        assert (comparison.verdict, comparison.divergences) == (Verdict.NOT_COMPARABLE, ())
        assert comparison.counts.rows == 7
        assert any("may be equal" in reason for reason in comparison.counts.not_comparable)


def test_what_is_wrong_before_or_beside_it_is_a_divergence_all_the_same(fake):
    _, sequential = fake(listing(differing(3, [7])))
    for changes, row in (({"c4_r6": 5}, 6), ({"c4_r7": 5}, 7)):
        comparison = compare(CASE, [dumped(c3_r7=5, **changes), sequential])
        (divergence,) = comparison.divergences
        assert (divergence.row, [item.name for item in divergence.columns]) == (row, ["fn_hash_2"])


def test_rows_behind_those_that_are_listed_are_not_comparable(fake):
    rows = [2, 4, 6, 8, 10, 12, 14, 16]
    parallel, sequential = fake(listing(differing(5, rows, count=20), differing(71, [63])))
    run = sequential.run(CASE)
    stream = RowStream("sequential", run.windows(), run.summary.rows)
    assert stream.available() == 17
    stream.take(17)
    with pytest.raises(NotComparable, match="does not list all rows"):
        stream.available()
    comparison = compare(CASE, [parallel, sequential])
    assert [(item.kind, item.row) for item in comparison.divergences] == [(Kind.CELL, 2)]


def test_a_trace_of_another_length_is_a_divergence_and_compared_as_far_as_both_go(fake):
    comparison = compare(CASE, fake("longer"))
    assert [item.signature for item in comparison.divergences] == ["summary exec:fake|exec-sequential:fake rows"]
    assert comparison.counts.rows == 64
    assert "exec-sequential:fake: the record does not list all rows that differ" in comparison.counts.not_comparable


def test_without_a_trace_of_the_other_engine_there_are_no_cells(fake):
    parallel, sequential = fake("sequential-only")
    run = sequential.run(CASE)
    assert (run.outcome, run.summary.rows) == (Completed(tuple(range(16))), 64)
    with pytest.raises(NotComparable, match="no other trace"):
        list(run.windows())
    with pytest.raises(EngineFailure, match="panicked: queue is empty"):
        parallel.run(CASE)


def test_boundary_states_are_counted_as_not_comparable_and_cells_are_compared_all_the_same(fake):
    comparison = compare(CASE, fake(listing()))
    assert comparison.verdict is Verdict.AGREE
    assert (comparison.counts.rows, comparison.counts.boundaries, comparison.counts.seams) == (64, 0, 2)
    assert list(comparison.counts.not_comparable) == [
        "exec-sequential:fake: boundaries: the record has no states of the sequential engine"
    ]


def test_a_program_without_a_sequential_engine_is_not_usable_as_one(fake):
    parallel, sequential = fake("good")
    assert parallel.probe().usable
    assert sequential.probe() == (False, "the record has no sequential engine")


def test_cells_without_a_value_are_not_audited(fake):
    _, sequential = fake(listing(differing(71, [63])))
    with pytest.raises(NotComparable, match="cannot be audited"):
        audit_run("sequential", CASE, sequential.run(CASE))


@pytest.mark.parametrize(
    "item",
    [
        7,
        {},
        differing(72, [1]),
        differing(-1, [1]),
        differing(3, [64]),
        differing(3, [-1]),
        differing(3, [5, 4]),
        differing(3, [5, 5]),
        differing(3, ["5"]),
        differing(3, [True]),
        differing(3, [5, 6], count=1),
        differing(3, [], count=1),
    ],
)
def test_a_listing_that_names_no_cells_is_a_wrong_record(fake, item):
    _, sequential = fake(listing(item))
    with pytest.raises(EngineFailure, match="its record is wrong"):
        sequential.run(CASE)


# ---- messages -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("identities", "verdict"),
    [
        ((REAL_VM, REAL_VM_SEQUENTIAL), Verdict.DIFFER),
        ((REAL_VM_SEQUENTIAL, REAL_VM), Verdict.DIFFER),
        ((REAL_VM, None), Verdict.AGREE),
        ((None, REAL_VM_SEQUENTIAL), Verdict.AGREE),
        ((None, None), Verdict.AGREE),
        ((REAL_VM, REAL_VM), Verdict.AGREE),
    ],
)
def test_messages_are_compared_only_between_the_two_engines_of_the_real_vm(identities, verdict):
    made = [
        MadeEngine(f"made-{index}", MadeRun(outcome=Failed("NotU32Values", 3, f"code {index}"), summary=None), identity)
        for index, identity in enumerate(identities)
    ]
    comparison = compare(replace(CASE, cuts=(At((3,)),)), made)
    assert comparison.verdict is verdict
    if verdict is Verdict.DIFFER:
        (divergence,) = comparison.divergences
        assert [tuple(item) for item in divergence.columns] == [("message of NotU32Values", "code 0", "code 1")]
