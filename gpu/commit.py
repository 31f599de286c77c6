"""Committing to the chips of a sealed session: each is generated, checked and digested, and only the digest stays.

At cache level full a digest of every row stays too, which an opened row is checked against: the row digests of a chip add up
to the chip's digest, weighted by the row. Optionally, for small traces in one shard, the chips are collected on the way and
committed to as a prover does it: the Merkle root of the low-degree extension (spec 09, B5 and B8; spec 11).
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gpu import digest as digests
from gpu.chips import CELL_BYTES, Cells, Tile
from gpu.device import Buffer, Lane, Tag
from gpu.digest import DIGEST_SCRATCH, RHOS, ColumnDigests
from gpu.errors import InvariantBroken, UnwrittenCells, WrongState
from gpu.lanes import LaneReport, Task, run_tasks
from gpu.lde import Domain
from gpu.merkle import MerkleTree, TraceMatrix, build_tree, check_size
from gpu.plans import Plan
from gpu.session import Session
from gpu.states import Cache, Phase
from reference.definition.field import P

DIGEST_BYTES = CELL_BYTES * len(RHOS)
"""16 bytes for every chip."""


def commit_bytes(plan: Plan, cache: Cache) -> int:
    """K of a chip: bytes of COMMIT that its commitment keeps."""
    rows = sum(tile.rows for tile in plan.tiles)
    return DIGEST_BYTES + (CELL_BYTES * rows if cache is Cache.FULL else 0)


def use_bytes(session: Session, plan: Plan, reading: int) -> int:
    """Most bytes that regenerating a chip and then reading it takes beyond what is resident.

    ``reading``: bytes that the reader takes while the columns live. Kept columns are resident already.
    """
    if plan.chip in session.generator.kept:
        return reading
    return max(plan.estimate, plan.trace_bytes + reading)


def commit_estimate(session: Session, plan: Plan) -> int:
    """Most bytes that committing to a chip takes beyond what is resident, K included."""
    return use_bytes(session, plan, DIGEST_SCRATCH) + commit_bytes(plan, session.cache)


@dataclass(frozen=True, slots=True)
class RowDigests:
    """Digests of a tile's rows: entry r is the sum of cell * rho^(column * L) over the row, for the first rho."""

    tile: Tile
    buffer: Buffer
    """u64 (rows,)."""


@dataclass(frozen=True, slots=True)
class ChipCommitment:
    """What is kept of one committed chip."""

    chip: str
    columns: ColumnDigests
    digest: Buffer
    """u64 (2,): the chip's digest, on the device."""
    rows: tuple[RowDigests, ...]
    """At cache level full, one per tile that has rows."""


