"""Merkle legs for compiled code: the permutations of one path, recorded state by state."""

from __future__ import annotations

from typing import Any

import numpy as np

from parallel.jit import jit
from parallel.permutation import permutation_states

_STATE_WORDS = 96
_ONE = np.uint64(1)


@jit
def merkle_root(
    words: Any, first: Any, stack: Any, node: Any, siblings: Any, levels: Any, index: Any, constants: Any
) -> Any:
    """Hash the word stack[node .. node + 3] upward with ``siblings`` (4 words per level, leaf level first).

    Writes permutations ``first`` .. ``first + levels - 1`` into ``words`` (96 each); the root is elements 4-7 of the last
    state of the last one.
    """
    for level in range(levels):
        at = (first + level) * _STATE_WORDS
        is_right = (index >> np.uint64(level)) & _ONE
        for i in range(4):
            current = stack[node + i] if level == 0 else words[at - 8 + i]
            sibling = siblings[4 * level + i]
            words[at + i] = np.uint64(0)
            words[at + 4 + i] = sibling if is_right else current
            words[at + 8 + i] = current if is_right else sibling
        permutation_states(words, at, constants)


@jit
def same_word(words: Any, at: Any, stack: Any, start: Any) -> Any:
    """Whether words[at .. at + 3] equal stack[start .. start + 3]."""
    equal = True
    for i in range(4):
        equal &= words[at + i] == stack[start + i]
    return equal


@jit
def is_path(words: Any, first: Any, levels: Any, stack: Any, node: Any, root: Any, index: Any) -> Any:
    """Whether permutations ``first`` .. ``first + levels - 1`` can be the hashes of a path from node to root.

    stack[node .. node + 3] is the node and stack[root .. root + 3] the root, both last element first; a negative ``root``
    is not looked at. What lies between the input and the output of a permutation is not computed again.
    """
    fits = True
    for level in range(levels):
        at = (first + level) * _STATE_WORDS
        is_right = np.int64((index >> np.uint64(level)) & _ONE)
        for i in range(4):
            below = stack[node + 3 - i] if level == 0 else words[at - 8 + i]
            fits &= words[at + i] == np.uint64(0) and words[at + 4 + 4 * is_right + i] == below
    if root >= 0:
        for i in range(4):
            fits &= words[(first + levels) * _STATE_WORDS - 8 + i] == stack[root + 3 - i]
    return fits
