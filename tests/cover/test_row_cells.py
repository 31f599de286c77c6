"""What a cut at a row stands for, read off runs whose rows are known by hand."""

from __future__ import annotations

import json

import pytest
from made_runs import before, behind, block, operations, phases, run, run_text

from harness.coverage import Cell, row_cells, row_operations
from reference.definition.mast import Call, Join, Loop, Split, Syscall


def test_row_0_is_no_cut():
    cells = row_cells(run(block("SWAP")))
    assert (cells.behind[0], cells.before[0]) == (-1, -1)


def test_a_failed_program_has_no_cells():
    assert row_cells(run(block("ASSERT"))).rows == 0


def test_a_block_has_a_first_operation_others_and_the_last_row():
    assert phases(run(block("SWAP NEG"))) == ["first", "inside", "last_row"]


def test_children_begin_and_end():
    execution = run(block("SWAP"), block("NEG"), Join(0, 1))
    assert phases(execution) == ["start", "first", "end", "start", "first", "end", "last_row"]
    assert operations(execution) == ["SPAN", "SWAP", "END block", "SPAN", "NEG", "END block", "END join"]


def test_a_callee_begins_and_returns():
    execution = run(block("SWAP"), Call(0), block("NEG"), Join(1, 2))
    assert phases(execution)[:5] == ["start", "call", "first", "end", "return"]
    assert operations(execution)[4] == "END call"


def test_a_kernel_procedure_begins_as_a_callee():
    execution = run(block("SWAP"), Syscall(0), block("NEG"), Join(1, 2), kernel=(0,))
    assert phases(execution)[:5] == ["start", "call", "first", "end", "return"]
    assert operations(execution)[4] == "END syscall"


def test_the_body_of_a_loop_begins_behind_loop_and_repeat():
    execution = run(block("SWAP"), Loop(0), stack=(1, 0, 1))
    assert phases(execution) == ["body", "first", "end", "repeat", "body", "first", "end", "last_row"]


@pytest.mark.parametrize(("stack", "word"), [((1, 0), "END loop"), ((0, 5), "END skipped loop")])
def test_the_end_of_a_loop_says_whether_it_ran(stack, word):
    execution = run(block("NOOP"), Loop(0), block("NEG"), Join(1, 2), stack=stack)
    row = operations(execution).index(word) + 1
    assert behind(execution, row).phase == "end"


@pytest.mark.parametrize("item", [0, 1, 7])
def test_the_item_behind_a_skipped_loop_is_told(item):
    execution = run(block("NOOP"), Loop(0), block("NEG"), Join(1, 2), stack=(0, item))
    words = {0: "0", 1: "1", 7: "other"}
    # 0 JOIN, 1 LOOP, 2 END of the loop, 3 SPAN
    assert behind(execution, 2) == Cell("END skipped loop", "end", "16", "shallow", "taken", words[item])
    assert before(execution, 3) == Cell("END skipped loop", "before", "16", "any", "any", words[item])


def test_the_operation_behind_a_respan_is_a_batch_switch():
    found = phases(run(block("SWAP " * 73)))
    assert [row for row, phase in enumerate(found, start=1) if phase == "batch_switch"] == [73, 74]


def test_padding_is_told_from_the_first_operation():
    execution = run(block("PUSH(7) DROP PUSH(8)"), block("NOOP SWAP DROP"), Join(0, 1))
    # Three groups are filled up to four, and PUSH does not end a group.
    assert phases(execution)[:7] == ["start", "first", "inside", "inside", "padding", "padding", "end"]
    assert operations(execution)[8:10] == ["NOOP", "SWAP"]
    assert phases(execution)[8] == "first"


def test_a_branch_is_a_child():
    execution = run(block("SWAP"), block("NEG"), Split(0, 1), stack=(1,))
    assert phases(execution) == ["start", "first", "end", "last_row"]


def dynamic(node) -> str:
    """DYN or DYNCALL of node 0, whose digest the block before it stores at address 40."""
    target = block("SWAP")
    digest = run(target).program_hash
    pushes = " ".join(f"PUSH({element})" for element in digest)
    text = f"block {pushes} PUSH(40) MSTOREW DROP DROP DROP DROP PUSH(40)"
    nodes = ["block SWAP", text, node, "join 1 2"]
    return json.dumps({"name": "made", "program": {"nodes": nodes, "roots": [0, 3], "entry": 3}})


