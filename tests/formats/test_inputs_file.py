"""``.inputs`` files: what they mean and what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from reference.definition.errors import InputError
from reference.definition.field import Word, word_from_hex
from reference.definition.formats import merkle_inputs
from reference.definition.formats.inputs import StackAndAdvice, read_inputs
from reference.definition.rpo import merge

KEY = "0x" + "0a" + "00" * 31


def leaf(value: int) -> str:
    return "0x" + value.to_bytes(8, "little").hex() + "00" * 24


# Spec 06, section 14.
TREES: dict[str, tuple[Any, str]] = {
    "partial_merkle_tree": (
        [[[2, 0], leaf(0x14)], [[2, 1], leaf(0x15)], [[1, 1], leaf(0x0B)]],
        "0x82bb4d9a8e93582f1387611949703eecd8e4c74b904880f9c9c85f1fc1d7576d",
    ),
    "sparse_merkle_tree": (
        [[0, leaf(0x14)], [1, leaf(0x15)], [3, leaf(0x17)]],
        "0x444693b04b509c6b69d9ed981e67243342505f3b64aa3d45746211c180d11902",
    ),
    "merkle_tree": (
        [leaf(0x14), leaf(0x15), leaf(0x16), leaf(0x17)],
        "0x0463f7d47758ad94b11dbf9675ffb7b331baa9c150d7fac6d784055c313eab0e",
    ),
}


def inputs(**keys: object) -> StackAndAdvice:
    return read_inputs(json.dumps({"operand_stack": [], **keys}))


def test_the_last_operand_is_the_top_and_the_first_advice_value_is() -> None:
    found = inputs(operand_stack=["1", "+2", "0003"], advice_stack=["4", "5"])
    assert found.stack == (3, 2, 1)
    assert found.advice.stack == (4, 5)


def test_map_keys_may_have_capital_digits_and_values_are_numbers() -> None:
    assert inputs(advice_map={KEY.replace("a", "A"): [1, 2]}).advice.map == {(10, 0, 0, 0): (1, 2)}


def test_optional_keys_may_be_null_and_unknown_ones_are_ignored() -> None:
    found = inputs(advice_stack=None, advice_map=None, merkle_store=None, comment={"any": [1.5, None]})
    assert (found.stack, found.advice.stack, found.advice.map, found.advice.store) == ((), (), {}, ())


@pytest.mark.parametrize("kind", TREES)
def test_the_root_of_a_tree_can_be_reached_through_its_pairs(kind: str) -> None:
    value, root = TREES[kind]
    pairs = inputs(merkle_store=[{kind: value}]).advice.store
    parents: dict[Word, tuple[Word, Word]] = {merge(left, right): (left, right) for left, right in pairs}
    node, depth = word_from_hex(root), {"partial_merkle_tree": 2, "sparse_merkle_tree": 64, "merkle_tree": 2}[kind]
    for _ in range(depth):
        node = parents[node][0]
    assert node == (0x14, 0, 0, 0)


def test_all_trees_go_into_one_store() -> None:
    entries = [{kind: value} for kind, (value, _) in TREES.items()]
    assert len(inputs(merkle_store=entries).advice.store) == 2 + (64 + 1) + 3


def test_a_given_inner_node_needs_nothing_below_it() -> None:
    nodes = [[[1, 0], leaf(1)], [[1, 1], leaf(2)], [[5, 0], leaf(3)], [[4, 0], leaf(4)], [[3, 0], leaf(5)]]
    nodes += [[[2, 0], leaf(6)]]
    assert inputs(merkle_store=[{"partial_merkle_tree": nodes}]).advice.store == (((1, 0, 0, 0), (2, 0, 0, 0)),)


def test_a_sparse_tree_may_be_empty_or_hold_zero_words() -> None:
    assert inputs(merkle_store=[{"sparse_merkle_tree": []}]).advice.store == ()
    zero = inputs(merkle_store=[{"sparse_merkle_tree": [[2**64 - 1, leaf(0)]]}]).advice.store
    assert len(zero) == 64
    assert all(left == right for left, right in zero)


@pytest.mark.parametrize(
    ("keys", "place", "reason"),
    [
        ({"operand_stack": None}, "$.operand_stack", "an array"),
        ({"operand_stack": ["1"] * 17}, "$.operand_stack", "at most 16"),
        ({"operand_stack": [1]}, "$.operand_stack[0]", "a string"),
        ({"operand_stack": ["-1"]}, "$.operand_stack[0]", "decimal number"),
        ({"operand_stack": [" 1"]}, "$.operand_stack[0]", "decimal number"),
        ({"operand_stack": ["0x1"]}, "$.operand_stack[0]", "decimal number"),
        ({"operand_stack": ["1_0"]}, "$.operand_stack[0]", "decimal number"),
        ({"operand_stack": [""]}, "$.operand_stack[0]", "decimal number"),
        ({"operand_stack": ["18446744069414584321"]}, "$.operand_stack[0]", "below 18446744069414584321"),
        ({"operand_stack": ["9" * 10_000]}, "$.operand_stack[0]", "decimal number"),
        ({"advice_stack": ["1", "x"]}, "$.advice_stack[1]", "decimal number"),
        ({"advice_map": {KEY[2:]: []}}, f"$.advice_map.'{KEY[2:41]}... (66 characters)", "starts with 0x"),
        ({"advice_map": {KEY: ["1"]}}, f"$.advice_map.'{KEY[:39]}... (68 characters)[0]", "an integer"),
        ({"merkle_store": {}}, "$.merkle_store", "an array"),
        ({"merkle_store": [{}]}, "$.merkle_store[0]", "exactly one of"),
        ({"merkle_store": [{"merkle_tree": [], "sparse_merkle_tree": []}]}, "$.merkle_store[0]", "exactly one of"),
        ({"merkle_store": [{"tree": []}]}, "$.merkle_store[0]", "found 'tree'"),
        ({"merkle_store": [{"merkle_tree": [KEY] * 3}]}, "$.merkle_store[0].merkle_tree", "a power of two"),
        ({"merkle_store": [{"merkle_tree": [KEY]}]}, "$.merkle_store[0].merkle_tree", "a power of two"),
        ({"merkle_store": [{"merkle_tree": []}]}, "$.merkle_store[0].merkle_tree", "a power of two"),
        (
            {"merkle_store": [{"sparse_merkle_tree": [[1, KEY], [1, KEY]]}]},
            "$.merkle_store[0].sparse_merkle_tree[1][0]",
            "every index once, found 1 twice",
        ),
        (
            {"merkle_store": [{"sparse_merkle_tree": [[2**64, KEY]]}]},
            "$.merkle_store[0].sparse_merkle_tree[0][0]",
            "an integer",
        ),
        ({"merkle_store": [{"partial_merkle_tree": []}]}, "$.merkle_store[0].partial_merkle_tree", "at least one node"),
        (
            {"merkle_store": [{"partial_merkle_tree": [[[2, 4], KEY]]}]},
            "$.merkle_store[0].partial_merkle_tree[0][0][1]",
            "from 0 to 3",
        ),
        (
            {"merkle_store": [{"partial_merkle_tree": [[[65, 0], KEY]]}]},
            "$.merkle_store[0].partial_merkle_tree[0][0][0]",
            "from 0 to 64",
        ),
        (
            {"merkle_store": [{"partial_merkle_tree": [[[2, 0], KEY], [[2, 1], KEY]]}]},
            "$.merkle_store[0].partial_merkle_tree",
            "depth 1 index 1 is missing",
        ),
    ],
)
def test_wrong_inputs_are_refused(keys: dict[str, object], place: str, reason: str) -> None:
    with pytest.raises(InputError) as error:
        inputs(**keys)
    assert error.value.place == place
    assert reason in error.value.reason


def test_the_operand_stack_is_required() -> None:
    with pytest.raises(InputError, match="expected the key 'operand_stack'"):
        read_inputs("{}")


def test_keys_may_not_come_twice() -> None:
    with pytest.raises(InputError, match="every key once, found 'operand_stack' twice") as error:
        read_inputs('{"operand_stack": [], "operand_stack": ["1"]}', "a.inputs")
    assert (error.value.source, error.value.place) == ("a.inputs", "$")


def test_trees_that_ask_for_days_of_hashing_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merkle_inputs, "MAX_HASHES", 100)
    with pytest.raises(InputError, match="at most 100 inner nodes"):
        inputs(merkle_store=[{"sparse_merkle_tree": [[0, KEY], [2**63, KEY]]}])
