"""The commitment of spec 11: a Merkle tree over the rows of the low-degree extension, hashed with RPO.

It wants all 72 columns of all rows at once, and a chip lives only while it is committed: so every chip leaves a copy in a
matrix, and the tree is built when the last one has. That, and the extension, make it an option for small traces. Columns
are extended eight at a time, as many as one absorption takes; of the extension no more than that is ever in memory.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from gpu.chips import Cells
from gpu.device import Buffer, Device, Lane, Tag
from gpu.errors import CapacityExceeded, ShapeMismatch, WrongState
from gpu.lde import WORD_BYTES, Domain, Extender, extension_bytes
from reference.definition.columns import COLUMN, WIDTH
from reference.definition.field import Word

RATE: Final = 8
"""Elements that one absorption takes."""
NODE_WORDS: Final = 4

CELLS_LIMIT: Final = 1 << 26
"""Cells of the extension that a commitment may have: 932,000 rows, ten permutations each, five minutes of one core. The
extension of 2^20 rows by 8 is nine times that: 1.8 GB of matrix, group and tree, and the better part of an hour."""


def check_size(domain: Domain, limit: int = CELLS_LIMIT) -> None:
    """Raises CapacityExceeded when the extension of all columns has more cells than the limit."""
    cells = domain.extended * WIDTH
    if cells > limit:
        raise CapacityExceeded(
            f"a Merkle commitment of {domain.rows} rows with blow-up {domain.blowup} extends to {cells} cells; "
            f"the limit is {limit}: use a smaller program, or the digest alone"
        )


def matrix_bytes(domain: Domain) -> int:
    """Bytes of COMMIT while chips are being collected."""
    return WORD_BYTES * WIDTH * domain.rows


def tree_bytes(domain: Domain) -> int:
    """Bytes of COMMIT of a tree: 64 for every row of the extension."""
    return WORD_BYTES * NODE_WORDS * 2 * domain.extended


def scratch_bytes(domain: Domain) -> int:
    """Bytes of SCRATCH while the tree is built: tables of powers, and the extension of eight columns."""
    return extension_bytes(domain) + WORD_BYTES * RATE * domain.extended


class TraceMatrix:
    """All 72 columns of one trace (tag COMMIT), u64 [72][L], put together from its chips' tiles."""

    def __init__(self, device: Device, rows: int) -> None:
        """Raises BudgetExceeded."""
        self.device = device
        self.rows = rows
        self.buffer = device.empty(Tag.COMMIT, "trace matrix", (WIDTH * rows,), "u8")
        self._placed: dict[str, int] = {}

    def place(
        self, chip: str, cells: Sequence[Cells], plan: Mapping[str, Buffer], counts: int, lane: Lane | None = None
    ) -> None:
        """Copies a chip's tiles to where they belong. ``counts``: runs of the plan.

        Raises WrongState when the chip was placed before, ShapeMismatch when a tile does not fit into the trace.
        """
        if chip in self._placed:
            raise WrongState(f"chip {chip} is in the matrix already")
        for cell in cells:
            self._place_tile(chip, cell, plan, counts, lane)
        self._placed[chip] = sum(cell.tile.cells for cell in cells)

    def demand_complete(self) -> None:
        """Raises WrongState unless the chips placed so far have as many cells as the trace."""
        placed = sum(self._placed.values())
        if placed != WIDTH * self.rows:
            chips = ", ".join(self._placed) or "none"
            raise WrongState(f"{placed} of {WIDTH * self.rows} cells are in the matrix (chips: {chips})")

    def free(self) -> None:
        """Frees the matrix; twice is harmless."""
        self.buffer.free()

    def _place_tile(self, chip: str, cell: Cells, plan: Mapping[str, Buffer], counts: int, lane: Lane | None) -> None:
        tile = cell.tile
        if cell.buffer is None or not tile.cells:
            return
        end = tile.first_column + tile.columns
        if end > WIDTH or tile.first_row + tile.rows > self.rows:
            raise ShapeMismatch(f"chip {chip}: {tile} is outside a trace of {self.rows} rows")
        runs = (plan["run_start"], plan["run_base"], counts) if tile.runs else (None, None, 0)
        source = (cell.buffer, cell.ld, tile.rows, tile.columns, tile.first_row, tile.first_column)
        self.device.launch("merkle_place", tile.cells, *source, *runs, self.buffer, self.rows, lane=lane)


