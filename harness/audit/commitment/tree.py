"""The Merkle tree over rows, and the batch proof that opens some of them (spec 11, sections 4 and 9)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from harness.audit.commitment.blake3 import Bytes
from harness.audit.commitment.hashing import Hash

BatchProof = tuple[tuple[bytes, ...], ...]
"""Digests, in lists."""


class BadOpening(ValueError):  # noqa: N818 - what was read
    """The lists of a batch proof do not fit the positions."""


@dataclass(frozen=True, slots=True)
class Tree:
    """All digests of a binary tree, in natural order."""

    levels: tuple[Bytes, ...]
    """The leaves first, the root last."""

    @staticmethod
    def over(leaves: Bytes, function: Hash) -> Tree:
        """The tree over a power of two of leaves."""
        levels = [leaves]
        while len(levels[-1]) > 1:
            levels.append(function.merge(levels[-1][0::2], levels[-1][1::2]))
        return Tree(tuple(levels))

    @property
    def root(self) -> bytes:
        """The commitment."""
        return bytes(self.levels[-1][0])

    def opening(self, positions: Sequence[int]) -> BatchProof:
        """The batch proof of these leaves, ascending positions: what a path to the root needs and nothing that follows
        from the rest. The lists of a level are numbered by place in the level, so early lists can hold digests of
        later pairs."""
        pairs = sorted({position // 2 for position in positions})
        wanted = set(positions)
        lists = [
            [self.levels[0][leaf].tobytes() for leaf in (2 * pair, 2 * pair + 1) if leaf not in wanted]
            for pair in pairs
        ]
        current = pairs
        for level in self.levels[1:-1]:
            parents = []
            at = 0
            while at < len(current):
                node = current[at]
                if at + 1 < len(current) and current[at + 1] == node ^ 1:
                    at += 1
                else:
                    lists[at].append(level[node ^ 1].tobytes())
                parents.append(node // 2)
                at += 1
            current = parents
        return tuple(tuple(digests) for digests in lists)


def root_of_opening(leaves: dict[int, bytes], proof: BatchProof, depth: int, function: Hash) -> bytes:
    """The root that opened leaves (by position) and a batch proof lead to.

    Raises BadOpening when a list is too short, too long, or there are not as many as pairs.
    """
    pairs = sorted({position // 2 for position in leaves})
    if not leaves or len(pairs) != len(proof) or max(leaves) >= 2**depth:
        raise BadOpening(f"{len(proof)} lists for {len(pairs)} pairs of leaves")
    reader = _Lists(proof)
    nodes: list[tuple[int, bytes]] = []
    for number, pair in enumerate(pairs):
        left, right = (leaves[leaf] if leaf in leaves else reader.next(number) for leaf in (2 * pair, 2 * pair + 1))
        nodes.append((pair, _merged(left, right, function)))
    for _ in range(depth - 1):
        parents: list[tuple[int, bytes]] = []
        at = 0
        while at < len(nodes):
            node, digest = nodes[at]
            if at + 1 < len(nodes) and nodes[at + 1][0] == node ^ 1:
                other = nodes[at + 1][1]
                at += 1
            else:
                other = reader.next(at)
            left, right = (other, digest) if node % 2 else (digest, other)
            parents.append((node // 2, _merged(left, right, function)))
            at += 1
        nodes = parents
    reader.end()
    return nodes[0][1]


def _merged(left: bytes, right: bytes, function: Hash) -> bytes:
    return function.merge(_one(left), _one(right)).tobytes()


def _one(digest: bytes) -> Bytes:
    return np.frombuffer(digest, dtype=np.uint8)[np.newaxis]


class _Lists:
    """Reads each list of a batch proof from its start to its end."""

    def __init__(self, proof: BatchProof) -> None:
        self._proof = proof
        self._read = [0] * len(proof)

    def next(self, number: int) -> bytes:
        """The next digest of a list."""
        if self._read[number] >= len(self._proof[number]):
            raise BadOpening(f"list {number} is too short")
        self._read[number] += 1
        return self._proof[number][self._read[number] - 1]

    def end(self) -> None:
        """Every list must have been read to its end."""
        for number, digests in enumerate(self._proof):
            if self._read[number] != len(digests):
                raise BadOpening(f"list {number} is too long")
