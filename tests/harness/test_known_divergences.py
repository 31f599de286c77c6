"""Every known divergence is excused by its own entry where it really occurs, and nowhere else."""

import re

import pytest
from divergent_cases import CASES, case_named, impostor
from made_engines import MadeEngine

from harness.backend import REAL_VM, REAL_VM_SEQUENTIAL, EngineFailure
from harness.compare import compare
from harness.known import known_divergences
from harness.verdict import Kind, Verdict
from reference.definition.cuts import ONE_FRAGMENT, At, Every
from reference.definition.errors import InputError
from reference.definition.formats.case_json import read_case

USUAL = (ONE_FRAGMENT, Every(1), Every(7), At((2, 5)))

EQUAL = (
    "a5_no_halt_row",
    "a5_no_halt_row_call",
    "a7_repeat_after_call",
    "a7_repeat_after_dyncall",
    "a7_repeat_after_loop",
    "a7_repeat_after_syscall",
    "a7_repeat_external_call",
    "a9_pad_column",
    "b2_ace_size_wraps",
    "b2_ace_wrap_circuit",
    "b2_ace_wrap_no_gates",
    "d03_u32sub_code",
    "d04_mpverify_depth0_bad",
    "d05_mrupdate_bad_old",
    "d06_mrupdate_depth0_bad",
    "d09_dyn_conflict_clk",
    "d09_dyncall_conflict_clk",
    "d10_circular_and_conflict",
)
"""The two engines of the real VM differ on these, or share a defect; we are as its parallel engine."""

EXCUSED = [
    ("a6_ext_entry_then_dyn", ONE_FRAGMENT, "A6"),
    ("a6_ext_entry_then_dyn", Every(64), "A6"),
    ("a6_ext_entry_then_dyn", At((2, 5)), "A6"),
    ("a6_ext_entry_then_ext", ONE_FRAGMENT, "A6"),
    ("a6_ext_entry_then_ext", Every(6), "A6"),
    ("a6_ext_entry_then_ext", Every(7), "A6"),
    ("a6_ext_entry_wrong_cells", ONE_FRAGMENT, "A6"),
    ("a6_ext_entry_wrong_cells", Every(7), "A6"),
    ("a6_ext_entry_wrong_cells", Every(8), "A6"),
    ("a6_ext_entry_wrong_cells", Every(11), "A6"),
    ("d02_deep_stack_12800", ONE_FRAGMENT, "D02"),
    ("d02_deep_stack_6600", ONE_FRAGMENT, "D02"),
    ("d19_hqword_235", ONE_FRAGMENT, "D19"),
    *(("d04_mpverify_depth0", plan, "D04") for plan in USUAL),
    *(("d06_mrupdate_depth0", plan, "D06") for plan in USUAL),
]

EQUAL_AT = [
    *((name, plan) for name in EQUAL for plan in USUAL),
    ("a6_ext_entry_then_dyn", Every(1)),
    ("a6_ext_entry_then_dyn", Every(7)),
    ("a6_ext_entry_then_ext", Every(1)),
    ("a6_ext_entry_then_ext", Every(5)),
    ("a6_ext_entry_wrong_cells", Every(1)),
    ("a6_ext_entry_wrong_cells", Every(6)),
]

WITH_WRONG_CELLS = {
    ("a6_ext_entry_then_ext", Every(6)): (5, 6),
    ("a6_ext_entry_wrong_cells", Every(7)): (6, 7),
    ("a6_ext_entry_wrong_cells", Every(11)): (6, 11),
}
"""First and last row that the entry may excuse."""


def test_all_27_recorded_divergences_are_judged():
    judged = {*EQUAL, *(name for name, _, _ in EXCUSED), "a14_fragment_0"}
    assert judged == set(CASES)
    assert len(CASES) == 27


def test_a_fragment_of_no_rows_cannot_be_asked_for():
    with pytest.raises(InputError, match="cuts"):
        read_case(CASES["a14_fragment_0"], "a14")


