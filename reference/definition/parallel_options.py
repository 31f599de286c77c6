"""How an engine that rebuilds fragments from their contexts is to go about it: threads, order, how often, from where.

No trace depends on any of it (DESIGN: *Cuts*, law 4), which is what makes it a part of the case, like the options of a walk.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

FragmentOrder = Literal["forward", "reverse", "strided"]
FRAGMENT_ORDERS: Final[tuple[FragmentOrder, ...]] = ("forward", "reverse", "strided")

Contexts = Literal["memory", "saved", "alone"]
CONTEXTS: Final[tuple[Contexts, ...]] = ("memory", "saved", "alone")

MOST_THREADS: Final = 8


@dataclass(frozen=True, slots=True)
class ParallelOptions:
    """The options of a rebuild; with the defaults the engine builds as it always does."""

    threads: int = 1
    """How many threads take fragments, 1 to 8."""
    order: FragmentOrder = "forward"
    """In which order they take them; ``strided`` takes every third first."""
    twice: bool = False
    """Every fragment is built once more over its own rows."""
    contexts: Contexts = "memory"
    """As they were recorded, all saved to a file and loaded again, or each by itself saved, loaded and rebuilt alone."""


DEFAULT_PARALLEL_OPTIONS: Final = ParallelOptions()
