"""The executor's memory: an open-addressing table from (context, word address) to four elements."""

from __future__ import annotations

from typing import Any

import numpy as np

from parallel.jit import jit

EMPTY_KEY = np.uint64(2**64 - 1)
"""No context has this id: contexts are row numbers below 2^29."""

_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_TOP_BITS = np.uint64(32)
_ONE = np.uint64(1)


@jit
def find_slot(keys: Any, key: Any) -> Any:
    """Slot of ``key``, or the empty slot where it belongs. keys: (2^k,) uint64, never full."""
    mask = np.uint64(keys.shape[0] - 1)
    slot = ((key * _MULTIPLIER) >> _TOP_BITS) & mask
    while keys[slot] != key and keys[slot] != EMPTY_KEY:
        slot = (slot + _ONE) & mask
    return np.int64(slot)


@jit
def rehash(keys: Any, words: Any, larger_keys: Any, larger_words: Any) -> Any:
    """Move every entry into a larger table that is empty."""
    for old in range(keys.shape[0]):
        if keys[old] != EMPTY_KEY:
            slot = find_slot(larger_keys, keys[old])
            larger_keys[slot] = keys[old]
            for i in range(4):
                larger_words[slot, i] = words[old, i]
