"""Edits of a case that keep it whole: a changed procedure is still the one that kernel, calls and memory mean.

Procedures are named by digest: in the kernel, in external nodes, and as numbers that the program pushes for a dynamic
call. An edit of a node changes its digest and that of every node above it, so :func:`with_nodes` rewrites all names of
a procedure along with the procedure itself. Without that, no callee could be shrunk.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from harness.shrink.proposals import NoProposal
from reference.definition.case import Advice, Case
from reference.definition.field import U32_LIMIT, Word, as_word
from reference.definition.isa import PUSH, Operation
from reference.definition.mast import (
    Block,
    Call,
    External,
    Forest,
    Join,
    Loop,
    Node,
    Split,
    Syscall,
    children_of,
)
from reference.definition.program import Kernel

RENAMING_ROUNDS: Final = 8
"""A procedure that pushes the digest of another one changes when that one does: one round a level of such calls."""


class Place(NamedTuple):
    """A node: ``forest`` is 0 for the program and 1 + n for library n."""

    forest: int
    node: int


def forests_of(case: Case) -> tuple[Forest, ...]:
    """The program's forest, then the libraries."""
    return case.program.forest, *case.libraries


def with_nodes(case: Case, changes: Mapping[Place, Node]) -> Case:
    """The case with these nodes in place of the ones there, under the names that they then have."""
    nodes = [list(forest.nodes) for forest in forests_of(case)]
    for place, node in changes.items():
        nodes[place.forest][place.node] = node
    return _renamed(case, nodes, {})


def redirected(case: Case, place: Place, child: int) -> Case:
    """The case in which the child of the node stands wherever the node stood."""
    nodes = [
        [_redirect(node, index == place.forest, place, child) for node in forest.nodes]
        for index, forest in enumerate(forests_of(case))
    ]
    return _renamed(case, nodes, {place: child})


def _redirect(node: Node, is_same_forest: bool, place: Place, child: int) -> Node:
    match node:
        case External(digest, symbol) if symbol is not None and symbol == (place.forest - 1, place.node):
            return External(digest, (symbol[0], child))
        case _ if is_same_forest:
            return with_children(node, [child if each == place.node else each for each in children_of(node)])
        case _:
            return node


def with_children(node: Node, children: Sequence[int]) -> Node:
    """The same kind of node with these children."""
    match node:
        case Join():
            return Join(*children)
        case Split():
            return Split(*children)
        case Loop():
            return Loop(*children)
        case Call():
            return Call(*children)
        case Syscall():
            return Syscall(*children)
        case _:
            return node


# ---- names ----------------------------------------------------------------------------------------------------------


def _renamed(case: Case, nodes: Sequence[Sequence[Node]], landed: Mapping[Place, int]) -> Case:
    """A case of these nodes; ``landed`` says where a node that was replaced by another one now is.

    Raises NoProposal when the names do not settle.
    """
    names: dict[int, int] = {}
    for _ in range(RENAMING_ROUNDS):
        forests = _resolved(case, [[_renamed_node(node, names) for node in each] for each in nodes], landed)
        found = _new_names(case, forests, landed)
        if found == names:
            return _with_forests(case, forests, names, landed)
        names = found
    raise NoProposal("procedures that push each other's digests do not settle")


def _renamed_node(node: Node, names: Mapping[int, int]) -> Node:
    if isinstance(node, External) and node.symbol is None:
        return External(as_word(names.get(element, element) for element in node.digest))
    if not isinstance(node, Block) or not any(
        item.code == PUSH and item.immediate in names for item in node.operations
    ):
        return node
    return Block(
        tuple(
            Operation(PUSH, names.get(item.immediate, item.immediate)) if item.code == PUSH else item
            for item in node.operations
        )
    )


def _resolved(case: Case, nodes: Sequence[Sequence[Node]], landed: Mapping[Place, int]) -> list[Forest]:
    """Forests of these nodes, last library first: a library may name nodes of later ones only."""
    forests = list(forests_of(case))
    for index in (*reversed(range(1, len(forests))), 0):
        resolved = tuple(_with_digest(node, forests) for node in nodes[index])
        roots = tuple(dict.fromkeys(landed.get(Place(index, root), root) for root in forests[index].roots))
        forests[index] = replace(forests[index], nodes=resolved, roots=roots, stored_digests=None, debug_sections=None)
    return forests


def _with_digest(node: Node, forests: Sequence[Forest]) -> Node:
    match node:
        case External(_, (library, target)):
            return External(forests[1 + library].digests[target], (library, target))
        case _:
            return node


