"""RPO over Python integers, a few at a time, by the compiled permutation."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np

from parallel.merkle import merkle_root
from parallel.permutation import ROUND_CONSTANTS, permute_rows
from reference.definition.field import ZERO_WORD, Word, as_word

EMPTY_TREE_DEPTHS = 255
"""Empty trees of these depths are in every Merkle store (spec 06, section 1.4)."""


def permute(state: Sequence[int]) -> list[int]:
    """The 12 elements after all rounds."""
    rows = np.zeros((1, 8, 12), np.uint64)
    rows[0, 0] = np.array(state, np.uint64)
    permute_rows(rows, ROUND_CONSTANTS)
    after: list[int] = rows[0, 7].tolist()
    return after


def merge(left: Word, right: Word, domain: int = 0) -> Word:
    """Two-to-one hash; the domain is capacity element 1 (spec 06, section 0)."""
    return as_word(permute((0, domain, 0, 0, *left, *right))[4:8])


def merge_pairs(pairs: Sequence[tuple[Word, Word]]) -> list[Word]:
    """:func:`merge` with domain 0 of every (left, right), in one call."""
    rows = np.zeros((len(pairs), 8, 12), np.uint64)
    rows[:, 0, 4:] = np.array(pairs, np.uint64).reshape(-1, 8)
    permute_rows(rows, ROUND_CONSTANTS)
    return [as_word(digest) for digest in rows[:, 7, 4:8].tolist()]


def nodes_above(value: Word, index: int, siblings: Sequence[Word]) -> list[Word]:
    """The nodes from the parent of ``value`` up to the root; siblings leaf level first, index of the leaf."""
    if not siblings:
        return []
    words = np.zeros((len(siblings), 8, 12), np.uint64)
    path = np.array(siblings, np.uint64).reshape(-1)
    start, levels = np.array(value, np.uint64), len(siblings)
    merkle_root(  # compiled code
        words.reshape(-1), 0, start, 0, path, levels, np.uint64(index), ROUND_CONSTANTS
    )
    return [as_word(digest) for digest in words[:, 7, 4:8].tolist()]


def hash_elements(elements: Sequence[int]) -> Word:
    """Sponge in overwrite mode, length modulo 8 in capacity element 0; no elements hash to the zero word."""
    if not elements:
        return ZERO_WORD
    state = [len(elements) % 8, *[0] * 11]
    for start in range(0, len(elements), 8):
        block = elements[start : start + 8]
        state = permute([*state[:4], *block, *[0] * (8 - len(block))])
    return as_word(state[4:8])


@cache
def empty_trees() -> dict[Word, Word]:
    """Root of the empty tree of each depth 1..255 -> root of the one below, both of its children.

    Costs milliseconds, so it is asked for only when a digest is not found elsewhere.
    """
    children: dict[Word, Word] = {}
    below = ZERO_WORD
    for _ in range(EMPTY_TREE_DEPTHS):
        root = merge(below, below)
        children[root] = below
        below = root
    return children
