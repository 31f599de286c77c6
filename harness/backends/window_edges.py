"""Where an engine that holds its whole trace divides it into windows."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

MOST_WINDOWS: Final = 8
"""Of executed rows: more fragments share windows, because every window costs some Python calls and a copy."""


def window_edges(starts: Sequence[int], core_rows: int, rows: int) -> list[tuple[int, int]]:
    """First row and end of each window: a fragment, or several where there are many; then the padding.

    ``starts`` are the fragments' first rows, ascending from row 0.
    """
    edges = [0, *starts]
    if len(starts) > MOST_WINDOWS:
        least = -(-core_rows // MOST_WINDOWS)
        edges = [0]
        while (at := bisect_left(starts, edges[-1] + least)) < len(starts):
            edges.append(starts[at])
    return [(first, end) for first, end in pairwise([*edges, core_rows, rows]) if first < end]
