"""The compiled permutation of campaigns: that of the real VM and of the plain definition, and noticed when it is not."""

from __future__ import annotations

import json
import random
from itertools import count
from pathlib import Path
from typing import Any

import pytest

import harness.compiled_hash as subject
from harness.compiled_hash import CHECKED_SHARE, WrongHash, compiled_hash, compiled_permutation_states
from reference.definition.field import P
from reference.definition.rpo import permutation_states, plain_permutation_states

VECTORS: dict[str, list[dict[str, Any]]] = json.loads(
    (Path(__file__).parent.parent / "data" / "rpo_vectors.json").read_text()
)
RECORDED = VECTORS["permutation"] + VECTORS["permutation_from_reference_traces"]
EDGES = (0, 1, 7, 2**32 - 1, 2**32, 2**63, P - 1)


@pytest.mark.parametrize("vector", RECORDED)
def test_it_is_the_permutation_of_the_real_vm(vector: dict[str, Any]) -> None:
    assert compiled_permutation_states(tuple(vector["input"]))[-1] == tuple(vector["output"])


def test_it_gives_every_round_of_the_plain_definition() -> None:
    draw = random.Random(1)
    states = [tuple(draw.randrange(P) for _ in range(12)) for _ in range(20)]
    states += [tuple(draw.choice(EDGES) for _ in range(12)) for _ in range(20)] + [(value,) * 12 for value in EDGES]
    for state in states:
        assert compiled_permutation_states(state) == plain_permutation_states(state)


def test_a_wrong_one_is_noticed_within_the_checked_share(monkeypatch: pytest.MonkeyPatch) -> None:
    right = subject._states

    def wrong(found: Any) -> None:
        right(found)
        found[3, 5] ^= 1

    monkeypatch.setattr(subject, "_states", wrong)
    monkeypatch.setattr(subject, "_calls", count(1))
    state = tuple(range(12))
    with pytest.raises(WrongHash, match="is not the plain one"):
        for _ in range(CHECKED_SHARE):
            compiled_permutation_states(state)


def test_hashing_asks_it_while_it_is_open_and_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    right = compiled_permutation_states

    def listening(state: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
        asked.append(state)
        return right(state)

    monkeypatch.setattr(subject, "compiled_permutation_states", listening)
    # No other test hashes these, so that no answer is remembered.
    first, second = (0xF1A6, *range(11)), (0xF1A7, *range(11))
    with compiled_hash():
        inside = permutation_states(first)
    outside = permutation_states(second)
    assert asked == [first]
    assert (inside, outside) == (plain_permutation_states(first), plain_permutation_states(second))
