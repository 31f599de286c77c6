"""Batches of op groups: the examples of spec 02, section 4.2."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from reference.definition.batching import make_batches
from reference.definition.isa import Operation, opcode


class Expected(NamedTuple):
    groups: int
    operations: int
    values: tuple[int, ...]


def pushes(first: int, last: int) -> list[str]:
    return [f"PUSH {value}" for value in range(first, last + 1)]


EXAMPLES = {
    "add": (["ADD"], [Expected(1, 1, (34,))]),
    "add-push": (["ADD", "PUSH 12345678"], [Expected(2, 3, (11682, 12345678))]),
    "seven-pushes-add": ([*pushes(1, 7), "ADD"], [Expected(8, 8, (19543672004996571, 1, 2, 3, 4, 5, 6, 7))]),
    "push-moves-to-the-next-batch": (
        ["ADD", "MUL", *pushes(1, 6), "ADD", "PUSH 7"],
        [Expected(8, 10, (2501590016639553954, 1, 2, 3, 4, 5, 6, 0)), Expected(2, 2, (91, 7))],
    ),
    "two-pushes-between": (
        ["ADD", "MUL", "ADD", "PUSH 7", "ADD", "ADD", "PUSH 11", "MUL", "MUL", "ADD"],
        [Expected(4, 10, (2542120439479046562, 7, 11, 34))],
    ),
    "push-is-never-ninth": (
        ["ADD", "MUL", "ADD", "ADD", "ADD", "MUL", "MUL", "ADD", "PUSH 11"],
        [Expected(4, 11, (19295441833726370, 91, 11, 0))],
    ),
    "noop-behind-a-push-that-would-end-a-group": (
        ["ADD", "MUL", "ADD", "ADD", "ADD", "MUL", "MUL", "PUSH 1", "PUSH 2"],
        [Expected(4, 11, (51383589178741154, 1, 91, 2))],
    ),
    "push-needs-two-slots": (
        ["ADD", "MUL", *pushes(1, 5), *(["ADD", "MUL"] * 5), "PUSH 6", "PAD"],
        [Expected(8, 18, (2541559463332467106, 1, 2, 3, 4, 5, 19853993742733730, 0)), Expected(2, 2, (6235, 6))],
    ),
    "eighty-swaps": (
        ["SWAP"] * 80,
        [Expected(8, 72, (580999813345182728,) * 8), Expected(1, 8, (4539061041759240,))],
    ),
}


def operations(names: list[str]) -> list[Operation]:
    split = (name.split() for name in names)
    return [Operation(opcode(name), *map(int, immediate)) for name, *immediate in split]


@pytest.mark.parametrize("example", EXAMPLES)
def test_batches_of_the_specification(example: str) -> None:
    names, expected = EXAMPLES[example]
    batches = make_batches(operations(names))
    assert [
        Expected(batch.group_count, len(batch.operations), batch.groups[: batch.group_count]) for batch in batches
    ] == expected
    assert all(value == 0 for batch in batches for value in batch.groups[batch.group_count :])


def test_a_block_without_operations_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one operation"):
        make_batches([])


@pytest.mark.parametrize("example", EXAMPLES)
def test_places_tell_the_slot_and_index_that_hold_the_operation(example: str) -> None:
    for batch in make_batches(operations(EXAMPLES[example][0])):
        for operation, (slot, index) in zip(batch.operations, batch.places, strict=True):
            assert batch.groups[slot] >> 7 * index & 127 == operation.code
