"""Passes that start from scratch: the smallest programs in which something of the found one still happens.

Most faults are of one operation or one control node. A program of nothing else, on the stack that it had in the found case, is
tried before anything is taken away bit by bit: a few dozen tiny candidates instead of thousands of large ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Final

from harness.shrink.edits import forests_of
from harness.shrink.operations import shift_of
from harness.shrink.proposals import Pass, Proposals
from harness.shrink.rows import codes_of, stack_at
from reference.definition.case import Case
from reference.definition.isa import NOOP_OPERATION, Operation, opcode
from reference.definition.mast import Block, Call, Forest, Join, Loop, Node, Split, Syscall, children_of
from reference.definition.program import Kernel
from reference.processor import execute

_DROP: Final = Operation(opcode("DROP"))
_PAD: Final = Operation(opcode("PAD"))
_NOOP: Final = Block((NOOP_OPERATION,))

LOOP_STACKS: Final[tuple[tuple[int, ...], ...]] = ((0, 1), (0, 2), (1, 0), (1, 1, 0), (1, 1, 0, 1, 1, 0, 0))
"""Conditions on top: not entered with 1 or something else below, once, twice, two loops in one another twice each."""

BRANCH_STACKS: Final[tuple[tuple[int, ...], ...]] = ((1,), (0, 1))


def single_operation(search: Proposals) -> None:
    """One operation that ran, alone in a block on the stack that it found; then above one overflow item."""
    best = search.best
    seen: dict[Operation, tuple[int, ...]] = {}
    execution = execute(best)
    immediates = {item.code: item for forest in forests_of(best) for item in _operations(forest)}
    codes = codes_of(execution)
    for row, mark in enumerate(execution.marks):
        if mark.position.tag == "op" and codes[row] in immediates:
            seen.setdefault(immediates[codes[row]], stack_at(execution, row))
    for before in ((), (_PAD,)):
        for operation, stack in seen.items():
            operations = (*before, operation)
            if search.attempt(partial(_with_program, nodes=(Block(_settled(operations)),), stack=stack)):
                return


def _operations(forest: Forest) -> Iterator[Operation]:
    for node in forest.nodes:
        if isinstance(node, Block):
            yield from node.operations


def _settled(operations: Sequence[Operation]) -> tuple[Operation, ...]:
    """With a DROP for each item that is left over."""
    left = 0
    for operation in operations:
        left = max(0, left + shift_of(operation))
    return (*operations, *(_DROP,) * left)


def _with_program(case: Case, nodes: Sequence[Node], stack: tuple[int, ...]) -> Case:
    forest = Forest(tuple(nodes), (len(nodes) - 1,))
    called = (children_of(node)[0] for node in nodes if isinstance(node, Syscall))
    procedures = dict.fromkeys(forest.digests[callee] for callee in called)
    program = replace(case.program, forest=forest, entry=len(nodes) - 1, kernel=Kernel.of(procedures))
    return replace(case, program=program, libraries=(), stack=stack)


def single_node(search: Proposals) -> None:
    """One control node of a kind that ran, around blocks that do nothing; then two or three in one another."""
    kinds = {type(node) for forest in forests_of(search.best) for node in forest.nodes}
    for nodes, stack, wanted in _control_programs():
        if wanted <= kinds and search.attempt(partial(_with_program, nodes=nodes, stack=stack)):
            return


def _control_programs() -> Iterator[tuple[tuple[Node, ...], tuple[int, ...], set[type[Node]]]]:
    yield (_NOOP,), (), {Block}
    yield (_NOOP, Join(0, 0)), (), {Join}
    yield (_NOOP, Call(0)), (), {Call}
    yield (_NOOP, Syscall(0)), (), {Syscall}
    for stack in BRANCH_STACKS:
        yield (_NOOP, Split(0, 0)), stack, {Split}
        yield (_NOOP, Block((_PAD,)), Split(0, 1)), stack, {Split, Block}
    for stack in LOOP_STACKS:
        yield (_NOOP, Loop(0)), stack, {Loop}
    for outer in (Call, Syscall):
        for stack in LOOP_STACKS:
            yield (_NOOP, outer(0), Loop(1)), stack, {outer, Loop}
    for stack in LOOP_STACKS:
        yield (_NOOP, Loop(0), Loop(1)), stack, {Loop}
    for inner in (Call, Syscall):
        for outer in (Call, Syscall):
            yield (_NOOP, inner(0), outer(1)), (), {inner, outer}
            yield (_NOOP, inner(0), outer(1), Call(2)), (), {inner, outer, Call}
    for stack in LOOP_STACKS:
        yield (_NOOP, Loop(0), Join(1, 0)), stack, {Loop, Join}


TEMPLATE_PASSES: tuple[tuple[str, Pass], ...] = (
    ("single operation", single_operation),
    ("single node", single_node),
)
