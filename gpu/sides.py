"""Side effects of an assignment: what a replay counts instead of writes.

Multiplicities of the range table, messages on the buses between the core rows and the chiplets, calls of kernel procedures,
range-checked operations. All are sums, so neither the order of threads nor of chips shows in them, and the sums of several
shards add up to the whole program's (spec 09, sections A7 and B7).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gpu.device import Buffer, Device, Tag

VALUES: Final = 1 << 16
"""Entries of the range table's domain, one counter each."""


class Label(IntEnum):
    """Kinds of bus messages; the values are those of ``kernels/bus.cuh``."""

    HASH_IN = 0
    ABSORB = 1
    HASH_OUT = 2
    STATE_OUT = 3
    MERKLE_IN = 4
    BITWISE = 5
    MEMORY = 6
    KERNEL = 7
    ACE = 8
    OVERFLOW = 9
    BLOCK = 10
    CALL = 11


LABELS: Final = tuple(Label)
"""All labels, in the order of their values."""

REQUEST: Final = 0
"""Requests and pushes: first index of the bus array."""
RESPONSE: Final = 1
"""Responses and pops."""
BUS_SHAPE: Final = (2, len(Label), 2)
"""[request or response][label][count, wrapping fingerprint sum]."""

_WRAP: Final = (1 << 64) - 1


@dataclass(frozen=True)
class Sides:
    """Side effects of one shard, or of several added up: host copies.

    hist (65536,) uint64; bus (2, 12, 2) uint64; kernel_calls (k,) uint64; u32_operations: rows whose operation is range
    checked.
    """

    hist: NDArray[np.uint64]
    bus: NDArray[np.uint64]
    kernel_calls: NDArray[np.uint64]
    u32_operations: int

    @property
    def lookups(self) -> int:
        """Sum of all multiplicities."""
        return int(self.hist.sum())

    def multiplicity_digest(self) -> str:
        """16 hex digits over all multiplicities."""
        return hashlib.sha256(self.hist.astype("<u8").tobytes()).hexdigest()[:16]

    def same_as(self, other: Sides) -> bool:
        """Whether every counter is equal (INV-07)."""
        pairs = ((self.hist, other.hist), (self.bus, other.bus), (self.kernel_calls, other.kernel_calls))
        return self.u32_operations == other.u32_operations and all(np.array_equal(*pair) for pair in pairs)


def total(parts: Iterable[Sides]) -> Sides:
    """Side effects of several shards together; at least one."""
    first, *others = parts
    hist, bus, calls, operations = first.hist.copy(), first.bus.copy(), first.kernel_calls.copy(), first.u32_operations
    for other in others:
        hist += other.hist
        bus += other.bus
        calls += other.kernel_calls
        operations += other.u32_operations
    return Sides(hist, bus, calls, operations)


def side_shapes(procedures: int) -> dict[str, tuple[tuple[int, ...], str]]:
    """Shape and dtype of the side-effect buffers, for a kernel of so many procedures."""
    return {
        "hist": ((VALUES,), "u4"),
        "bus": (BUS_SHAPE, "u8"),
        "kcount": ((max(1, procedures),), "u4"),
        "u32ops": ((1,), "u8"),
    }


def side_bytes(procedures: int) -> int:
    """S of spec 09, B5, by its formula: counters of 16-bit values, of kernel procedures, of messages, of u32 operations."""
    return 4 * VALUES + 4 * max(1, procedures) + 32 * len(Label) + 8


def allocate(device: Device, procedures: int) -> dict[str, Buffer]:
    """Side-effect buffers, all zero (tag SIDE). Raises BudgetExceeded."""
    taken: dict[str, Buffer] = {}
    try:
        for name, (shape, dtype) in side_shapes(procedures).items():
            taken[name] = device.full(Tag.SIDE, name, shape, dtype, 0)
    except BaseException:
        for buffer in taken.values():
            buffer.free()
        raise
    return taken


def read(device: Device, buffers: Mapping[str, Buffer], procedures: int) -> Sides:
    """Host copies of the side-effect buffers."""
    wide = {name: device.download(buffer).astype(np.uint64) for name, buffer in buffers.items()}
    return Sides(wide["hist"], wide["bus"], wide["kcount"][:procedures], int(wide["u32ops"][0]))


@dataclass(frozen=True, slots=True)
class Imbalance:
    """A bus label whose requests and responses differ."""

    label: str
    requests: int
    responses: int
    fingerprint_difference: int
    """Sum of the requests' fingerprints minus that of the responses', modulo 2^64."""


def imbalances(sides: Sides) -> tuple[Imbalance, ...]:
    """Labels whose requests are not its responses, in count or in fingerprint (INV-14)."""
    found = []
    for label in Label:
        (requests, asked), (responses, answered) = sides.bus[:, label, :].tolist()
        if requests != responses or asked != answered:
            found.append(Imbalance(label.name, requests, responses, (asked - answered) & _WRAP))
    return tuple(found)
