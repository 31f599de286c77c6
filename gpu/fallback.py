"""A chip made on the host and sent to the device: what remains when a device cannot make it, and a second opinion on it.

The chip's kernels run through the host shim on copies of the raw state and the plan. A fallback is never silent: each
generation leaves an event, and its digest is compared like any other's (spec 09, INV-24).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager

import numpy as np

from gpu.chips import Cells, Chip, Generation, Tile, allocate, drop
from gpu.device import Buffer, Device, Tag
from gpu.layout import Extent
from gpu.regeneration import ReplaySides


class HostFallback:
    """Another chip, generated on ``host``; ``events`` gets a line for every generation."""

    def __init__(self, chip: Chip, host: Device, events: list[str]) -> None:
        self.chip = chip
        self.host = host
        self.events = events

    @property
    def name(self) -> str:
        """The chip's."""
        return self.chip.name

    def tiles(self, extent: Extent) -> tuple[Tile, ...]:
        """The chip's."""
        return self.chip.tiles(extent)

    def extra_bytes(self, extent: Extent, device: Device) -> Mapping[Tag, int]:
        """Nothing on the device."""
        del extent, device
        return {}

    def generate(self, g: Generation, cells: Sequence[Cells]) -> None:
        """Generates on the host, then writes the cells and the error word of the device."""
        self.events.append(f"fallback {self.name}")
        g.lane.finish()
        with self._copies(g) as there:
            made = allocate(self.chip, g.extent, self.host)
            try:
                self.chip.generate(there, made)
                there.lane.finish()
                for source, target in zip(made, cells, strict=True):
                    self._send(g.device, source, target)
            finally:
                drop(made)
            g.device.write(g.error, self.host.download(there.error))

    def _send(self, device: Device, source: Cells, target: Cells) -> None:
        if source.buffer is None or target.buffer is None:
            return
        rows = source.tile.rows
        # Gaps between the columns keep what they hold.
        laid_out = device.download(target.buffer).reshape(target.tile.columns, target.ld)
        laid_out[:, :rows] = self.host.download(source.buffer).reshape(source.tile.columns, source.ld)[:, :rows]
        device.write(target.buffer, laid_out.reshape(target.buffer.shape))

    @contextmanager
    def _copies(self, g: Generation) -> Iterator[Generation]:
        """The same inputs on the host, for the time of a block."""
        with ExitStack() as stack:

            def copied(tag: Tag, buffers: Mapping[str, Buffer]) -> dict[str, Buffer]:
                copies = {}
                for name, buffer in buffers.items():
                    copies[name] = self.host.upload(tag, name, np.ascontiguousarray(g.device.download(buffer)))
                    stack.callback(copies[name].free)
                return copies

            (error,) = copied(Tag.SIDE, {"error": g.error}).values()
            yield Generation(
                self.host, self.host.lane(g.lane.index), copied(Tag.RAW, g.raw), copied(Tag.RAW, g.tables),
                copied(Tag.PLAN, g.plan), ReplaySides(), g.extent, error, g.counts,
            )  # fmt: skip
