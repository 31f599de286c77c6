"""Shrinking keeps what makes a case fail and takes away the rest."""

import json
from contextlib import suppress
from dataclasses import replace

import pytest

from harness.shrink import Budget, shrink
from harness.shrink.edits import Place, collected, redirected, with_nodes
from harness.shrink.inline import call_directly
from harness.shrink.order import measure
from harness.shrink.proposals import NoProposal, drop_items
from harness.shrink.termination import ends
from reference.definition.columns import COLUMN
from reference.definition.cuts import ONE_FRAGMENT, At, Every
from reference.definition.field import P
from reference.definition.formats.case_json import read_case
from reference.definition.isa import BY_NAME, Operation
from reference.definition.mast import Block
from reference.definition.outcome import Completed, Failed
from reference.processor import execute


def case_of(nodes, entry, roots=None, **members):
    program = {"nodes": nodes, "roots": roots or [entry], "entry": entry, **members.pop("program", {})}
    return read_case(json.dumps({"program": program, **members}))


def block(*names):
    return Block(tuple(Operation(BY_NAME[name].opcode) for name in names))


def executes(name):
    """Whether the program completes and has a block with the operation."""

    def is_same(case):
        blocks = [node for node in case.program.forest.nodes if isinstance(node, Block)]
        has = any(operation.name == name for each in blocks for operation in each.operations)
        return has and isinstance(execute(case).outcome, Completed)

    return is_same


# ---- edits ----------------------------------------------------------------------------------------------------------


def test_a_changed_kernel_procedure_is_still_in_the_kernel():
    whole = case_of(["block SWAP INCR", "syscall 0"], 1, program={"kernel": []})
    kernel = replace(whole.program.kernel, procedures=(whole.program.forest.digests[0],))
    forest = replace(whole.program.forest, roots=(0, 1))
    case = replace(whole, program=replace(whole.program, forest=forest, kernel=kernel))
    assert isinstance(execute(case).outcome, Completed)
    assert isinstance(execute(with_nodes(case, {Place(0, 0): block("NEG")})).outcome, Completed)


def test_a_changed_kernel_procedure_that_is_no_root_is_still_in_the_kernel():
    whole = case_of(["block SWAP INCR", "syscall 0"], 1, program={"kernel": []})
    kernel = replace(whole.program.kernel, procedures=(whole.program.forest.digests[0],))
    case = replace(whole, program=replace(whole.program, kernel=kernel))
    assert case.program.forest.roots == (1,)
    assert isinstance(execute(case).outcome, Completed)
    assert isinstance(execute(with_nodes(case, {Place(0, 0): block("NEG")})).outcome, Completed)


def dynamic_call(callee="block SWAP INCR"):
    """Pushes the digest of node 0, stores it, and calls what stands there."""
    digest = case_of([callee], 0).program.hash
    pushes = " ".join(f"PUSH({element})" for element in (digest[0], digest[1], digest[2], digest[3]))
    nodes = [callee, f"block {pushes} PUSH(40) MSTOREW DROP DROP DROP DROP PUSH(40)", "dyn", "join 1 2"]
    return case_of(nodes, 3, roots=[0, 3])


def test_a_changed_target_of_a_dynamic_call_is_still_found():
    case = dynamic_call()
    assert isinstance(execute(case).outcome, Completed)
    changed = with_nodes(case, {Place(0, 0): block("NEG")})
    assert changed.program.forest.digests[0] != case.program.forest.digests[0]
    assert isinstance(execute(changed).outcome, Completed)


def test_a_changed_procedure_of_a_library_is_still_named():
    case = case_of(["external @0:0", "block NOOP", "join 0 1"], 2, libraries=[{"nodes": ["block SWAP"], "roots": [0]}])
    changed = with_nodes(case, {Place(1, 0): block("NEG")})
    assert isinstance(execute(changed).outcome, Completed)


def test_a_child_takes_the_place_of_its_parent():
    case = case_of(["block SWAP", "block NEG", "join 0 1", "call 2"], 3)
    hoisted = collected(redirected(case, Place(0, 2), 1))
    assert [type(node).__name__ for node in hoisted.program.forest.nodes] == ["Block", "Call"]
    assert hoisted.program.forest.nodes[0] == block("NEG")
    assert hoisted.program.entry == 1


def test_what_nothing_reaches_is_taken_away():
    library = {"nodes": ["block SWAP", "block INCR"], "roots": [1]}
    case = case_of(
        ["block SWAP", "block NEG", "external @1:1"], 2, libraries=[{"nodes": ["block EQ"], "roots": []}, library]
    )
    left = collected(case)
    assert len(left.program.forest.nodes) == 1
    assert len(left.libraries) == 1
    assert isinstance(execute(left).outcome, Completed)


@pytest.mark.parametrize(("node", "code"), [("dyn", "join"), ("dyncall", "call")])
def test_what_a_dynamic_node_enters_is_entered_by_name(node, code):
    """The callee is in a library; whatever keeps NEG needs neither the library nor the address any more."""
    library = case_of(["block NEG"], 0).program.forest
    pushes = " ".join(f"PUSH({element})" for element in library.digests[0])
    nodes = [f"block {pushes} PUSH(40) MSTOREW DROP DROP DROP DROP PUSH(40)", node, "join 0 1"]
    case = case_of(nodes, 2, libraries=[{"nodes": ["block NEG"], "roots": [0]}])
    assert isinstance(execute(case).outcome, Completed)
    found = []

    class Search:
        best = case

        def attempt(self, make):
            with suppress(NoProposal):
                made = make(self.best)
                # A block of the program has the callee's number.
                if executes("NEG")(replace(made, libraries=())):
                    found.append(made)
            return bool(found)

    call_directly(Search())
    (direct,) = found
    # The push of the address goes with it, and no DROP has to stand for it: the proposal is simpler.
    assert measure(direct) < measure(case)
    kinds = [type(each).__name__.lower() for each in direct.program.forest.nodes]
    assert node not in kinds
    assert code in kinds


