"""Openings: selected rows of the trace, from as little regeneration as they need.

A row of a core chip is made from the fragment it belongs to, so only those fragments are replayed; the other chips are
regenerated whole, and only those that have one of the rows. Opened cells are checked against the row digests where a
commitment kept them (spec 09, B8 and INV-18).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from gpu import digest as digests
from gpu.chips import CELL_BYTES, Cells, Generation, Tile, tile_ld
from gpu.columns import TileRows, scratch, tile_rows
from gpu.commit import Commitment, row_weight, use_bytes
from gpu.device import Buffer, Lane, Tag
from gpu.errors import InvariantBroken, ShapeMismatch, UnwrittenCells, WrongState
from gpu.header import FIELD
from gpu.plans import Plan
from gpu.session import Session
from gpu.states import Phase
from reference.definition.columns import WIDTH
from reference.definition.field import P

UNOPENED: Final = (1 << 64) - 1
"""What a cell holds that another shard has to open; no field element."""


@runtime_checkable
class FragmentChip(Protocol):
    """A chip that can generate the rows of some fragments alone."""

    def generate_fragments(self, g: Generation, first: int, count: int, cells: Cells) -> None:
        """Fills ``cells``, a tile of the rows of fragments ``first .. first + count - 1``."""


@dataclass(frozen=True)
class Opened:
    """Rows of a trace: ``rows`` (k,) int64 as they were asked for, ``cells`` (72, k) uint64.

    Cells that belong to another shard are UNOPENED.
    """

    rows: NDArray[np.int64]
    cells: NDArray[np.uint64]

    @property
    def complete(self) -> bool:
        """Whether every cell was opened."""
        return bool((self.cells != np.uint64(UNOPENED)).all())


def open_rows(
    session: Session, rows: Sequence[int], *, commitment: Commitment | None = None, lane: Lane | None = None
) -> Opened:
    """Opens rows of the trace, in any order, repeated ones included; the session is OPENED afterwards.

    Raises, before anything is launched, ShapeMismatch when a row is not one of the trace or none is asked for, and WrongState
    when the session is not sealed; what :meth:`Session.regenerate` raises; InvariantBroken (INV-18) when a cell was opened
    twice, or is not the one that the commitment's row digest was made from.
    """
    if not session.plans:
        raise WrongState(f"a session that is {session.state} has no plans to open rows with")
    wanted = np.array(list(rows), np.int64)
    length = next(iter(session.plans.values())).extent.rows
    if not len(wanted) or wanted.min() < 0 or wanted.max() >= length:
        raise ShapeMismatch(f"rows {list(rows)} of a trace of {length} rows")
    on = lane or session.device.lane(0)
    cells = np.full((WIDTH, len(wanted)), UNOPENED, np.uint64)
    for plan in session.plans.values():
        session.demand(plan, Phase.OPENING)
        for piece in _open_chip(session, plan, np.unique(wanted), commitment, on):
            _place(cells, wanted, piece)
    session.finish(Phase.OPENING)
    return Opened(wanted, cells)


def join(parts: Sequence[Opened]) -> Opened:
    """The same rows opened by every shard of a program.

    Raises ShapeMismatch when they are not the same rows or a cell is missing, InvariantBroken (INV-18) when two shards opened
    one cell.
    """
    if not parts or any(not np.array_equal(part.rows, parts[0].rows) for part in parts):
        raise ShapeMismatch("the shards' openings are not of the same rows")
    stacked = np.stack([part.cells for part in parts])
    opened = (stacked != np.uint64(UNOPENED)).sum(axis=0)
    if (opened > 1).any():
        column, place = np.argwhere(opened > 1)[0]
        raise InvariantBroken("INV-18", f"two shards opened column {column} of row {parts[0].rows[place]}")
    joined = Opened(parts[0].rows, stacked.min(axis=0))
    if not joined.complete:
        column, place = np.argwhere(opened == 0)[0]
        raise ShapeMismatch(f"no shard opened column {column} of row {joined.rows[place]}")
    return joined


@dataclass(frozen=True)
class _Piece:
    """Opened rows of one tile of a chip."""

    tile: Tile
    rows: NDArray[np.int64]
    """Trace rows (k,), ascending."""
    cells: NDArray[np.uint64]
    """(columns, k)."""


def _open_chip(
    session: Session, plan: Plan, wanted: NDArray[np.int64], commitment: Commitment | None, lane: Lane
) -> list[_Piece]:
    """The chip's tiles that have some of the rows; nothing is generated when none has."""
    kept = {entry.tile: entry.buffer for entry in commitment.chips[plan.chip].rows} if commitment else {}
    placed = [tile_rows(session.device, tile, session.resident.plan) for tile in plan.tiles]
    local = [_local(where, wanted) for where in placed]
    if not any(len(places) for places in local):
        return []
    chip = session.generator.chipset.chips[plan.chip]
    if isinstance(chip, FragmentChip) and plan.chip not in session.generator.kept:
        return _open_fragments(session, plan, chip, placed[0].first + local[0], kept, lane)
    pieces = []
    with session.regenerate(plan, Phase.OPENING, lane) as generated:
        for cell, where, places in zip(generated, placed, local, strict=True):
            if len(places):
                rows = np.array([where.row(place) for place in places.tolist()], np.int64)
                pieces.append(_Piece(cell.tile, rows, _gather(session, cell, places, lane)))
                _demand_row_digests(session, plan, pieces[-1], places, kept.get(cell.tile), lane)
    return pieces


def _local(where: TileRows, wanted: NDArray[np.int64]) -> NDArray[np.int64]:
    """The tile's rows that are wanted."""
    if where.listed is None:
        return wanted[(wanted >= where.first) & (wanted < where.first + where.count)] - where.first
    return np.flatnonzero(np.isin(where.listed, wanted))


