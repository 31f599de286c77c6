"""What passes ask of a run of the reference: which operation ran in a row, and on which stack."""

from __future__ import annotations

import numpy as np

from reference.definition.columns import COLUMN
from reference.definition.isa import OPCODE_BITS, opcode
from reference.definition.mast import NODE_OPCODE, Block, External, Node
from reference.execution import Execution

_SPAN = opcode("SPAN")
_FIRST_ITEM = COLUMN["stack_0"]


def codes_of(execution: Execution) -> list[int]:
    """The opcode of every row; empty for a program that failed."""
    bits = [execution.core[:, COLUMN[f"dec_op_bit_{bit}"]].astype(np.int64) << bit for bit in range(OPCODE_BITS)]
    codes: list[int] = np.sum(bits, axis=0).tolist()
    return codes


def stack_at(execution: Execution, row: int) -> tuple[int, ...]:
    """The 16 items when a row begins, without zeros at the end: what a program would have as inputs."""
    items: list[int] = execution.core[row, _FIRST_ITEM : _FIRST_ITEM + 16].tolist()
    while items and items[-1] == 0:
        items.pop()
    return tuple(items)


def code_of(node: Node) -> int:
    """The opcode of the row that a node starts with; -1 for an external node, which has no row."""
    if isinstance(node, Block):
        return _SPAN
    return -1 if isinstance(node, External) else NODE_OPCODE[type(node)]
