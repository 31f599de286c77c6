"""The advice provider, the Merkle store and the scripted host."""

from __future__ import annotations

import pytest
from machines import CLK, machine_with

from reference.definition.case import Advice, Replies
from reference.definition.errors import ExecutionFailure
from reference.definition.field import word_from_hex
from reference.definition.rpo import empty_subtree_roots, merge
from reference.host import AdviceHost, ReplyHost
from reference.host.merkle_store import MerkleStore, UnknownNodeError

A, B, C, D = (0x14, 0, 0, 0), (0x15, 0, 0, 0), (0x16, 0, 0, 0), (0x17, 0, 0, 0)
INNER = (0x0B, 0, 0, 0)
# spec 06, section 14
FULL_ROOT = word_from_hex("0x0463f7d47758ad94b11dbf9675ffb7b331baa9c150d7fac6d784055c313eab0e")
PARTIAL_ROOT = word_from_hex("0x82bb4d9a8e93582f1387611949703eecd8e4c74b904880f9c9c85f1fc1d7576d")
SPARSE_ROOT = word_from_hex("0x444693b04b509c6b69d9ed981e67243342505f3b64aa3d45746211c180d11902")
EMPTY_ROOTS = {
    1: (8635338869442206704, 11671305615285950885, 15253023094703789604, 7398108415970215319),
    2: (18185978518863914335, 936586966360019113, 497299419609993926, 1977881506773614749),
    16: (10650694022550988030, 5634734408638476525, 9233115969432897632, 1437907447409278328),
    32: (11677748883385181208, 15891398395707500576, 3790704659934033620, 2126099371106695189),
    64: (15321474589252129342, 17373224439259377994, 15071539326562317628, 3312677166725950353),
    255: (17167041025187024324, 4400885916042396520, 180962442427460263, 1081753009405638580),
}


def failure_of(action):
    with pytest.raises(ExecutionFailure) as caught:
        action()
    return caught.value.name, caught.value.clk


# ---- advice stack and map -------------------------------------------------------------------------------------------


def test_the_first_listed_element_is_popped_first():
    host = AdviceHost(Advice(stack=tuple(range(1, 15))), stdlib=False)
    assert host.pop_element(CLK) == 1
    assert host.pop_word(CLK) == (2, 3, 4, 5)
    assert host.pop_dword(CLK) == (6, 7, 8, 9, 10, 11, 12, 13)
    host.push((21, 22))
    assert [host.pop_element(CLK) for _ in range(3)] == [21, 22, 14]


def test_a_failed_pop_takes_nothing():
    host = AdviceHost(Advice(stack=(1, 2, 3)), stdlib=False)
    assert failure_of(lambda: host.pop_word(CLK)) == ("AdviceError.StackReadFailed", CLK)
    assert failure_of(lambda: host.pop_dword(CLK)) == ("AdviceError.StackReadFailed", CLK)
    assert [host.pop_element(CLK) for _ in range(3)] == [1, 2, 3]
    assert failure_of(lambda: host.pop_element(CLK)) == ("AdviceError.StackReadFailed", CLK)


def test_a_map_entry_may_be_repeated_but_not_changed():
    host = AdviceHost(Advice(map={A: (1, 2)}), stdlib=False)
    host.insert(A, (1, 2), CLK)
    host.insert(B, (), CLK)
    host.insert(B, (), CLK)
    assert failure_of(lambda: host.insert(A, (1, 2, 3), CLK)) == ("AdviceError.MapKeyAlreadyPresent", CLK)
    assert failure_of(lambda: host.insert(B, (0,), CLK)) == ("AdviceError.MapKeyAlreadyPresent", CLK)
    assert (host.map[A], host.map[B]) == ((1, 2), ())


def test_merging_a_map_is_all_or_nothing():
    host = AdviceHost(Advice(map={A: (1,)}), stdlib=False)
    assert failure_of(lambda: host.merge_map({B: (2,), A: (3,)}, 0)) == ("AdviceError.MapKeyAlreadyPresent", 0)
    assert host.map == {A: (1,)}
    host.merge_map({B: (2,), A: (1,)}, 0)
    assert host.map == {A: (1,), B: (2,)}


def test_the_case_keeps_its_own_map():
    entries = {A: (1,)}
    host = AdviceHost(Advice(map=entries), stdlib=False)
    host.insert(B, (2,), CLK)
    assert entries == {A: (1,)}


def test_unused_advice_is_no_leftover():
    assert AdviceHost(Advice(stack=(1,)), stdlib=False).leftover() is None


# ---- Merkle store ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("height", EMPTY_ROOTS)
def test_roots_of_empty_subtrees(height):
    assert empty_subtree_roots()[height] == EMPTY_ROOTS[height]


def test_every_empty_subtree_opens_to_a_zero_leaf_and_no_deeper():
    store = MerkleStore(())
    for height in (1, 2, 16):
        leaf, siblings = store.open(EMPTY_ROOTS[height], height, 2**height - 1)
        assert leaf == (0, 0, 0, 0)
        assert siblings == tuple(empty_subtree_roots()[:height])
        with pytest.raises(UnknownNodeError, match="NodeIndexNotFoundInStore"):
            store.open(EMPTY_ROOTS[height], height + 1, 0)


