"""Whether a search is slow enough for workers: most are over before a worker has its engines."""

from __future__ import annotations

from collections import deque
from typing import Final

SLOW_CANDIDATE: Final = 0.05
"""Seconds of a candidate, on the average of the last few, from which on it is worth while to start workers.."""

SLOW_SEARCH: Final = 1.0
""".. once this many seconds went by: about what a worker needs for its engines."""

_LAST_FEW: Final = 8


class Pace:
    """How long candidates take in this process."""

    def __init__(self) -> None:
        self._total = 0.0
        self._last: deque[float] = deque(maxlen=_LAST_FEW)

    @property
    def is_slow(self) -> bool:
        """Whether workers would be worth their start."""
        return self._total >= SLOW_SEARCH and sum(self._last) > SLOW_CANDIDATE * len(self._last)

    def note(self, seconds: float) -> None:
        """One more candidate."""
        self._total += seconds
        self._last.append(seconds)
