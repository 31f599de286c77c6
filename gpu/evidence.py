"""What a walk has seen of its shards, and the checks that concern all of them together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gpu.cell_checks import check_opened, check_whole
from gpu.collecting import TraceCollector
from gpu.count_checks import (
    Recorded,
    check_buses,
    check_memory_counts,
    check_multiplicities,
    check_operations,
    check_range_rows,
)
from gpu.digest import ColumnDigests
from gpu.errors import InvariantBroken
from gpu.layout import Extent
from gpu.opening import Opened, join
from gpu.proof import ColumnSums, Findings
from gpu.raw import RawState
from gpu.runs import SortedAccesses
from gpu.shards import (
    MemoryRecords,
    check_boundaries,
    check_memory,
    check_overflow,
    external_reads,
    external_writes,
    overflow_balance,
)
from gpu.sides import Sides, total
from reference.definition.columns import COLUMN
from reference.definition.isa import OPCODE_BITS

HOST_DIGEST_ROWS: Final = 1 << 14
"""Traces up to this length are also digested in Python, 22 microseconds a row (INV-17)."""


@dataclass
class Evidence:
    """One entry per shard in every list; ``checked`` counts the checks of each invariant."""

    raws: list[RawState]
    extents: list[Extent] = field(default_factory=list)
    core_sides: list[Sides] = field(default_factory=list)
    """Before the memory rows were counted."""
    sides: list[Sides] = field(default_factory=list)
    """As sealed."""
    accesses: list[SortedAccesses] = field(default_factory=list)
    writes: list[MemoryRecords] = field(default_factory=list)
    digests: list[Mapping[str, ColumnDigests]] = field(default_factory=list)
    opened: list[list[Opened]] = field(default_factory=list)
    """Per round of openings."""
    findings: Findings = field(default_factory=Findings)
    sums: ColumnSums = field(default_factory=ColumnSums)
    collector: TraceCollector = field(default_factory=TraceCollector)
    checked: Counter[str] = field(default_factory=Counter)

    @property
    def recorded(self) -> Recorded:
        """What the recording says of all shards together."""
        first, *others = [Recorded.of(raw.counts) for raw in self.raws]
        for other in others:
            first = first + other
        return first

    def chips(self) -> dict[str, ColumnDigests]:
        """Digests of every chip over all shards."""
        whole = dict(self.digests[0])
        for digests in self.digests[1:]:
            whole = {name: whole[name] + digests[name] for name in whole}
        return whole

    def leave(self, shard: int, order: NDArray[np.int64]) -> MemoryRecords:
        """The memory words that a shard leaves for later ones; ``order`` as the device sorted its accesses."""
        later = [other.arrays["acc_key"][: other.counts["accesses"]] for other in self.raws[shard + 1 :]]
        keys = np.unique(np.concatenate([np.empty(0, np.uint64), *later]))
        records = external_writes(self.raws[shard], order, keys)
        self.writes.append(records)
        return records

    def check_counts(self, planned: Sides | None, *, proven: bool, digests_hold: bool) -> None:
        """INV-12 to 15 over all shards. ``planned``: the totals that a survey laid the trace out for."""
        sides, core = total(self.sides), total(self.core_sides)
        if planned is not None and not np.array_equal(planned.hist, sides.hist):
            raise InvariantBroken("INV-12", "the shards' multiplicities are not those that the survey laid out")
        check_memory_counts(core, sides, self.accesses)
        check_multiplicities(sides, self.recorded, self.sums.sums["rng"]["range_m"] if proven else None)
        check_range_rows(self.extents[-1].range_rows, sides.hist)
        check_buses(sides, digests_hold=digests_hold)
        check_boundaries(self.raws)
        check_memory([external_reads(raw) for raw in self.raws], self.writes)
        check_overflow([overflow_balance(one) for one in self.sides])
        self.checked.update(("INV-12", "INV-13", "INV-14", "INV-15"))

    def check_operations(self) -> None:
        """INV-12, 14, 16: counts against the opcodes that the collected trace shows."""
        bits = COLUMN["dec_op_bit_0"]
        shown = self.collector.trace[bits : bits + OPCODE_BITS, : self.extents[-1].core_rows].astype(np.int64)
        opcodes: NDArray[np.int64] = (shown << np.arange(OPCODE_BITS)[:, None]).sum(axis=0)
        check_operations(total(self.sides), opcodes, self.recorded)

    def check_cells(self, trace: NDArray[np.uint64]) -> None:
        """INV-17 and 18 against a whole trace (72, L)."""
        if trace.shape[1] <= HOST_DIGEST_ROWS:
            whole = ColumnDigests({})
            for digests in self.chips().values():
                whole = whole + digests
            check_whole(trace, whole)
            self.checked["INV-17"] += 1
        for parts in self.opened:
            joined = join(parts)
            check_opened(joined.rows, joined.cells, trace)
            self.checked["INV-18"] += 1