def test_the_highest_empty_subtree_is_known_and_the_zero_word_is_no_root():
    store = MerkleStore(())
    assert store.open(EMPTY_ROOTS[255], 64, 2**64 - 1)[0] == empty_subtree_roots()[191]
    with pytest.raises(UnknownNodeError, match="RootNotInStore"):
        store.open((0, 0, 0, 0), 0, 0)


def test_a_full_tree_from_pairs_of_children():
    left, right = merge(A, B), merge(C, D)
    store = MerkleStore(((left, right), (C, D), (A, B)))
    assert [store.open(FULL_ROOT, 2, index)[0] for index in range(4)] == [A, B, C, D]
    assert store.open(FULL_ROOT, 2, 2) == (C, (D, left))
    assert store.open(FULL_ROOT, 1, 0) == (left, (right,))
    assert store.open(FULL_ROOT, 0, 0) == (FULL_ROOT, ())


def test_a_partial_tree_has_leaves_at_two_levels():
    store = MerkleStore(())
    assert store.add(store.add(A, B), INNER) == PARTIAL_ROOT
    assert store.open(PARTIAL_ROOT, 1, 1)[0] == INNER
    with pytest.raises(UnknownNodeError, match="NodeIndexNotFoundInStore"):
        store.open(PARTIAL_ROOT, 2, 2)


def leaf_up(node, index, siblings):
    for level, sibling in enumerate(siblings):
        node = merge(sibling, node) if index >> level & 1 else merge(node, sibling)
    return node


def test_a_sparse_tree_grows_from_the_empty_one_by_updates():
    store = MerkleStore(())
    root = empty_subtree_roots()[64]
    for index, leaf in ((0, A), (1, B), (3, D)):
        root = leaf_up(leaf, index, store.update(root, 64, index, leaf))
    assert root == SPARSE_ROOT
    assert store.open(SPARSE_ROOT, 64, 3)[0] == D
    assert store.open(SPARSE_ROOT, 64, 2**64 - 1)[0] == (0, 0, 0, 0)


def test_an_update_returns_the_siblings_and_keeps_the_old_tree():
    store = MerkleStore(())
    left, right = store.add(A, B), store.add(C, D)
    root = store.add(left, right)
    assert store.update(root, 2, 1, INNER) == (A, right)
    new_root = merge(merge(A, INNER), right)
    assert store.open(new_root, 2, 1)[0] == INNER
    assert store.open(root, 2, 1)[0] == B


def test_an_update_to_the_same_value_stores_nothing():
    store = MerkleStore(())
    root = store.add(A, B)
    before = dict(store._nodes)
    store.update(root, 1, 0, A)
    assert store._nodes == before


def test_an_update_may_graft_a_tree():
    store = MerkleStore(())
    left, root = store.add(A, B), store.add(C, D)
    store.update(root, 1, 0, left)
    grafted = merge(left, D)
    assert store.open(grafted, 2, 1)[0] == B


# ---- scripted host --------------------------------------------------------------------------------------------------


def test_replies_come_in_order_from_one_queue_per_kind():
    path, other_path = (A, B), (C,)
    dword = (1, 2, 3, 4, 5, 6, 7, 8)
    host = ReplyHost(Replies(elements=(1, 2), words=(A, B), dwords=(dword,), paths=(path, other_path)))
    assert host.leftover() == "2 elements, 2 words, 1 dwords, 2 paths"
    assert host.pop_word(CLK) == A
    assert [host.pop_element(CLK), host.pop_element(CLK)] == [1, 2]
    assert host.merkle_path(D, 2, 0, CLK) == path
    assert host.merkle_update(D, 1, 0, A, CLK) == other_path
    assert host.pop_dword(CLK) == dword
    assert host.leftover() == "1 words"
    assert host.pop_word(CLK) == B
    assert host.leftover() is None


@pytest.mark.parametrize(
    ("ask", "queue"),
    [
        (lambda host: host.pop_element(CLK), "elements"),
        (lambda host: host.pop_word(CLK), "words"),
        (lambda host: host.pop_dword(CLK), "dwords"),
        (lambda host: host.merkle_path(A, 1, 0, CLK), "paths"),
        (lambda host: host.merkle_update(A, 1, 0, B, CLK), "paths"),
    ],
)
def test_running_dry_names_the_queue(ask, queue):
    with pytest.raises(ExecutionFailure, match=f"RepliesExhausted at clk {CLK}: the queue {queue} is empty"):
        ask(ReplyHost(Replies()))


def test_a_scripted_host_accepts_every_event_and_every_map():
    host = ReplyHost(Replies(elements=(1,)))
    machine = machine_with([12345], host=host)
    host.emit(machine)
    host.merge_map({A: (1,)}, 0)
    host.merge_map({A: (2,)}, 0)
    assert host.leftover() == "1 elements"