@pytest.mark.parametrize(("name", "plan"), EQUAL_AT)
def test_these_are_equal_without_any_excuse(reference, real_vm, name, plan):
    comparison = compare(case_named(name, plan), [reference, real_vm])
    assert comparison.verdict is Verdict.AGREE
    assert comparison.excused == ()


@pytest.mark.parametrize(("name", "plan", "entry"), EXCUSED)
def test_these_are_excused_by_their_own_entry(reference, real_vm, name, plan, entry):
    comparison = compare(case_named(name, plan), [reference, real_vm])
    assert comparison.divergences == ()
    assert [excused.entry for excused in comparison.excused] == [entry]
    assert comparison.counts.excused == {entry: 1}


@pytest.mark.parametrize(("name", "plan", "entry"), EXCUSED)
def test_without_the_list_each_of_them_is_a_divergence(reference, real_vm, name, plan, entry):
    comparison = compare(case_named(name, plan), [reference, real_vm], known=())
    assert comparison.verdict is Verdict.DIFFER


@pytest.mark.parametrize(("name", "plan", "entry"), EXCUSED)
def test_without_its_own_entry_no_other_one_excuses_it(reference, real_vm, name, plan, entry):
    others = [item for item in known_divergences() if item.id != entry]
    assert compare(case_named(name, plan), [reference, real_vm], known=others).verdict is Verdict.DIFFER


@pytest.mark.parametrize(("name", "plan"), [(name, plan) for name, plan, _ in EXCUSED])
def test_an_excused_engine_is_never_counted_as_agreeing_with_nothing_compared(reference, real_vm, name, plan):
    comparison = compare(case_named(name, plan), [reference, real_vm])
    if (name, plan) in WITH_WRONG_CELLS:
        first, last = WITH_WRONG_CELLS[name, plan]
        assert comparison.counts.rows == 64
        assert comparison.counts.cells == 64 * 72 - (last - first + 1) * 49
    else:
        assert comparison.verdict is Verdict.NOT_COMPARABLE
        assert comparison.counts.nothing


@pytest.mark.parametrize(("name", "plan"), list(WITH_WRONG_CELLS))
def test_a_trace_that_is_wrong_in_a_known_way_is_not_audited(reference, real_vm, name, plan):
    comparison = compare(case_named(name, plan), [reference, real_vm], audit=True)
    assert comparison.divergences == ()
    assert comparison.counts.audits == 1
    assert comparison.counts.not_audited[f"{real_vm.name}: differs in a known way"] == 1


@pytest.mark.parametrize(("name", "plan"), list(WITH_WRONG_CELLS))
def test_the_audit_finds_that_trace_when_the_list_is_empty(reference, real_vm, name, plan):
    comparison = compare(case_named(name, plan), [reference, real_vm], known=(), audit=True)
    assert Kind.AUDIT in {divergence.kind for divergence in comparison.divergences}
    assert comparison.counts.audits == 2


def test_another_program_is_not_excused(reference):
    case = case_named("a6_ext_entry_then_ext", ONE_FRAGMENT)
    failure = EngineFailure("exec:impostor", "panicked: No block address operations recorded")
    assert compare(case, [reference, impostor(failure)]).verdict is Verdict.NOT_COMPARABLE
    assert compare(case, [reference, MadeEngine("exec:other", failure)]).verdict is Verdict.DIFFER


def test_every_entry_has_a_source_a_reason_and_a_pattern():
    entries = known_divergences()
    by_engine = {
        name: {entry.id for entry in entries if entry.engine == name} for name in (REAL_VM, REAL_VM_SEQUENTIAL)
    }
    assert by_engine == {
        REAL_VM: {"A6", "A10", "B2", "D02", "D04", "D06", "D19"},
        REAL_VM_SEQUENTIAL: {"A7", "A9", "A10", "D03", "D04", "D05", "D06", "D09", "D10"},
    }
    for entry in entries:
        assert entry.engine in by_engine
        assert entry.source.endswith(entry.id)
        assert entry.reason.endswith(".")
        re.compile(entry.observed)
        re.compile(entry.witness)
