"""Where an engine that holds its whole trace divides it into windows."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

LEAST_ROWS: Final = 64
"""Of a window: smaller fragments share one, because every window costs some Python calls and a copy."""


def window_edges(starts: Sequence[int], core_rows: int, rows: int) -> list[tuple[int, int]]:
    """First row and end of each window: whole fragments, of at least :data:`LEAST_ROWS` rows together or up to the last one;
    then the padding.

    ``starts`` are the fragments' first rows, ascending from row 0.
    """
    edges = [0]
    for start in starts:
        if start - edges[-1] >= LEAST_ROWS:
            edges.append(start)
    return [(first, end) for first, end in pairwise([*edges, core_rows, rows]) if first < end]