def _new_names(case: Case, forests: Sequence[Forest], landed: Mapping[Place, int]) -> dict[int, int]:
    """Elements of digests of procedures that have changed; small numbers are not taken for parts of digests."""
    names: dict[int, int] = {}
    kernel = frozenset(case.program.kernel.procedures)
    for index, (old, new) in enumerate(zip(forests_of(case), forests, strict=True)):
        # A procedure of the kernel is called by its digest, whether or not it is a root.
        called = (node for node, digest in enumerate(old.digests) if digest in kernel) if kernel else ()
        for node in dict.fromkeys((*old.roots, *called)):
            now = landed.get(Place(index, node), node)
            for before, after in zip(old.digests[node], new.digests[now], strict=True):
                if before != after and before >= U32_LIMIT:
                    names[before] = after
    return names


def _with_forests(case: Case, forests: Sequence[Forest], names: Mapping[int, int], landed: Mapping[Place, int]) -> Case:
    def element(value: int) -> int:
        return names.get(value, value)

    def word(value: Word) -> Word:
        return as_word(element(each) for each in value)

    entry = landed.get(Place(0, case.program.entry), case.program.entry)
    kernel = Kernel.of(dict.fromkeys(word(procedure) for procedure in case.program.kernel.procedures))
    advice = Advice(
        tuple(element(value) for value in case.advice.stack),
        {word(key): tuple(element(value) for value in values) for key, values in case.advice.map.items()},
        case.advice.store,
    )
    return replace(
        case,
        program=replace(case.program, forest=forests[0], entry=entry, kernel=kernel),
        libraries=tuple(forests[1:]),
        stack=tuple(element(value) for value in case.stack),
        advice=advice,
    )


def entered(case: Case, place: Place, *, alone: bool) -> Case:
    """The case whose program begins with the node, in the forest that holds it.

    ``alone``: no other procedure of that forest can be found by its digest. Otherwise those stay that the program could find
    before; the one that it began with goes.
    """
    forest = forests_of(case)[place.forest]
    others = () if alone else tuple(root for root in forest.roots if (place.forest, root) != (0, case.program.entry))
    forest = replace(forest, roots=tuple(dict.fromkeys((*others, place.node))))
    return replace(case, program=replace(case.program, forest=forest, entry=place.node))


# ---- leaving things out ---------------------------------------------------------------------------------------------


def without_root(case: Case, place: Place) -> Case:
    """The case in which the node is no procedure root; NoProposal for the program's entry and for what is no root."""
    forests = list(forests_of(case))
    if (
        place == (0, case.program.entry)
        or place.forest >= len(forests)
        or place.node not in forests[place.forest].roots
    ):
        raise NoProposal("the node is the entry, or no root")
    forest = forests[place.forest]
    forests[place.forest] = replace(forest, roots=tuple(root for root in forest.roots if root != place.node))
    return _with_forests(case, forests, {}, {})


def without_library(case: Case, library: int) -> Case:
    """The case in which nothing of a library can be found by its digest; :func:`collected` then takes it away."""
    libraries = list(case.libraries)
    libraries[library] = replace(libraries[library], roots=())
    return replace(case, libraries=tuple(libraries))


def collected(case: Case) -> Case:
    """The case without nodes that nothing reaches and without libraries that nothing names."""
    forests = forests_of(case)
    named: list[set[int]] = [set() for _ in forests]
    live: list[set[int]] = [set() for _ in forests]
    for index, forest in enumerate(forests):
        live[index] = _reachable(forest, {*forest.roots, *named[index]})
        for node in (forest.nodes[each] for each in live[index]):
            if isinstance(node, External) and node.symbol is not None:
                named[1 + node.symbol[0]].add(node.symbol[1])
    kept = [index for index, forest in enumerate(forests) if index == 0 or forest.roots or live[index]]
    numbers = [{old: new for new, old in enumerate(sorted(each))} for each in live]
    libraries = {old - 1: new - 1 for new, old in enumerate(kept)}
    new_forests = [_renumbered(forests[index], numbers[index], libraries, numbers[1:]) for index in kept]
    return replace(
        case,
        program=replace(case.program, forest=new_forests[0], entry=numbers[0][case.program.entry]),
        libraries=tuple(new_forests[1:]),
    )


def _reachable(forest: Forest, starts: Iterable[int]) -> set[int]:
    found: set[int] = set()
    todo = list(starts)
    while todo:
        node = todo.pop()
        if node not in found:
            found.add(node)
            todo.extend(children_of(forest.nodes[node]))
    return found


def _renumbered(
    forest: Forest, new: Mapping[int, int], libraries: Mapping[int, int], targets: Sequence[Mapping[int, int]]
) -> Forest:
    nodes: list[Node] = []
    for old in sorted(new):
        match forest.nodes[old]:
            case External(digest, (library, target)):
                nodes.append(External(digest, (libraries[library], targets[library][target])))
            case node:
                nodes.append(with_children(node, [new[child] for child in children_of(node)]))
    return replace(forest, nodes=tuple(nodes), roots=tuple(new[root] for root in forest.roots))
