"""The layout of a program in several shards, from a first look at each of them.

A shard cannot be sealed before all of them were counted: the sections' starts, the order of the memory section and the length
of the range table belong to the whole program. So each shard is uploaded, counted and released once, and only what it counted
is kept, on the host. One shard needs no survey (spec 09, B7).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from gpu.count_checks import closed_range_rows
from gpu.layout import Extent, ShardCounts, extents
from gpu.runs import Runs, SortedAccesses, delta_counts, merge
from gpu.session import Session
from gpu.sides import Sides, total


@dataclass(frozen=True)
class Survey:
    """What one shard counted."""

    counts: ShardCounts
    accesses: SortedAccesses
    sides: Sides
    """Of the core rows: the memory rows' neighbours were not known yet."""


@dataclass(frozen=True)
class ProgramLayout:
    """What sealing every shard takes."""

    runs: tuple[Runs, ...]
    totals: Sides
    """Side effects that all shards together must come to; on the buses only what the core rows say."""
    extents: tuple[Extent, ...]


def survey(session: Session) -> Survey:
    """Counts an uploaded shard. The session is to be released afterwards."""
    session.count()
    return Survey(session.shard_counts, session.sorted_accesses(), session.take_sides())


def kernel_rows(procedures: int, totals: Sides) -> int:
    """Rows of the kernel ROM: each procedure, and each of its calls."""
    return procedures + int(totals.kernel_calls.sum())


def layout_of(surveys: Sequence[Survey], procedures: int) -> ProgramLayout:
    """The program's layout; the limbs of the memory rows' deltas are counted on the host here, and on the devices later."""
    core = total([one.sides for one in surveys])
    accesses = [one.accesses for one in surveys]
    totals = replace(core, hist=core.hist + delta_counts(accesses))
    found = extents(
        [one.counts for one in surveys],
        kernel_rows=kernel_rows(procedures, totals),
        range_rows=closed_range_rows(totals.hist),
    )
    return ProgramLayout(merge(accesses), totals, found)
