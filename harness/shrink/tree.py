"""Passes over the tree of nodes: put a child in the place of its parent, a block in the place of a tree."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from harness.shrink.edits import (
    Place,
    collected,
    entered,
    forests_of,
    redirected,
    with_nodes,
    without_library,
    without_root,
)
from harness.shrink.proposals import NoProposal, Pass, Proposals
from reference.definition.case import Case
from reference.definition.isa import NOOP_OPERATION, Operation, opcode
from reference.definition.mast import Block, Dyn, Dyncall, External, Join, Loop, Node, Split, children_of

_DROP = Operation(opcode("DROP"))


def places(case: Case) -> Iterator[Place]:
    """All nodes, the outermost of the program first."""
    for index, forest in enumerate(forests_of(case)):
        for node in reversed(range(len(forest.nodes))):
            yield Place(index, node)


def node_at(case: Case, place: Place) -> Node | None:
    """The node; None when an accepted proposal has taken it away."""
    forests = forests_of(case)
    if place.forest >= len(forests) or place.node >= len(forests[place.forest].nodes):
        return None
    return forests[place.forest].nodes[place.node]


def collect(search: Proposals) -> None:
    """Take away what nothing reaches."""
    search.attempt(collected)


def enter(search: Proposals) -> None:
    """The program begins with any of its nodes, or of a library's, the innermost first."""
    for place in reversed(list(places(search.best))):
        if enter_node(search, place):
            return


def enter_node(search: Proposals, place: Place, stack: tuple[int, ...] | None = None) -> bool:
    """Whether the program that begins with the node is better; with other inputs where there are any.

    What else the program could find by its digest is left out first, and the library that the node is from: what the program
    needs of it is now its own.
    """
    return any(
        search.attempt(partial(_entered, place=place, stack=stack, alone=alone, drops_library=drops))
        for alone in (True, False)
        for drops in ((True, False) if place.forest else (False,))
    )


def _entered(case: Case, place: Place, stack: tuple[int, ...] | None, *, alone: bool, drops_library: bool) -> Case:
    case = entered(case if stack is None else replace(case, stack=stack), place, alone=alone)
    return collected(without_library(case, place.forest - 1) if drops_library else case)


def hoist(search: Proposals) -> None:
    """A child in the place of its parent, from the root on; begun anew after each, because numbers have changed."""
    while any(search.attempt(make) for make in _hoists(search.best)):
        pass


def _hoists(case: Case) -> Iterator[partial[Case]]:
    for place in places(case):
        node = node_at(case, place)
        for child in dict.fromkeys(children_of(node)) if node is not None else ():
            yield partial(_hoisted, place=place, child=child)


def _hoisted(case: Case, place: Place, child: int) -> Case:
    return collected(redirected(case, place, child))


def unwrap(search: Proposals) -> None:
    """A loop's body or a branch in the place of the loop or split, without the operation that made its condition."""
    for place in reversed(list(places(search.best))):
        node = node_at(search.best, place)
        if not isinstance(node, Join):
            continue
        maker = outermost(search.best, Place(place.forest, node.first), last=True)
        user = outermost(search.best, Place(place.forest, node.second), last=False)
        target = node_at(search.best, user)
        if isinstance(target, Loop | Split) and isinstance(node_at(search.best, maker), Block):
            for child in dict.fromkeys(children_of(target)):
                for end in ((), (_DROP,)):
                    if search.attempt(partial(_unwrapped, maker=maker, user=user, child=child, end=end)):
                        return


def outermost(case: Case, place: Place, *, last: bool) -> Place:
    """The node that runs last or first in a tree of joins."""
    while isinstance(node := node_at(case, place), Join):
        place = Place(place.forest, node.second if last else node.first)
    return place


def _unwrapped(case: Case, maker: Place, user: Place, child: int, end: tuple[Operation, ...]) -> Case:
    """``end`` takes away the condition that a loop's body leaves behind, when the body is a block."""
    block, body = node_at(case, maker), node_at(case, Place(user.forest, child))
    if not isinstance(block, Block):
        raise NoProposal("the block has gone")
    changes: dict[Place, Node] = {maker: Block(block.operations[:-1] or (NOOP_OPERATION,))}
    if isinstance(body, Block) and end:
        changes[Place(user.forest, child)] = Block(body.operations + end)
    return collected(redirected(with_nodes(case, changes), user, child))


def cut_off(search: Proposals) -> None:
    """A block of one operation, with the same effect on the depth where it is known, in the place of a tree."""
    for place in places(search.best):
        node = node_at(search.best, place)
        if node is None or isinstance(node, Block):
            continue
        operations = (_DROP,) if isinstance(node, Split | Loop | Dyn | Dyncall) else (NOOP_OPERATION,)
        search.attempt(partial(_replaced, place=place, node=Block(operations)))


def _replaced(case: Case, place: Place, node: Node) -> Case:
    if node_at(case, place) is None:
        raise NoProposal("the node has gone")
    return collected(with_nodes(case, {place: node}))


def join_blocks(search: Proposals) -> None:
    """One block in the place of a join of two."""
    for place in reversed(list(places(search.best))):
        forests = forests_of(search.best)
        node = node_at(search.best, place)
        if not isinstance(node, Join):
            continue
        first, second = (forests[place.forest].nodes[child] for child in (node.first, node.second))
        if isinstance(first, Block) and isinstance(second, Block):
            search.attempt(partial(_replaced, place=place, node=Block(first.operations + second.operations)))


def shorten_externals(search: Proposals) -> None:
    """An external node that names another one names that one's target."""
    for place in places(search.best):
        node = node_at(search.best, place)
        if not isinstance(node, External) or node.symbol is None:
            continue
        target = node_at(search.best, Place(1 + node.symbol[0], node.symbol[1]))
        if isinstance(target, External) and target.symbol is not None:
            search.attempt(partial(_replaced, place=place, node=target))


def drop_roots(search: Proposals) -> None:
    """A node that need not be a procedure root is none."""
    for index, forest in enumerate(forests_of(search.best)):
        for root in reversed(forest.roots):
            search.attempt(partial(_without_root, place=Place(index, root)))


def _without_root(case: Case, place: Place) -> Case:
    return collected(without_root(case, place))


TREE_PASSES: tuple[tuple[str, Pass], ...] = (
    ("collect", collect),
    ("enter", enter),
    ("hoist", hoist),
    ("unwrap", unwrap),
    ("cut off", cut_off),
    ("externals", shorten_externals),
    ("roots", drop_roots),
    ("join blocks", join_blocks),
)
