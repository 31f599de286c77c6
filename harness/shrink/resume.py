"""Passes that let the program begin later: what ran before is left out, and the stack it left becomes the inputs.

One run of the reference says what stands on the stack at every row. Memory, advice and overflow are not carried over; whether
that matters is for the comparison to say.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from harness.shrink.edits import Place, collected, forests_of, redirected
from harness.shrink.operations import with_operations
from harness.shrink.proposals import NoProposal, Pass, Proposals
from harness.shrink.rows import code_of, codes_of, stack_at
from harness.shrink.tree import enter_node, node_at
from reference.definition.case import Case
from reference.definition.isa import opcode
from reference.definition.mast import Block, Join
from reference.execution import Execution
from reference.processor import execute

_SPAN = opcode("SPAN")


def enter_there(search: Proposals) -> None:
    """The program begins with any node that ran, on the stack that it found; the smallest first."""
    best = search.best
    for place, stack in _starts(best, execute(best)):
        if enter_node(search, place, stack):
            return


def _starts(case: Case, execution: Execution) -> list[tuple[Place, tuple[int, ...]]]:
    """Nodes that ran, with the stack before each one's first and last run; the smallest first."""
    found: dict[Place, list[tuple[int, ...]]] = {}
    codes = codes_of(execution)
    forests = forests_of(case)
    for row, mark in enumerate(execution.marks):
        if mark.position.tag != "start" or row == 0:
            continue
        number = mark.position.node
        stack = stack_at(execution, row)
        for index, forest in enumerate(forests):
            # Whose node it is a mark does not say; nodes of the same number and kind are few.
            if number < len(forest.nodes) and code_of(forest.nodes[number]) == codes[row]:
                found.setdefault(Place(index, number), []).append(stack)
    ordered = sorted(found, key=lambda place: (place.node, place.forest))
    return [(place, stack) for place in ordered for stack in dict.fromkeys((found[place][0], found[place][-1]))]


def skip_first(search: Proposals) -> None:
    """The second child of a join that the program begins with in the place of the join; begun anew after each."""
    while any(search.attempt(make) for make in _skips(search.best)):
        pass


def _skips(case: Case) -> Iterator[partial[Case]]:
    execution = execute(case)
    for place in _leftmost(case):
        node = node_at(case, place)
        if not isinstance(node, Join):
            continue
        row = _first_row_behind(execution, node.first)
        if row is not None:
            yield partial(_skipped, place=place, child=node.second, stack=stack_at(execution, row))


def _leftmost(case: Case) -> list[Place]:
    """The nodes that the program begins with, the root first; those of the program's own forest."""
    nodes = case.program.forest.nodes
    place = Place(0, case.program.entry)
    found = [place]
    while isinstance(node := nodes[place.node], Join):
        place = Place(0, node.first)
        found.append(place)
    return found


def _first_row_behind(execution: Execution, node: int) -> int | None:
    """The row after the first END of a node."""
    for row, mark in enumerate(execution.marks[:-1]):
        if mark.position.tag == "end" and mark.position.node == node:
            return row + 1
    return None


def _skipped(case: Case, place: Place, child: int, stack: tuple[int, ...]) -> Case:
    if node_at(case, place) is None:
        raise NoProposal("the join has gone")
    return collected(redirected(replace(case, stack=stack), place, child))


def operations_as_inputs(search: Proposals) -> None:
    """The first operations of the block that the program begins with are left out; all of them first."""
    best = search.best
    place = _leftmost(best)[-1]
    block = node_at(best, place)
    if not isinstance(block, Block):
        return
    stacks = _stacks_before(block, execute(best))
    for count in reversed(range(1, len(stacks))):
        if search.attempt(partial(_begun_later, place=place, count=count, stack=stacks[count])):
            return


def _begun_later(case: Case, place: Place, count: int, stack: tuple[int, ...]) -> Case:
    block = node_at(case, place)
    if not isinstance(block, Block):
        raise NoProposal("the block has gone")
    return with_operations(replace(case, stack=stack), place, block.operations[count:])


def _stacks_before(block: Block, execution: Execution) -> list[tuple[int, ...]]:
    """What stands on the stack before each operation of the block that the program begins with; fewer when it fails."""
    stacks: list[tuple[int, ...]] = []
    codes = codes_of(execution)
    started = False
    for row, mark in enumerate(execution.marks):
        tag = mark.position.tag
        started |= codes[row] == _SPAN
        if started and tag == "end":
            break
        # A NOOP that fills a group is no operation of the block; one that is cannot be told from it, and does as little.
        if tag == "op" and len(stacks) < len(block.operations) and codes[row] == block.operations[len(stacks)].code:
            stacks.append(stack_at(execution, row))
    return stacks


RESUME_PASSES: tuple[tuple[str, Pass], ...] = (
    ("enter there", enter_there),
    ("skip first", skip_first),
    ("inputs for operations", operations_as_inputs),
)
