"""Rows of a block are counted without batching it; batching it gives the same."""

from __future__ import annotations

import random

import pytest

from harness.generate.forests import block_rows
from reference.definition.isa import BLOCK_OPERATIONS, PUSH, Operation
from reference.definition.mast import Block

OTHERS = [Operation(info.opcode) for info in BLOCK_OPERATIONS if info.opcode != PUSH]


def rows_when_batched(operations: list[Operation]) -> int:
    batches = Block(tuple(operations)).batches
    return 1 + sum(len(batch.operations) for batch in batches) + len(batches)


@pytest.mark.parametrize("pushes", [0.0, 0.05, 0.2, 0.5, 0.8, 1.0])
def test_blocks_of_all_lengths_have_the_rows_of_their_batches(pushes: float) -> None:
    draw = random.Random(f"rows {pushes}")
    for length in [*range(1, 100), 144, 145, 300]:
        for _ in range(3):
            operations = [Operation(PUSH, 5) if draw.random() < pushes else draw.choice(OTHERS) for _ in range(length)]
            assert block_rows(operations) == rows_when_batched(operations)


@pytest.mark.parametrize("place", range(80))
def test_a_push_stands_anywhere_in_a_batch(place: int) -> None:
    operations = [*[OTHERS[0]] * place, Operation(PUSH, 1), *[OTHERS[1]] * 8]
    assert block_rows(operations) == rows_when_batched(operations)
