"""Every known divergence is excused by its own entry where it really occurs, and nowhere else."""

import json
import os
import re
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_engines import MadeEngine, MadeRun

from harness.backend import REAL_VM, REAL_VM_SEQUENTIAL, EngineFailure
from harness.backends.exec import ExecEngine
from harness.backends.reference import ReferenceEngine
from harness.compare import compare
from harness.engines import find_engine
from harness.known import known_divergences
from harness.verdict import Kind, Verdict
from reference.definition.columns import COLUMN
from reference.definition.cuts import ONE_FRAGMENT, At, Every
from reference.definition.errors import InputError
from reference.definition.formats.case_json import read_case
from reference.definition.outcome import Failed

DATA = Path(__file__).parents[1] / "data" / "vm" / "divergences.jsonl"
RECORDED = Path(__file__).with_name("recorded_vm.py")

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


def load_cases():
    documents = [json.loads(line)["case"] for line in DATA.read_text("utf-8").splitlines()]
    return {document["name"]: json.dumps(document) for document in documents}


CASES = load_cases()


@pytest.fixture(scope="module")
def reference():
    return ReferenceEngine()


@pytest.fixture(scope="module")
def live_vm():
    command = os.environ.get("FRAGDIFF_ORACLE")
    if not command:
        pytest.skip("FRAGDIFF_ORACLE does not name the real VM's command")
    engine = find_engine(f"exec:{command} run")
    yield engine
    engine.close()


@pytest.fixture(scope="module", params=["recorded", pytest.param("live", marks=pytest.mark.oracle)])
def real_vm(request):
    if request.param == "live":
        yield request.getfixturevalue("live_vm")
        return
    engine = ExecEngine("exec:recorded", [sys.executable, str(RECORDED)])
    yield engine
    engine.close()


def case_named(name, plan):
    return replace(read_case(CASES[name], name), cuts=(plan,))


def impostor(answer):
    """An engine that says of itself to be the real VM."""
    return MadeEngine("exec:impostor", answer, identity=REAL_VM)


def small_case(nodes, plan=ONE_FRAGMENT, **members):
    program = {"nodes": nodes, "roots": [len(nodes) - 1], "entry": len(nodes) - 1}
    document = {"name": "small", "program": program, **members}
    return replace(read_case(json.dumps(document), "small"), cuts=(plan,))


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


# ---- A6: entry EXTERNAL, resolved again in fragment 0 ---------------------------------------------------------------

A6_PANIC = EngineFailure("exec:impostor", "panicked: No block address operations recorded")


def test_a6_needs_an_external_entry(reference):
    case = small_case(
        ["external @0:0", "block SWAP", "join 1 0"], libraries=[{"nodes": ["block SWAP SWAP"], "roots": [0]}]
    )
    assert compare(case, [reference, impostor(A6_PANIC)]).verdict is Verdict.DIFFER


def test_a6_needs_a_second_resolution(reference):
    case = small_case(["external @0:0"], libraries=[{"nodes": ["block SWAP SWAP"], "roots": [0]}])
    assert compare(case, [reference, impostor(A6_PANIC)]).verdict is Verdict.DIFFER


def test_a6_needs_the_second_resolution_in_fragment_0(reference):
    case = case_named("a6_ext_entry_then_ext", Every(5))
    assert compare(case, [reference, impostor(A6_PANIC)]).verdict is Verdict.DIFFER


@pytest.mark.parametrize(
    "panic",
    [
        "No MastForest resolutions recorded",
        "No elements read from memory",
        "attempted to access Noop process state",
        "operation should execute successfully: NotU32Values { values: [9267534372877043192],\n err_code: 0 }",
    ],
)
def test_a6_excuses_every_panic_of_a_fragment_that_runs_the_wrong_node(reference, panic):
    case = case_named("a6_ext_entry_then_ext", ONE_FRAGMENT)
    failure = EngineFailure("exec:impostor", f"panicked: {panic}")
    assert [item.entry for item in compare(case, [reference, impostor(failure)]).excused] == ["A6"]


