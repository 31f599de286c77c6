"""A program in one or several shards: where they are cut, and what one hands to the next.

Each shard is a run of fragments with a session of its own; nothing of one is resident while another is. What they share is
written down: the boundary state, the memory words that one leaves and another needs, overflow entries that one pushes and
another pops (spec 09, B7.1). Everything here is compared on the host, from what the shards' sessions and recordings say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from gpu.errors import CarryMismatch
from gpu.header import FIELD, WORDS
from gpu.raw import PADDING, RawState
from gpu.sides import REQUEST, RESPONSE, Label, Sides

MASK = (1 << 64) - 1

CARRIED = (
    "pc",
    "clk",
    "ctx",
    "current_addr",
    "parent_addr",
    "depth",
    "overflow_addr",
    "hasher_addr",
    "continuation_count",
)
"""Header fields that count from the program's beginning: equal on both sides of a shard cut."""


def bounds(fragments: int, shards: int | Sequence[int]) -> tuple[tuple[int, int], ...]:
    """First fragment and one past the last of every shard.

    A number: so many shards of as equally many fragments as can be, no more than there are fragments. Otherwise the first
    fragments: 0 begins a shard always, fragments beyond the last begin none, as rows beyond the end begin no fragment.
    Raises ValueError for a number below 1 and for negative or repeated fragments out of order.
    """
    if isinstance(shards, int):
        if shards < 1:
            raise ValueError(f"a program has at least one shard, not {shards}")
        number = min(shards, fragments)
        starts = [index * fragments // number for index in range(number)]
    else:
        named = [0, *shards]
        if any(start < 0 for start in named) or any(after < before for before, after in pairwise(named)):
            raise ValueError(f"first fragments of shards ascend from 0, not {', '.join(map(str, shards))}")
        starts = sorted({start for start in named if start < fragments})
    return tuple(pairwise([*starts, fragments]))


@dataclass(frozen=True)
class MemoryRecords:
    """Memory words at a shard's edge: key (n,) uint64, ctx * 2^32 + word address; clk (n,) uint64 of the last access; word
    (n, 4) uint64 after it. Ascending by key."""

    key: NDArray[np.uint64]
    clk: NDArray[np.uint64]
    word: NDArray[np.uint64]

    def rows(self) -> NDArray[np.uint64]:
        """(n, 6): key, clk, word."""
        return np.column_stack([self.key, self.clk, self.word])


def external_reads(raw: RawState) -> MemoryRecords:
    """What a shard needs: for every word that it touches and that was touched before, the last access before."""
    count = len(raw.arrays["ext_key"]) - PADDING
    arrays = raw.arrays
    return MemoryRecords(
        arrays["ext_key"][:count], arrays["ext_clk"][:count].astype(np.uint64), arrays["ext_word"][:count]
    )


def external_writes(raw: RawState, order: NDArray[np.int64], later: NDArray[np.uint64]) -> MemoryRecords:
    """What a shard leaves: the last access of every word that is touched later too.

    ``order``: sorted position -> access, as the device sorted them. ``later``: keys that later shards touch.
    """
    key = raw.arrays["acc_key"][order]
    is_last = np.ones(len(key), bool)
    is_last[:-1] = key[1:] != key[:-1]
    chosen = order[is_last & np.isin(key, later)]
    return MemoryRecords(
        raw.arrays["acc_key"][chosen], raw.arrays["acc_clk"][chosen].astype(np.uint64), raw.arrays["acc_word"][chosen]
    )


def fingerprint(records: Sequence[MemoryRecords]) -> int:
    """Sum of a 64-bit hash of every record, modulo 2^64: does not depend on their order."""
    rows = np.concatenate([record.rows() for record in records])
    hashes = np.full(len(rows), 0x243F6A8885A308D3, np.uint64)
    for column in rows.T:
        hashes ^= column
        hashes = (hashes ^ (hashes >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        hashes ^= hashes >> np.uint64(27)
    return int(hashes.sum(dtype=np.uint64))


def check_memory(reads: Sequence[MemoryRecords], writes: Sequence[MemoryRecords]) -> None:
    """What shards leave for later ones is what later ones need, as sets and by fingerprint.

    Raises CarryMismatch that names the first word in which they differ.
    """
    needed = {tuple(row) for records in reads for row in records.rows().tolist()}
    left = {tuple(row) for records in writes for row in records.rows().tolist()}
    if needed != left:
        record = min(needed ^ left)
        whose = "needed and not left" if record in needed else "left and not needed"
        key, clk, *word = record
        where = f"ctx {key >> 32}, word {key & 0xFFFFFFFF}"
        raise CarryMismatch("shard memory", None, clk, where, f"{whose}: {word}")
    if fingerprint(reads) != fingerprint(writes):
        raise CarryMismatch("shard memory", None, None, None, "a record stands twice on one side")


def check_boundaries(raws: Sequence[RawState]) -> None:
    """The state after a shard is the state before the next. Raises CarryMismatch that names the field."""
    for number, (before, after) in enumerate(pairwise(raws)):
        row = int(after.arrays["hdr"][FIELD["clk"], 0])
        for name in CARRIED:
            left, right = int(before.arrays["hdr"][FIELD[name], -1]), int(after.arrays["hdr"][FIELD[name], 0])
            if left != right:
                raise CarryMismatch(
                    "shard boundary", None, row, name, f"{left} after shard {number}, {right} before the next"
                )
        differing = np.flatnonzero(before.arrays["hwords"][:, -1] != after.arrays["hwords"][:, 0])
        if len(differing):
            raise CarryMismatch(
                "shard boundary",
                None,
                row,
                WORDS[int(differing[0])],
                f"differs after shard {number} and before the next",
            )
        if not np.array_equal(_continuations(before, -1), _continuations(after, 0)):
            raise CarryMismatch(
                "shard boundary", None, row, "continuations", f"differ after shard {number} and before the next"
            )


def _continuations(raw: RawState, header: int) -> NDArray[np.uint32]:
    hdr = raw.arrays["hdr"]
    first, count = int(hdr[FIELD["continuations"], header]), int(hdr[FIELD["continuation_count"], header])
    return np.asarray(raw.arrays["cont"][first : first + count], np.uint32)


@dataclass(frozen=True, slots=True)
class OverflowBalance:
    """Overflow entries that a shard pushes minus those that it pops: what it hands on, or takes if negative."""

    entries: int
    fingerprint: int
    """Modulo 2^64."""


def overflow_balance(sides: Sides) -> OverflowBalance:
    """Of one shard's side effects."""
    (pushed, pushes), (popped, pops) = sides.bus[REQUEST, Label.OVERFLOW], sides.bus[RESPONSE, Label.OVERFLOW]
    return OverflowBalance(int(pushed) - int(popped), (int(pushes) - int(pops)) & MASK)


def check_overflow(balances: Sequence[OverflowBalance]) -> None:
    """Every entry that a shard leaves is popped by a later one, and no shard pops what was not pushed.

    Raises CarryMismatch that names the shard before which too little, or after which something, is on the stack.
    """
    entries = fingerprints = 0
    for number, balance in enumerate(balances):
        entries += balance.entries
        fingerprints = (fingerprints + balance.fingerprint) & MASK
        if entries < 0:
            raise CarryMismatch(
                "shard overflow", None, None, None, f"shard {number} pops {-entries} entries nobody pushed"
            )
    if entries or fingerprints:
        raise CarryMismatch(
            "shard overflow", None, None, None, f"{entries} entries are left, fingerprint {fingerprints:016x}"
        )
