"""Times on a device: of a piece of work, of every kernel in it, and of the copy that both are compared with.

Medians of several rounds, after one that is not counted. On a CUDA device the device's own events are the clock, and while
single kernels are timed something is kept running in front of each, so that the host's part of a launch is not counted as the
kernel's.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from gpu.device import Buffer, Device, Lane, Mark, Tag

STALL_WORDS: Final = 2_048
"""Words that one thread hashes in front of a timed kernel. At 200 cycles each, which is an estimate, that is 0.2 ms: longer
than the host takes for any launch."""


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds of several rounds."""

    median: float
    least: float
    most: float
    rounds: int

    @staticmethod
    def of(seconds: list[float]) -> Times:
        """Of the single rounds; raises ValueError for none."""
        if not seconds:
            raise ValueError("no round was timed")
        return Times(statistics.median(seconds), min(seconds), max(seconds), len(seconds))


def timed(device: Device, lane: Lane, rounds: int, work: Callable[[], object]) -> Times:
    """Work that is launched on the lane, and what the host does in between; one round more is run first and not counted."""
    work()
    lane.finish()
    found = []
    for _ in range(rounds):
        first = device.mark(lane)
        work()
        found.append(device.seconds(first, device.mark(lane)))
    return Times.of(found)


def copied(device: Device, lane: Lane, buffers: list[Buffer], rounds: int) -> Times:
    """Copying the contents of these buffers on the device, each to another one of its size."""
    targets: list[Buffer] = []
    try:
        for buffer in buffers:
            targets.append(device.empty(Tag.SCRATCH, f"copy of {buffer.name}", buffer.size, buffer.dtype))

        def copy_all() -> None:
            for source, target in zip(buffers, targets, strict=True):
                device.copy_to(source, target, lane)

        return timed(device, lane, rounds, copy_all)
    finally:
        for target in targets:
            target.free()


class KernelClock:
    """Times every launch while it is entered; ``seconds`` holds one value per launch, by kernel."""

    def __init__(self, device: Device) -> None:
        self.device = device
        self.launches: list[tuple[str, Mark, Mark]] = []
        self._stalls = device.name == "cuda"
        self._words: Buffer | None = None
        self._sums: Buffer | None = None
        self._stalling = False

    def __enter__(self) -> KernelClock:
        if self._stalls:
            self._words = self.device.full(Tag.SCRATCH, "stall", STALL_WORDS, np.uint64, 1)
            self._sums = self.device.full(Tag.SCRATCH, "stall sums", 2, np.uint64, 0)
        self.device.watch = self._watch
        return self

    def __exit__(self, *_: object) -> None:
        self.device.watch = None
        for buffer in (self._words, self._sums):
            if buffer is not None:
                buffer.free()

    def _watch(self, kernel: str, lane: Lane | None, start: Callable[[], None]) -> None:
        if self._stalling:
            start()
            return
        if self._words is not None:
            self._stall(lane)
        first = self.device.mark(lane)
        start()
        self.launches.append((kernel, first, self.device.mark(lane)))

    def _stall(self, lane: Lane | None) -> None:
        self._stalling = True
        try:
            self.device.launch("fingerprint_u64", 1, self._words, STALL_WORDS, 1, 1, self._sums, lane=lane)
        finally:
            self._stalling = False

    def take(self) -> dict[str, list[float]]:
        """Seconds of every launch so far, by kernel in the order of their first launch; forgets them."""
        found: dict[str, list[float]] = {}
        for kernel, first, last in self.launches:
            found.setdefault(kernel, []).append(self.device.seconds(first, last))
        self.launches.clear()
        return found


def kernel_times(device: Device, lane: Lane, rounds: int, work: Callable[[], Any]) -> dict[str, Times]:
    """Seconds per round that each kernel of the work takes, all its launches together; one round more is not counted."""
    work()
    lane.finish()
    found: dict[str, list[float]] = {}
    with KernelClock(device) as clock:
        for _ in range(rounds):
            work()
            for kernel, seconds in clock.take().items():
                found.setdefault(kernel, []).append(sum(seconds))
    return {kernel: Times.of(seconds) for kernel, seconds in found.items()}
