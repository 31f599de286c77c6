"""The two engines of the real VM beside one another: each defect that tells them apart is a divergence of its own kind."""

import json
import os
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from divergent_cases import CASES
from made_engines import CASE, SUMMARY, MadeEngine, MadeRun

from harness.auditing import audit_run
from harness.backend import NOT_GIVEN, REAL_VM, REAL_VM_SEQUENTIAL, EngineFailure, NotComparable
from harness.backends.exec import ExecEngine
from harness.backends.program import Program, shared_program
from harness.backends.reference import ReferenceEngine
from harness.backends.sequential_vm import SequentialEngine
from harness.compare import compare
from harness.engines import find_engine
from harness.known import KNOWN_VARIABLE, NO_ENTRIES
from harness.localise.localisation import localise
from harness.localise.signature import signature_of
from harness.lockstep import RowStream
from harness.verdict import Kind, Verdict, describe
from reference.definition.cuts import ONE_FRAGMENT, At, Every
from reference.definition.formats.case_json import read_case
from reference.definition.outcome import Completed, Failed

HERE = Path(__file__).parent
BOTH = "exec:vm|exec-sequential:vm"

OUTCOMES = [
    ("d02_deep_stack_6600", f"outcome {BOTH} any cuts FailedToExecuteProgram completed"),
    ("d03_u32sub_code", f"outcome {BOTH} any cuts message of NotU32Values"),
    ("d09_dyn_conflict_clk", f"outcome {BOTH} any cuts clk,message of AdviceError.MapKeyAlreadyPresent"),
    ("d09_dyncall_conflict_clk", f"outcome {BOTH} any cuts clk,message of AdviceError.MapKeyAlreadyPresent"),
    (
        "d10_circular_and_conflict",
        f"outcome {BOTH} any cuts AdviceError.MapKeyAlreadyPresent CircularExternalNode.Word",
    ),
]

PANICS = [
    ("a6_ext_entry_then_dyn", ["exec:vm"], "No block address operations recorded"),
    ("d04_mpverify_depth0", ["exec:vm", "exec-sequential:vm"], "path is empty"),
    ("d04_mpverify_depth0_bad", ["exec-sequential:vm"], "path is empty"),
    ("d05_mrupdate_bad_old", ["exec-sequential:vm"], "assertion `left == right` failed: inconsistent Merkle tree root"),
    ("d06_mrupdate_depth0", ["exec:vm", "exec-sequential:vm"], "path is empty"),
    ("d06_mrupdate_depth0_bad", ["exec-sequential:vm"], "path is empty"),
    ("d19_hqword_235", ["exec:vm"], "range start index N out of range for slice of length N"),
]

CELLS = [
    ("a6_ext_entry_then_ext", Every(6), "with cuts SPAN start opcode", 5, "dec_op_bit_0"),
    ("a6_ext_entry_wrong_cells", Every(7), "with cuts SPAN start opcode", 6, "dec_op_bit_0"),
    ("a7_repeat_after_call", ONE_FRAGMENT, "any cuts REPEAT repeat registers", 7, "dec_h6"),
    ("a7_repeat_after_dyncall", ONE_FRAGMENT, "any cuts REPEAT repeat registers", 31, "dec_h6"),
    ("a7_repeat_after_loop", ONE_FRAGMENT, "any cuts REPEAT repeat registers", 7, "dec_h5"),
    ("a7_repeat_after_syscall", ONE_FRAGMENT, "any cuts REPEAT repeat registers", 7, "dec_h7"),
    ("a9_pad_column", ONE_FRAGMENT, "any cuts padding random row", 63, "pad_0"),
]


def pair_of(command, name="vm"):
    program = Program(command)
    return [
        ExecEngine(f"exec:{name}", command, program=program),
        SequentialEngine(f"exec-sequential:{name}", command, program=program),
    ]


@pytest.fixture(scope="module", params=["recorded", pytest.param("live", marks=pytest.mark.oracle)])
def engines(request):
    if request.param == "recorded":
        command = [sys.executable, str(HERE / "recorded_vm.py")]
    elif path := os.environ.get("FRAGDIFF_ORACLE"):
        command = [path, "run"]
    else:
        pytest.skip("FRAGDIFF_ORACLE does not name the real VM's command")
    opened = pair_of(command)
    yield opened
    for engine in opened:
        engine.close()


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


@pytest.fixture(autouse=True)
def nothing_is_known(monkeypatch):
    monkeypatch.setenv(KNOWN_VARIABLE, NO_ENTRIES)


def case_named(name, plan=ONE_FRAGMENT):
    return replace(read_case(CASES[name], name), cuts=(plan,))


def listing(*items):
    return "listed:" + json.dumps(list(items))


def differing(column, rows, count=None):
    return {"col": column, "rows": rows, "count": len(rows) if count is None else count, "len": [64, 64]}


# ---- the defects ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "wanted"), OUTCOMES, ids=[name for name, _ in OUTCOMES])
def test_outcomes_that_differ_have_a_signature_of_their_own(engines, name, wanted):
    assert signature_of(case_named(name), engines).text == wanted