def test_nothing_is_entered_by_name_where_nothing_is_dynamic():
    class Search:
        best = case_of(["block NEG"], 0)

        def attempt(self, make):
            raise AssertionError("there is nothing to propose")

    call_directly(Search())


def test_a_syscall_out_of_a_call_that_calls_is_found_at_once():
    """Three levels of contexts around nothing, whatever there was."""
    nodes = ["block SWAP INCR", "call 0", "block NEG", "join 1 2", "syscall 3", "block EQZ", "join 4 5", "call 6"]
    whole = case_of(nodes, 7, program={"kernel": []})
    kernel = replace(whole.program.kernel, procedures=(whole.program.forest.digests[3],))
    case = replace(whole, program=replace(whole.program, kernel=kernel))

    def returns_into_the_kernel(case):
        """END of a call by which a syscall made in another context returns to context 0."""
        execution = execute(case)
        if not isinstance(execution.outcome, Completed):
            return False
        ctx = execution.core[:, COLUMN["ctx"]].tolist()
        return any(
            ctx[row] == 0 and ctx[row - 1] > 0 and ctx[0] == 0 < ctx[1] for row in range(2, len(ctx) - 2)
        ) and any(type(node).__name__ == "Syscall" for node in case.program.forest.nodes)

    assert returns_into_the_kernel(case)
    small = shrink(case, returns_into_the_kernel, budget=Budget(seconds=30)).case
    operations = [
        item.name for node in small.program.forest.nodes if isinstance(node, Block) for item in node.operations
    ]
    assert operations == ["NOOP"]


# ---- the search -----------------------------------------------------------------------------------------------------


def test_items_are_dropped_in_runs_down_to_those_that_matter():
    offered = []

    def accept(shorter):
        offered.append(len(shorter))
        return {3, 17} <= set(shorter)

    kept = list(range(40))

    def keep(shorter):
        nonlocal kept
        taken = accept(shorter)
        kept = list(shorter) if taken else kept
        return taken

    drop_items(kept, keep)
    assert kept == [3, 17]
    assert offered[0] == 20


def test_a_program_shrinks_to_the_operation_that_matters():
    case = case_of(
        ["block PUSH(5) PUSH(99) DUP3 MUL", "block SWAP DROP DROP INCR DROP", "join 0 1", "block NEG", "join 2 3"],
        4,
        stack=[1, 2, 3],
        cuts=[3],
    )
    assert isinstance(execute(case).outcome, Completed)
    shrunk = shrink(case, executes("MUL"))
    assert shrunk.finished
    assert shrunk.happens_again
    assert [operation.name for operation in shrunk.case.program.forest.nodes[0].operations] == ["MUL"]
    assert len(shrunk.case.program.forest.nodes) == 1
    assert (shrunk.case.stack, shrunk.case.cut) == ((), ONE_FRAGMENT)


@pytest.mark.parametrize("cut", [Every(1), Every(3), At((2, 6, 9))])
def test_the_cut_that_matters_stays(cut):
    """It fails when a fragment begins at row 6 of this program."""
    case = replace(case_of(["block " + "NOOP " * 9 + "NOOP"], 0), cuts=(cut,))
    rows = execute(case).core_rows

    def is_same(candidate):
        return execute(candidate).core_rows == rows and 6 in candidate.cut.starts(rows)

    shrunk = shrink(case, is_same).case
    assert shrunk.cut == At((6,))


def test_what_does_not_happen_again_is_said_and_left_alone():
    case = case_of(["block SWAP NEG"], 0)
    shrunk = shrink(case, lambda _: False)
    assert not shrunk.happens_again
    assert shrunk.case is case


def test_every_improvement_is_told_and_simpler_than_the_one_before():
    case = case_of(["block PUSH(5) PUSH(99) MUL DROP NEG INCR"], 0, stack=[1, 2])
    told = []
    shrunk = shrink(case, executes("MUL"), improved=told.append)
    assert told[-1] == shrunk.case
    measures = [measure(each) for each in told]
    assert measures == sorted(measures, reverse=True)
    assert len(set(measures)) == len(measures) > 1


def test_candidates_that_do_not_end_are_not_run():
    """A loop whose condition is always 1 has no end; nothing but the row limit may see such a candidate."""
    endless = case_of(["block PUSH(1)", "loop 0", "block PUSH(1)", "join 2 1"], 3)
    assert not ends(endless, 500)
    counted = case_of(["block NOOP EQZ NOT", "loop 0", "block PUSH(1)", "join 2 1"], 3, stack=[0])
    assert ends(counted, 500)
    assert isinstance(execute(endless, max_cycles=500).outcome, Failed)


def test_a_budget_ends_the_search_with_the_best_so_far():
    case = case_of(["block " + "PUSH(7) DROP " * 30 + "NEG"], 0, stack=[P - 1])
    tried = []

    def is_same(candidate):
        tried.append(candidate)
        return executes("NEG")(candidate)

    shrunk = shrink(case, is_same, budget=Budget(candidates=6))
    assert not shrunk.finished
    # The case itself once, and six candidates.
    assert len(tried) == 7
    assert measure(shrunk.case) < measure(case)


def test_somebody_can_stop_the_search():
    case = case_of(["block SWAP NEG INCR"], 0)
    shrunk = shrink(case, executes("NEG"), stopped=lambda: True)
    assert (shrunk.case, shrunk.finished) == (case, False)
