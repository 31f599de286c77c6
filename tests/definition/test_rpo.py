"""RPO-256 against recorded vectors (tests/data/rpo_vectors.json)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from reference.definition.rpo import (
    ROUNDS,
    Coin,
    empty_subtree_roots,
    hash_elements,
    merge,
    permutation_states,
    permute,
)

VECTORS: dict[str, list[dict[str, Any]]] = json.loads(
    (Path(__file__).parent.parent / "data" / "rpo_vectors.json").read_text()
)

EMPTY_SUBTREES = {
    0: (0, 0, 0, 0),
    1: (8635338869442206704, 11671305615285950885, 15253023094703789604, 7398108415970215319),
    16: (10650694022550988030, 5634734408638476525, 9233115969432897632, 1437907447409278328),
    64: (15321474589252129342, 17373224439259377994, 15071539326562317628, 3312677166725950353),
    255: (17167041025187024324, 4400885916042396520, 180962442427460263, 1081753009405638580),
}


def test_no_group_of_vectors_is_left_out() -> None:
    assert set(VECTORS) == {
        "hash_elements_0_to_n_minus_1",
        "hash_elements_other",
        "merge",
        "merge_in_domain_zero_words",
        "merge_in_domain",
        "permutation",
        "permutation_from_reference_traces",
        "random_coin",
    }
    assert sum(map(len, VECTORS.values())) == 51


@pytest.mark.parametrize("vector", VECTORS["hash_elements_0_to_n_minus_1"] + VECTORS["hash_elements_other"])
def test_hash_elements(vector: dict[str, Any]) -> None:
    assert hash_elements(vector["input"]) == tuple(vector["digest"])


@pytest.mark.parametrize(
    "vector", VECTORS["merge"] + VECTORS["merge_in_domain_zero_words"] + VECTORS["merge_in_domain"]
)
def test_merge(vector: dict[str, Any]) -> None:
    assert merge(tuple(vector["a"]), tuple(vector["b"]), vector.get("domain", 0)) == tuple(vector["digest"])


@pytest.mark.parametrize("vector", VECTORS["permutation"] + VECTORS["permutation_from_reference_traces"])
def test_permutation(vector: dict[str, Any]) -> None:
    assert permute(tuple(vector["input"])) == tuple(vector["output"])


def test_states_after_each_round() -> None:
    (vector,) = (entry for entry in VECTORS["permutation_from_reference_traces"] if "states_after_each_round" in entry)
    assert len(vector["states_after_each_round"]) == ROUNDS
    states = permutation_states(tuple(vector["input"]))
    assert [list(state) for state in states[1:]] == vector["states_after_each_round"]


@pytest.mark.parametrize("vector", VECTORS["random_coin"])
def test_the_coin_draws_the_values_of_the_last_row(vector: dict[str, Any]) -> None:
    coin = Coin(tuple(vector["seed"]))
    assert [coin.draw() for _ in vector["first_72_draws"]] == vector["first_72_draws"]


@pytest.mark.parametrize("depth", EMPTY_SUBTREES)
def test_roots_of_empty_subtrees(depth: int) -> None:
    assert empty_subtree_roots()[depth] == EMPTY_SUBTREES[depth]
