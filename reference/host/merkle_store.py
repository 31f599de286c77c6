"""The Merkle store: one dictionary from a node to its two children; trees are not separate objects.

Every empty subtree of depth 1..255 is always known. Source: spec 06, section 1.4.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, lru_cache
from itertools import pairwise

from reference.definition.errors import ExecutionFailure
from reference.definition.field import Word, word_to_hex
from reference.definition.rpo import empty_subtree_roots, merge

MAX_DEPTH = 64

Children = tuple[Word, Word]
"""Left and right."""


class UnknownNodeError(Exception):
    """A node that a walk needs is not in the store; ``name`` is the real VM's name for it."""

    def __init__(self, name: str, node: Word) -> None:
        super().__init__(f"{name}: {word_to_hex(node)}")
        self.name = name


@lru_cache(maxsize=1)
def _empty_subtrees() -> dict[Word, Children]:
    roots = empty_subtree_roots()
    return {parent: (child, child) for child, parent in pairwise(roots)}


def check_node_index(depth: int, index: int, clk: int) -> None:
    """Refuse a depth above 64 and an index that a tree of this depth lacks; depth 0 with index 0 passes.

    Raises ExecutionFailure ``AdviceError.InvalidMerkleTreeNodeIndex``.
    """
    if depth > MAX_DEPTH or index >= 1 << depth:
        detail = f"depth {depth}, index {index}"
        raise ExecutionFailure("AdviceError.InvalidMerkleTreeNodeIndex", clk=clk, detail=detail)


class MerkleStore:
    """Merkle nodes, addressed by content.

    Nothing is hashed before the first question: most programs ask none, and the 255 empty subtrees cost a quarter of a
    second.
    """

    def __init__(self, children: Sequence[Children]) -> None:
        self._initial = children

    @cached_property
    def _nodes(self) -> dict[Word, Children]:
        return {merge(left, right): (left, right) for left, right in self._initial}

    def _children(self, node: Word) -> Children | None:
        return self._nodes.get(node) or _empty_subtrees().get(node)

    def add(self, left: Word, right: Word) -> Word:
        """Learn the parent of two nodes, which need not be known themselves, and return it."""
        parent = merge(left, right)
        self._nodes[parent] = (left, right)
        return parent

    def open(self, root: Word, depth: int, index: int) -> tuple[Word, tuple[Word, ...]]:
        """The node at (depth, index) under ``root`` and its siblings, leaf level first; depth 0 gives the root itself.

        Raises UnknownNodeError when the root or a parent on the way is not in the store.
        """
        if self._children(root) is None:
            raise UnknownNodeError("RootNotInStore", root)
        node = root
        siblings = []
        for level in reversed(range(depth)):
            children = self._children(node)
            if children is None:
                raise UnknownNodeError("NodeIndexNotFoundInStore", node)
            side = index >> level & 1
            node = children[side]
            siblings.append(children[1 - side])
        return node, tuple(reversed(siblings))

    def update(self, root: Word, depth: int, index: int, value: Word) -> tuple[Word, ...]:
        """Put ``value`` at (depth, index), keep the old tree, and return the siblings, leaf level first.

        Nothing is stored when the node has this value already. Raises UnknownNodeError as :meth:`open`.
        """
        current, siblings = self.open(root, depth, index)
        if value != current:
            node = value
            for level, sibling in enumerate(siblings):
                node = self.add(sibling, node) if index >> level & 1 else self.add(node, sibling)
        return siblings
