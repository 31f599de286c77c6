"""The three core chips - sys, dec, stk - and the replay that they share: stage A per fragment, stage B per row (spec 10).

Each chip replays the fragments for itself and keeps nothing of it: that is what makes its columns the only thing on the
device while they are used. At assignment the same replay runs once for the side effects and plans.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final

import numpy as np

from gpu.chips import Cells, Generation, Tile
from gpu.device import Buffer, Device, Pointer, Tag
from gpu.errors import NO_ERROR, KernelCode
from gpu.layout import Extent
from gpu.sides import Label
from gpu.tables import INVERSES
from reference.definition.columns import DECODER, STACK, SYSTEM

STACK_COLUMNS, SYSTEM_COLUMNS, DECODER_COLUMNS = 1, 2, 4
"""What a replay is wanted for: enum ReplayMask."""

FIRST_GROWTH: Final = 32
"""Continuations that a fragment may add in the first attempt at assignment; few programs nest deeper within a fragment."""

_TABLES: Final = ("eff", "imm", "t1", "t2", "node", "h", "digests", "domain", "hoff", "hn", "invt")
_SIDE_TABLES: Final = ("domain", "hoff")
_QUEUES: Final = (
    "hdr", "hwords", "ends_flags", "ends_cur", "ends_par", "pop_value", "pop_addr", "res_ctx", "res_depth", "res_ovf",
    "res_fn", "acc_key", "acc_clk", "acc_kind", "acc_word", "adv", "perm_in", "perm_out", "tgt_pc", "tgt_enters", "cont",
)  # fmt: skip
_CIRCUITS: Final = ("sec_access", "sec_row", "sec_reads", "sec_evals", "sec_ptr", "sec_ctx", "sec_clk")

Seeds = dict[str, Buffer]


@dataclass(frozen=True, slots=True)
class SideResult:
    """What the side-effect replay found besides the side effects."""

    growth: int
    """Most continuations that a fragment adds to those of its header: ``Extent.growth`` of every later replay."""
    attempts: int
    """Replays until the room for continuations sufficed."""


def assign_core(g: Generation) -> SideResult:
    """Replay all fragments for side effects and plans only: fills g.side (hist, bus, kcount, u32ops) and the plan arrays
    bit_*, psrc, pinfo, pidx and sec_*, all of which must hold zeros (psrc: all ones).

    Contradictions go to ``g.error``. Raises BudgetExceeded.
    """
    fragments, longest = g.counts["fragments"], g.counts["end_row"] - g.counts["first_row"]
    # A row adds two continuations, and two more where it resolves an external node.
    most = 4 * longest + 4
    growth, attempts = min(FIRST_GROWTH, most), 1
    while True:
        with ExitStack() as taken:
            grew = g.device.full(Tag.SCRATCH, "grew", 1, np.uint32, 0)
            taken.callback(grew.free)
            part = g.device.full(Tag.SCRATCH, "bus parts", (4 * len(Label) + 1) * fragments, np.uint64, 0)
            taken.callback(part.free)
            _replay_sides(g, growth, part, grew)
            g.lane.finish()
            if growth < most and _ran_out(g):
                _forget(g)
                growth, attempts = min(4 * growth, most), attempts + 1
                continue
            if int(g.device.download(g.error)[0]) == NO_ERROR:
                g.device.launch(
                    "bus_reduce", 4 * len(Label) + 1, part, fragments, g.side["bus"], g.side["u32ops"], lane=g.lane
                )
                g.lane.finish()
            return SideResult(int(g.device.download(grew)[0]), attempts)


def _ran_out(g: Generation) -> bool:
    word = int(g.device.download(g.error)[0])
    return word != NO_ERROR and word >> 8 & 0xFF == KernelCode.CONTINUATIONS


def _forget(g: Generation) -> None:
    """Take back what a replay without enough room has counted."""
    for name in ("hist", "kcount"):
        g.device.write(g.side[name], np.zeros(g.side[name].shape, g.side[name].dtype))
    g.device.write(g.error, np.full(1, NO_ERROR, np.uint64))


def _replay_sides(g: Generation, growth: int, part: Buffer, grew: Buffer) -> None:
    """Launch stage A for all fragments and side effects only."""
    plan, counts = g.plan, g.counts
    grow = g.device.empty(Tag.SCRATCH, "continuations", max(1, growth * counts["fragments"]), np.uint32)
    try:
        g.device.launch(
            "replay_sides", counts["fragments"], *(g.tables[name] for name in _TABLES),
            INVERSES, counts["rows"], counts["nodes"], counts["kernel_procedures"],
            *(g.raw[name] for name in _QUEUES), counts["restores"],
            g.side.get("hist"), part, g.side.get("kcount"),
            plan["bit_a"], plan["bit_b"], plan["bit_op"], plan["bit_a"].size, plan["psrc"], plan["psrc"].size,
            plan["pinfo"], plan["pidx"], plan["pinfo"].size, *(plan[name] for name in _CIRCUITS), plan["sec_access"].size,
            grow, growth, grew, g.error, counts["fragments"], 0, counts["fragments"],
            lane=g.lane,
        )  # fmt: skip
        g.lane.finish()
    finally:
        grow.free()


def _replay(
    g: Generation,
    mask: int,
    fragments: tuple[int, int],
    cells: Cells,
    seeds: Mapping[str, Buffer],
    seed_ld: int,
) -> None:
    """Launch stage A for a run of fragments (first, count), for the columns of one chip."""
    first, count = fragments
    stack: tuple[Pointer, int] = (cells.buffer, cells.ld) if mask == STACK_COLUMNS else (None, 0)
    decoder: tuple[Pointer, int] = (cells.buffer, cells.ld) if mask == DECODER_COLUMNS else (None, 0)
    growth = g.extent.growth
    grow = g.device.empty(Tag.SCRATCH, "continuations", max(1, growth * count), np.uint32)
    try:
        g.device.launch(
            "replay", count, *(g.tables[name] for name in _TABLES if name not in _SIDE_TABLES),
            INVERSES, g.counts["rows"], g.counts["nodes"], *(g.raw[name] for name in _QUEUES), g.counts["restores"],
            *stack, *decoder, seeds.get("sys"), seeds.get("dec"), seeds.get("aux"), seed_ld, cells.tile.first_row,
            grow, growth, g.error, g.counts["fragments"], first, count, mask,
            lane=g.lane,
        )  # fmt: skip
        g.lane.finish()
    finally:
        grow.free()


class CoreChip:
    """What sys, dec and stk have in common: rows of the clock, made by a replay."""

    name: str
    columns: slice
    mask: int

    def tiles(self, extent: Extent) -> tuple[Tile, ...]:
        """One tile: the shard's rows."""
        return (Tile(self.columns.start, self.columns.stop - self.columns.start, extent.first_row, self._rows(extent)),)

    def _rows(self, extent: Extent) -> int:
        return extent.shard_rows

    def seed_bytes(self, rows: int) -> int:
        """Bytes of SEED for so many rows."""
        raise NotImplementedError

    def extra_bytes(self, extent: Extent, device: Device) -> dict[Tag, int]:
        """Seeds of all rows, and room for the continuations that fragments add."""
        del device
        return {Tag.SEED: self.seed_bytes(extent.shard_rows), Tag.SCRATCH: 4 * max(1, extent.growth * extent.fragments)}

    def generate(self, g: Generation, cells: Sequence[Cells]) -> None:
        """All rows of the shard."""
        (tile,) = cells
        self.generate_fragments(g, 0, g.counts["fragments"], tile)

    def generate_fragments(self, g: Generation, first: int, count: int, cells: Cells) -> None:
        """The rows of fragments first .. first + count - 1; the tile's first row is the first one's clk, and it may have
        room for the row after the program (stk). What these fragments do not hold is not touched."""
        assert cells.buffer is not None
        rows = self._fragment_rows(g, cells)
        seeds = self._seeds(g.device, rows)
        try:
            _replay(g, self.mask, (first, count), cells, seeds, rows)
            self._expand(g, seeds, rows, cells)
            g.lane.finish()
        finally:
            for buffer in seeds.values():
                buffer.free()

    def _fragment_rows(self, g: Generation, cells: Cells) -> int:
        """Rows of the tile that fragments make."""
        return min(cells.tile.rows, g.extent.end_row - cells.tile.first_row)

    def _seeds(self, device: Device, rows: int) -> Seeds:
        del device, rows
        return {}

    def _expand(self, g: Generation, seeds: Seeds, rows: int, cells: Cells) -> None:
        """Stage B."""


