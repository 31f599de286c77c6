"""Merkle trees in the advice store, and the two operations that open them."""

from __future__ import annotations

from dataclasses import dataclass

from harness.generate.draft import Draft
from harness.generate.sequence import Sequence
from harness.generate.values import draw_word
from reference.definition.field import P, Word
from reference.definition.rpo import empty_subtree_roots, merge

DEEP = (63, 64)
"""Depths that only a tree of empty subtrees reaches; each level costs 8 or 16 rows of the hasher."""


@dataclass(frozen=True, slots=True)
class Opening:
    """A leaf of a tree that the advice store holds."""

    root: Word
    depth: int
    index: int
    leaf: Word
    siblings: tuple[Word, ...]
    """Leaf level first."""


def parent(left: Word, right: Word) -> Word:
    """The hash of two nodes."""
    return merge(left, right)


def fold(draft: Draft, leaf: Word, index: int, siblings: tuple[Word, ...], *, keep: bool) -> Word:
    """The root above a leaf; ``keep`` puts the nodes on the way into the advice store."""
    node = leaf
    for level, sibling in enumerate(siblings):
        left, right = (sibling, node) if index >> level & 1 else (node, sibling)
        if keep:
            draft.store[left, right] = None
        node = parent(left, right)
    return node


def draw_opening(sequence: Sequence, *, shallow: bool = False, leaf: Word | None = None) -> Opening:
    """A leaf, ``leaf`` or any, in a tree of depth 1 to 6; unless ``shallow``, seldom 63 or 64 with empty subtrees beside the
    way."""
    choices = sequence.choices
    if not shallow and choices.flag(3):
        depth = choices.pick(DEEP)
        siblings = tuple(empty_subtree_roots()[level] for level in range(depth))
        index = choices.integer(0, min(2**depth, P) - 1)
    else:
        depth = choices.integer(1, 6)
        siblings = tuple(draw_word(choices) for _ in range(depth))
        index = choices.integer(0, 2**depth - 1)
    leaf = leaf or draw_word(choices)
    return Opening(fold(sequence.draft, leaf, index, siblings, keep=True), depth, index, leaf, siblings)


def operands_of(opening: Opening) -> list[int]:
    """Leaf, depth, index and root as MPVERIFY and MRUPDATE want them, top first."""
    return [*reversed(opening.leaf), opening.depth, opening.index, *reversed(opening.root)]


def write_verify(sequence: Sequence) -> None:
    """MPVERIFY of a leaf that is there."""
    sequence.prepare(operands_of(draw_opening(sequence)))
    sequence.emit("MPVERIFY", sequence.choices.pick((0, 9)))


def write_update(sequence: Sequence) -> None:
    """MRUPDATE of a leaf that is there; then, sometimes, the new tree is opened."""
    opening = draw_opening(sequence)
    leaf = draw_word(sequence.choices)
    sequence.prepare([*operands_of(opening), *reversed(leaf)])
    sequence.emit("MRUPDATE")
    root = fold(sequence.draft, leaf, opening.index, opening.siblings, keep=False)
    sequence.state.items[:4] = reversed(root)
    if sequence.choices.flag(30):
        updated = Opening(root, opening.depth, opening.index, leaf, opening.siblings)
        sequence.prepare(operands_of(updated))
        sequence.emit("MPVERIFY")