def as_impostor(reference, case, **lengths):
    """The reference's own run under the real VM's identity, with other lengths in its summary."""
    run = reference.run(case)
    cells = np.concatenate([window.cells for window in run.windows()], axis=1)
    summary = replace(run.summary, **lengths)
    longer = np.zeros((72, max(0, summary.rows - cells.shape[1])), np.uint64)
    cells = np.concatenate([cells, longer], axis=1)
    return impostor(
        MadeRun(outcome=run.outcome, summary=summary, cells=cells, states=run.boundaries(), edges=(0, summary.rows))
    )


def contradicting(reference, case, said):
    """The reference's own run under the real VM's identity, with a word about builds that differ."""
    engine = as_impostor(reference, case)
    return impostor(replace(engine.run(case), said=(said,)))


WRONG_FROM = "the build with fragments of 1 rows differs from the first one in columns {columns}, first in row {row}"


def test_a6_excuses_builds_that_differ_from_the_second_resolution_on(reference):
    case = case_named("a6_ext_entry_then_ext", At((3,)))
    said = WRONG_FROM.format(columns="1, 14, 48", row=5)
    comparison = compare(case, [reference, contradicting(reference, case, said)])
    assert [(item.entry, item.divergence.kind) for item in comparison.excused] == [("A6", Kind.SELF)]
    assert comparison.divergences == ()


def test_a6_excuses_builds_of_different_lengths_in_every_column(reference):
    case = case_named("a6_ext_entry_then_ext", At((3,)))
    said = WRONG_FROM.format(columns="1, 52", row=5) + "; 64 and 128 rows"
    comparison = compare(case, [reference, contradicting(reference, case, said)])
    assert [(item.entry, item.divergence.kind) for item in comparison.excused] == [("A6", Kind.SELF)]
    assert comparison.divergences == ()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("a6_ext_entry_then_ext", WRONG_FROM.format(columns="1, 14", row=4)),
        ("a6_ext_entry_then_ext", WRONG_FROM.format(columns="1, 52", row=5)),
        ("a6_ext_entry_then_ext", WRONG_FROM.format(columns="1, 52", row=4) + "; 64 and 128 rows"),
        ("a6_ext_entry_then_ext", "the build with fragments of 1 rows differs from the first one: panicked"),
        ("a9_pad_column", WRONG_FROM.format(columns="1, 14", row=5)),
    ],
    ids=["before the resolution", "a chiplet column", "another length before it", "no cells", "no external entry"],
)
def test_a6_excuses_no_other_contradiction(reference, name, said):
    case = case_named(name, At((3,)))
    comparison = compare(case, [reference, contradicting(reference, case, said)])
    assert [divergence.kind for divergence in comparison.divergences] == [Kind.SELF]


def test_a6_excuses_another_core_length_of_a_single_fragment(reference):
    case = case_named("a6_ext_entry_then_ext", ONE_FRAGMENT)
    comparison = compare(case, [reference, as_impostor(reference, case, core=8)])
    assert [(item.entry, item.divergence.kind) for item in comparison.excused] == [("A6", Kind.SUMMARY)]
    assert comparison.divergences == ()


def test_a6_compares_no_cells_of_a_trace_of_another_length_and_does_not_call_it_agreement(reference):
    case = case_named("a6_ext_entry_then_ext", ONE_FRAGMENT)
    comparison = compare(case, [reference, as_impostor(reference, case, core=70, rows=128)])
    assert [item.entry for item in comparison.excused] == ["A6"]
    assert comparison.verdict is Verdict.NOT_COMPARABLE
    assert comparison.counts.cells == 0


@pytest.mark.parametrize(
    ("plan", "lengths"),
    [(ONE_FRAGMENT, {"range": 40}), (ONE_FRAGMENT, {"core": 9, "hasher": 16}), (Every(9), {"core": 9})],
)
def test_a6_excuses_no_other_length(reference, plan, lengths):
    case = case_named("a6_ext_entry_then_ext", plan)
    comparison = compare(case, [reference, as_impostor(reference, case, **lengths)])
    assert comparison.verdict is Verdict.DIFFER


