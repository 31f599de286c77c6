"""The same case with every forest numbered children first, as the engines' line protocol asks."""

from __future__ import annotations

from dataclasses import replace

from reference.definition.case import Case
from reference.definition.errors import InputError
from reference.definition.mast import (
    Call,
    External,
    Forest,
    Join,
    Loop,
    Node,
    Split,
    Syscall,
    children_of,
    order_children_first,
)


def children_first(case: Case) -> Case:
    """The case itself when all its forests list children before parents; otherwise a renumbered one.

    Digests, rows and results do not depend on the numbers; boundary states that name nodes do.
    """
    forests = (case.program.forest, *case.libraries)
    if all(is_children_first(forest) for forest in forests):
        return case
    numbers = [new_numbers(forest) for forest in forests]
    library_numbers = numbers[1:]
    program, *libraries = (
        _renumbered(forest, new, library_numbers) for forest, new in zip(forests, numbers, strict=True)
    )
    return replace(
        case,
        program=replace(case.program, forest=program, entry=numbers[0][case.program.entry]),
        libraries=tuple(libraries),
    )


def is_children_first(forest: Forest) -> bool:
    """True when every child has a smaller id than its parent."""
    return all(child < node_id for node_id, node in enumerate(forest.nodes) for child in children_of(node))


def new_numbers(forest: Forest) -> list[int]:
    """The new id of each node, by its present id; the identity when the forest is children first."""
    if is_children_first(forest):
        return list(range(len(forest.nodes)))
    numbers = [0] * len(forest.nodes)
    for new, old in enumerate(order_children_first(forest.nodes)):
        numbers[old] = new
    return numbers


def require_own_digests(forest: Forest) -> None:
    """Raises InputError when the digests that a binary file stored are not those of its nodes.

    A case file cannot say such a thing; written without them it would be another program.
    """
    if forest.stored_digests is None:
        return
    computed = replace(forest, stored_digests=None).digests
    for node_id, (stored, own) in enumerate(zip(forest.stored_digests, computed, strict=True)):
        if stored != own:
            raise InputError(
                f"expected the node's own digest {own}, found {stored} stored in the binary",
                place=f"nodes[{node_id}]",
            )


def _renumbered(forest: Forest, new: list[int], libraries: list[list[int]]) -> Forest:
    old_ids = sorted(range(len(new)), key=new.__getitem__)
    nodes = tuple(_with_new_children(forest.nodes[old], new, libraries) for old in old_ids)
    stored = forest.stored_digests and tuple(forest.stored_digests[old] for old in old_ids)
    return replace(forest, nodes=nodes, roots=tuple(new[root] for root in forest.roots), stored_digests=stored)


def _with_new_children(node: Node, new: list[int], libraries: list[list[int]]) -> Node:
    match node:
        case Join(first, second):
            return Join(new[first], new[second])
        case Split(on_true, on_false):
            return Split(new[on_true], new[on_false])
        case Loop(body):
            return Loop(new[body])
        case Call(callee):
            return Call(new[callee])
        case Syscall(callee):
            return Syscall(new[callee])
        case External(digest, (library, target)):
            return External(digest, (library, libraries[library][target]))
        case _:
            return node