@pytest.mark.parametrize("node", ["dyn", "dyncall"])
def test_a_dynamic_target_begins(node):
    execution = run_text(dynamic(node))
    at = operations(execution).index(node.upper())
    assert phases(execution)[at + 1 : at + 5] == [
        "dynamic",
        "first",
        "end",
        "end" if node == "dyn" else "return",
    ]
    assert operations(execution)[at + 4] == f"END {node}"


def with_library(node: str) -> str:
    """The same with the target in a library, or the library's node in place."""
    digest = run(block("SWAP NEG")).program_hash
    pushes = " ".join(f"PUSH({element})" for element in digest)
    text = f"block {pushes} PUSH(40) MSTOREW DROP DROP DROP DROP PUSH(40)"
    nodes = [text, node, "join 0 1", "block DROP", "join 2 3"] if node.startswith("ext") else [text, node, "join 0 1"]
    return json.dumps(
        {
            "name": "made",
            "program": {"nodes": nodes, "roots": [len(nodes) - 1], "entry": len(nodes) - 1},
            "libraries": [{"nodes": ["block SWAP NEG"], "roots": [0]}],
        }
    )


@pytest.mark.parametrize(("node", "phase"), [("dyn", "foreign"), ("external @0:0", "external")])
def test_a_target_in_another_forest_begins(node, phase):
    found = phases(run_text(with_library(node)))
    assert found.count(phase) == 1
    assert found[found.index(phase) : found.index(phase) + 4] == [phase, "first", "inside", "end"]


# ---- what crosses the cut -------------------------------------------------------------------------------------------


def test_depth_and_item_are_those_entering_the_row():
    execution = run(block("PAD PAD INCR DROP DROP"), stack=(5,))
    rows = [behind(execution, row) for row in range(1, 7)]
    assert [each.depth for each in rows] == ["16", "17", "18+", "18+", "17", "16"]
    assert [each.item for each in rows] == ["other", "0", "0", "1", "0", "other"]


def test_the_row_before_took_an_entry_when_it_pops_or_reads():
    execution = run(block("PAD SWAP DROP SWAP MLOAD SWAP"), stack=(8,))
    # SPAN, then each operation: SPAN takes an address, DROP at depth 17 pops, MLOAD reads.
    taken = [behind(execution, row).queue for row in range(1, 7)]
    assert taken == ["taken", "untouched", "untouched", "taken", "untouched", "taken"]


def test_a_pop_at_depth_16_takes_nothing():
    assert behind(run(block("DROP SWAP")), 2).queue == "untouched"


def test_nests_are_counted_up_to_the_row():
    execution = run(block("SWAP"), Call(0), Call(1), block("NEG"), Join(2, 3))
    # JOIN, CALL, CALL, SPAN, SWAP, END, END, END, ...
    nests = [behind(execution, row).nest for row in range(1, 9)]
    assert nests[:4] == ["shallow", "called", "called twice", "called twice"]
    assert nests[4:] == ["called twice", "called twice", "called", "shallow"]


def test_more_than_two_nodes_around_a_row_are_deep():
    execution = run(block("SWAP"), block("NEG"), Join(0, 1), Join(2, 1), Join(3, 1))
    assert [behind(execution, row).nest for row in range(1, 5)] == ["shallow", "shallow", "deep", "deep"]


def test_the_row_before_is_told_with_what_it_left():
    execution = run(block("PAD INCR DROP"))
    assert before(execution, 1) == Cell("SPAN", "before", "16", "any", "any", "0")
    assert before(execution, 2) == Cell("PAD", "before", "17", "any", "any", "0")
    assert before(execution, 3) == Cell("INCR", "before", "17", "any", "any", "1")


def test_the_operations_of_all_rows():
    execution = run(block("SWAP"), Loop(0), stack=(1, 0))
    assert row_operations(row_cells(execution)) == ["LOOP", "SPAN", "SWAP", "END block", "END loop"]