def _gather(session: Session, cell: Cells, places: NDArray[np.int64], lane: Lane) -> NDArray[np.uint64]:
    """Some rows of a tile, (columns, k)."""
    device, tile, count = session.device, cell.tile, len(places)
    which = device.upload(Tag.SCRATCH, "opened rows", places.astype(np.uint64))
    try:
        with scratch(device, "opened cells", tile.columns * count) as picked:
            arguments = (cell.buffer, cell.ld, tile.rows, tile.columns, which, count, picked)
            device.launch("proof_gather", tile.columns * count, *arguments, lane=lane)
            return device.download(picked).reshape(tile.columns, count)
    finally:
        which.free()


# ---- core chips: only the fragments that hold the rows ---------------------------------------------------------------


def _open_fragments(
    session: Session,
    plan: Plan,
    chip: FragmentChip,
    rows: NDArray[np.int64],
    kept: Mapping[Tile, Buffer],
    lane: Lane,
) -> list[_Piece]:
    """Rows of a core chip, ascending, from runs of neighbouring fragments."""
    (tile,) = plan.tiles
    raw = session.resident.host
    last = raw.counts["fragments"] - 1
    of_row = np.array([min(raw.fragment_of_row(row), last) for row in rows.tolist()])
    pieces = []
    session.generator.generations[plan.chip, Phase.OPENING] += 1
    for first, count in _neighbours(sorted(set(of_row.tolist()))):
        inside = rows[(of_row >= first) & (of_row < first + count)]
        part = _part_of(session, tile, first, count)
        with (
            session.working(plan, Phase.OPENING, lane),
            _generated(session, plan, chip, (first, count), part, lane) as cell,
        ):
            pieces.append(_Piece(tile, inside, _gather(session, cell, inside - part.first_row, lane)))
            _demand_row_digests(session, plan, pieces[-1], inside - tile.first_row, kept.get(tile), lane)
    return pieces


def _neighbours(fragments: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Runs of neighbouring fragments: the first, and how many."""
    begins = [0, *(index for index, (a, b) in enumerate(pairwise(fragments), 1) if b != a + 1), len(fragments)]
    for begin, end in pairwise(begins):
        yield fragments[begin], end - begin


def _part_of(session: Session, tile: Tile, first: int, count: int) -> Tile:
    """The rows of some fragments; those of the last one with the row after the program if the tile has it."""
    raw = session.resident.host
    clk = raw.arrays["hdr"][FIELD["clk"]]
    begin, end = int(clk[first]), int(clk[first + count])
    if first + count == raw.counts["fragments"]:
        end = tile.first_row + tile.rows
    return tile._replace(first_row=begin, rows=end - begin)


@contextmanager
def _generated(
    session: Session, plan: Plan, chip: FragmentChip, fragments: tuple[int, int], part: Tile, lane: Lane
) -> Iterator[Cells]:
    """A part of a core chip for the time of a block; no cell of it is left unwritten."""
    device, resident = session.device, session.resident
    ld = tile_ld(part, device)
    buffer = device.empty(Tag.TRACE, f"{plan.chip} fragments {fragments[0]}", part.columns * ld, "u8")
    try:
        cell = Cells(part, buffer, ld)
        digests.poison(device, lane, [cell])
        chip.generate_fragments(session.generator.inputs(lane, plan.extent), *fragments, cell)
        lane.finish()
        resident.raise_reported(lane.index)
        bad = digests.check_cells(device, lane, [cell])
        if bad is not None:
            raise UnwrittenCells(f"chip {plan.chip}, from fragment {fragments[0]}: {bad}")
        yield cell
    finally:
        try:
            lane.finish()
        finally:
            buffer.free()


# ---- where opened cells go, and what they are checked against --------------------------------------------------------


def _place(cells: NDArray[np.uint64], wanted: NDArray[np.int64], piece: _Piece) -> None:
    columns = slice(piece.tile.first_column, piece.tile.first_column + piece.tile.columns)
    place = np.minimum(np.searchsorted(piece.rows, wanted), len(piece.rows) - 1)
    here = np.flatnonzero(piece.rows[place] == wanted)
    target = cells[columns]
    if (target[:, here] != np.uint64(UNOPENED)).any():
        raise InvariantBroken("INV-18", f"cells of {piece.tile} were opened by another chip too")
    target[:, here] = piece.cells[:, place[here]]


def _demand_row_digests(
    session: Session, plan: Plan, piece: _Piece, places: NDArray[np.int64], kept: Buffer | None, lane: Lane
) -> None:
    """Compares opened rows with what the commitment kept of them; ``places`` are the same rows within the tile."""
    if kept is None:
        return
    as_column = Cells(piece.tile._replace(first_column=0, columns=1), kept, piece.tile.rows)
    committed = _gather(session, as_column, places, lane)[0]
    weight = row_weight(plan.extent.rows)
    weights = [pow(weight, piece.tile.first_column + column, P) for column in range(piece.tile.columns)]
    for row, cells, digest in zip(piece.rows.tolist(), piece.cells.T.tolist(), committed.tolist(), strict=True):
        found = sum(cell * factor for cell, factor in zip(cells, weights, strict=True)) % P
        if found != digest:
            reason = f"chip {plan.chip}, row {row}: digest {found:016x}, committed was {digest:016x}"
            raise InvariantBroken("INV-18", reason)


def opening_bytes(session: Session, plan: Plan, rows: int) -> int:
    """Most bytes that opening so many rows of a chip takes beyond what is resident."""
    columns = max((tile.columns for tile in plan.tiles), default=0)
    return use_bytes(session, plan, CELL_BYTES * rows * (1 + columns))
