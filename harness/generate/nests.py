"""Nests: one chain of nodes, tens of levels deep, of every kind that leaves the stack as deep as it was."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from harness.generate.calls import after_call
from harness.generate.choices import several
from harness.generate.forests import CONTROL, ForestDraft
from harness.generate.operations import write_any_operation
from harness.generate.sequence import Sequence
from reference.definition.mast import Call, Join, Loop, Split

MOST_LEVELS: Final = 40
LEAVES: Final = ("NOOP", "SWAP SWAP", "PAD DROP", "MOVUP8 MOVDN8", "SWAPDW SWAPDW")


def write_nest(sequence: Sequence) -> None:
    """A chain around one block; what comes first and last in it is drawn, and so is the code before it."""
    choices, forest = sequence.choices, sequence.forest
    several(choices, 6, 80, lambda: write_any_operation(sequence))
    node = _leaf(sequence)
    for _ in range(choices.integer(1, MOST_LEVELS)):
        if not sequence.room(forest.costs[node].rows + 8):
            break
        node = choices.pick(_LEVELS)(sequence, node)
    sequence.spend(forest.costs[node].rows)
    sequence.add_node(node)
    after_call(sequence)


def _leaf(sequence: Sequence) -> int:
    return sequence.forest.add_code(sequence.choices.pick(LEAVES))


def _join(forest: ForestDraft, first: int, second: int) -> int:
    return forest.add(Join(first, second), CONTROL.then(forest.costs[first]).then(forest.costs[second]))


def _first(sequence: Sequence, node: int) -> int:
    return _join(sequence.forest, node, _leaf(sequence))


def _last(sequence: Sequence, node: int) -> int:
    return _join(sequence.forest, _leaf(sequence), node)


def _taken(sequence: Sequence, node: int) -> int:
    forest = sequence.forest
    split = forest.add(Split(node, _leaf(sequence)), CONTROL.then(forest.costs[node]))
    return _join(forest, forest.add_code("PAD NOT"), split)


def _once(sequence: Sequence, node: int) -> int:
    forest = sequence.forest
    body = _join(forest, node, forest.add_code("PAD"))
    return _join(forest, forest.add_code("PAD NOT"), forest.add(Loop(body), CONTROL.then(forest.costs[body])))


def _called(sequence: Sequence, node: int) -> int:
    forest = sequence.forest
    return forest.add(Call(node), CONTROL.then(forest.costs[node]))


_LEVELS: Final[tuple[Callable[[Sequence, int], int], ...]] = (_first, _last, _taken, _once, _called)
"""Each puts one more node around; the first is the simplest."""