@pytest.mark.parametrize(("name", "who", "message"), PANICS, ids=[name for name, _, _ in PANICS])
def test_a_panic_is_the_failure_of_the_engine_that_panicked(engines, name, who, message):
    comparison = compare(case_named(name), engines)
    assert comparison.verdict is Verdict.DIFFER
    assert [item.signature for item in comparison.divergences] == [
        f"engine_failure {engine} panicked: {message}" for engine in who
    ]


@pytest.mark.parametrize(("name", "plan", "wanted", "row", "column"), CELLS, ids=[f"{each[0]}" for each in CELLS])
def test_wrong_cells_are_found_where_they_are_and_shown_without_a_value(engines, name, plan, wanted, row, column):
    case = case_named(name, plan)
    comparison = compare(case, engines)
    first = comparison.divergences[0]
    assert (first.kind, first.row, first.columns[0].name) == (Kind.CELL, row, column)
    assert type(first.columns[0].left) is int
    assert first.columns[0].right == "differs, value not given"
    assert "differs, value not given" in describe(first)
    assert comparison.counts.rows == row + 1
    assert signature_of(case, engines).text == f"cell {BOTH} {wanted}"


def test_programs_that_both_engines_refuse_in_the_same_words_agree(engines):
    comparison = compare(case_named("b2_ace_size_wraps"), engines)
    assert (comparison.verdict, comparison.counts.failures) == (Verdict.AGREE, 1)


def test_a_panic_is_localised_although_the_reference_is_asked_besides_and_fails_too(engines):
    found = localise(case_named("d05_mrupdate_bad_old"), engines, audit=False)
    assert found.cause.kind is Kind.ENGINE_FAILURE
    assert found.vote.odd == ("exec-sequential:vm",)


def real_case(name, plan):
    path = HERE.parent / "data" / "real" / f"{name}.case.json"
    return replace(read_case(path.read_text("utf-8"), name), cuts=(plan,))


@pytest.fixture(scope="module")
def live():
    path = os.environ.get("FRAGDIFF_ORACLE")
    if not path:
        pytest.skip("FRAGDIFF_ORACLE does not name the real VM's command")
    opened = pair_of([path, "run"])
    yield opened
    for engine in opened:
        engine.close()


@pytest.mark.oracle
def test_a6_completes_wrongly_in_one_single_fragment_and_contradicts_its_builds_of_one_row(live):
    comparison = compare(real_case("a6_single_fragment", At((0,))), live)
    assert [item.kind for item in comparison.divergences] == [Kind.SUMMARY, Kind.CELL, Kind.SELF]
    summary, cell, _ = comparison.divergences
    assert [tuple(item) for item in summary.columns] == [("core", 61, 60)]
    assert cell.row == 16


@pytest.mark.oracle
@pytest.mark.parametrize("plan", [ONE_FRAGMENT, Every(25), Every(64), Every(6)])
def test_a6_completes_wrongly_where_the_wrong_node_takes_the_other_branch(live, plan):
    comparison = compare(real_case("a6_split", plan), live)
    assert {item.kind for item in comparison.divergences} <= {Kind.SUMMARY, Kind.CELL}
    assert [item.row for item in comparison.divergences if item.kind is Kind.CELL] == [5]


@pytest.mark.oracle
def test_a6_that_ends_early_is_excused_in_every_column(live, monkeypatch):
    monkeypatch.delenv(KNOWN_VARIABLE, raising=False)
    comparison = compare(real_case("a6_other_length", At((21,))), [ReferenceEngine(), live[0]])
    assert comparison.divergences == ()
    assert [(item.entry, item.divergence.kind) for item in comparison.excused] == [
        ("A6", Kind.SUMMARY),
        ("A6", Kind.SELF),
    ]


@pytest.mark.oracle
def test_a6_in_thirteen_rows_at_every_fragment_size(live):
    kinds = {}
    for size in range(1, 15):
        comparison = compare(real_case("a6_thirteen_rows", Every(size)), live)
        first = comparison.divergences[0]
        kinds[size] = (first.kind.value, first.row)
    wrong = dict.fromkeys((2, 3, 6, 10), ("cell", 1))
    panics = dict.fromkeys((4, 5, 7, 8, 9, 11, 12, 13, 14), ("engine_failure", None))
    # At size 1 nothing is left but the pad column, A9.
    assert kinds == {1: ("cell", 63), **wrong, **panics}


@pytest.mark.parametrize(
    ("name", "plan", "odd"),
    [
        ("a6_ext_entry_then_ext", Every(6), "exec:vm"),
        ("a7_repeat_after_call", ONE_FRAGMENT, "exec-sequential:vm"),
    ],
)
def test_the_reference_tells_which_of_the_two_is_wrong(engines, name, plan, odd):
    found = localise(case_named(name, plan), engines, audit=False)
    assert found.vote.odd == (odd,)


def test_the_two_engines_are_two(engines):
    compare(case_named("a9_pad_column"), engines)
    assert {engine.identity for engine in engines} == {REAL_VM, REAL_VM_SEQUENTIAL}


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
