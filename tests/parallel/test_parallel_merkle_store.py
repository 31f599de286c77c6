"""The Merkle store of the parallel engine's host is the real VM's: expected values are spec 06 section 14, or the VM's own."""

from __future__ import annotations

import pytest
from parallel_hosts import (
    EMPTY,
    FILLED_BY_VM,
    FULL_ROOT,
    LEFT_PAIR,
    MERKLE_NODE_MERGE,
    MERKLE_NODE_TO_STACK,
    PARTIAL_ROOT,
    RIGHT_PAIR,
    SPARSE_ROOT,
    A,
    B,
    Machine,
    assert_fails,
    climbed,
    leaf,
    live,
    on_stack,
    pushed_by,
)

from parallel.host.hashing import merge
from reference.definition.field import ZERO_WORD, as_word


def test_a_path_lists_the_sibling_of_the_leaf_first() -> None:
    host = live(store=(LEFT_PAIR, RIGHT_PAIR, (merge(*LEFT_PAIR), merge(*RIGHT_PAIR))))
    assert host.path(FULL_ROOT, 2, 0, 0) == [leaf(0x15), merge(*RIGHT_PAIR)]
    assert host.path(FULL_ROOT, 2, 3, 0) == [leaf(0x16), merge(*LEFT_PAIR)]
    assert host.path(FULL_ROOT, 1, 1, 0) == [merge(*LEFT_PAIR)]
    assert host.path(FULL_ROOT, 0, 0, 0) == []


def test_the_partial_tree_of_the_spec_ends_at_its_leaves() -> None:
    host = live(store=(LEFT_PAIR, (merge(*LEFT_PAIR), leaf(0x0B))))
    assert host.path(PARTIAL_ROOT, 1, 1, 0) == [merge(*LEFT_PAIR)]
    assert host.path(PARTIAL_ROOT, 2, 1, 0) == [leaf(0x14), leaf(0x0B)]
    assert_fails(
        lambda: host.path(PARTIAL_ROOT, 2, 2, 8),
        "AdviceError.MerkleStoreLookupFailed.NodeIndexNotFoundInStore.Word",
        8,
    )


def test_updates_build_the_sparse_tree_of_the_spec() -> None:
    host = live()
    height_64, root = EMPTY[64], EMPTY[64]
    for index, value in ((0, 0x14), (1, 0x15), (3, 0x17)):
        path = host.update(root, 64, index, leaf(value), 0)
        root = climbed(leaf(value), index, path)
    assert root == SPARSE_ROOT
    assert [pushed_by(MERKLE_NODE_TO_STACK, [64, index, *on_stack(root)], host)[0] for index in range(4)] == [
        0x14,
        0x15,
        0,
        0x17,
    ]
    assert host.path(height_64, 64, 0, 0)[0] == ZERO_WORD  # the empty tree stays


def test_the_last_index_of_depth_64_is_usable() -> None:
    host = live()
    index = 2**64 - 2**32
    path = host.update(EMPTY[64], 64, index, A, 0)
    assert (path[0], path[1], path[16], path[32]) == (ZERO_WORD, EMPTY[1], EMPTY[16], EMPTY[32])
    new_root = as_word(reversed(FILLED_BY_VM))
    assert pushed_by(MERKLE_NODE_TO_STACK, [64, index, *on_stack(new_root)], host) == list(A)


def test_an_update_to_the_value_that_is_there_changes_nothing() -> None:
    host = live(store=(LEFT_PAIR,))
    root = merge(*LEFT_PAIR)
    assert host.update(root, 1, 1, leaf(0x15), 0) == [leaf(0x14)]
    assert host.path(root, 1, 1, 0) == [leaf(0x14)]


def test_an_update_grafts_another_tree() -> None:
    host = live(store=(LEFT_PAIR, RIGHT_PAIR, (merge(*LEFT_PAIR), leaf(0x0B))))
    assert host.update(PARTIAL_ROOT, 1, 1, merge(*RIGHT_PAIR), 0) == [merge(*LEFT_PAIR)]
    assert host.path(FULL_ROOT, 2, 3, 0) == [leaf(0x16), merge(*LEFT_PAIR)]


@pytest.mark.parametrize(
    ("depth", "index"), [(65, 0), (300, 0), (2**32, 0), (0, 1), (3, 8), (2**64 - 2**32, 2**64 - 2**32)]
)
def test_no_tree_has_such_a_node(depth: int, index: int) -> None:
    host, name = live(), "AdviceError.InvalidMerkleTreeNodeIndex"
    assert_fails(lambda: host.path(EMPTY[64], depth, index, 1), name, 1)
    assert_fails(lambda: host.update(EMPTY[64], depth, index, A, 2), name, 2)
    node = Machine(MERKLE_NODE_TO_STACK, [depth, index, *on_stack(EMPTY[64])], clk=3)
    assert_fails(lambda: host.emit(node), name, 3)


def test_unknown_roots_and_nodes_are_told_apart() -> None:
    host = live()
    lookup, update = "AdviceError.MerkleStoreLookupFailed", "AdviceError.MerkleStoreUpdateFailed"
    # The zero word is the empty tree of depth 0, but not a key of the store.
    assert_fails(lambda: host.path(ZERO_WORD, 0, 0, 5), f"{lookup}.RootNotInStore.Word", 5)
    assert_fails(lambda: host.update((4, 4, 4, 4), 2, 3, A, 6), f"{update}.RootNotInStore.Word", 6)
    assert_fails(lambda: host.update(EMPTY[1], 2, 3, A, 7), f"{update}.NodeIndexNotFoundInStore.Word", 7)
    node = Machine(MERKLE_NODE_TO_STACK, [2, 3, *on_stack(EMPTY[1])], clk=8)
    assert_fails(lambda: host.emit(node), f"{lookup}.NodeIndexNotFoundInStore.Word", 8)


def test_merging_nodes_makes_their_parent_known() -> None:
    host = live()
    host.emit(Machine(MERKLE_NODE_MERGE, on_stack(B, A)))
    parent = (15975159621759139720, 15720844923951376941, 16013969809933496273, 13608701685256682132)
    assert pushed_by(MERKLE_NODE_TO_STACK, [1, 0, *on_stack(parent)], host) == list(A)
    assert pushed_by(MERKLE_NODE_TO_STACK, [1, 1, *on_stack(parent)], host) == list(B)
