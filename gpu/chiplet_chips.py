"""The chips that are not aligned with the clock: range table, five chiplets, padding (spec 05; spec 09, B2).

None of them replays the core. Their rows come from the raw state, from what the replay at assignment left in the plan, and
from sealed counts; every kernel checks what it is given and reports through the error word.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

import numpy as np

from gpu.chips import Cells, Generation, Tile
from gpu.device import Buffer, Device, Tag
from gpu.layout import Extent
from reference.definition.columns import CHIPLETS, DECODER, PAD, RANGE, STACK, SYSTEM, WIDTH

STATE_BYTES: Final = 8 * 12 * 8
"""Eight states of one permutation."""

PERMUTATIONS_AT_ONCE: Final = 65_536
"""Recorded permutations whose states exist at the same time: 50 MB, and enough threads to fill a large device."""

_RANGE_CHUNKS: Final = 1024
_RANGE_GROUPS: Final = 32
_RANGE_SCRATCH: Final = 4 * (2 * _RANGE_CHUNKS + _RANGE_GROUPS)

_CHIPLET_COLUMNS: Final = CHIPLETS.stop - CHIPLETS.start
_RUN_ARRAYS: Final = ("run_start", "run_key", "run_clk", "run_first")
_SECTION_ARRAYS: Final = ("sec_access", "sec_row", "sec_reads", "sec_evals", "sec_ptr", "sec_ctx", "sec_clk")


def _chiplet_tile(first_row: int, rows: int, *, runs: bool = False) -> Tile:
    return Tile(CHIPLETS.start, _CHIPLET_COLUMNS, first_row, rows, runs)


class _WithoutScratch:
    """A chip that generates in place."""

    def extra_bytes(self, extent: Extent, device: Device) -> Mapping[Tag, int]:
        """Nothing."""
        del extent, device
        return {}


class RangeChip:
    """The range checker's table, at the bottom of its two columns; the last shard writes it from the whole program's counts."""

    name: Final = "rng"

    def tiles(self, extent: Extent) -> tuple[Tile, ...]:
        """One tile, in the last shard."""
        if not extent.is_last:
            return ()
        return (Tile(RANGE.start, RANGE.stop - RANGE.start, extent.range_first, extent.range_rows),)

    def extra_bytes(self, extent: Extent, device: Device) -> Mapping[Tag, int]:
        """Where each part of the table begins."""
        del device
        return {Tag.SCRATCH: _RANGE_SCRATCH} if extent.is_last else {}

    def generate(self, g: Generation, cells: Sequence[Cells]) -> None:
        """Fill every cell of every tile."""
        for tile in cells:
            hist = g.plan["hist"]
            with range_parts(g, hist) as counts:
                g.device.launch(
                    "rng_rows", _RANGE_CHUNKS, hist, *counts, tile.buffer, tile.ld, tile.tile.rows, g.error, lane=g.lane
                )


class HasherChip:
    """The hasher: states of nodes from the program's table, states of recorded permutations computed and compared.

    ``at_once``: recorded permutations whose states exist at the same time.
    """

    name: Final = "hsh"

    def __init__(self, *, at_once: int = PERMUTATIONS_AT_ONCE) -> None:
        self.at_once = at_once

    def tiles(self, extent: Extent) -> tuple[Tile, ...]:
        """The shard's hasher rows."""
        return (_chiplet_tile(extent.hasher_first, extent.hasher_rows),)

    def extra_bytes(self, extent: Extent, device: Device) -> Mapping[Tag, int]:
        """States of recorded permutations."""
        del device
        return {Tag.SCRATCH: STATE_BYTES * min(extent.permutations, self.at_once)} if extent.permutations else {}

    def generate(self, g: Generation, cells: Sequence[Cells]) -> None:
        """Fill every cell of every tile."""
        (tile,) = cells
        if tile.buffer is None:
            return
        recorded = g.counts["permutations"]
        if not recorded:
            self._expand(g, tile, None, 0, 0)
            return
        size = min(recorded, self.at_once)
        states = g.device.empty(Tag.SCRATCH, "hasher states", size * STATE_BYTES // 8, np.uint64)
        try:
            for first in range(0, recorded, size):
                count = min(size, recorded - first)
                g.device.launch(
                    "hsh_states", count, g.raw["perm_in"], g.raw["perm_out"], states, g.error, first, count, lane=g.lane
                )
                self._expand(g, tile, states, first, count)
        finally:
            states.free()

    def _expand(self, g: Generation, tile: Cells, states: Buffer | None, first: int, count: int) -> None:
        """Rows of the recorded permutations first .. first + count - 1; those of the program's nodes along with the first."""
        table, selectors = g.tables["hash_table"], g.tables["hash_sel"]
        rows = tile.tile.rows
        g.device.launch(
            "hsh_expand", rows, g.plan["psrc"], table, selectors, selectors.size, states, g.plan["pinfo"], g.plan["pidx"],
            g.counts["permutations"], first, count, int(first == 0), tile.buffer, tile.ld, rows, g.error, lane=g.lane,
        )  # fmt: skip


class BitwiseChip(_WithoutScratch):
    """U32AND and U32XOR, four bits a row."""

    name: Final = "bit"

    def tiles(self, extent: Extent) -> tuple[Tile, ...]:
        """The shard's bitwise rows."""
        return (_chiplet_tile(extent.bitwise_first, extent.bitwise_rows),)

    def generate(self, g: Generation, cells: Sequence[Cells]) -> None:
        """Fill every cell of every tile."""
        (tile,) = cells
        if tile.buffer is None:
            return
        operands = (g.plan[name] for name in ("bit_a", "bit_b", "bit_op"))
        rows = tile.tile.rows
        g.device.launch("bit_expand", rows, *operands, tile.buffer, tile.ld, rows, g.error, lane=g.lane)


class MemoryChip(_WithoutScratch):
    """The shard's memory accesses, sorted; several shards share one section, so the rows stand in runs."""

    name: Final = "mem"

    def tiles(self, extent: Extent) -> tuple[Tile, ...]:
        """The shard's rows of the memory section."""
        return (_chiplet_tile(extent.memory_first, extent.memory_rows, runs=True),)

    def generate(self, g: Generation, cells: Sequence[Cells]) -> None:
        """Fill every cell of every tile."""
        (tile,) = cells
        if tile.buffer is None:
            return
        rows = tile.tile.rows
        g.device.launch(
            "mem_expand", rows, g.plan["order"], g.raw["acc_key"], g.raw["acc_clk"], g.raw["acc_kind"], g.raw["acc_word"],
            *run_arguments(g), rows, tile.buffer, tile.ld, g.error, lane=g.lane,
        )  # fmt: skip
        g.device.launch("mem_inverse", -(-rows // 8), tile.buffer, tile.ld, rows, lane=g.lane)


class CircuitChip(_WithoutScratch):
    """Circuits of EVALCIRCUIT, evaluated again from the memory reads that fetched them."""

    name: Final = "ace"

    def tiles(self, extent: Extent) -> tuple[Tile, ...]:
        """The shard's ACE rows."""
        return (_chiplet_tile(extent.ace_first, extent.ace_rows),)

    def generate(self, g: Generation, cells: Sequence[Cells]) -> None:
        """Fill every cell of every tile."""
        (tile,) = cells
        if tile.buffer is None:
            return
        circuits = g.counts["circuits"]
        g.device.launch(
            "ace_expand", circuits, *(g.plan[name] for name in _SECTION_ARRAYS), circuits, g.raw["acc_key"],
            g.raw["acc_clk"], g.raw["acc_kind"], g.raw["acc_word"], g.counts["accesses"], tile.buffer, tile.ld,
            tile.tile.rows, g.error, lane=g.lane,
        )  # fmt: skip


class KernelRomChip(_WithoutScratch):
    """Kernel procedures and the calls of each; the last shard writes them from the whole program's counts."""

    name: Final = "krm"

    def tiles(self, extent: Extent) -> tuple[Tile, ...]:
        """One tile, in the last shard."""
        return (_chiplet_tile(extent.kernel_first, extent.kernel_rows),) if extent.is_last else ()

    def generate(self, g: Generation, cells: Sequence[Cells]) -> None:
        """Fill every cell of every tile."""
        for tile in cells:
            if tile.buffer is None:
                continue
            rows = tile.tile.rows
            g.device.launch(
                "krm_expand", rows, g.tables["procs"], g.plan["kcount"], g.counts["kernel_procedures"], tile.buffer, tile.ld,
                rows, g.error, lane=g.lane,
            )  # fmt: skip


class PaddingChip:
    """Every cell that no other chip writes, the random last row included; the last shard's."""

    name: Final = "pad"

    def tiles(self, extent: Extent) -> tuple[Tile, ...]:
        """Six rectangles, in the last shard; some may have no row. The last one is the last row."""
        if not extent.is_last:
            return ()
        last, core = extent.rows - 1, extent.core_rows
        return (
            Tile(SYSTEM.start, DECODER.stop, core, last - core),
            # Row `core`, where there is one, still shows the state after the last operation: it is the stack's.
            Tile(STACK.start, STACK.stop - STACK.start, core + 1, max(0, last - core - 1)),
            Tile(RANGE.start, RANGE.stop - RANGE.start, 0, extent.range_first),
            _chiplet_tile(extent.padding_first, last - extent.padding_first),
            Tile(PAD.start, PAD.stop - PAD.start, 0, last),
            Tile(0, WIDTH, last, 1),
        )

    def extra_bytes(self, extent: Extent, device: Device) -> Mapping[Tag, int]:
        """One value per column."""
        del device
        return {Tag.SCRATCH: 8 * WIDTH} if extent.is_last else {}

    def generate(self, g: Generation, cells: Sequence[Cells]) -> None:
        """Fill every cell of every tile."""
        if not cells:
            return
        *constant, last = cells
        values = g.device.empty(Tag.SCRATCH, "padding values", WIDTH, np.uint64)
        try:
            g.device.launch(
                "pad_values", WIDTH, g.tables["h"], g.counts["rows"], g.raw["hdr"], g.raw["hwords"], g.counts["fragments"],
                g.extent.core_rows, values, g.error, lane=g.lane,
            )  # fmt: skip
            for each in constant:
                tile = each.tile
                if each.buffer is not None:
                    g.device.launch(
                        "pad_fill", tile.rows, values, tile.first_column, tile.columns, tile.first_row, each.buffer,
                        each.ld, tile.rows, lane=g.lane,
                    )  # fmt: skip
            g.device.launch("pad_last", WIDTH, g.plan["last_row"], last.buffer, last.ld, lane=g.lane)
        finally:
            values.free()


CHIPLET: Final = (RangeChip(), HasherChip(), BitwiseChip(), MemoryChip(), CircuitChip(), KernelRomChip(), PaddingChip())
"""rng, hsh, bit, mem, ace, krm, pad."""


def run_arguments(g: Generation) -> tuple[Buffer | int, ...]:
    """The run arrays and their number, as the memory kernels take them."""
    return *(g.plan[name] for name in _RUN_ARRAYS), g.plan["run_start"].size


@contextmanager
def range_parts(g: Generation, hist: Buffer) -> Iterator[tuple[Buffer, Buffer, Buffer]]:
    """Last value of every chunk of the range table, rows of every chunk and of every group of chunks."""
    taken: list[Buffer] = []
    try:
        for name, size in (("last", _RANGE_CHUNKS), ("chunk rows", _RANGE_CHUNKS), ("group rows", _RANGE_GROUPS)):
            taken.append(g.device.empty(Tag.SCRATCH, f"range {name}", size, np.uint32))
        last, chunks, groups = taken
        g.device.launch("rng_last", _RANGE_CHUNKS, hist, last, lane=g.lane)
        g.device.launch("rng_count", _RANGE_CHUNKS, hist, last, chunks, lane=g.lane)
        g.device.launch("rng_groups", _RANGE_GROUPS, chunks, groups, lane=g.lane)
        yield last, chunks, groups
    finally:
        for buffer in taken:
            buffer.free()
