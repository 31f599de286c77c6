"""Trees of an ``.inputs`` file as the pairs of children that a Merkle store holds (spec 06, section 9)."""

from __future__ import annotations

from reference.definition.field import ZERO_WORD, Word
from reference.definition.formats.json_value import Value
from reference.definition.rpo import empty_subtree_roots, merge

SPARSE_DEPTH = 64
MAX_DEPTH = 64

MAX_HASHES = 2**17
"""Hashes that the trees of one file may need: about two minutes of work. A file of legal size can ask for days."""

Pair = tuple[Word, Word]
_Place = tuple[int, int]
"""Depth and index of a tree node."""


class TreePairs:
    """Collects the pairs of all trees of a file, and counts what they cost."""

    def __init__(self) -> None:
        self.pairs: list[Pair] = []

    def add(self, entry: Value) -> Word:
        """The root of the tree that the entry of ``merkle_store`` describes; its inner nodes are added to ``pairs``.

        Raises InputError with the path in the document.
        """
        kinds = {
            "merkle_tree": self._add_full,
            "sparse_merkle_tree": self._add_sparse,
            "partial_merkle_tree": self._add_partial,
        }
        members = entry.members(optional=tuple(kinds))
        if len(members) != 1:
            raise entry.refuse(f"expected exactly one of {', '.join(kinds)}, found {len(members)}")
        ((kind, value),) = members.items()
        return kinds[kind](value)

    def _parent(self, left: Word, right: Word, value: Value) -> Word:
        if len(self.pairs) == MAX_HASHES:
            raise value.refuse(f"expected trees with at most {MAX_HASHES} inner nodes in all, found more")
        self.pairs.append((left, right))
        return merge(left, right)

    def _add_full(self, value: Value) -> Word:
        layer = [leaf.word() for leaf in value.items()]
        if len(layer) < 2 or len(layer) & (len(layer) - 1):
            raise value.expected("a number of leaves that is a power of two and at least 2")
        while len(layer) > 1:
            layer = [self._parent(layer[i], layer[i + 1], value) for i in range(0, len(layer), 2)]
        return layer[0]

    def _add_sparse(self, value: Value) -> Word:
        layer: dict[int, Word] = {}
        for item in value.items():
            index, word = _pair_of(item)
            number = index.integer(0, 2**SPARSE_DEPTH)
            if number in layer:
                raise index.refuse(f"expected every index once, found {number} twice")
            layer[number] = word.word()
        for height in range(SPARSE_DEPTH):
            empty = empty_subtree_roots()[height]
            layer = {
                parent: self._parent(layer.get(2 * parent, empty), layer.get(2 * parent + 1, empty), value)
                for parent in dict.fromkeys(number // 2 for number in layer)
            }
        return layer.get(0, empty_subtree_roots()[SPARSE_DEPTH])

    def _add_partial(self, value: Value) -> Word:
        nodes = _partial_nodes(value)
        if not nodes:
            raise value.refuse("expected at least one node of a partial tree, found none")
        layers: list[set[int]] = [set() for _ in range(MAX_DEPTH + 1)]
        for depth, index in nodes:
            layers[depth].add(index)
        for depth in range(MAX_DEPTH, 0, -1):
            # A parent that is given stands for itself: what is below it need not reach it.
            for parent in sorted({index // 2 for index in layers[depth]} - layers[depth - 1]):
                left, right = (_known(nodes, (depth, 2 * parent + side), value) for side in (0, 1))
                nodes[depth - 1, parent] = self._parent(left, right, value)
                layers[depth - 1].add(parent)
        return nodes.get((0, 0), ZERO_WORD)


def _partial_nodes(value: Value) -> dict[_Place, Word]:
    nodes: dict[_Place, Word] = {}
    for item in value.items():
        place, word = _pair_of(item)
        depth_value, index_value = _pair_of(place)
        depth = depth_value.integer(0, MAX_DEPTH + 1)
        index = index_value.integer(0, 2**depth)
        if (depth, index) in nodes:
            raise place.refuse(f"expected every node once, found depth {depth} index {index} twice")
        nodes[depth, index] = word.word()
    return nodes


def _known(nodes: dict[_Place, Word], place: _Place, value: Value) -> Word:
    word = nodes.get(place)
    if word is None:
        depth, index = place
        raise value.refuse(f"expected the nodes that hashing to the root needs; depth {depth} index {index} is missing")
    return word


def _pair_of(value: Value) -> tuple[Value, Value]:
    items = value.items()
    if len(items) != 2:
        raise value.expected("an array of 2")
    return items[0], items[1]
