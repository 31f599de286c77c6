"""The memory section of several shards: one sorted table, of which each shard writes its own rows.

A shard sorts its own accesses. In the whole program's order they stand in runs, between those of other shards: equal words
are ordered by shard, because shards follow one another in time. A run needs what the row before it holds, an access of
another shard, and where in the section it begins (spec 09, B7.1).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gpu.errors import ShapeMismatch

U16_MASK = np.uint64(0xFFFF)


@dataclass(frozen=True)
class SortedAccesses:
    """One shard's accesses by (ctx, word address, clk): key (n,) uint64, ctx * 2^32 + word address; clk (n,) uint64."""

    key: NDArray[np.uint64]
    clk: NDArray[np.uint64]


@dataclass(frozen=True)
class Runs:
    """Where one shard's sorted accesses stand in the memory section; one entry per run.

    start (n,) uint32: sorted position of its first access; base (n,) uint64: that access's row within the section; key (n,)
    uint64 and clk (n,) uint32: of the access before it in the section; first (n,) uint8: 1 when there is none.
    """

    start: NDArray[np.uint32]
    base: NDArray[np.uint64]
    key: NDArray[np.uint64]
    clk: NDArray[np.uint32]
    first: NDArray[np.uint8]

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """The PLAN arrays by name."""
        return {f"run_{name}": getattr(self, name) for name in ("start", "base", "key", "clk", "first")}

    def section_rows(self, accesses: int) -> NDArray[np.int64]:
        """Row within the section of every sorted position."""
        positions = np.arange(accesses, dtype=np.int64)
        run = np.searchsorted(self.start.astype(np.int64), positions, side="right") - 1
        return self.base.astype(np.int64)[run] + positions - self.start.astype(np.int64)[run]


def whole_section() -> Runs:
    """The one run of a program in one shard."""
    return Runs(
        np.zeros(1, np.uint32),
        np.zeros(1, np.uint64),
        np.zeros(1, np.uint64),
        np.zeros(1, np.uint32),
        np.ones(1, np.uint8),
    )


def merge(shards: Sequence[SortedAccesses]) -> tuple[Runs, ...]:
    """The runs of every shard. A shard without accesses has one run without rows.

    Raises ShapeMismatch when a shard's accesses are not in order.
    """
    for number, shard in enumerate(shards):
        key, clk = shard.key, shard.clk
        same = key[1:] == key[:-1]
        if (key[1:] < key[:-1]).any() or (clk[1:][same] < clk[:-1][same]).any():
            raise ShapeMismatch(f"shard {number}: the accesses are not sorted by word and clk")
    key = np.concatenate([shard.key for shard in shards])
    clk = np.concatenate([shard.clk for shard in shards])
    owner = np.repeat(np.arange(len(shards)), [len(shard.key) for shard in shards])
    order = np.argsort(key, kind="stable")
    key, clk, owner = key[order], clk[order], owner[order]
    begins = np.flatnonzero(np.diff(owner, prepend=-1))
    return tuple(_runs_of(number, begins, key, clk, owner) for number in range(len(shards)))


def _runs_of(
    number: int,
    begins: NDArray[np.int64],
    key: NDArray[np.uint64],
    clk: NDArray[np.uint64],
    owner: NDArray[np.int64],
) -> Runs:
    base = begins[owner[begins] == number]
    if not len(base):
        return whole_section()
    position = np.cumsum(owner == number) - 1
    before = np.maximum(base - 1, 0)
    is_first = base == 0
    return Runs(
        position[base].astype(np.uint32),
        base.astype(np.uint64),
        np.where(is_first, np.uint64(0), key[before]),
        np.where(is_first, np.uint64(0), clk[before]).astype(np.uint32),
        is_first.astype(np.uint8),
    )


def delta_counts(shards: Sequence[SortedAccesses]) -> NDArray[np.uint64]:
    """How often each 16-bit limb occurs in the deltas of the whole section, (65536,) uint64: what the devices must count.

    The delta of two neighbours is that of their contexts, else of their words, else of their clks; the first row has delta 1
    (spec 05, section 4).
    """
    key = np.concatenate([shard.key for shard in shards])
    clk = np.concatenate([shard.clk for shard in shards])
    order = np.argsort(key, kind="stable")
    key, clk = key[order], clk[order]
    context, step = key >> np.uint64(32), np.diff(key)
    delta = np.where(step > 0, step, np.diff(clk))
    delta = np.where(np.diff(context) > 0, np.diff(context), delta)
    if len(key):
        delta = np.concatenate([np.ones(1, np.uint64), delta])
    limbs = np.concatenate([delta & U16_MASK, delta >> np.uint64(16) & U16_MASK])
    return np.bincount(limbs.astype(np.int64), minlength=1 << 16).astype(np.uint64)