class Commitment:
    """The commitments of a session's chips, and the Merkle tree over all of them if there is one.

    Memory (tag COMMIT) is handed to the session, which frees it when it is released.
    """

    def __init__(self, session: Session, *, blowup: int | None = None) -> None:
        """With ``blowup`` a matrix of all chips is collected. Raises CapacityExceeded for a trace that is too large for it,
        WrongState for one of several shards."""
        self.session = session
        self.blowup = blowup
        self.chips: dict[str, ChipCommitment] = {}
        self.tree: MerkleTree | None = None
        self._lock = threading.Lock()
        self._matrix = self._new_matrix() if blowup is not None else None

    @property
    def digest(self) -> ColumnDigests:
        """Sum over the chips committed so far."""
        total = ColumnDigests({})
        for chip in self.chips.values():
            total = total + chip.columns
        return total

    def commit(self, plan: Plan, lane: Lane | None = None) -> ChipCommitment:
        """One chip: regenerated, checked, digested, dropped.

        Raises WrongState when it is committed to already, what :meth:`Session.regenerate` raises, and InvariantBroken
        (INV-17) when the digests of its rows do not add up to its own.
        """
        if plan.chip in self.chips:
            raise WrongState(f"chip {plan.chip} is committed to already")
        on = lane or self.session.device.lane(0)
        with self.session.regenerate(plan, Phase.COMMIT, on) as cells:
            columns = self._digest(plan, cells, on)
            if self._matrix is not None:
                runs = self.session.resident.plan
                self._matrix.place(plan.chip, cells, runs, runs["run_start"].size, on)
            kept = self._keep(plan, cells, columns, on)
        with self._lock:
            self.chips[plan.chip] = kept
        return kept

    def task(self, plan: Plan) -> Task[ChipCommitment]:
        """The same, to be run on a lane."""
        return Task(plan.chip, commit_estimate(self.session, plan), lambda lane: self.commit(plan, lane))

    def finish(self) -> None:
        """Every chip is committed to: builds the Merkle tree if one is wanted. Raises what ``build_tree`` raises."""
        if self._matrix is not None and self.blowup is not None:
            matrix, self._matrix = self._matrix, None
            self.tree = build_tree(matrix, self.blowup, self.session.device.lane(0))
            self.session.adopt(self.tree.nodes)

    def free_matrix(self) -> None:
        """Gives up the Merkle tree: what an error leaves behind."""
        if self._matrix is not None:
            self._matrix.free()
            self._matrix = None

    def _new_matrix(self) -> TraceMatrix:
        extent = next(iter(self.session.plans.values())).extent
        if not (extent.is_first and extent.is_last):
            raise WrongState("a Merkle commitment needs the whole trace in one shard")
        assert self.blowup is not None
        check_size(Domain(extent.rows, self.blowup))
        return TraceMatrix(self.session.device, extent.rows)

    def _digest(self, plan: Plan, cells: Sequence[Cells], lane: Lane) -> ColumnDigests:
        """The digest of columns that were generated now is known; kept ones are looked at again."""
        device, generator = self.session.device, self.session.generator
        first = generator.digests[plan.chip]
        if plan.chip not in generator.kept:
            return first
        bad = digests.check_cells(device, lane, cells)
        if bad is not None:
            raise UnwrittenCells(f"chip {plan.chip}: {bad}")
        found = digests.digest(device, lane, cells, plan.extent.rows, self.session.resident.plan)
        if found != first:
            raise InvariantBroken("INV-06", f"chip {plan.chip}: kept columns of digest {found.text}, not {first.text}")
        return found

    def _keep(self, plan: Plan, cells: Sequence[Cells], columns: ColumnDigests, lane: Lane) -> ChipCommitment:
        device, taken = self.session.device, list[Buffer]()
        try:
            total = device.upload(Tag.COMMIT, f"{plan.chip} digest", np.array(columns.total, np.uint64))
            taken.append(total)
            rows = []
            if self.session.cache is Cache.FULL:
                for cell in cells:
                    if cell.buffer is not None:
                        rows.append(self._row_digests(plan, cell, lane))
                        taken.append(rows[-1].buffer)
                self._demand_rows_add_up(plan, rows, columns, lane)
        except BaseException:
            for buffer in taken:
                buffer.free()
            raise
        for buffer in taken:
            self.session.adopt(buffer)
        return ChipCommitment(plan.chip, columns, total, tuple(rows))

    def _row_digests(self, plan: Plan, cell: Cells, lane: Lane) -> RowDigests:
        device, tile = self.session.device, cell.tile
        weight = row_weight(plan.extent.rows)
        arguments = (cell.ld, tile.rows, tile.columns, pow(weight, tile.first_column, P), weight)

        def fill(buffer: Buffer) -> None:
            device.launch("merkle_row_digests", tile.rows, cell.buffer, *arguments, buffer, lane=lane)

        return RowDigests(
            tile, device.filled(device.empty(Tag.COMMIT, f"{plan.chip} row digests", tile.rows, "u8"), fill)
        )

    def _demand_rows_add_up(self, plan: Plan, rows: Sequence[RowDigests], columns: ColumnDigests, lane: Lane) -> None:
        """The digest of the row digests as if they were column 0 is the chip's, for the first rho."""
        as_column = [
            Cells(entry.tile._replace(first_column=0, columns=1), entry.buffer, entry.tile.rows) for entry in rows
        ]
        found = digests.digest(
            self.session.device, lane, as_column, plan.extent.rows, self.session.resident.plan
        ).total[0]
        if found != columns.total[0]:
            raise InvariantBroken(
                "INV-17", f"chip {plan.chip}: its row digests add up to {found:016x}, its digest is {columns.text}"
            )


def row_weight(length: int) -> int:
    """What the weight of a cell grows by from a column to the next: the first rho to the power of L."""
    return pow(RHOS[0], length, P)


def commit_all(session: Session, *, blowup: int | None = None) -> tuple[Commitment, LaneReport]:
    """Commits to every chip in the session's order and on its lanes: ASSIGNED -> COMMITTED.

    Raises what :class:`Commitment` and ``run_tasks`` raise; then nothing is left of the matrix, and chips committed to before
    the error are freed with the session.
    """
    commitment = Commitment(session, blowup=blowup)
    try:
        _, report = run_tasks(session.device, [commitment.task(plan) for plan in session.plans.values()], session.lanes)
        commitment.finish()
    except BaseException:
        commitment.free_matrix()
        raise
    session.finish(Phase.COMMIT)
    return commitment, report
