"""Chips of recorded traces: the cells of a trace of the real VM, cut into tiles as the engine cuts them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from gpu.arena import Tag
from gpu.chips import Cells, Tile
from gpu.columns import Columns
from gpu.device import Buffer, Device
from gpu.layout import Extent

DATA = Path(__file__).parent.parent / "data" / "chiplets"
LENGTHS: dict[str, dict[str, int]] = {
    record["name"]: record["lengths"]
    for record in map(json.loads, (DATA / "records.jsonl").read_text().splitlines())
    if record["lengths"]
}


def recorded(name: str) -> np.ndarray:
    """A recorded trace (72, L)."""
    with np.load(DATA / f"{name}.npz") as archive:
        trace: np.ndarray = archive["trace"]
    return trace


def extent_of(name: str) -> Extent:
    """Sections of a recorded trace without circuits."""
    lengths: dict[str, Any] = LENGTHS[name]
    bitwise = lengths["hasher"]
    memory = bitwise + lengths["bitwise"]
    kernel = memory + lengths["memory"]
    return Extent(
        fragments=1,
        first_row=0,
        end_row=lengths["core"],
        core_rows=lengths["core"],
        range_rows=lengths["range"],
        rows=lengths["rows"],
        hasher_first=0,
        hasher_rows=lengths["hasher"],
        bitwise_first=bitwise,
        bitwise_rows=lengths["bitwise"],
        memory_first=memory,
        memory_rows=lengths["memory"],
        ace_first=kernel,
        ace_rows=0,
        kernel_first=kernel,
        kernel_rows=lengths["kernel_rom"],
        padding_first=lengths["chiplets"] - 1,
        hasher_total=lengths["hasher"],
        is_first=True,
        is_last=True,
    )


def tiles_of(extent: Extent) -> dict[str, tuple[Tile, ...]]:
    """Tiles by chip; together they are the trace."""
    core, last = extent.core_rows, extent.rows - 1
    return {
        "sys": (Tile(0, 6, 0, core),),
        "dec": (Tile(6, 24, 0, core),),
        "stk": (Tile(30, 19, 0, core + 1),),
        "rng": (Tile(49, 2, last - extent.range_rows, extent.range_rows),),
        "hsh": (Tile(51, 20, 0, extent.hasher_rows),),
        "bit": (Tile(51, 20, extent.bitwise_first, extent.bitwise_rows),),
        "mem": (Tile(51, 20, extent.memory_first, extent.memory_rows, runs=True),),
        "ace": (Tile(51, 20, extent.ace_first, 0),),
        "krm": (Tile(51, 20, extent.kernel_first, extent.kernel_rows),),
        "pad": (
            Tile(0, 30, core, last - core),
            Tile(30, 19, core + 1, last - core - 1),
            Tile(49, 2, 0, last - extent.range_rows),
            Tile(51, 20, extent.padding_first, last - extent.padding_first),
            Tile(71, 1, 0, last),
            Tile(0, 72, last, 1),
        ),
    }


def upload_cells(device: Device, trace: np.ndarray, tile: Tile, rows: Sequence[int] | None = None) -> Cells:
    """A tile of the trace on the device; the rows past its end hold a value that is no field element."""
    if not tile.rows:
        return Cells(tile, None, 0)
    ld = tile.rows + 3
    held = np.full((tile.columns, ld), 2**64 - 1, np.uint64)
    taken = trace[tile.first_column : tile.first_column + tile.columns]
    wanted = range(tile.first_row, tile.first_row + tile.rows) if rows is None else rows
    held[:, : tile.rows] = taken[:, list(wanted)]
    return Cells(tile, device.upload(Tag.TRACE, "tile", held.reshape(-1)), ld)


def one_run(device: Device) -> dict[str, Buffer]:
    """The runs of a program in one shard."""
    return upload_runs(device, [0], [0], [0], [0], [1])


def upload_runs(
    device: Device,
    start: Sequence[int],
    base: Sequence[int],
    key: Sequence[int],
    clk: Sequence[int],
    first: Sequence[int],
) -> dict[str, Buffer]:
    """Runs of the memory section as PLAN arrays."""
    dtypes = {"start": "u4", "base": "u8", "key": "u8", "clk": "u4", "first": "u1"}
    values = dict(zip(dtypes, (start, base, key, clk, first), strict=True))
    return {
        f"run_{name}": device.upload(Tag.PLAN, f"run_{name}", np.array(values[name], dtype))
        for name, dtype in dtypes.items()
    }


@contextmanager
def chip_columns(
    device: Device, name: str, chip: str, trace: np.ndarray, plan: dict[str, Buffer] | None = None
) -> Iterator[Columns]:
    """One chip of a recorded trace while it lives."""
    extent = extent_of(name)
    runs = one_run(device) if plan is None else plan
    cells = [upload_cells(device, trace, tile) for tile in tiles_of(extent)[chip]]
    columns = Columns(device, chip, extent, cells, runs)
    try:
        yield columns
    finally:
        columns.close()
        for buffer in [*(cell.buffer for cell in cells if cell.buffer), *runs.values()]:
            buffer.free()
