"""Passes that bring code nearer: a procedure to where it is called, a loop to its first end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import product

from harness.shrink.edits import Place, collected, forests_of, redirected, with_children, without_library, without_root
from harness.shrink.operations import with_operations
from harness.shrink.proposals import NoProposal, Pass, Proposals
from harness.shrink.rows import code_of, codes_of
from harness.shrink.tree import node_at, outermost, places
from reference.definition.case import Case
from reference.definition.isa import Operation, opcode
from reference.definition.mast import Block, Call, Dyn, Dyncall, External, Forest, Join, Loop, Node, children_of
from reference.processor import execute

_DYNAMIC = (opcode("DYN"), opcode("DYNCALL"))
_DROP = Operation(opcode("DROP"))
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
    copies, root = copied(forests[1 + library], target, len(here.nodes))
    grown = replace(here, nodes=(*here.nodes, *copies), stored_digests=None, debug_sections=None)
    case = with_forest(case, place.forest, grown)
    case = redirected(case, place, root)
    return collected(without_library(case, library) if drops_library else case)


def copied(forest: Forest, root: int, first: int) -> tuple[list[Node], int]:
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


def with_forest(case: Case, index: int, forest: Forest) -> Case:
    """The case with another forest: 0 is the program's, 1 + n that of library n; no name is changed."""
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


def call_directly(search: Proposals) -> None:
    """What a DYN or DYNCALL entered, entered by name; without the operation that pushed the address it took."""
    best = search.best
    dynamic = [place for place in places(best) if isinstance(node_at(best, place), Dyn | Dyncall)]
    if not dynamic:
        return
    entered = _entered_by(best)
    pushed = _pushed_by(best)
    for place in dynamic:
        for target in entered.get(place.node, ()):
            for maker, forgets in product((pushed.get(place), None), (True, False)):
                if search.attempt(partial(_direct, place=place, target=target, maker=maker, forgets=forgets)):
                    return


def _pushed_by(case: Case) -> dict[Place, Place]:
    """By a dynamic node: the block that ends right before it begins."""
    found: dict[Place, Place] = {}
    for place in places(case):
        node = node_at(case, place)
        if isinstance(node, Join):
            maker = outermost(case, Place(place.forest, node.first), last=True)
            user = outermost(case, Place(place.forest, node.second), last=False)
            if isinstance(node_at(case, maker), Block):
                found[user] = maker
    return found


def _entered_by(case: Case) -> dict[int, list[Place]]:
    """By number of a dynamic node: the nodes that may have come after it."""
    execution = execute(case)
    codes = codes_of(execution)
    marks = execution.marks
    found: dict[int, list[Place]] = {}
    for row in range(min(len(marks), len(codes)) - 1):
        if codes[row] in _DYNAMIC and marks[row].position.tag == "start":
            number = marks[row + 1].position.node
            # Whose node it is a mark does not say; nodes of the same number and kind are few.
            for index, forest in enumerate(forests_of(case)):
                if number < len(forest.nodes) and code_of(forest.nodes[number]) == codes[row + 1]:
                    places_found = found.setdefault(marks[row].position.node, [])
                    if Place(index, number) not in places_found:
                        places_found.append(Place(index, number))
    return found


def _direct(case: Case, place: Place, target: Place, maker: Place | None, *, forgets: bool) -> Case:
    """Without ``maker`` the address falls to a DROP; otherwise the last operation of that block is left out.

    ``forgets``: what was entered can be found by its digest no more, nor can the rest of its library.
    """
    node = node_at(case, place)
    if not isinstance(node, Dyn | Dyncall) or node_at(case, target) is None:
        raise NoProposal("the node has gone")
    forests = forests_of(case)
    here = forests[place.forest]
    nodes, root = list(here.nodes), target.node
    if target.forest != place.forest:
        copies, root = copied(forests[target.forest], target.node, len(nodes))
        nodes += copies
    if isinstance(node, Dyncall):
        nodes.append(Call(root))
        root = len(nodes) - 1
    if maker is None:
        nodes += [Block((_DROP,)), Join(len(nodes), root)]
        root = len(nodes) - 1
    grown = replace(here, nodes=tuple(nodes), stored_digests=None, debug_sections=None)
    case = redirected(with_forest(case, place.forest, grown), place, root)
    if forgets:
        case = without_library(case, target.forest - 1) if target.forest else without_root(case, target)
    if maker is None:
        return collected(case)
    block = node_at(case, maker)
    if not isinstance(block, Block):
        raise NoProposal("the block has gone")
    return with_operations(case, maker, block.operations[:-1])


INLINE_PASSES: tuple[tuple[str, Pass], ...] = (
    ("inline externals", inline_externals),
    ("call directly", call_directly),
    ("leave loops", leave_loops),
)
