"""The one order of "simpler": a candidate is tried only when it is simpler than the best case, so the search ends."""

from __future__ import annotations

from typing import Final

from harness.shrink.edits import forests_of
from harness.shrink.rebuilds import rebuild_weight
from harness.shrink.walks import walk_weight
from reference.definition.case import Case
from reference.definition.cuts import ONE_FRAGMENT, CutPlan, Every
from reference.definition.isa import Operation, opcode
from reference.definition.mast import Block, Node

Measure = tuple[int, int, int, int]

NODE_WEIGHT: Final = 4
"""A node is worth more than the operations it might save: a person reads the tree first."""

PLAIN: Final = frozenset((opcode("NOOP"), opcode("PAD"), opcode("DROP")))
"""Operations that say nothing but how the stack moves."""


def measure(case: Case) -> Measure:
    """What there is to read, what is cut, how it is walked, how large the numbers are; in this order, less is simpler."""
    forests = forests_of(case)
    tree = sum(_node_weight(node) for forest in forests for node in forest.nodes)
    tree += sum(len(forest.roots) + len(forest.advice_map) for forest in forests) + NODE_WEIGHT * len(forests)
    tree += len(case.program.kernel.procedures)
    advice = case.advice
    tree += len(case.stack) + len(advice.stack) + len(advice.store)
    tree += sum(1 + len(values) for values in advice.map.values())
    return tree, _cut_weight(case.cut), walk_weight(case.gpu) + rebuild_weight(case.parallel), _magnitude(case)


def _node_weight(node: Node) -> int:
    if not isinstance(node, Block):
        return NODE_WEIGHT
    return NODE_WEIGHT + sum(operation_weight(operation) for operation in node.operations)


def operation_weight(operation: Operation) -> int:
    """Plain operations weigh less."""
    return 2 if operation.code in PLAIN else 3


def _cut_weight(plan: CutPlan) -> int:
    """No cut, then few cuts, then a rule with long fragments."""
    if plan == ONE_FRAGMENT:
        return 0
    # Beyond any list of cuts that a shrinker would keep; shorter fragments are more cuts.
    return 2**32 - min(plan.size, 2**31) if isinstance(plan, Every) else 1 + len(plan.rows)


def _magnitude(case: Case) -> int:
    """Bits of all operands."""
    blocks = (node for forest in forests_of(case) for node in forest.nodes if isinstance(node, Block))
    immediates = sum(item.immediate.bit_length() for block in blocks for item in block.operations)
    return immediates + sum(value.bit_length() for value in (*case.stack, *case.advice.stack))
