"""Conditions under which the sequential engine of the real VM may differ from others.

Sources: spec 08 (A7, A9), spec 01 section 12 (D03, D09, D10).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from harness.lockstep import Region
from reference.definition.columns import COLUMN, WIDTH
from reference.definition.isa import opcode
from reference.definition.mast import Block, Dyn, Dyncall, Node
from reference.definition.outcome import Failed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.known import Accusation

_FLAGS: Final = (COLUMN["dec_h5"], COLUMN["dec_h7"])
"""Entered loop, call, syscall."""


def pad_of_last_row(accusation: Accusation) -> Region | bool:
    """A9: the pad column of the random row."""
    summary = accusation.witness_run.summary
    if summary is None:
        return False
    last = summary.rows - 1
    return Region(last, last, WIDTH, first_column=COLUMN["pad_0"])


def flags_of_repeated_body(accusation: Accusation) -> Region | bool:
    """A7: the flags of a REPEAT row behind the END of the body."""
    found = accusation.divergence
    if found.row is None or (found.previous_operation, found.operation) != ("END", "REPEAT"):
        return False
    return Region(found.row, found.row, _FLAGS[1] + 1, first_column=_FLAGS[0])


def subtraction_code(accusation: Accusation) -> bool:
    """D03: the code of a refused operand differs, and there is a U32SUB to refuse it."""
    code = opcode("U32SUB")
    blocks = (node for node in _nodes(accusation) if isinstance(node, Block))
    only_message = [item.name for item in accusation.divergence.columns] == ["message of NotU32Values"]
    return only_message and any(operation.code == code for block in blocks for operation in block.operations)


def clk_behind_dynamic_node(accusation: Accusation) -> bool:
    """D09: the clk of a contradicting library is one more, and there is a DYN or DYNCALL to enter it."""
    clks = {item.name: (item.left, item.right) for item in accusation.divergence.columns}.get("clk")
    is_dynamic = any(isinstance(node, (Dyn, Dyncall)) for node in _nodes(accusation))
    outcome = accusation.witness_run.outcome
    if clks is None or not is_dynamic or not isinstance(outcome, Failed) or outcome.clk is None:
        return False
    return set(clks) == {outcome.clk, outcome.clk + 1}


def library_has_map(accusation: Accusation) -> bool:
    """D10: there is a library whose advice map may contradict."""
    return any(library.advice_map for library in accusation.case.libraries)


def _nodes(accusation: Accusation) -> Iterator[Node]:
    for forest in (accusation.case.program.forest, *accusation.case.libraries):
        yield from forest.nodes
