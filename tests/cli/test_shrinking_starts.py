"""Shrinking does not only take away: it starts from scratch, from the middle, and with the code where it is called."""

import json
from dataclasses import replace

import pytest

from harness.shrink import Budget, shrink
from harness.shrink.inline import inline_externals, leave_loops
from harness.shrink.order import measure
from harness.shrink.resume import enter_there, operations_as_inputs, skip_first
from harness.shrink.templates import single_node, single_operation
from reference.definition.columns import COLUMN
from reference.definition.cuts import ONE_FRAGMENT, Every
from reference.definition.formats.case_json import read_case
from reference.definition.mast import Block, Loop, Split
from reference.definition.outcome import Completed
from reference.processor import execute


def case_of(nodes, entry, roots=None, **members):
    program = {"nodes": nodes, "roots": roots or [entry], "entry": entry}
    return read_case(json.dumps({"program": program, **members}))


class Proposed:
    """Takes every proposal that is simpler and for which ``is_same`` holds, and keeps the programs proposed."""

    def __init__(self, best, is_same=lambda case: isinstance(execute(case).outcome, Completed)):
        self.best = best
        self.offered = []
        self._is_same = is_same

    def attempt(self, make):
        candidate = make(self.best)
        self.offered.append(candidate)
        taken = measure(candidate) < measure(self.best) and self._is_same(candidate)
        if taken:
            self.best = candidate
        return taken


def texts(case):
    """Operations of every block."""
    return [" ".join(item.text for item in node.operations) for node in blocks(case)]


def blocks(case):
    return [node for node in case.program.forest.nodes if isinstance(node, Block)]


def shows(value):
    """Whether the value is on top of the stack in some row or at the end, and the program completes."""

    def is_same(case):
        execution = execute(case)
        outcome = execution.outcome
        if not isinstance(outcome, Completed):
            return False
        return value in {outcome.stack[0], *execution.core[:, COLUMN["stack_0"]].tolist()}

    return is_same


LONG = ["block PUSH(3) PUSH(4) ADD", "block PUSH(5) MUL", "block INCR DROP DROP", "join 0 1", "join 3 2"]


def test_a_program_of_one_operation_is_tried_on_the_stack_that_it_found():
    search = Proposed(case_of(LONG, 4), shows(35))
    single_operation(search)
    assert texts(search.best) == ["MUL"]
    assert search.best.stack[:2] == (5, 7)


def test_an_operation_is_tried_above_an_overflow_item_too():
    case = case_of(["block PAD PAD PAD SWAP DROP DROP DROP"], 0)

    def is_deep(candidate):
        return (execute(candidate).core[:, COLUMN["stack_b0"]] > 16).any() and "SWAP" in texts(candidate)[0]

    search = Proposed(case, is_deep)
    single_operation(search)
    assert texts(search.best) == ["PAD SWAP DROP"]


def test_an_item_that_is_left_over_is_dropped():
    search = Proposed(case_of(["block SWAP PUSH(7) DROP SWAP NEG"], 0), lambda case: "PUSH(7)" in texts(case)[0])
    single_operation(search)
    assert texts(search.best) == ["PUSH(7) DROP"]


@pytest.mark.parametrize(
    ("nodes", "wanted"),
    [
        (["block NOOP", "loop 0", "block SWAP NEG", "join 2 1", "block INCR", "join 4 3"], Loop),
        (["block NEG", "block INCR", "split 0 1", "block SWAP", "join 2 3", "join 4 3"], Split),
    ],
)
def test_a_control_node_is_tried_around_blocks_that_do_nothing(nodes, wanted):
    case = case_of(nodes, len(nodes) - 1, stack=[1, 0, 1, 0])
    search = Proposed(case, lambda candidate: any(isinstance(node, wanted) for node in candidate.program.forest.nodes))
    single_node(search)
    assert len(search.best.program.forest.nodes) == 2


def test_the_program_begins_at_a_node_with_what_was_on_the_stack_there():
    search = Proposed(case_of(LONG, 4), shows(35))
    enter_there(search)
    assert texts(search.best) == ["PUSH(5) MUL"]
    assert search.best.stack == (7,)


def test_the_first_child_of_a_join_is_left_out_and_its_stack_kept():
    case = case_of(["block PUSH(9)", "block INCR", "block SWAP DROP", "join 0 1", "join 3 2"], 4, stack=[1, 2])
    search = Proposed(case, shows(10))
    skip_first(search)
    assert texts(search.best) == ["INCR", "SWAP DROP"] or texts(search.best) == ["SWAP DROP"]
    assert search.best.stack[0] in (9, 10)


def test_leading_operations_become_inputs():
    search = Proposed(case_of(["block PUSH(3) PUSH(4) NOOP ADD DROP"], 0, stack=[8]), shows(8))
    operations_as_inputs(search)
    assert texts(search.best) == ["DROP"]
    assert search.best.stack == (7, 8)


def test_a_librarys_procedure_takes_the_place_of_the_external_node():
    library = {"nodes": ["block SWAP", "block NEG", "join 0 1"], "roots": [2]}
    case = case_of(["external @0:2", "block INCR", "join 0 1"], 2, libraries=[library])
    search = Proposed(case)
    inline_externals(search)
    assert search.best.libraries == ()
    assert sorted(texts(search.best)) == ["INCR", "NEG", "SWAP"]


def test_a_procedure_of_a_library_that_is_still_needed_is_copied_only_when_that_is_simpler():
    library = {"nodes": ["block SWAP"], "roots": [0]}
    case = case_of(["external @0:0"], 0, libraries=[library])
    search = Proposed(case, lambda candidate: bool(candidate.libraries))
    inline_externals(search)
    assert search.best is case


def test_a_loop_is_left_after_its_first_run():
    counted = ["block INCR DUP0 PUSH(5) EQ NOT", "loop 0", "block PUSH(1)", "join 2 1"]
    case = case_of(counted, 3)
    search = Proposed(case, lambda candidate: isinstance(execute(candidate).outcome, Completed))
    leave_loops(search)
    assert texts(search.best)[0] == "PAD"
    assert execute(search.best).core_rows < execute(case).core_rows


def test_cuts_are_thinned_out_even_when_the_program_takes_all_the_time():
    case = case_of(["block " + "SWAP NEG INCR " * 40], 0, cuts=[1])
    first, second = case.program.forest.nodes[0].operations[60:62]

    def is_same(candidate):
        operations = [item for node in blocks(candidate) for item in node.operations]
        # Hardly anything can be taken away, so that the search would go on for long.
        return len(operations) >= 110 and {first, second} <= set(operations)

    shrunk = shrink(case, is_same, budget=Budget(seconds=30, candidates=40))
    assert not shrunk.finished or shrunk.case.cut == ONE_FRAGMENT
    assert shrunk.case.cut != Every(1)


def test_what_a_template_finds_is_not_lost_to_a_larger_case():
    case = replace(case_of(LONG, 4), cuts=(Every(3),))
    shrunk = shrink(case, shows(35), budget=Budget(candidates=400))
    assert measure(shrunk.case) < measure(case)
    assert len(blocks(shrunk.case)) == 1
    assert len(blocks(shrunk.case)[0].operations) == 1
