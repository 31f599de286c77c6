"""Small runs written by hand, and their cells in words."""

from __future__ import annotations

from harness.coverage import Cell, RowCells, cell, row_cells
from reference.definition.case import Case
from reference.definition.formats.case_json import read_case
from reference.definition.isa import Operation, opcode
from reference.definition.mast import Block, Forest
from reference.definition.program import Kernel, Program
from reference.execution import Execution
from reference.processor import execute


def block(text: str) -> Block:
    """``SWAP PUSH(7)``."""
    operations = []
    for word in text.split():
        name, _, immediate = word.partition("(")
        operations.append(Operation(opcode(name), int(immediate.rstrip(")") or 0)))
    return Block(tuple(operations))


def run(*nodes, stack=(), kernel=()) -> Execution:
    """The last node is the entry."""
    forest = Forest(nodes, tuple(range(len(nodes))))
    program = Program(forest, len(nodes) - 1, Kernel.of([forest.digests[node] for node in kernel]))
    return execute(Case("made", program, stack=stack))


def run_text(text: str) -> Execution:
    return execute(read_case(text, "made"))


def cells_of(execution: Execution) -> RowCells:
    return row_cells(execution)


def behind(execution: Execution, row: int) -> Cell:
    return cell(int(row_cells(execution).behind[row]))


def before(execution: Execution, row: int) -> Cell:
    return cell(int(row_cells(execution).before[row]))


def phases(execution: Execution) -> list[str]:
    """Of all rows but the first."""
    return [cell(each).phase for each in row_cells(execution).behind[1:].tolist()]


def operations(execution: Execution) -> list[str]:
    return [cell(each).operation for each in row_cells(execution).behind[1:].tolist()]
