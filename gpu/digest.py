"""Digests of regenerated columns, and the check that every cell was written.

The digest of a column is the sum of its cells times rho^(column * L + row), for two fixed rho: exact in the field, so it does
not depend on the order of summation, and additive over disjoint tiles, so the digest of a trace is the sum over its chips
(spec 09, B8, INV-06, INV-09, INV-17).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from gpu.chips import Cells, Tile
from gpu.device import Buffer, Device, Lane, Tag
from gpu.errors import ShapeMismatch
from reference.definition.columns import WIDTH
from reference.definition.field import P

RHOS: Final = (0x9E3779B97F4A7C15, 0xD1B54A32D192ED04)
"""Two generators of the multiplicative group: the weights of 2^36 cells are all different."""

POISON: Final = 2**64 - 1
"""What a cell holds before it is written; no field element."""

MAX_LENGTH: Final = 2**29
"""Rows of the longest trace that the weights are meant for: 72 columns of them are below 2^36 cells."""

DIGEST_SCRATCH: Final = 8 * len(RHOS) * WIDTH * 2
"""Bytes of SCRATCH that a digest takes while it runs, whatever the tiles."""

CHECK_SCRATCH: Final = 16
"""Bytes of SCRATCH that a check takes while it runs."""

_ROWS_PER_THREAD: Final = 64
"""At least: a thread pays for a power of rho, about fifty products, and for one product per row."""

_MOST_STRANDS: Final = 4096
"""Threads per column at most: 20 columns of them are more than a device runs at once."""

Digest = tuple[int, int]
"""A field element for each rho."""


def _sum(left: Digest, right: Digest) -> Digest:
    return (left[0] + right[0]) % P, (left[1] + right[1]) % P


@dataclass(frozen=True)
class ColumnDigests:
    """Digests by trace column; a column without cells is absent."""

    columns: Mapping[int, Digest]

    @property
    def total(self) -> Digest:
        """Digest of all columns together."""
        total = (0, 0)
        for digest in self.columns.values():
            total = _sum(total, digest)
        return total

    @property
    def text(self) -> str:
        """The total as 32 hexadecimal digits."""
        return "".join(f"{part:016x}" for part in self.total)

    def __add__(self, other: ColumnDigests) -> ColumnDigests:
        """Digests of the cells of both; no cell may be in both."""
        columns = dict(self.columns)
        for column, digest in other.columns.items():
            columns[column] = _sum(columns.get(column, (0, 0)), digest)
        return ColumnDigests(columns)


@dataclass(frozen=True, slots=True)
class Bad:
    """Cells of a chip that hold no canonical field element."""

    count: int
    """Of all tiles."""
    tile: Tile
    """The first tile with such a cell."""
    row: int
    """Row within the tile of the first one."""
    column: int
    """Trace column of the first one."""


def digest(
    device: Device, lane: Lane, cells: Sequence[Cells], length: int, runs: Mapping[str, Buffer] | None = None
) -> ColumnDigests:
    """Digests of the columns of disjoint tiles of a trace of ``length`` rows.

    ``runs``: the plan's arrays run_start and run_base, for tiles whose rows stand in runs. Raises ShapeMismatch for a trace
    that is too long, and for a tile in runs without them.
    """
    if length > MAX_LENGTH:
        raise ShapeMismatch(f"digests are made for at most {MAX_LENGTH} rows, not {length}")
    written = [each for each in cells if each.buffer is not None]
    sums = device.full(Tag.SCRATCH, "digest sums", (len(RHOS), WIDTH, 2), np.uint64, 0)
    try:
        for each in written:
            if each.tile.runs:
                _digest_runs(device, lane, each, length, runs, sums)
            else:
                _digest_rows(device, lane, each, length, sums)
        lane.finish()
        halves = device.download(sums)
    finally:
        sums.free()
    columns = sorted({column for each in written for column in _columns(each.tile)})
    return ColumnDigests({column: _joined(halves[:, column]) for column in columns})


def poison(device: Device, lane: Lane, cells: Sequence[Cells]) -> None:
    """Fill the memory of tiles, the gaps between their columns included, with what is no field element."""
    for each in cells:
        if each.buffer is not None:
            device.launch("fill", each.buffer.size, each.buffer, each.buffer.size, POISON, lane=lane)


def check_cells(device: Device, lane: Lane, cells: Sequence[Cells]) -> Bad | None:
    """The cells that were not written or are not below p; None when there are none."""
    total, first = 0, None
    for each in cells:
        if each.buffer is None:
            continue
        tile = each.tile
        found = device.upload(Tag.SCRATCH, "bad cells", np.array([0, 2**64 - 1], np.uint64))
        try:
            device.launch("check_cells", tile.rows, each.buffer, each.ld, tile.rows, tile.columns, found, lane=lane)
            lane.finish()
            count, index = device.download(found).tolist()
        finally:
            found.free()
        if count and first is None:
            first = tile, index // tile.columns, tile.first_column + index % tile.columns
        total += count
    return None if first is None else Bad(total, *first)


def host_digest(columns: NDArray[np.uint64]) -> ColumnDigests:
    """Digests of a whole trace, (72, L) uint64, in Python integers: the measure for both devices; 150 ns per cell and rho."""
    length = columns.shape[1]
    found: dict[int, Digest] = {}
    for index, cells in enumerate(columns.tolist()):
        sums = []
        for rho in RHOS:
            total = 0
            for cell in reversed(cells):
                total = (total * rho + cell) % P
            sums.append(total * pow(rho, index * length, P) % P)
        found[index] = sums[0], sums[1]
    return ColumnDigests(found)


def _columns(tile: Tile) -> range:
    return range(tile.first_column, tile.first_column + tile.columns)


def _joined(halves: NDArray[Any]) -> Digest:
    """(2, 2): per rho the sums of low and high halves."""
    first, second = ((low + (high << 32)) % P for low, high in halves.tolist())
    return first, second


def _digest_rows(device: Device, lane: Lane, cells: Cells, length: int, sums: Buffer) -> None:
    tile = cells.tile
    strands = max(1, min(_MOST_STRANDS, tile.rows // _ROWS_PER_THREAD))
    steps = (pow(rho, strands, P) for rho in RHOS)
    device.launch(
        "digest_rows", tile.columns * strands, cells.buffer, cells.ld, tile.rows, tile.columns, tile.first_column,
        tile.first_row, length, strands, *RHOS, *steps, sums, WIDTH, lane=lane,
    )  # fmt: skip


def _digest_runs(
    device: Device, lane: Lane, cells: Cells, length: int, runs: Mapping[str, Buffer] | None, sums: Buffer
) -> None:
    tile = cells.tile
    if runs is None:
        raise ShapeMismatch(f"the tile at row {tile.first_row} stands in runs, and the plan's runs are missing")
    start = runs["run_start"]
    chunks = -(-tile.rows // _ROWS_PER_THREAD)
    device.launch(
        "digest_runs", tile.columns * chunks, cells.buffer, cells.ld, tile.rows, tile.columns, tile.first_column,
        tile.first_row, start, runs["run_base"], start.size, length, _ROWS_PER_THREAD, *RHOS, sums, WIDTH, lane=lane,
    )  # fmt: skip
