"""How the GPU engine is to walk a case: what stays in memory, how much at once, in which parts and order.

No trace depends on any of it, which is what makes it a part of the case: an engine that lets it show has a mistake, and a
finding can be had again only with the options under which it was found (DESIGN: *Words*; spec 09, sections A4, A10 and B9).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from reference.definition.cuts import At

CacheLevel = Literal["none", "trace", "full"]
CACHE_LEVELS: Final[tuple[CacheLevel, ...]] = ("none", "trace", "full")

ThreadOrder = Literal["forward", "reverse", "strided"]
THREAD_ORDERS: Final[tuple[ThreadOrder, ...]] = ("forward", "reverse", "strided")

CHIPS: Final = ("sys", "dec", "stk", "rng", "hsh", "bit", "mem", "ace", "krm", "pad")
"""The column groups that are generated one by one (spec 09, section B2)."""

MOST_LANES: Final = 8

MOST_SHARDS: Final = 64
"""Of equal parts; rows can name any number."""


@dataclass(frozen=True, slots=True)
class GpuOptions:
    """The options of a walk; the defaults are the plainest one."""

    cache: CacheLevel = "none"
    """What stays on the device between two uses of a chip: nothing, its columns, or its commitment's data as well."""
    lanes: int = 1
    """How many chips are worked on at once, 1 to 8."""
    budget: int | None = None
    """Bytes of device memory; None for no limit. A case that needs more gets twice as much until it fits."""
    shards: int | At = 1
    """So many shards of as equally many fragments as can be, or a new one with the first fragment at or after each row."""
    order: tuple[str, ...] = CHIPS
    """The order in which the chips are worked on: each of CHIPS once."""
    threads: ThreadOrder = "forward"
    """Order of the threads of a launch, where the device lets it be chosen."""


DEFAULT_GPU_OPTIONS: Final = GpuOptions()