def test_a6_excuses_no_other_panic(reference):
    case = case_named("a6_ext_entry_then_ext", ONE_FRAGMENT)
    panic = EngineFailure("exec:impostor", "panicked: index out of bounds")
    assert compare(case, [reference, impostor(panic)]).verdict is Verdict.DIFFER


class Altered:
    """A run of the real VM, identity and all, with one more wrong cell."""

    def __init__(self, engine, column, row):
        self.name, self.identity, self._engine = engine.name, REAL_VM, engine
        self._column, self._row = COLUMN[column], row

    def run(self, case):
        run = self._engine.run(case)
        cells = np.array(run.cells)
        cells[self._column, self._row] ^= np.uint64(1)
        return replace(run, cells=cells)


@pytest.mark.parametrize(
    ("column", "row"), [("clk", 4), ("stack_0", 0), ("chip_0", 5), ("range_m", 6), ("clk", 7), ("pad_0", 63)]
)
def test_a6_hides_no_wrong_cell_outside_the_core_rows_it_explains(reference, real_vm, column, row):
    case = case_named("a6_ext_entry_then_ext", Every(6))
    comparison = compare(case, [reference, Altered(real_vm, column, row)])
    assert comparison.verdict is Verdict.DIFFER
    first = next(item for item in comparison.divergences if item.kind is Kind.CELL)
    assert (first.row, column in [item.name for item in first.columns]) == (row, True)


# ---- D02: the stack buffer ------------------------------------------------------------------------------------------


class Failing:
    """The real VM failing in this way, whatever the program."""

    identity, name = REAL_VM, "exec:impostor"

    def __init__(self, error, clk=None):
        self._outcome = Failed(error, clk)

    def run(self, case):
        run = MadeEngine("made").run(case)
        return replace(run, outcome=self._outcome, summary=None)


def pads(count):
    """The top starts at 250 of 6850."""
    return small_case([f"block {'PAD ' * count}{'DROP ' * count}".strip()])


def pads_in_a_call(count):
    """The caller's 3000 stay in the buffer while the callee pushes."""
    return small_case(
        [
            f"block {'PAD ' * count}{'DROP ' * count}".strip(),
            "call 0",
            f"block {'PAD ' * 3000}".strip(),
            f"block {'DROP ' * 3000}".strip(),
            "join 2 1",
            "join 4 3",
        ]
    )


def pads_after_a_call(count):
    """The callee's 300 left shifts leave too little room below for the caller's 100: the top moves up to 350."""
    return small_case(
        [
            f"block {'DROP ' * 300}".strip(),
            "call 0",
            f"block {'PAD ' * 100}".strip(),
            f"block {'PAD ' * count}{'DROP ' * (count + 100)}".strip(),
            "join 2 1",
            "join 4 3",
        ]
    )


def pads_after_drops(count):
    """234 left shifts lower the top to 16; the next one begins again at 250."""
    return small_case([f"block {'DROP ' * 235}{'PAD ' * count}{'DROP ' * count}".strip()])


LIMITS = [(pads, 6599), (pads_in_a_call, 3599), (pads_after_a_call, 6499), (pads_after_drops, 6600)]
"""Programs with the number of pushes that just fit."""


@pytest.mark.parametrize(("program", "fits"), LIMITS)
def test_d02_needs_a_stack_beyond_the_buffer(reference, program, fits):
    overflow = Failing("FailedToExecuteProgram")
    assert compare(program(fits), [reference, overflow]).verdict is Verdict.DIFFER
    assert [item.entry for item in compare(program(fits + 1), [reference, overflow]).excused] == ["D02"]


@pytest.mark.oracle
@pytest.mark.parametrize(("program", "fits"), LIMITS)
def test_the_limit_of_the_buffer_is_the_real_vms(reference, live_vm, program, fits):
    assert compare(program(fits), [reference, live_vm]).verdict is Verdict.AGREE
    assert [item.entry for item in compare(program(fits + 1), [reference, live_vm]).excused] == ["D02"]


