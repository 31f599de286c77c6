"""The pass that does without a loop where only its repetitions matter: the body joined, once for each time that it ran.

What it proposes is mostly larger than the loop, for the body stands there several times; so it is a detour, from which the
search comes back when nothing simpler than the loop is made of it. Each copy can lose what only the other ones need, and all of
them lose what made the conditions. Also for a loop that ran once: what made its end is a part of its body, which only an END
takes off the stack.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Final

from harness.shrink.edits import Place, collected, forests_of, redirected
from harness.shrink.inline import copied, with_forest
from harness.shrink.operations import drop_operations, drop_pairs
from harness.shrink.proposals import NoProposal, Pass, Proposals
from harness.shrink.resume import operations_as_inputs
from harness.shrink.rows import codes_of
from harness.shrink.tree import join_blocks, node_at, places
from reference.definition.boundary import Position
from reference.definition.case import Case
from reference.definition.isa import Operation, opcode
from reference.definition.mast import Block, Forest, Join, Loop, Node
from reference.processor import execute

MOST_RUNS: Final = 4
"""Copies of a body; who needs more of them needs the loop."""

MOST_COPIED: Final = 512
"""Operations and nodes that may stand there; a body that is still larger has not been shrunk yet, or cannot be."""

_LOOP: Final = opcode("LOOP")
_DROP: Final = Operation(opcode("DROP"))

FOLLOWING: Final[tuple[Pass, ...]] = (join_blocks, operations_as_inputs, drop_operations, drop_pairs, join_blocks)
"""What makes a body that stands there several times simple."""


def unroll(search: Proposals) -> None:
    """The body once, twice, up to as often as it ran, in the place of a loop that was entered; without the conditions."""
    best = search.best
    runs = _runs(best)
    for place in places(best):
        if isinstance(node_at(best, place), Loop):
            for count in range(1, min(runs.get(place.node, 0), MOST_RUNS) + 1):
                if search.detour(partial(_unrolled, place=place, count=count), FOLLOWING):
                    return


def _runs(case: Case) -> dict[int, int]:
    """By number of a loop: how often its body ran at most between entering and leaving it.

    Whose node it is a mark does not say: of two loops with one number in different forests the larger count is taken.
    """
    execution = execute(case)
    codes = codes_of(execution)
    most: dict[int, int] = {}
    running: dict[int, int] = {}
    for row, mark in enumerate(execution.marks):
        number, tag = mark.position.node, mark.position.tag
        if tag == "start" and codes[row] == _LOOP:
            running[number] = int(execution.marks[row + 1].position != Position("end", number))
        elif tag == "repeat":
            running[number] = running.get(number, 0) + 1
        else:
            continue
        most[number] = max(most.get(number, 0), running[number])
    return most


def _unrolled(case: Case, place: Place, count: int) -> Case:
    """Each condition, the first one included, falls to a DROP; NoProposal where it is not a loop, or too large."""
    loop = node_at(case, place)
    if not isinstance(loop, Loop):
        raise NoProposal("the loop has gone")
    here = forests_of(case)[place.forest]
    nodes, root = _copies(here, loop.body, count)
    grown = replace(here, nodes=(*here.nodes, *nodes), stored_digests=None, debug_sections=None)
    return collected(redirected(with_forest(case, place.forest, grown), place, root))


def _copies(forest: Forest, body: int, count: int) -> tuple[list[Node], int]:
    """Nodes to stand behind the forest's: a DROP, then ``count`` times the body and a DROP; and the number of their root."""
    first = len(forest.nodes)
    block = forest.nodes[body]
    if isinstance(block, Block):
        _check(count * len(block.operations))
        return [Block((_DROP, *(*block.operations, _DROP) * count))], first
    nodes: list[Node] = [Block((_DROP,))]
    root = first
    for _ in range(count):
        copies, top = copied(forest, body, first + len(nodes))
        _check(count * sum(len(each.operations) if isinstance(each, Block) else 1 for each in copies))
        nodes += [*copies, Join(root, top)]
        nodes.append(Join(first + len(nodes) - 1, first))
        root = first + len(nodes) - 1
    return nodes, root


def _check(size: int) -> None:
    if size > MOST_COPIED:
        raise NoProposal("the body is too large to stand there several times")


UNROLL_PASSES: tuple[tuple[str, Pass], ...] = (("unroll", unroll),)
"""Last: what is left of a loop by then is needed as often as it runs."""
