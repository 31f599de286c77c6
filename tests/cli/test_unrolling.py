"""A loop is unrolled where only its repetitions matter, and stays where it matters itself."""

import json
from itertools import pairwise

import numpy as np
import pytest
from faulty_engines import Altering, rows_of

from harness.backends.reference import ReferenceEngine
from harness.localise.signature import Signer
from harness.shrink import Budget, shrink, termination
from harness.shrink.order import measure
from harness.shrink.proposals import NoProposal
from harness.shrink.unroll import MOST_COPIED, MOST_RUNS, unroll
from reference.definition.columns import COLUMN
from reference.definition.field import P
from reference.definition.formats.case_json import read_case
from reference.definition.mast import Block, Loop
from reference.definition.outcome import Completed
from reference.processor import execute

BODY = "block DUP1 DUP1 MUL DROP INCR DUP0 PUSH(3) EQ NOT"
"""Adds one to the counter on top until it is 3; each run multiplies once."""

COUNTED = [BODY, "loop 0", "block PUSH(1)", "join 2 1"]
TREE = [
    "block DUP1 DUP1 MUL DROP INCR",
    "block DUP0 PUSH(3) EQ NOT",
    "join 0 1",
    "loop 2",
    "block PUSH(1)",
    "join 4 3",
    "call 5",
]


def case_of(nodes, stack=(), **members):
    program = {"nodes": list(nodes), "roots": [len(nodes) - 1], "entry": len(nodes) - 1}
    return read_case(json.dumps({"program": program, "stack": list(stack), **members}))


def operations(case):
    return [item.name for node in case.program.forest.nodes if isinstance(node, Block) for item in node.operations]


@pytest.fixture(autouse=True)
def few_rows(monkeypatch):
    """Candidates that do not end are given up early."""
    monkeypatch.setattr(termination, "SPARE_ROWS", 300)


class WrongSecondMul(Altering):
    """The third item of the stack is one too large after the second MUL of a run, whether or not a loop made it run."""

    name = "wrong-second-mul"

    def alter(self, cells, case, run):
        after = rows_of(cells, "MUL")[1:2] + 1
        cells[COLUMN["stack_2"], after] = (cells[COLUMN["stack_2"], after] + np.uint64(1)) % np.uint64(P)


class WrongMulAfterRepeat(Altering):
    """The same after every MUL behind a REPEAT: this one needs the loop."""

    name = "wrong-mul-after-repeat"

    def alter(self, cells, case, run):
        repeats = rows_of(cells, "REPEAT")
        after = [row + 1 for row in rows_of(cells, "MUL") if len(repeats) and row > repeats[0]]
        cells[COLUMN["stack_2"], after] = (cells[COLUMN["stack_2"], after] + np.uint64(1)) % np.uint64(P)


def shrunk_for(engine, case):
    signer = Signer([ReferenceEngine(), engine])
    signature = signer.signature(case)
    assert signature is not None
    improvements = []
    shrunk = shrink(
        case,
        lambda candidate: signer.has(candidate, signature),
        budget=Budget(seconds=120),
        improved=improvements.append,
    )
    assert shrunk.finished
    measures = [measure(case), *map(measure, improvements)]
    # On a detour nobody is told of a case that is larger than what there was.
    assert all(later < earlier for earlier, later in pairwise(measures))
    return shrunk


@pytest.mark.parametrize("nodes", [COUNTED, TREE], ids=["block", "tree in a call"])
def test_a_fault_that_needs_two_runs_of_a_body_needs_no_loop(nodes):
    shrunk = shrunk_for(WrongSecondMul(), case_of(nodes, cuts=[4]))
    assert operations(shrunk.case) == ["MUL", "MUL"]
    assert len(shrunk.case.program.forest.nodes) == 1
    assert shrunk.passes["unroll"].accepted >= 1


def test_a_fault_that_needs_the_loop_keeps_it():
    shrunk = shrunk_for(WrongMulAfterRepeat(), case_of(COUNTED))
    assert any(isinstance(node, Loop) for node in shrunk.case.program.forest.nodes)
    assert "MUL" in operations(shrunk.case)
    assert (shrunk.passes["unroll"].tried > 0, shrunk.passes["unroll"].accepted) == (True, 0)


# ---- what is proposed -----------------------------------------------------------------------------------------------


class Offered:
    """Takes nothing, and keeps what was offered."""

    def __init__(self, best):
        self.best = best
        self.offered = []

    def detour(self, make, passes):
        try:
            self.offered.append(make(self.best))
        except NoProposal:
            self.offered.append(None)
        return False


def offered(nodes, stack=()):
    search = Offered(case_of(nodes, stack))
    unroll(search)
    return search.offered


@pytest.mark.parametrize("nodes", [COUNTED, TREE], ids=["block", "tree in a call"])
def test_unrolled_as_often_as_it_ran_a_loop_leaves_the_same_stack(nodes):
    """The conditions included: what the loop's rows take off the stack, DROPs take off."""
    case = case_of(nodes, stack=[0, 7])
    once, twice, thrice = offered(nodes, stack=[0, 7])
    assert [operations(each).count("MUL") for each in (once, twice, thrice)] == [1, 2, 3]
    outcome = execute(thrice).outcome
    assert isinstance(outcome, Completed)
    assert outcome.stack == execute(case).outcome.stack
    assert not any(isinstance(node, Loop) for each in (once, twice, thrice) for node in each.program.forest.nodes)


def test_a_loop_that_is_not_entered_is_not_unrolled():
    assert offered(["block SWAP PAD", "loop 0"], stack=[0]) == []


def test_a_loop_that_ran_once_is_unrolled_once():
    (once,) = offered(["block SWAP PAD", "loop 0"], stack=[1])
    assert operations(once) == ["DROP", "SWAP", "PAD", "DROP"]


def test_only_a_few_copies_are_made():
    many = ["block INCR DUP0 PUSH(30) EQ NOT", "loop 0", "block PUSH(1)", "join 2 1"]
    counts = [operations(each).count("EQ") for each in offered(many)]
    assert counts == list(range(1, MOST_RUNS + 1))


def test_a_body_that_is_too_large_is_copied_as_often_as_there_is_room():
    block = "block " + "SWAP " * (MOST_COPIED // 2) + "DROP"
    for nodes in ([block, "loop 0"], [block, "block NOOP", "join 1 0", "loop 2"]):
        assert [each is not None for each in offered(nodes, stack=[1, 0, 1])] == [True, False]