def test_d02_excuses_no_other_failure(reference):
    assert compare(pads(6600), [reference, Failing("OutputStackOverflow")]).verdict is Verdict.DIFFER


# ---- D04, D06: empty Merkle paths -----------------------------------------------------------------------------------

EMPTY_PATH = EngineFailure("exec:impostor", "panicked: path is empty")


def test_d04_and_d06_need_the_named_failure_of_ours(reference):
    assert compare(small_case(["block MPVERIFY"]), [reference, impostor(EMPTY_PATH)]).verdict is Verdict.DIFFER
    assert compare(small_case(["block SWAP"]), [reference, impostor(EMPTY_PATH)]).verdict is Verdict.DIFFER


@pytest.mark.parametrize("name", ["d04_mpverify_depth0", "d06_mrupdate_depth0"])
def test_d04_and_d06_do_not_excuse_completing(reference, name):
    comparison = compare(case_named(name, ONE_FRAGMENT), [reference, impostor(None)])
    assert comparison.verdict is Verdict.DIFFER


@pytest.mark.parametrize(("name", "entry"), [("d04_mpverify_depth0", "D04"), ("d06_mrupdate_depth0", "D06")])
def test_d04_and_d06_excuse_a_later_failure(reference, name, entry):
    """The real VM goes on after the empty path; what it finds then has nothing to be compared with."""
    comparison = compare(case_named(name, ONE_FRAGMENT), [reference, Failing("DivideByZero", 90)])
    assert [item.entry for item in comparison.excused] == [entry]
    assert comparison.verdict is Verdict.NOT_COMPARABLE


# ---- D19: an event that reads below the buffer ----------------------------------------------------------------------

D19_PANIC = EngineFailure(
    "exec:impostor", "panicked: range start index 18446744073709551615 out of range for slice of length 6850"
)


def hqword_after(left_shifts):
    return small_case([f"block PUSH(11723176702659679401) {'SWAP DROP ' * left_shifts}EMIT"])


@pytest.mark.parametrize(("left_shifts", "verdict"), [(234, "differ"), (235, "not_comparable"), (236, "differ")])
def test_d19_needs_exactly_the_shifts_that_leave_nothing_below(reference, left_shifts, verdict):
    assert compare(hqword_after(left_shifts), [reference, impostor(D19_PANIC)]).verdict.value == verdict


@pytest.mark.oracle
@pytest.mark.parametrize("left_shifts", [234, 235, 236])
def test_the_real_vm_panics_after_exactly_these_shifts(reference, live_vm, left_shifts):
    comparison = compare(hqword_after(left_shifts), [reference, live_vm])
    assert [item.entry for item in comparison.excused] == (["D19"] if left_shifts == 235 else [])
    assert comparison.divergences == ()


# ---- A10: native recursion ------------------------------------------------------------------------------------------


def nested(levels):
    return small_case(["block SWAP", *(f"join {level} 0" for level in range(levels - 1))])


def stack_overflow(stderr="thread 'main' has overflowed its stack"):
    return impostor(EngineFailure("exec:impostor", "ended by signal 6", stderr))


def test_a10_needs_deep_nesting(reference):
    assert compare(nested(5000), [reference, stack_overflow()]).verdict is Verdict.DIFFER
    assert [item.entry for item in compare(nested(5001), [reference, stack_overflow()]).excused] == ["A10"]


def test_a10_excuses_no_other_abort(reference):
    assert compare(nested(5001), [reference, stack_overflow("memory allocation failed")]).verdict is Verdict.DIFFER


@pytest.mark.oracle
@pytest.mark.parametrize("levels", [5000, 10_000])
def test_deep_nesting_breaks_the_real_vm_and_not_ours(reference, live_vm, levels):
    comparison = compare(nested(levels), [reference, live_vm])
    assert [item.entry for item in comparison.excused] == ([] if levels == 5000 else ["A10"])
    assert comparison.divergences == ()


# ---- the list itself ------------------------------------------------------------------------------------------------


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
