"""Where the real VM breaks and no engine here does: each entry needs exactly the programs that break it, and its failure."""

from dataclasses import replace

import pytest
from divergent_cases import case_named, impostor, small_case
from made_engines import MadeEngine

from harness.backend import REAL_VM, EngineFailure
from harness.compare import compare
from harness.verdict import Verdict
from reference.definition.cuts import ONE_FRAGMENT
from reference.definition.outcome import Failed

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
