"""The decoder cells of a block's operation rows that do not depend on the run (spec 03, section 4)."""

from __future__ import annotations

from typing import NamedTuple

from reference.definition.isa import OPCODE_BITS, PUSH, Operation
from reference.definition.mast import Block
from reference.opcode_cells import BITS, EXTRA


class OperationRow(NamedTuple):
    """One executed operation: what stands on its row besides addresses, helpers, system and stack."""

    operation: Operation
    bits: tuple[int, ...]
    """dec_op_bit_0..6."""
    rest_of_group: int
    """dec_h0: the opcodes left in the group after this one."""
    group_count: int
    """dec_group_count: groups of the block not consumed yet, before this row's own immediate."""
    op_index: int
    """dec_op_index: position in the group."""
    extra: tuple[int, int]


class BatchRows(NamedTuple):
    """One batch: its operations, and dec_group_count of the SPAN or RESPAN row that starts it."""

    groups: tuple[int, ...]
    group_count_at_start: int
    operations: tuple[OperationRow, ...]


def block_rows(block: Block) -> tuple[BatchRows, ...]:
    """The rows of all batches of a block."""
    batches: list[BatchRows] = []
    groups_left = block.group_count
    for batch in block.batches:
        group_count_at_start = groups_left
        groups_left -= 1
        slot = 0
        value = batch.groups[0]
        rows: list[OperationRow] = []
        for operation, (operation_slot, op_index) in zip(batch.operations, batch.places, strict=True):
            if operation_slot != slot:
                slot = operation_slot
                value = batch.groups[slot]
                groups_left -= 1
            value >>= OPCODE_BITS
            rows.append(
                OperationRow(operation, BITS[operation.code], value, groups_left, op_index, EXTRA[operation.code])
            )
            if operation.code == PUSH:
                groups_left -= 1
        batches.append(BatchRows(batch.groups, group_count_at_start, tuple(rows)))
    return tuple(batches)
