"""The Merkle store: a dictionary from a digest to its children, in which trees overlap (spec 06, section 1.4)."""

from __future__ import annotations

from collections.abc import Sequence

from parallel.host.hashing import empty_trees, merge, merge_pairs, nodes_above
from reference.definition.field import Word, word_to_hex

MAX_DEPTH = 64


class MissingNodeError(Exception):
    """The store does not know a digest; ``variant`` is the real VM's name for what was looked for."""

    def __init__(self, variant: str, digest: Word) -> None:
        super().__init__(f"{variant}({word_to_hex(digest)})")
        self.variant = variant


def is_node_index(depth: int, index: int) -> bool:
    """Whether a tree can have such a node; depth 0 with index 0 is the root."""
    return depth <= MAX_DEPTH and index >> depth == 0


class MerkleStore:
    """Knows the children of every given pair's hash, and of the roots of empty trees."""

    def __init__(self, pairs: Sequence[tuple[Word, Word]]) -> None:
        self._children = dict(zip(merge_pairs(pairs), pairs, strict=True)) if pairs else {}

    def add(self, left: Word, right: Word) -> None:
        """Make the node above two digests known; neither needs to be."""
        self._children[merge(left, right)] = left, right

    def descend(self, root: Word, depth: int, index: int) -> tuple[Word, list[Word]]:
        """The node at a valid index, and the siblings on the way to it, leaf level first.

        Raises MissingNodeError for an unknown root, or an unknown digest that has to be gone through.
        """
        if self._below(root) is None:
            raise MissingNodeError("RootNotInStore.Word", root)
        node = root
        siblings: list[Word] = []
        for level in reversed(range(depth)):
            children = self._below(node)
            if children is None:
                raise MissingNodeError("NodeIndexNotFoundInStore.Word", node)
            side = index >> level & 1
            node = children[side]
            siblings.append(children[1 - side])
        siblings.reverse()
        return node, siblings

    def replace(self, root: Word, depth: int, index: int, value: Word) -> list[Word]:
        """Make the tree with ``value`` in the place known, the old one stays; the siblings, leaf level first.

        Raises like :meth:`descend`, before anything is changed.
        """
        node, siblings = self.descend(root, depth, index)
        if node != value:
            parents = nodes_above(value, index, siblings)
            for level, (sibling, parent) in enumerate(zip(siblings, parents, strict=True)):
                self._children[parent] = (sibling, value) if index >> level & 1 else (value, sibling)
                value = parent
        return siblings

    def _below(self, digest: Word) -> tuple[Word, Word] | None:
        children = self._children.get(digest)
        if children is None and (child := empty_trees().get(digest)) is not None:
            return child, child
        return children
