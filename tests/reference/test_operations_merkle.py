"""MPVERIFY and MRUPDATE: paths, roots, and every way to fail."""

from __future__ import annotations

import pytest
from machines import CLK, machine_with, run

from reference.definition.case import Advice, Replies
from reference.definition.errors import ExecutionFailure
from reference.definition.field import P, word_from_hex
from reference.definition.rpo import empty_subtree_roots
from reference.host import AdviceHost, ReplyHost

LEAVES = ((0x14, 0, 0, 0), (0x15, 0, 0, 0), (0x16, 0, 0, 0), (0x17, 0, 0, 0))
# spec 06, section 14: the full tree over LEAVES
ROOT = word_from_hex("0x0463f7d47758ad94b11dbf9675ffb7b331baa9c150d7fac6d784055c313eab0e")
EMPTY_DEPTH_1 = (8635338869442206704, 11671305615285950885, 15253023094703789604, 7398108415970215319)
NEW = (9, 8, 7, 6)


def operands(value, depth, index, root, new=NEW):
    return [*reversed(value), depth, index, *reversed(root), *reversed(new), 61, 62]


@pytest.fixture
def tree():
    """A host that knows the tree over LEAVES."""
    host = AdviceHost(Advice(), stdlib=False)
    left, right = host.store.add(*LEAVES[:2]), host.store.add(*LEAVES[2:])
    assert host.store.add(left, right) == ROOT
    return host


def failure_of(name, host, stack, immediate=0):
    with pytest.raises(ExecutionFailure) as caught:
        run(machine_with(stack, host=host), name, immediate)
    return caught.value.name, caught.value.clk


@pytest.mark.parametrize("index", range(4))
def test_mpverify_accepts_each_leaf_and_changes_nothing(tree, index):
    stack = operands(LEAVES[index], 2, index, ROOT)
    machine = machine_with(stack, host=tree)
    assert run(machine, "MPVERIFY") == (1, 0, 0, 0, 0, 0)
    assert machine.stack == stack
    assert machine.hasher.next_address == 1 + 16


def test_mrupdate_puts_the_new_root_on_top_and_keeps_both_trees(tree):
    machine = machine_with(operands(LEAVES[1], 2, 1, ROOT), host=tree)
    assert run(machine, "MRUPDATE") == (1, 0, 0, 0, 0, 0)
    new_root = machine.word(0)
    assert machine.stack[4:] == operands(LEAVES[1], 2, 1, ROOT)[4:]
    assert machine.hasher.next_address == 1 + 32
    assert new_root != ROOT
    assert tree.node(ROOT, 2, 1, CLK) == LEAVES[1]
    assert [tree.node(new_root, 2, index, CLK) for index in range(4)] == [LEAVES[0], NEW, *LEAVES[2:]]


@pytest.mark.parametrize("name", ["MPVERIFY", "MRUPDATE"])
@pytest.mark.parametrize(("depth", "index"), [(65, 0), (256, 0), (P - 1, 0), (2, 4), (0, 1), (63, 2**63)])
def test_an_index_outside_of_the_tree_wins_over_an_unknown_root(tree, name, depth, index):
    expected = ("AdviceError.InvalidMerkleTreeNodeIndex", CLK)
    assert failure_of(name, tree, operands(LEAVES[0], depth, index, (1, 2, 3, 4))) == expected


@pytest.mark.parametrize(
    ("name", "wrapper"), [("MPVERIFY", "MerkleStoreLookupFailed"), ("MRUPDATE", "MerkleStoreUpdateFailed")]
)
def test_store_failures_carry_the_name_of_the_question(tree, name, wrapper):
    unknown_root = operands(LEAVES[0], 2, 0, (1, 2, 3, 4))
    assert failure_of(name, tree, unknown_root) == (f"AdviceError.{wrapper}.RootNotInStore.Word", CLK)
    too_deep = operands(LEAVES[0], 3, 0, ROOT)
    assert failure_of(name, tree, too_deep) == (f"AdviceError.{wrapper}.NodeIndexNotFoundInStore.Word", CLK)


@pytest.mark.parametrize("name", ["MPVERIFY", "MRUPDATE"])
def test_a_wrong_node_fails_without_clock(tree, name):
    assert failure_of(name, tree, operands(LEAVES[1], 2, 0, ROOT)) == ("MerklePathVerificationFailed", None)


@pytest.mark.parametrize("name", ["MPVERIFY", "MRUPDATE"])
def test_depth_0_has_no_trace(tree, name):
    assert failure_of(name, tree, operands(ROOT, 0, 0, ROOT)) == ("EmptyMerklePath", None)
    assert failure_of(name, tree, operands(LEAVES[0], 0, 0, ROOT)) == ("MerklePathVerificationFailed", None)


@pytest.mark.parametrize("name", ["MPVERIFY", "MRUPDATE"])
def test_empty_subtrees_are_always_known(name):
    machine = machine_with(operands((0, 0, 0, 0), 1, 1, EMPTY_DEPTH_1), host=AdviceHost(Advice(), stdlib=False))
    assert run(machine, name) == (1, 0, 0, 0, 0, 0)


def test_the_deepest_tree_has_64_levels():
    stack = operands((0, 0, 0, 0), 64, P - 1, empty_subtree_roots()[64])
    machine = machine_with(stack, host=AdviceHost(Advice(), stdlib=False))
    assert run(machine, "MPVERIFY") == (1, 0, 0, 0, 0, 0)
    assert machine.hasher.next_address == 1 + 8 * 64


@pytest.mark.parametrize("name", ["MPVERIFY", "MRUPDATE"])
def test_recorded_paths_serve_as_well_and_are_verified_too(tree, name):
    path = tree.merkle_path(ROOT, 2, 3, CLK)
    replies = Replies(paths=(path, path))
    machine = machine_with(operands(LEAVES[3], 2, 3, ROOT), host=ReplyHost(replies))
    assert run(machine, name) == (1, 0, 0, 0, 0, 0)
    machine.stack[:] = operands(LEAVES[2], 2, 3, ROOT)
    with pytest.raises(ExecutionFailure, match="MerklePathVerificationFailed"):
        run(machine, name)


@pytest.mark.parametrize("name", ["MPVERIFY", "MRUPDATE"])
def test_a_recorded_path_of_another_length_is_refused(tree, name):
    host = ReplyHost(Replies(paths=(LEAVES[:1],)))
    assert failure_of(name, host, operands(LEAVES[0], 2, 0, ROOT)) == ("ReplyMismatch", CLK)
