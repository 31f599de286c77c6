"""What proves a chip: consumers that are given its columns while they live, and a collector of what they find.

A consumer says how much memory it takes, so that the task books it, and reports what it checked as well as what it found: a
check of nothing is not a passed check. Columns are read-only: what a consumer leaves behind is digested again
(spec 09, sections B8 and B11).
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from gpu.chips import CELL_BYTES, Cells, Tile
from gpu.columns import Columns, scratch
from gpu.commit import ChipCommitment, Commitment, use_bytes
from gpu.device import Lane
from gpu.digest import DIGEST_SCRATCH, digest
from gpu.errors import InvariantBroken
from gpu.lanes import LaneReport, Task, run_tasks
from gpu.plans import Plan
from gpu.session import Session
from gpu.states import Phase
from reference.definition.columns import COLUMN_NAMES
from reference.definition.field import P


class Consumer(Protocol):
    """Something that reads the columns of a chip during its proof."""

    def scratch_bytes(self, tiles: Sequence[Tile]) -> int:
        """Most bytes of SCRATCH that :meth:`consume` takes for a chip of these tiles."""

    def consume(self, columns: Columns) -> None:
        """Reads the columns, and only reads them; keeps none of them."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A check that failed."""

    shard: int
    chip: str
    phase: str
    check: str
    detail: str


@dataclass
class Findings:
    """Collects what consumers checked and found; several lanes may share one."""

    failures: list[Finding] = field(default_factory=list)
    checked: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Items by (chip, check): cells or rows that a check looked at."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, columns: Columns, check: str, items: int, failure: str | None = None) -> None:
        """Counts what was checked, and keeps the failure if there is one."""
        with self._lock:
            self.checked[columns.chip, check] += items
            if failure is not None:
                self.failures.append(Finding(columns.shard, columns.chip, columns.phase, check, failure))

    @property
    def passed(self) -> bool:
        """No failure, and something was checked."""
        return not self.failures and sum(self.checked.values()) > 0

    def table(self) -> list[str]:
        """One line per failure, in an order that does not depend on lanes."""
        ordered = sorted(self.failures, key=lambda each: (each.shard, each.chip, each.phase, each.check, each.detail))
        return [f"shard {each.shard}  {each.chip}  {each.phase}  {each.check}: {each.detail}" for each in ordered]


SUM_CHUNK: Final = 256
"""Rows that one thread adds up: enough that the partial sums are small against the columns."""


class ColumnSums:
    """Sums every column of a chip modulo p, over all its tiles: ``sums[chip][column name]``."""

    def __init__(self) -> None:
        self.sums: dict[str, dict[str, int]] = {}

    def scratch_bytes(self, tiles: Sequence[Tile]) -> int:
        """Partial sums and sums of the largest tile."""
        return max((CELL_BYTES * tile.columns * (1 + _chunks(tile.rows)) for tile in tiles if tile.rows), default=0)

    def consume(self, columns: Columns) -> None:
        """Adds the chip's entry."""
        totals: dict[str, int] = {}
        for cell in columns.cells:
            first = cell.tile.first_column
            for name, value in zip(COLUMN_NAMES[first:], _tile_sums(columns, cell), strict=False):
                totals[name] = (totals.get(name, 0) + value) % P
        self.sums[columns.chip] = totals


def _chunks(rows: int) -> int:
    return -(-rows // SUM_CHUNK)


def _tile_sums(columns: Columns, cell: Cells) -> list[int]:
    device, tile, lane = columns.device, cell.tile, columns.lane
    chunks = _chunks(tile.rows)
    with (
        scratch(device, "partial sums", tile.columns * chunks) as partial,
        scratch(device, "sums", tile.columns) as sums,
    ):
        shape = (cell.ld, tile.rows, tile.columns)
        arguments = (cell.buffer, *shape, SUM_CHUNK, chunks, partial)
        device.launch("proof_partial_sums", tile.columns * chunks, *arguments, lane=lane)
        device.launch("proof_total_sums", tile.columns, partial, tile.columns, chunks, sums, lane=lane)
        return [int(value) for value in device.download(sums)]


def proof_estimate(session: Session, plan: Plan, consumers: Sequence[Consumer]) -> int:
    """Most bytes that proving a chip takes beyond what is resident."""
    reading = max((consumer.scratch_bytes(plan.tiles) for consumer in consumers), default=0)
    return use_bytes(session, plan, max(reading, DIGEST_SCRATCH))


def prove_chip(
    session: Session, plan: Plan, commitment: ChipCommitment, consumers: Sequence[Consumer], lane: Lane | None = None
) -> None:
    """One chip's proof: regenerated, compared with its commitment, given to every consumer in turn, dropped.

    Raises what :meth:`Session.regenerate` and the consumers raise, and InvariantBroken (INV-06) when the columns are not those
    that were committed to, before or after a consumer read them.
    """
    on = lane or session.device.lane(0)
    with session.regenerate(plan, Phase.PROOF, on) as cells:
        _demand_committed(session, plan, commitment, cells, on, "regenerated columns")
        for consumer in consumers:
            columns = Columns(
                session.device, plan.chip, plan.extent, cells, session.resident.plan, lane=on, shard=session.shard
            )
            try:
                consumer.consume(columns)
            finally:
                columns.close()
            if session.check:
                reader = type(consumer).__name__
                _demand_committed(session, plan, commitment, cells, on, f"columns after {reader}")


def prove_all(session: Session, commitment: Commitment, consumers: Sequence[Consumer]) -> LaneReport:
    """One round of proofs of every chip, in the session's order and on its lanes; the session is PROVING afterwards.

    Consumers are shared by the lanes. Raises what :func:`prove_chip` and ``run_tasks`` raise.
    """
    tasks = [_task(session, plan, commitment.chips[plan.chip], consumers) for plan in session.plans.values()]
    _, report = run_tasks(session.device, tasks, session.lanes)
    session.finish(Phase.PROOF)
    return report


def _task(session: Session, plan: Plan, commitment: ChipCommitment, consumers: Sequence[Consumer]) -> Task[None]:
    def run(lane: Lane) -> None:
        prove_chip(session, plan, commitment, consumers, lane)

    return Task(plan.chip, proof_estimate(session, plan, consumers), run)


def _demand_committed(
    session: Session, plan: Plan, commitment: ChipCommitment, cells: Sequence[Cells], lane: Lane, what: str
) -> None:
    kept = tuple(session.device.download(commitment.digest).tolist())
    found = digest(session.device, lane, cells, plan.extent.rows, session.resident.plan)
    if found.total != kept:
        raise InvariantBroken(
            "INV-06", f"chip {plan.chip}: {what} have digest {found.text}, committed was {commitment.columns.text}"
        )
