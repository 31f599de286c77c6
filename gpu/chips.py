"""What a chip is: a named set of tiles of the trace, and the one function that fills them.

Tiles of all chips are disjoint and cover all 72 columns and all rows, so a trace is the union of its chips, and the digest of
a trace is the sum of the digests of its chips (spec 09, sections B2 and B8). The description that says which cells a chip has
is the one that allocates them and the one that estimates them; there is no second formula.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

from gpu.device import Buffer, Device, Lane, Tag
from gpu.layout import Extent

CORE_CHIPS: Final = ("sys", "dec", "stk")
CHIPLET_CHIPS: Final = ("rng", "hsh", "bit", "mem", "ace", "krm", "pad")
CHIP_ORDER: Final = CORE_CHIPS + CHIPLET_CHIPS
"""The order in which chips are processed unless another one is asked for."""

CELL_BYTES: Final = 8


class Tile(NamedTuple):
    """A rectangle of the trace: columns ``first_column ..``, rows ``first_row ..`` of the whole trace.

    ``runs``: the rows are not neighbours. They belong to the memory section, which begins at ``first_row``, and row i of the
    tile stands where the plan's runs put sorted position i (a shard's accesses between those of other shards).
    """

    first_column: int
    columns: int
    first_row: int
    rows: int
    runs: bool = False

    @property
    def cells(self) -> int:
        """Number of cells."""
        return self.columns * self.rows


@dataclass(frozen=True, slots=True)
class Cells:
    """The memory of one tile: cell (column c, row r) of the tile is element ``c * ld + r`` of ``buffer`` (u64)."""

    tile: Tile
    buffer: Buffer | None
    """None when the tile has no row."""
    ld: int


@dataclass(frozen=True, slots=True)
class Generation:
    """Everything one generation of one chip may use.

    ``side`` is empty in replay mode: ``side.get(name)`` is None, and ``side[name]`` raises SideEffectInReplay, so a chip that
    wants to count has no pointer to count to (INV-08). What the trace needs of the sealed counts is in the plan: ``hist``
    u32[65536] and ``kcount`` u32[max(1, k)], totals of the whole program (chips rng, krm), and ``last_row`` u64[72] (chip pad),
    in the last shard's plan only.
    """

    device: Device
    lane: Lane
    raw: Mapping[str, Buffer]
    tables: Mapping[str, Buffer]
    plan: Mapping[str, Buffer]
    side: Mapping[str, Buffer]
    extent: Extent
    error: Buffer
    """One u64, all ones; the smallest failing (row, code, detail)."""
    counts: Mapping[str, int]
    """The raw state's counts."""


class Chip(Protocol):
    """One column group, regenerated on demand."""

    @property
    def name(self) -> str:
        """One of CHIP_ORDER."""

    def tiles(self, extent: Extent) -> tuple[Tile, ...]:
        """The chip's tiles; tiles without rows may be left out."""

    def extra_bytes(self, extent: Extent, device: Device) -> Mapping[Tag, int]:
        """Bytes of SEED and SCRATCH that :meth:`generate` holds at its peak, all at once."""

    def generate(self, g: Generation, cells: Sequence[Cells]) -> None:
        """Fill every cell of every tile, ``cells`` in the order of :meth:`tiles`; launches on ``g.lane``."""


def tile_ld(tile: Tile, device: Device) -> int:
    """Distance in elements between two columns of a tile."""
    return tile.rows + device.row_pad if tile.rows else 0


def trace_bytes(chip: Chip, extent: Extent, device: Device) -> int:
    """T of the chip: bytes of TRACE while its columns live."""
    return sum(CELL_BYTES * tile.columns * tile_ld(tile, device) for tile in chip.tiles(extent))


def allocate(chip: Chip, extent: Extent, device: Device) -> tuple[Cells, ...]:
    """Memory for all tiles of a chip (tag TRACE), contents arbitrary. Raises BudgetExceeded."""
    taken: list[Cells] = []
    try:
        for number, tile in enumerate(chip.tiles(extent)):
            ld = tile_ld(tile, device)
            buffer = device.empty(Tag.TRACE, f"{chip.name}.{number}", (tile.columns * ld,), "u8") if ld else None
            taken.append(Cells(tile, buffer, ld))
    except BaseException:
        drop(taken)
        raise
    return tuple(taken)


def drop(cells: Sequence[Cells]) -> None:
    """Free the memory of tiles; twice is harmless."""
    for cell in cells:
        if cell.buffer is not None:
            cell.buffer.free()
