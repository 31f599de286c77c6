"""The executor's memory: an open-addressing table from (context, word address) to four elements."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from parallel.jit import jit

EMPTY_KEY = np.uint64(2**64 - 1)
"""No context has this id: contexts are row numbers below 2^29."""

KEPT_SLOTS = 2**20
"""A table of 2^20 slots is 40 MB, enough for half a million words; a larger one is rare and not worth holding."""

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


class Tables:
    """Tables that no run uses, by size: a table's pages are mapped once, not once per run."""

    def __init__(self) -> None:
        self._free: dict[int, tuple[NDArray[np.uint64], NDArray[np.uint64]]] = {}

    def take(self, slots: int) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
        """An empty table of 2^k slots: keys (slots,), words (slots, 4); words are arbitrary until their slot is used."""
        kept = self._free.pop(slots) if slots in self._free else None
        keys, words = kept or (np.empty(slots, np.uint64), np.empty((slots, 4), np.uint64))
        keys.fill(EMPTY_KEY)
        return keys, words

    def give_back(self, keys: NDArray[np.uint64], words: NDArray[np.uint64]) -> None:
        """Nobody uses this table any more; large ones are not kept."""
        if len(keys) <= KEPT_SLOTS:
            self._free[len(keys)] = keys, words


@jit
def rehash(keys: Any, words: Any, larger_keys: Any, larger_words: Any) -> Any:
    """Move every entry into a larger table that is empty."""
    for old in range(keys.shape[0]):
        if keys[old] != EMPTY_KEY:
            slot = find_slot(larger_keys, keys[old])
            larger_keys[slot] = keys[old]
            for i in range(4):
                larger_words[slot, i] = words[old, i]
