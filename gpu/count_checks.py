"""Invariants of what was counted, against what the recording says without any kernel (spec 09, B6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gpu.errors import CapacityExceeded, InvariantBroken
from gpu.invariants import demand
from gpu.layout import HASHER_ROWS
from gpu.runs import SortedAccesses, delta_counts
from gpu.sides import REQUEST, RESPONSE, VALUES, Label, Sides, imbalances
from reference.definition.isa import BY_OPCODE, opcode

LIMBS_OF_U32: Final = 4
"""Range lookups of a row whose operation is range checked."""
LIMBS_OF_ACCESS: Final = 2
"""Range lookups of a memory row."""
LARGEST_STRIDE: Final = 2187


@dataclass(frozen=True)
class Recorded:
    """What the recording says of one shard, or of all added up, without any kernel: entries and rows."""

    core_rows: int
    hasher_rows: int
    bitwise: int
    accesses: int
    circuits: int

    @staticmethod
    def of(counts: Mapping[str, int]) -> Recorded:
        """From a raw state's counts."""
        return Recorded(
            counts["end_row"] - counts["first_row"], counts["hasher_rows"], counts["bitwise"], counts["accesses"],
            counts["circuits"],
        )  # fmt: skip

    def __add__(self, other: Recorded) -> Recorded:
        return Recorded(
            self.core_rows + other.core_rows, self.hasher_rows + other.hasher_rows, self.bitwise + other.bitwise,
            self.accesses + other.accesses, self.circuits + other.circuits,
        )  # fmt: skip


def check_multiplicities(sides: Sides, recorded: Recorded, column_sum: int | None = None) -> None:
    """INV-12, of all shards together. ``column_sum``: of the trace's multiplicity column."""
    expected = LIMBS_OF_U32 * sides.u32_operations + LIMBS_OF_ACCESS * recorded.accesses
    demand(
        sides.lookups == expected,
        "INV-12",
        f"{sides.lookups} lookups; {sides.u32_operations} range-checked rows and {recorded.accesses} accesses make {expected}",
    )
    if column_sum is not None:
        demand(column_sum == expected, "INV-12", f"the multiplicity column adds up to {column_sum}, not {expected}")


def check_memory_counts(before: Sides, after: Sides, shards: Sequence[SortedAccesses]) -> None:
    """INV-12, memory's part: what counting the memory rows added is what the host finds in the sorted accesses.

    ``before`` and ``after``: side effects of all shards without and with the memory rows.
    """
    added = after.hist - before.hist
    expected = delta_counts(shards)
    wrong = np.flatnonzero(added != expected)
    if len(wrong):
        value = int(wrong[0])
        raise InvariantBroken(
            "INV-12", f"value {value} was counted {int(added[value])} times in memory rows, not {int(expected[value])}"
        )


def check_operations(sides: Sides, opcodes: NDArray[np.int64], recorded: Recorded) -> None:
    """INV-12: what the replay counted is what the decoder's columns show. ``opcodes``: of every core row."""
    codes = [code for code, info in BY_OPCODE.items() if info.shift_class == "u32"]
    checked = int(np.isin(opcodes, codes).sum())
    demand(
        checked == sides.u32_operations,
        "INV-12",
        f"{sides.u32_operations} range-checked rows were counted, the decoder shows {checked}",
    )
    bitwise = int(((opcodes == opcode("U32AND")) | (opcodes == opcode("U32XOR"))).sum())
    demand(
        bitwise == recorded.bitwise,
        "INV-16",
        f"{recorded.bitwise} bitwise requests, the decoder shows {bitwise} operations",
    )
    calls, shown = int(sides.kernel_calls.sum()), int((opcodes == opcode("SYSCALL")).sum())
    demand(calls == shown, "INV-14", f"{calls} kernel calls were counted, the decoder shows {shown}")


def bridges(gap: int) -> int:
    """Rows between two neighbouring values of the range table (spec 10, section 11)."""
    if gap == 0:
        return 0
    digits, rest = 0, gap % LARGEST_STRIDE
    while rest:
        digits, rest = digits + rest % 3, rest // 3
    return gap // LARGEST_STRIDE + digits - 1


def closed_range_rows(hist: NDArray[np.uint64]) -> int:
    """R by the closed formula: present values, 0 and 65535, each with the bridges from the one before, and 65535 once more."""
    present = hist > 0
    present[[0, VALUES - 1]] = True
    values = np.flatnonzero(present)
    return 1 + sum(1 + bridges(int(gap)) for gap in np.diff(values, prepend=0))


def check_range_rows(rows: int, hist: NDArray[np.uint64]) -> None:
    """INV-13."""
    expected = closed_range_rows(hist)
    demand(rows == expected, "INV-13", f"the range table has {rows} rows, the closed formula says {expected}")


def check_buses(sides: Sides, *, digests_hold: bool = True) -> None:
    """INV-14, of all shards together.

    A file may store digests that are not its nodes' hashes, and they are trusted (spec 02): then ``digests_hold`` is false,
    and what END asks of the hasher is compared in number alone.
    """
    for wrong in imbalances(sides):
        if digests_hold or wrong.label != Label.HASH_OUT.name or wrong.requests != wrong.responses:
            raise InvariantBroken(
                "INV-14",
                f"bus {wrong.label}: {wrong.requests} requests, {wrong.responses} responses, "
                f"fingerprints differ by {wrong.fingerprint_difference:016x}",
            )


def check_cursors(offsets: Mapping[str, tuple[int, int]], counts: Mapping[str, int]) -> None:
    """INV-16: by queue, the first header's offset is 0 and the last one's the number of entries."""
    for name, (first, last) in offsets.items():
        demand(
            first == 0 and last == counts[name],
            "INV-16",
            f"queue {name} is read from entry {first} to {last}; it has {counts[name]}",
        )


def check_capacities(sides: Sides, recorded: Recorded) -> None:
    """INV-19, of one shard: no counter is above what the recorded rows and entries can make. Raises CapacityExceeded."""
    for label in Label:
        for side, word in ((REQUEST, "requests"), (RESPONSE, "responses")):
            counted, capacity = int(sides.bus[side, label, 0]), _capacity(label, side, recorded)
            if counted > capacity:
                raise CapacityExceeded(f"bus {label.name}: {counted} {word}, capacity {capacity}")
    lookups = LIMBS_OF_U32 * recorded.core_rows + LIMBS_OF_ACCESS * recorded.accesses
    if sides.lookups > lookups or sides.u32_operations > recorded.core_rows:
        raise CapacityExceeded(
            f"{sides.lookups} lookups of {sides.u32_operations} range-checked rows; {recorded.core_rows} rows and "
            f"{recorded.accesses} accesses make at most {lookups}"
        )


def _capacity(label: Label, side: int, recorded: Recorded) -> int:
    """Most messages of a label that a shard can send."""
    permutations = recorded.hasher_rows // HASHER_ROWS
    if label in (Label.HASH_OUT, Label.ABSORB) and side == REQUEST:
        # RESPAN and END ask for what a row of an earlier shard may have hashed; MRUPDATE asks twice.
        return 2 * recorded.core_rows
    of_label = {
        Label.HASH_IN: permutations,
        Label.ABSORB: permutations,
        Label.HASH_OUT: permutations,
        Label.STATE_OUT: permutations,
        Label.MERKLE_IN: permutations,
        Label.BITWISE: recorded.bitwise,
        Label.MEMORY: recorded.accesses,
        Label.ACE: recorded.circuits,
    }
    # What no section bounds happens at most twice a row.
    return of_label.get(label, 2 * recorded.core_rows)
