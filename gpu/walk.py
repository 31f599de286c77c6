"""What a walk is asked for and what it gives: plain values, nothing on a device."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gpu.byte_table import ByteTable
from gpu.chips import CHIP_ORDER
from gpu.digest import ColumnDigests
from gpu.errors import WrongState
from gpu.lanes import MOST_LANES
from gpu.opening import Opened
from gpu.proof import Findings
from gpu.states import Cache
from reference.definition.field import Word
from reference.definition.lengths import Lengths


@dataclass(frozen=True, slots=True)
class Options:
    """How a walk is made. None of it changes what is found; raises ValueError for what does not exist."""

    cache: str = Cache.NONE
    """none, trace or full."""
    lanes: int = 1
    budget: int | None = None
    """Bytes of device memory; None for what the device's own budget is."""
    shards: int | tuple[int, ...] = 1
    """How many shards, or their first fragments."""
    order: tuple[str, ...] = CHIP_ORDER
    """Chips in the order in which they are worked on."""
    check: bool = True
    """Every invariant, at every step."""
    proofs: int = 1
    """Rounds of proofs."""
    openings: int = 1
    """Rounds of openings."""
    merkle: int | None = None
    """Blow-up of a Merkle commitment over the rows of the low-degree extension; None for digests alone."""
    trace: bool = True
    """Whether the trace is collected on the host while it is proved; it takes 576 bytes a row there."""
    fallback: tuple[str, ...] = ()
    """Chips that are made on the host and sent to the device."""

    def __post_init__(self) -> None:
        if self.cache not in set(Cache):
            raise ValueError(f"cache levels are {', '.join(Cache)}, not {self.cache}")
        if not 1 <= self.lanes <= MOST_LANES:
            raise ValueError(f"lanes are 1 to {MOST_LANES}, not {self.lanes}")
        if sorted(self.order) != sorted(CHIP_ORDER):
            raise ValueError(f"an order names each of {', '.join(CHIP_ORDER)} once, not {', '.join(self.order)}")
        if set(self.fallback) - set(CHIP_ORDER):
            raise ValueError(f"chips are {', '.join(CHIP_ORDER)}, not {', '.join(self.fallback)}")
        if self.proofs < 0 or self.openings < 0 or (self.trace and not self.proofs):
            raise ValueError(f"{self.proofs} proofs and {self.openings} openings; a trace is collected from a proof")
        if self.merkle is not None and self.shards not in (1, (), (0,)):
            raise ValueError("a Merkle commitment needs the whole trace in one shard")


@dataclass(frozen=True)
class Walk:
    """A finished walk: everything was released before this was made."""

    options: Options
    program_hash: Word
    lengths: Lengths
    shards: tuple[tuple[int, int], ...]
    """First fragment and one past the last of every shard."""
    digests: Mapping[str, ColumnDigests]
    """Of every chip, over all shards."""
    manifests: tuple[str, ...]
    """One per shard."""
    manifest: str
    """Of the program: the same for every cut into fragments and into shards."""
    opened: tuple[Opened, ...]
    """Per round of openings, rows of the trace."""
    bytes: ByteTable
    checked: Counter[str]
    """How often each invariant was checked by its number; those that are checked where the thing happens count uses."""
    findings: Findings
    """What the transition checks looked at."""
    events: tuple[str, ...]
    """What did not go the ordinary way: chips made on the host."""
    peak_booked: int
    """Most bytes that tasks had booked at once."""
    peak_in_use: int
    """Most bytes that were live outside of bookings, or booked, together: the smallest budget that this walk fits into."""
    launches: int
    merkle_root: Word | None
    collected: NDArray[np.uint64] | None

    @property
    def digest(self) -> ColumnDigests:
        """Of the whole trace: the sum over the chips."""
        total = ColumnDigests({})
        for digests in self.digests.values():
            total = total + digests
        return total

    def trace(self) -> NDArray[np.uint64]:
        """The trace (72, L) uint64, as the proofs saw it. Raises WrongState when it was not asked for."""
        if self.collected is None:
            raise WrongState("the walk was made without collecting its trace")
        return self.collected
