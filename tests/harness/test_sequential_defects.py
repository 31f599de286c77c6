"""The two engines of the real VM beside one another: each defect that tells them apart is a divergence of its own kind."""

import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from divergent_cases import case_named
from two_engines import pair_of

from harness.backend import REAL_VM, REAL_VM_SEQUENTIAL
from harness.backends.reference import ReferenceEngine
from harness.compare import compare
from harness.known import KNOWN_VARIABLE
from harness.localise.localisation import localise
from harness.localise.signature import signature_of
from harness.verdict import Kind, Verdict, describe
from reference.definition.cuts import ONE_FRAGMENT, At, Every
from reference.definition.formats.case_json import read_case

pytestmark = pytest.mark.usefixtures("nothing_known")

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
