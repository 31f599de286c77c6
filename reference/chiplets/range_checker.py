"""The range checker: a table of 16-bit values, each with the number of its lookups (spec 05, sections 7 and 8)."""

from __future__ import annotations

from array import array
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

WIDTH = 2
"""Columns: m (lookups), v (value)."""

MAX_VALUE = 0xFFFF
LARGEST_STEP_EXPONENT = 7
"""Two neighbouring rows differ by 0 or by a power 3^0..3^7."""


class RangeChecker:
    """How often each value was looked up; 0 and 65535 always have a row."""

    def __init__(self) -> None:
        self._lookups = {0: 0, MAX_VALUE: 0}

    def add_u32_pair(self, lo: int, hi: int) -> tuple[int, int, int, int]:
        """Look up the limbs of two u32 values; gives them: helpers 0-3 of the row (spec 05, section 7)."""
        limbs = lo & MAX_VALUE, lo >> 16, hi & MAX_VALUE, hi >> 16
        self.add_all(limbs)
        return limbs

    def add_all(self, values: Iterable[int]) -> None:
        """Look up each of the values, all below 2^16."""
        for value in values:
            self._lookups[value] = self._lookups.get(value, 0) + 1

    def copy(self) -> RangeChecker:
        """The same lookups, independent of this object."""
        twin = RangeChecker()
        twin._lookups = dict(self._lookups)
        return twin

    def table(self) -> NDArray[np.uint64]:
        """All rows, shape (R, 2), dtype uint64: m, v.

        Bridge rows with m = 0 keep the steps between neighbours at powers of three; a row (0, 65535) ends the table.
        """
        rows = array("Q")
        previous = 0
        for value in sorted(self._lookups):
            previous = _append_bridge(rows, previous, value)
            rows.extend((self._lookups[value], value))
            previous = value
        rows.extend((0, MAX_VALUE))
        return np.array(rows, dtype=np.uint64).reshape(-1, WIDTH)


def _append_bridge(rows: array[int], previous: int, value: int) -> int:
    """Append the rows between two values, largest steps first; gives the value of the last row."""
    exponent = LARGEST_STEP_EXPONENT
    while (gap := value - previous) > 0 and gap != 3**exponent:
        if gap > 3**exponent:
            previous += 3**exponent
            rows.extend((0, previous))
        else:
            exponent -= 1
    return previous
