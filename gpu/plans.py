"""Replay plans: what one chip needs, beyond the resident raw state, to be generated again.

A plan is data without memory of its own. It names the session it was sealed in, and holds shapes; the arrays behind it belong
to the session and die with it. So a plan can be kept, copied and compared, and can never keep device memory alive or reach
another session's (spec 09, sections B4 and A12).
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from typing import Final

from gpu.chips import Chip, Tile, trace_bytes
from gpu.device import Buffer, Device, Tag
from gpu.digest import DIGEST_SCRATCH
from gpu.errors import StalePlan
from gpu.fingerprint import Fingerprint
from gpu.layout import Extent

PLAN_ARRAYS: Final[dict[str, tuple[str, ...]]] = {
    "hsh": ("psrc", "pinfo", "pidx"),
    "bit": ("bit_a", "bit_b", "bit_op"),
    "mem": ("order", "run_start", "run_base", "run_key", "run_clk", "run_first"),
    "ace": ("sec_access", "sec_row", "sec_reads", "sec_evals", "sec_ptr", "sec_ctx", "sec_clk"),
    "rng": ("hist",),
    "krm": ("kcount",),
    "pad": ("last_row",),
}
"""Which of the session's PLAN arrays each chip reads; the others are generated from the raw state alone."""


class Epochs:
    """A counter that every upload and every release of the process moves on, so that no two sessions ever look alike."""

    def __init__(self) -> None:
        self._numbers = count(1)
        self._lock = threading.Lock()

    def advance(self) -> int:
        """The next epoch."""
        with self._lock:
            return next(self._numbers)


EPOCHS: Final = Epochs()


@dataclass(frozen=True, slots=True)
class SessionId:
    """Which resident raw state a plan was made for."""

    uuid: str
    epoch: int
    fingerprint: Fingerprint
    """Of the raw arrays."""
    layout_version: int


@dataclass(frozen=True, slots=True)
class PlanArray:
    """Shape of one of the session's PLAN arrays."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    nbytes: int


@dataclass(frozen=True, slots=True)
class Plan:
    """One chip's sealed plan."""

    session: SessionId
    shard: int
    chip: str
    extent: Extent
    tiles: tuple[Tile, ...]
    trace_bytes: int
    """T: bytes of TRACE while the chip's columns live."""
    extra: tuple[tuple[Tag, int], ...]
    """E: bytes of SEED and SCRATCH while they are generated."""
    verify_bytes: int
    """Bytes of SCRATCH while they are verified, when those of generation are free again."""
    arrays: tuple[PlanArray, ...]

    @property
    def estimate(self) -> int:
        """T + E: the most bytes that one verified regeneration takes beyond what is resident (spec 09, B9)."""
        return self.trace_bytes + max(self.verify_bytes, sum(nbytes for _, nbytes in self.extra))

    @property
    def cells(self) -> int:
        """Number of cells of all tiles."""
        return sum(tile.cells for tile in self.tiles)


def make_plan(
    session: SessionId, shard: int, chip: Chip, extent: Extent, device: Device, arrays: Mapping[str, Buffer]
) -> Plan:
    """The plan of a chip. ``arrays``: the session's PLAN arrays, of which the plan keeps the shapes."""
    wanted = [arrays[name] for name in PLAN_ARRAYS.get(chip.name, ()) if name in arrays]
    return Plan(
        session=session,
        shard=shard,
        chip=chip.name,
        extent=extent,
        tiles=chip.tiles(extent),
        trace_bytes=trace_bytes(chip, extent, device),
        extra=tuple(sorted(chip.extra_bytes(extent, device).items())),
        verify_bytes=DIGEST_SCRATCH,
        arrays=tuple(PlanArray(array.name, array.type, array.shape, array.nbytes) for array in wanted),
    )


def refuse_stale(plan: Plan, current: SessionId | None) -> None:
    """Nothing, or StalePlan: the plan is not of the session that is current (INV-10, INV-11).

    ``current`` is None when no session holds sealed plans.
    """
    if current is None:
        raise StalePlan(f"plan {plan.chip} of epoch {plan.session.epoch}: no session is current")
    parts = ("uuid", "epoch", "fingerprint", "layout_version")
    differing = [part for part in parts if getattr(plan.session, part) != getattr(current, part)]
    if differing:
        described = ", ".join(
            f"{part} {getattr(plan.session, part)} is now {getattr(current, part)}" for part in differing
        )
        raise StalePlan(f"plan {plan.chip}: {described}")
