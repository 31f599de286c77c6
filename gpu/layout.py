"""Where a shard's rows stand in the whole trace.

Section starts, the length of the trace and the range table's length depend on all shards, so an extent exists only once
every shard has been assigned: it is what sealing adds (spec 09, section B7). Source of the rules: spec 04, section 5.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from typing import Final

from gpu.errors import ShapeMismatch
from reference.definition.columns import MIN_TRACE_ROWS
from reference.definition.lengths import Lengths

HASHER_ROWS: Final = 8
"""Rows of one permutation."""
BITWISE_ROWS: Final = 8
"""Rows of one bitwise operation."""
EMPTY_RANGE_ROWS: Final = 39
"""Rows of the range table when nothing was checked: 0, 36 bridges, 65535, and 65535 once more."""


@dataclass(frozen=True, slots=True)
class ShardCounts:
    """How much one shard holds; known from its recording, before anything is generated. All are numbers of rows or entries."""

    fragments: int
    first_row: int
    """Core row of the shard's first operation; the shard's core rows are ``first_row .. end_row - 1``."""
    end_row: int
    hasher_rows: int
    bitwise_operations: int
    accesses: int
    ace_rows: int
    growth: int = 0
    """Most continuations that a fragment adds to those of its header; known once the shard was replayed."""
    permutations: int = 0
    """Recorded ones: of HPERM, LOGPRECOMPILE and Merkle paths."""

    @staticmethod
    def of(counts: Mapping[str, int], growth: int) -> ShardCounts:
        """From a raw state's counts."""
        return ShardCounts(
            fragments=counts["fragments"],
            first_row=counts["first_row"],
            end_row=counts["end_row"],
            hasher_rows=counts["hasher_rows"],
            bitwise_operations=counts["bitwise"],
            accesses=counts["accesses"],
            ace_rows=counts["ace_rows"],
            growth=growth,
            permutations=counts["permutations"],
        )

    @property
    def core_rows(self) -> int:
        """Rows that the shard executes."""
        return self.end_row - self.first_row


@dataclass(frozen=True, slots=True)
class Extent:
    """One shard's place in the sealed trace. Rows are rows of the whole trace unless said otherwise."""

    fragments: int
    first_row: int
    """The shard's core rows are ``first_row .. end_row - 1``."""
    end_row: int
    core_rows: int
    """N, of the whole program."""
    range_rows: int
    """R, of the whole program."""
    rows: int
    """L, a power of two."""
    hasher_first: int
    """The shard's first hasher row; a multiple of 8."""
    hasher_rows: int
    """Of this shard; a multiple of 8."""
    bitwise_first: int
    bitwise_rows: int
    """Of this shard; a multiple of 8."""
    memory_first: int
    """First row of the whole memory section; the shard's rows in it are given by the runs of the plan."""
    memory_rows: int
    """Of this shard: its accesses."""
    ace_first: int
    ace_rows: int
    """Of this shard."""
    kernel_first: int
    kernel_rows: int
    """Of the whole program; the last shard writes them."""
    padding_first: int
    """First row after all chiplet sections."""
    hasher_total: int
    """Hasher rows of the whole program."""
    is_first: bool
    is_last: bool
    growth: int = 0
    """Most continuations that a fragment adds to those of its header; known from the side-effect replay."""
    permutations: int = 0
    """Recorded permutations of this shard; the hasher's scratch is proportional to them."""

    @property
    def shard_rows(self) -> int:
        """Core rows of this shard."""
        return self.end_row - self.first_row

    @property
    def range_first(self) -> int:
        """First row of the range table, which ends on row L - 2."""
        return self.rows - 1 - self.range_rows


def trace_rows(longest: int) -> int:
    """L: the power of two that holds the longest segment and the random row; at least 64 (spec 04, section 5)."""
    return max(MIN_TRACE_ROWS, 1 << longest.bit_length())


@dataclass(frozen=True, slots=True)
class Sections:
    """First rows of the chiplet sections after the hasher's, for the whole program."""

    bitwise: int
    memory: int
    ace: int
    kernel: int
    padding: int


