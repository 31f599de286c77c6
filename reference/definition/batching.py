"""How the operations of a basic block become batches of op groups (spec 02, section 4).

A group is one field element: up to 9 opcodes of 7 bits, or one immediate. A batch is 8 group slots; unused slots are 0.
A PUSH never ends a group: a NOOP is inserted behind it when the group closes there. Every batch is padded to 1, 2, 4 or 8
groups, each added group being one executed NOOP.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from reference.definition.isa import NOOP_OPERATION, OPCODE_BITS, PUSH, Operation

GROUP_SLOTS = 8
OPERATIONS_PER_GROUP = 9

BATCH_FLAGS = {8: (1, 0, 0), 4: (0, 1, 0), 2: (0, 0, 1), 1: (0, 1, 1)}
"""Columns dec_batch_flag_0..2 by the number of groups of the batch."""


@dataclass(frozen=True, slots=True)
class Batch:
    """One batch, ready to execute."""

    groups: tuple[int, ...]
    """The 8 slot values."""
    group_count: int
    """1, 2, 4 or 8: the slots that count."""
    operations: tuple[Operation, ...]
    """Executed operations in order, padding NOOPs included."""
    places: tuple[tuple[int, int], ...]
    """(slot, index within the group) of each operation."""


class _OpenBatch:
    """The batch under construction: spec 02, section 4.2, names G, cur, nxt, acc, k."""

    def __init__(self) -> None:
        self.groups = [0] * GROUP_SLOTS
        self.current = 0
        self.next_free = 1
        self.value = 0
        self.count = 0
        self.operations: list[Operation] = []
        self.places: list[tuple[int, int]] = []

    def may_append(self, operation: Operation) -> bool:
        if operation.code == PUSH:
            return self.next_free <= (7 if self.count <= 7 else 6)
        return self.count <= 8 or self.next_free <= 7

    def append(self, operation: Operation) -> None:
        if self.count == OPERATIONS_PER_GROUP:
            self._close_group()
        if operation.code == PUSH:
            # PUSH at index 8 would be the last of its group.
            if self.count == OPERATIONS_PER_GROUP - 1:
                self._close_group()
            self.groups[self.next_free] = operation.immediate
            self.next_free += 1
        self._add(operation)

    def finish(self) -> Batch:
        group_count = 1
        while group_count < self.next_free:
            group_count *= 2
        for _ in range(group_count - self.next_free):
            self._close_group()
        self._pad_group()
        self.groups[self.current] = self.value
        return Batch(tuple(self.groups), group_count, tuple(self.operations), tuple(self.places))

    def _add(self, operation: Operation) -> None:
        self.value += operation.code << (OPCODE_BITS * self.count)
        self.operations.append(operation)
        self.places.append((self.current, self.count))
        self.count += 1

    def _pad_group(self) -> None:
        if self.count == 0 or self.operations[-1].code == PUSH:
            self._add(NOOP_OPERATION)

    def _close_group(self) -> None:
        self._pad_group()
        self.groups[self.current] = self.value
        self.current = self.next_free
        self.next_free = self.current + 1
        self.value = 0
        self.count = 0


def make_batches(operations: Iterable[Operation]) -> tuple[Batch, ...]:
    """The batches of a block with these operations.

    Raises ValueError for an empty list.
    """
    batches: list[Batch] = []
    batch = _OpenBatch()
    for operation in operations:
        if not batch.may_append(operation):
            batches.append(batch.finish())
            batch = _OpenBatch()
        batch.append(operation)
    if not batch.operations and not batches:
        raise ValueError("a block has at least one operation")
    batches.append(batch.finish())
    return tuple(batches)
