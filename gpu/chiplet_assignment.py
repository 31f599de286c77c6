"""The steps of an assignment that concern the chiplets: what is sorted, counted, drawn and answered before a session is sealed.

Sorting and counting memory, the length of the range table, the draws of the last row, and what chiplets answer on the buses
(spec 09, B7).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from gpu.chiplet_chips import range_parts, run_arguments
from gpu.chips import Cells, Generation
from gpu.device import Buffer, Tag
from reference.definition.columns import WIDTH


def sort_memory(g: Generation) -> Buffer:
    """The PLAN array ``order``, uint32 (accesses,): positions of the shard's accesses by key, ties as they happened."""
    count = g.counts["accesses"]
    order = g.device.empty(Tag.PLAN, "order", count, np.uint32)
    if not count:
        return order
    try:
        keys = g.device.empty(Tag.SCRATCH, "memory keys", count, np.uint64)
        try:
            g.device.launch("mem_keys", count, g.raw["acc_key"], keys, count, lane=g.lane)
            g.device.argsort(keys, order, g.lane)
        finally:
            keys.free()
    except BaseException:
        order.free()
        raise
    return order


def count_memory(g: Generation) -> None:
    """Add both limbs of every delta to the range counters, and check the accesses: sorted, and each word as it was left.

    The plan holds ``order`` and the runs. What a word held before a run that continues it stands in another shard's recording
    and is not compared here.
    """
    count = g.counts["accesses"]
    if not count:
        return
    keys, clks = g.raw["acc_key"], g.raw["acc_clk"]
    order, runs = g.plan["order"], run_arguments(g)
    g.device.launch(
        "mem_check", count, order, keys, clks, g.raw["acc_kind"], g.raw["acc_word"], *runs, count, g.error, lane=g.lane
    )
    g.device.launch("mem_count", -(-count // 16), order, keys, clks, *runs, count, g.side["hist"], g.error, lane=g.lane)


def range_rows(g: Generation) -> int:
    """R: rows of the range table that the range counters give (spec 05, section 8)."""
    with range_parts(g, g.side["hist"]) as (_, _, groups):
        g.lane.finish()
        return int(g.device.download(groups).sum()) + 1


def draw_last_row(g: Generation) -> Buffer:
    """The PLAN array ``last_row``, uint64 (72,): nine permutations in a row, so drawn once and not at every regeneration."""

    def draw(row: Buffer) -> None:
        g.device.launch("last_row", 1, g.tables["h"], g.counts["rows"], row, 1, lane=g.lane)

    return g.device.filled(g.device.empty(Tag.PLAN, "last_row", WIDTH, np.uint64), draw)


def bus_responses(g: Generation, chip: str, cells: Sequence[Cells]) -> None:
    """Add what a chip's columns answer, and what ACE's ask of the memory, to the bus counters; most chips answer nothing."""
    respond = _RESPONSES.get(chip)
    for each in cells if respond is not None else ():
        if respond is not None and each.buffer is not None:
            respond(g, each, g.side["bus"])


def _hasher_responses(g: Generation, cells: Cells, bus: Buffer) -> None:
    tile = cells.tile
    g.device.launch(
        "hsh_bus", -(-tile.rows // 64), cells.buffer, cells.ld, tile.rows, tile.first_row, bus, g.error, lane=g.lane
    )


def _responses(kernel: str, rows_per_thread: int) -> Callable[[Generation, Cells, Buffer], None]:
    def respond(g: Generation, cells: Cells, bus: Buffer) -> None:
        rows = cells.tile.rows
        g.device.launch(kernel, -(-rows // rows_per_thread), cells.buffer, cells.ld, rows, bus, lane=g.lane)

    return respond


_RESPONSES: Final[dict[str, Callable[[Generation, Cells, Buffer], None]]] = {
    "hsh": _hasher_responses,
    "bit": _responses("bit_bus", 64),
    "mem": _responses("mem_bus", 16),
    "ace": _responses("ace_bus", 8),
    "krm": _responses("krm_bus", 1),
}
