"""Signatures: equal for one cause whatever surrounds it, different for different causes."""

from dataclasses import replace

import pytest
from altered_engines import (
    Altered,
    after_operation,
    behind_cut,
    captured,
    case_of,
    first_operation_behind_cut,
    rows_of,
    wrong,
)

from harness.backend import EngineFailure
from harness.backends.reference import ReferenceEngine
from harness.localise.signature import Signer, signature_of
from reference.definition.cuts import At, Every

MUL = "block MUL"
BEFORE = "block SWAP INCR SWAPW NEG INCR SWAPDW NEG INCR MOVUP4 NEG SWAP INCR"


def text(engine, nodes, *cuts):
    cut = {"cut": cuts[0]} if cuts else {}
    found = signature_of(case_of(nodes, **cut), [ReferenceEngine(), engine])
    return None if found is None else found.text


def test_engines_that_agree_have_none():
    assert text(Altered(), MUL) is None


def test_rows_around_the_cause_change_nothing():
    """Other rows, another node, another place in the block, other cuts."""
    engine = after_operation("MUL")
    wanted = "cell reference|after-operation any cuts MUL op stack items"
    for nodes in (
        MUL,
        f"{BEFORE} MUL SWAP NEG",
        [BEFORE, f"{BEFORE} MUL DROP", "join 0 1"],
        [f"{BEFORE} MUL", "call 0"],
    ):
        for cut in (Every(1), Every(3), At((2,)), Every(100)):
            assert text(engine, nodes, cut) == wanted


def test_operation_part_and_dependence_tell_causes_apart():
    found = {
        text(after_operation("MUL"), f"{BEFORE} MUL", Every(2)),
        text(after_operation("MUL", "stack_b1"), f"{BEFORE} MUL", Every(2)),
        text(after_operation("NEG"), f"{BEFORE} MUL", Every(2)),
        text(behind_cut(0), f"{BEFORE} MUL", At((2,))),
        text(behind_cut(0, "dec_h1"), f"{BEFORE} MUL", At((2,))),
        text(first_operation_behind_cut("MUL"), f"{BEFORE} MUL", At((2,))),
    }
    assert len(found) == 6
    assert "cell reference|first-behind-cut with cuts MUL op stack items" in found


@pytest.mark.parametrize(
    ("nodes", "operation", "phase"),
    [
        (["block SWAP", "call 0"], "CALL", "start"),
        (["block SWAP", "loop 0"], "LOOP", "start"),
        ("block SWAP", "SWAP", "op"),
        ("block SWAP", "END", "end"),
    ],
)
def test_the_phase_is_the_position_tag(nodes, operation, phase):
    engine = after_operation(operation)
    stack = [0, *range(4, 19)]
    found = signature_of(case_of(nodes, stack=stack), [ReferenceEngine(), engine])
    assert (found.operation, found.phase) == (operation, phase)


def test_the_end_of_a_call_is_a_phase_of_its_own():
    def alter(cells, starts, core):
        wrong(cells, "ctx", core)

    found = signature_of(case_of(["block SWAP", "call 0"]), [ReferenceEngine(), Altered(alter=alter)])
    assert (found.operation, found.phase, found.part) == ("END", "return", "context")


def test_a_wrong_state_at_a_boundary_is_named_by_its_field():
    engine = captured("stack", lambda stack: (stack[0] ^ 1, *stack[1:]))
    assert text(engine, f"{BEFORE} MUL", At((5,))) == "boundary reference|captured with cuts op stack"
    assert text(engine, [BEFORE, MUL, "join 0 1"], At((1,))) == "boundary reference|captured with cuts start stack"


def test_a_boundary_that_is_wrong_because_the_run_is_is_named_by_the_wrong_cell():
    """The run is wrong behind MUL, so every later snapshot is too, and the boundary is compared first."""
    engine = after_operation("MUL", "stack_9")
    engine._capture = lambda state, starts: state if state.clk < 3 else captured_nine(state)
    nodes = "block SWAP MUL NEG"
    assert signature_of(case_of(nodes, At((3,))), [ReferenceEngine(), engine]).text == (
        "cell reference|after-operation any cuts MUL op stack items"
    )


def captured_nine(state):
    return replace(state, stack=(*state.stack[:9], state.stack[9] ^ 1, *state.stack[10:]))


def test_the_first_mistake_in_the_program_is_the_cause_and_not_the_first_wrong_row():
    """The hasher's row 8 answers the HPERM of row 21; row 18 of the stack is wrong before that is asked."""
    case = case_of("block " + "SWAP " * 20 + "HPERM")

    def hasher(cells, starts, core):
        wrong(cells, "chip_5", 8)

    def both(cells, starts, core):
        hasher(cells, starts, core)
        wrong(cells, "stack_3", 18)

    found = signature_of(case, [ReferenceEngine(), Altered(alter=hasher)])
    assert (found.operation, found.part) == ("HPERM", "hasher")
    found = signature_of(case, [ReferenceEngine(), Altered(alter=both)])
    assert (found.operation, found.part) == ("SWAP", "stack items")


def test_a_sorted_table_is_named_without_the_operation():
    nodes = "block PUSH(8) MSTORE PUSH(4) MSTORE"

    def alter(cells, starts, core):
        first = int((cells[51] == 0).argmin())
        for row in (first, first + 1):
            wrong(cells, "chip_13", row)

    found = signature_of(case_of(nodes), [ReferenceEngine(), Altered(alter=alter)])
    assert found.text == "cell reference|altered any cuts memory"


class Breaking(Altered):
    """Raises where the program has a NEG in a fragment of its own."""

    def run(self, case):
        run = super().run(case)
        rows = rows_of(run.cells, "NEG")
        if any(row in case.cut.starts(run.summary.core) for row in rows):
            raise EngineFailure(self.name, f"queue 3 is empty at row {rows[0]}")
        return run


def test_an_engine_that_breaks_is_named_by_its_reason_without_numbers():
    wanted = "engine_failure breaking with cuts queue N is empty at row N"
    for nodes in ("block NEG", "block SWAP NEG"):
        assert text(Breaking("breaking"), nodes, Every(1)) == wanted


# ---- for a shrinker -------------------------------------------------------------------------------------------------


def test_has_says_the_same_as_the_signature():
    engines = [ReferenceEngine(), first_operation_behind_cut("MUL")]
    signer = Signer(engines)
    nodes = f"{BEFORE} MUL SWAP MUL"
    wanted = signer.signature(case_of(nodes, At((4,))))
    for cut in (At((1,)), At((13,)), At((14,)), At((15,)), Every(100), Every(2)):
        case = case_of(nodes, cut)
        assert signer.has(case, wanted) == (signer.signature(case) == wanted), cut


def test_a_case_that_agrees_costs_one_run_and_another_signature_two():
    engine = after_operation("MUL")
    signer = Signer([ReferenceEngine(), engine])
    wanted = signer.signature(case_of(MUL, Every(1)))
    before = engine.runs
    assert not signer.has(case_of("block SWAP"), wanted)
    assert engine.runs == before + 1
    other = after_operation("NEG")
    signer = Signer([ReferenceEngine(), other])
    assert not signer.has(case_of("block NEG"), wanted)
    assert other.runs == 2