def _take(device: Device, wanted: Mapping[str, tuple[int, type[np.unsignedinteger]]]) -> Seeds:
    taken: Seeds = {}
    try:
        for name, (size, dtype) in wanted.items():
            taken[name] = device.empty(Tag.SEED, name, size, dtype)
    except BaseException:
        for buffer in taken.values():
            buffer.free()
        raise
    return taken


class SystemChip(CoreChip):
    """clk, ctx and the function hash."""

    name = "sys"
    columns = SYSTEM
    mask = SYSTEM_COLUMNS

    def seed_bytes(self, rows: int) -> int:
        """Context and function-hash reference."""
        return 8 * rows

    def _seeds(self, device: Device, rows: int) -> Seeds:
        return _take(device, {"sys": (2 * rows, np.uint32)})

    def _expand(self, g: Generation, seeds: Seeds, rows: int, cells: Cells) -> None:
        counts = g.counts
        g.device.launch(
            "sys_expand", rows, seeds["sys"], rows, g.tables["digests"], counts["nodes"], g.raw["res_fn"],
            counts["restores"], g.raw["hwords"], counts["fragments"], cells.tile.first_row, cells.buffer, cells.ld, rows,
            lane=g.lane,
        )  # fmt: skip


class DecoderChip(CoreChip):
    """The decoder's 24 columns."""

    name = "dec"
    columns = DECODER
    mask = DECODER_COLUMNS

    def seed_bytes(self, rows: int) -> int:
        """pc, two addresses, and the argument of the helper cells."""
        return 20 * rows

    def _seeds(self, device: Device, rows: int) -> Seeds:
        return _take(device, {"dec": (3 * rows, np.uint32), "aux": (rows, np.uint64)})

    def _expand(self, g: Generation, seeds: Seeds, rows: int, cells: Cells) -> None:
        tables = g.tables
        g.device.launch(
            "dec_expand", rows, seeds["dec"], seeds["aux"], rows, tables["ctl"], tables["gc"], tables["h"],
            g.counts["rows"], cells.buffer, cells.ld, rows, lane=g.lane,
        )  # fmt: skip
        g.device.launch(
            "helper_inverse", -(-rows // 8), seeds["dec"], seeds["aux"], tables["ctl"], g.counts["rows"],
            cells.buffer, cells.ld, rows, lane=g.lane,
        )  # fmt: skip


class StackChip(CoreChip):
    """16 items, depth, overflow address and its inverse; the last shard's tile has the row after the program as well."""

    name = "stk"
    columns = STACK
    mask = STACK_COLUMNS

    def seed_bytes(self, rows: int) -> int:
        """None: stage A writes the columns itself."""
        del rows
        return 0

    def _rows(self, extent: Extent) -> int:
        shows_end = extent.is_last and extent.core_rows <= extent.rows - 2
        return extent.shard_rows + shows_end

    def _expand(self, g: Generation, seeds: Seeds, rows: int, cells: Cells) -> None:
        del seeds
        if cells.tile.rows > rows:
            g.device.launch(
                "stk_end", 19, g.raw["hdr"], g.raw["hwords"], g.counts["fragments"], cells.buffer, cells.ld, rows,
                lane=g.lane,
            )  # fmt: skip


CORE: Final = (SystemChip(), DecoderChip(), StackChip())
"""sys, dec, stk."""