def sections(shards: Sequence[ShardCounts], kernel_rows: int) -> Sections:
    """Section starts of a program, from the counts of all its shards."""
    bitwise = sum(shard.hasher_rows for shard in shards)
    memory = bitwise + BITWISE_ROWS * sum(shard.bitwise_operations for shard in shards)
    ace = memory + sum(shard.accesses for shard in shards)
    kernel = ace + sum(shard.ace_rows for shard in shards)
    return Sections(bitwise, memory, ace, kernel, kernel + kernel_rows)


def extents(shards: Sequence[ShardCounts], *, kernel_rows: int, range_rows: int) -> tuple[Extent, ...]:
    """The extents of all shards of a program, in order.

    ``kernel_rows``: procedures of the kernel plus SYSCALLs of the whole program; ``range_rows``: rows of the range table
    that the counts of all shards together give. Raises ShapeMismatch when the shards leave a gap between their rows, or a
    section is not made of whole requests.
    """
    _check_chain(shards)
    starts = sections(shards, kernel_rows)
    core_rows = shards[-1].end_row
    rows = trace_rows(max(core_rows, starts.padding + 1, range_rows))
    hasher = _bases(0, [shard.hasher_rows for shard in shards])
    bitwise = _bases(starts.bitwise, [BITWISE_ROWS * shard.bitwise_operations for shard in shards])
    ace = _bases(starts.ace, [shard.ace_rows for shard in shards])
    return tuple(
        Extent(
            fragments=shard.fragments,
            first_row=shard.first_row,
            end_row=shard.end_row,
            core_rows=core_rows,
            range_rows=range_rows,
            rows=rows,
            hasher_first=hasher[index],
            hasher_rows=shard.hasher_rows,
            bitwise_first=bitwise[index],
            bitwise_rows=BITWISE_ROWS * shard.bitwise_operations,
            memory_first=starts.memory,
            memory_rows=shard.accesses,
            ace_first=ace[index],
            ace_rows=shard.ace_rows,
            kernel_first=starts.kernel,
            kernel_rows=kernel_rows,
            padding_first=starts.padding,
            hasher_total=starts.bitwise,
            is_first=index == 0,
            is_last=index == len(shards) - 1,
            growth=shard.growth,
            permutations=shard.permutations,
        )
        for index, shard in enumerate(shards)
    )


def provisional(shard: ShardCounts, procedures: int) -> Extent:
    """Where a shard's rows would stand if it were the program and nothing had been counted: what an assignment has."""
    alone = replace(shard, first_row=0, end_row=shard.core_rows)
    (extent,) = extents([alone], kernel_rows=procedures, range_rows=EMPTY_RANGE_ROWS)
    return replace(extent, first_row=shard.first_row, end_row=shard.end_row)


def lengths(extent: Extent) -> Lengths:
    """The program's lengths as the real VM counts them: ACE rows belong to memory, one padding row to the chiplets."""
    return Lengths(
        rows=extent.rows,
        core=extent.core_rows,
        range=extent.range_rows,
        chiplets=extent.padding_first + 1,
        hasher=extent.hasher_total,
        bitwise=extent.memory_first - extent.hasher_total,
        memory=extent.kernel_first - extent.memory_first,
        kernel_rom=extent.kernel_rows,
    )


def _bases(first: int, sizes: Sequence[int]) -> list[int]:
    return list(accumulate(sizes, initial=first))


def _check_chain(shards: Sequence[ShardCounts]) -> None:
    if not shards:
        raise ShapeMismatch("a program has at least one shard")
    if shards[0].first_row != 0:
        raise ShapeMismatch(f"the first shard begins on row {shards[0].first_row}, not on row 0")
    for index, (before, after) in enumerate(pairwise(shards)):
        if before.end_row != after.first_row:
            raise ShapeMismatch(
                f"shard {index} ends before row {before.end_row}, shard {index + 1} begins on row {after.first_row}"
            )
    for index, shard in enumerate(shards):
        if shard.core_rows < 1 or shard.hasher_rows % HASHER_ROWS:
            raise ShapeMismatch(f"shard {index} has {shard.core_rows} core rows and {shard.hasher_rows} hasher rows")
