"""Fingerprint of the raw state, on the host and on a device: two 64-bit sums that see every bit of every array (INV-02).

An element's share is a hash of its array's number, its position and its value; shares are added modulo 2^64, so neither the
order of threads nor their number matters. It tells accidents apart, not forgeries: whoever can write the raw state can also
write its fingerprint.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from gpu.device import Buffer, Device, Lane, Tag

Fingerprint = tuple[int, int]

_MULTIPLIERS: Final = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))
_SHIFTS: Final = (np.uint64(30), np.uint64(27), np.uint64(31))
_STEP: Final = np.uint64(0x9E3779B97F4A7C15)
_START: Final = 0x452821E638D01377
_MASK: Final = 2**64 - 1
_CHUNK: Final = 2**16
"""Elements hashed at a time: the temporaries stay in the second cache level."""

THREADS: Final = 4096
"""Threads of a device's fingerprint kernel: each hashes every 4096th element and adds two words at the end."""


def _mix(h: NDArray[np.uint64], v: NDArray[np.uint64]) -> NDArray[np.uint64]:
    h = h ^ v
    h = (h ^ (h >> _SHIFTS[0])) * _MULTIPLIERS[0]
    h = (h ^ (h >> _SHIFTS[1])) * _MULTIPLIERS[1]
    return (h ^ (h >> _SHIFTS[2])) + _STEP


def _salt(number: int) -> int:
    return (_START + number * int(_STEP)) & _MASK


def fingerprint(arrays: Mapping[str, NDArray[Any]]) -> Fingerprint:
    """Of host arrays, uint8, uint32 or uint64 of any shape, numbered in the order of their names."""
    first = second = 0
    for number, name in enumerate(sorted(arrays)):
        flat = arrays[name].reshape(-1)
        salt = np.array([_salt(number)], np.uint64)
        for start in range(0, flat.size, _CHUNK):
            part = flat[start : start + _CHUNK].astype(np.uint64)
            positions = np.arange(start, start + part.size, dtype=np.uint64)
            hashes = _mix(_mix(salt, positions), part)
            first += int(hashes.sum(dtype=np.uint64))
            second += int(_mix(hashes, positions).sum(dtype=np.uint64))
    return first & _MASK, second & _MASK


def fingerprint_on(device: Device, buffers: Mapping[str, Buffer], lane: Lane | None = None) -> Fingerprint:
    """The same of a device's buffers."""
    sums = device.full(Tag.SCRATCH, "fingerprint", 2, np.uint64, 0)
    try:
        for number, name in enumerate(sorted(buffers)):
            buffer = buffers[name]
            if buffer.size:
                threads = min(THREADS, buffer.size)
                device.launch(
                    f"fingerprint_{buffer.type}", threads, buffer, buffer.size, _salt(number), threads, sums, lane=lane
                )
        if lane is not None:
            lane.finish()
        found = device.download(sums)
    finally:
        sums.free()
    return int(found[0]), int(found[1])
