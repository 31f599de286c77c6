"""Counters of lookups that are used again: mapping a megabyte anew takes longer than all else about a short trace's table."""

from __future__ import annotations

from collections import deque
from typing import Final

import numpy as np
from numpy.typing import NDArray

_spare: Final[deque[tuple[NDArray[np.int64], NDArray[np.uint64]]]] = deque()
"""Those that no check uses, all 0."""


def counters(values: int) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
    """(values,) int64 and (values,) uint64, all 0; the caller's until :func:`give_back`. ``values`` is always the same."""
    try:
        return _spare.pop()
    except IndexError:
        return np.zeros(values, dtype=np.int64), np.zeros(values, dtype=np.uint64)


def give_back(lookups: NDArray[np.int64], sums: NDArray[np.uint64]) -> None:
    """Nobody uses these any more."""
    lookups.fill(0)
    sums.fill(0)
    _spare.append((lookups, sums))
