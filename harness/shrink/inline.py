"""Passes that bring code nearer: a library's procedure to where it is called, a loop to its first end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from harness.shrink.edits import Place, collected, forests_of, redirected, with_children, without_library
from harness.shrink.operations import with_operations
from harness.shrink.proposals import NoProposal, Pass, Proposals
from harness.shrink.tree import node_at, places
from reference.definition.case import Case
from reference.definition.isa import Operation, opcode
from reference.definition.mast import Block, External, Forest, Join, Loop, Node, children_of

_PAD = Operation(opcode("PAD"))
_MOST_DROPPED = 24
"""Operations at the end of a loop's body that may have made its condition."""


def inline_externals(search: Proposals) -> None:
    """A library's procedure in the place of the external node; the library goes with it where nothing else needs it."""
    for place in places(search.best):
        if isinstance(node_at(search.best, place), External):
            for drops_library in (True, False):
                if search.attempt(partial(_inlined, place=place, drops_library=drops_library)):
                    break


def _inlined(case: Case, place: Place, *, drops_library: bool) -> Case:
    node = node_at(case, place)
    if not isinstance(node, External) or node.symbol is None:
        raise NoProposal("the external node has gone, or has no name")
    library, target = node.symbol
    forests = list(forests_of(case))
    here = forests[place.forest]
    copies, root = _copied(forests[1 + library], target, len(here.nodes))
    grown = replace(here, nodes=(*here.nodes, *copies), stored_digests=None, debug_sections=None)
    case = _with_forest(case, place.forest, grown)
    case = redirected(case, place, root)
    return collected(without_library(case, library) if drops_library else case)


def _copied(forest: Forest, root: int, first: int) -> tuple[list[Node], int]:
    """The nodes that the root reaches, to stand from ``first`` on, and the root's number there."""
    numbers: dict[int, int] = {}
    todo = [root]
    while todo:
        node = todo.pop()
        if node not in numbers:
            numbers[node] = first + len(numbers)
            todo.extend(children_of(forest.nodes[node]))
    nodes = [
        with_children(forest.nodes[old], [numbers[child] for child in children_of(forest.nodes[old])])
        for old in numbers
    ]
    return nodes, numbers[root]


def _with_forest(case: Case, index: int, forest: Forest) -> Case:
    if index == 0:
        return replace(case, program=replace(case.program, forest=forest))
    libraries = list(case.libraries)
    libraries[index - 1] = forest
    return replace(case, libraries=tuple(libraries))


def leave_loops(search: Proposals) -> None:
    """PAD in the place of the operations that make a loop's condition: it runs once."""
    for place in places(search.best):
        node = node_at(search.best, place)
        if isinstance(node, Loop):
            _leave(search, _last_block(search.best, Place(place.forest, node.body)))


def _leave(search: Proposals, place: Place) -> None:
    block = node_at(search.best, place)
    if not isinstance(block, Block):
        return
    for count in reversed(range(1, min(_MOST_DROPPED, len(block.operations)) + 1)):
        operations: Sequence[Operation] = (*block.operations[:-count], _PAD)
        if search.attempt(partial(with_operations, place=place, operations=operations)):
            return


def _last_block(case: Case, place: Place) -> Place:
    while isinstance(node := node_at(case, place), Join):
        place = Place(place.forest, node.second)
    return place


INLINE_PASSES: tuple[tuple[str, Pass], ...] = (
    ("inline externals", inline_externals),
    ("leave loops", leave_loops),
)