class MerkleTree:
    """The nodes of a tree (tag COMMIT): node 1 is the root, the children of k are 2k and 2k + 1, leaf i is node N + i."""

    def __init__(self, device: Device, leaves: int) -> None:
        """Memory for the nodes, contents arbitrary. Raises BudgetExceeded."""
        self.device = device
        self.leaves = leaves
        self.nodes = device.empty(Tag.COMMIT, "Merkle tree", (2 * leaves * NODE_WORDS,), "u8")

    @property
    def root(self) -> Word:
        """The commitment."""
        return _word(self.host()[1])

    def path(self, leaf: int) -> tuple[Word, ...]:
        """Siblings of a leaf's path, from the leaf's level upwards. Raises ShapeMismatch for a leaf outside the tree."""
        if not 0 <= leaf < self.leaves:
            raise ShapeMismatch(f"leaf {leaf} of a tree of {self.leaves} leaves")
        nodes, index, found = self.host(), self.leaves + leaf, []
        while index > 1:
            found.append(_word(nodes[index ^ 1]))
            index //= 2
        return tuple(found)

    def host(self) -> np.ndarray:
        """A copy of the nodes, u64 (2N, 4); entry 0 means nothing."""
        return self.device.download(self.nodes).reshape(2 * self.leaves, NODE_WORDS)

    def free(self) -> None:
        """Frees the nodes; twice is harmless."""
        self.nodes.free()


def build_tree(matrix: TraceMatrix, blowup: int, lane: Lane | None = None, *, limit: int = CELLS_LIMIT) -> MerkleTree:
    """Commits to the low-degree extension of a complete matrix, in the form that is proved: cell (L - 1, 71) is 0.

    Frees the matrix, whatever happens: its values become coefficients in place. Raises WrongState when chips are missing,
    ShapeMismatch when the sizes are no powers of two, CapacityExceeded when the extension has more cells than ``limit``,
    BudgetExceeded.
    """
    try:
        matrix.demand_complete()
        domain = Domain(matrix.rows, blowup)
        check_size(domain, limit)
        tree = MerkleTree(matrix.device, domain.extended)
        try:
            _hash_rows(matrix, domain, tree, lane)
            _hash_levels(tree, lane)
        except BaseException:
            tree.free()
            raise
        return tree
    finally:
        matrix.free()


def _hash_rows(matrix: TraceMatrix, domain: Domain, tree: MerkleTree, lane: Lane | None) -> None:
    device, rows = matrix.device, domain.extended
    last_cell = COLUMN["pad_0"] * matrix.rows + matrix.rows - 1
    device.launch("merkle_set", 1, matrix.buffer, last_cell, 0, lane=lane)
    with Extender(device, domain, lane) as extender:
        extended = device.empty(Tag.SCRATCH, "extension of eight columns", (RATE * rows,), "u8")
        try:
            for first in range(0, WIDTH, RATE):
                columns = min(RATE, WIDTH - first)
                group = matrix.buffer.offset(first * matrix.rows)
                extender.interpolate(group, columns)
                extender.extend(group, extended, columns)
                place = (int(first == 0), int(first + columns == WIDTH))
                absorption = (extended, rows, columns, domain.blowup, WIDTH % RATE, *place, tree.nodes)
                device.launch("merkle_absorb", rows, *absorption, lane=lane)
        finally:
            extended.free()


def _hash_levels(tree: MerkleTree, lane: Lane | None) -> None:
    first = tree.leaves // 2
    while first:
        tree.device.launch("merkle_level", first, tree.nodes, first, lane=lane)
        first //= 2


def _word(words: np.ndarray) -> Word:
    return int(words[0]), int(words[1]), int(words[2]), int(words[3])
