"""The random last row: 72 draws of a coin seeded with the program hash (spec 04, section 7)."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from parallel.permutation import ROUND_CONSTANTS, permute_rows
from reference.definition.columns import WIDTH
from reference.definition.field import Word

_DRAWS_PER_PERMUTATION = 8


# One row of 72 words per program hash; a campaign repeats few programs, a corpus replay has hundreds.
@lru_cache(maxsize=1024)
def last_row(seed: Word) -> NDArray[np.uint64]:
    """The 72 cells, column order."""
    states = np.zeros((1, 8, 12), np.uint64)
    states[0, 7, 4:8] = seed
    draws: list[NDArray[np.uint64]] = []
    for _ in range(WIDTH // _DRAWS_PER_PERMUTATION):
        states[0, 0] = states[0, 7]
        permute_rows(states, ROUND_CONSTANTS)
        draws.append(states[0, 7, 4:12].copy())
    return np.concatenate(draws)
