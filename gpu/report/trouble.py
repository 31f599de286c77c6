"""Faults put in on purpose, on the device itself: each has to end in its named error, and to leave nothing behind.

The tests plant more of them (spec 09, B13) on the host; here are those whose end depends on the device: its memory, its pool,
its streams, another process beside this one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np

from gpu.carried import CarriedRecording
from gpu.chips import Cells, Generation, Tile
from gpu.chipset import ChipSet, standard
from gpu.device import Device, Tag
from gpu.errors import (
    BudgetDeadlock,
    BudgetExceeded,
    CarryMismatch,
    GpuError,
    InvariantBroken,
    LaneFailed,
    StalePlan,
    UnwrittenCells,
)
from gpu.layout import Extent
from gpu.lifecycle import walk
from gpu.report.sealing import sealed
from gpu.session import Session
from gpu.states import Phase
from gpu.walk import Options

Json = dict[str, Any]

PLENTY: Final = {"cuda": 1 << 44, "host": 1 << 58}
"""More bytes than there are. A device is asked for no more than its addresses reach; of a host, which promises memory that it
has not, for more than they do."""


def more_than_there_is(device: Device, recording: CarriedRecording) -> None:
    """A buffer larger than any memory; afterwards the recording is walked as ever."""
    try:
        device.empty(Tag.SCRATCH, "plenty", PLENTY[device.name] // 8, np.uint64)
    except BudgetExceeded:
        walk(recording, device)
        raise


def a_bit_of_the_raw_state(device: Device, recording: CarriedRecording) -> None:
    """One bit is flipped after the upload, where no kernel reads it: behind a queue (INV-02)."""

    def flip(step: str, session: Session) -> None:
        if step == "sealed":
            buffer = session.resident.raw["acc_word"]
            words = device.download(buffer)
            words[-1, 0] ^= np.uint64(1)
            device.write(buffer, words)

    walk(recording, device, hook=flip)


def a_header(device: Device, recording: CarriedRecording) -> None:
    """The second fragment's stack is not what the first one leaves."""
    snapshots = recording.snapshots.copy()
    snapshots["stack"][1, 3] ^= 1
    walk(replace(recording, snapshots=snapshots), device)


def a_byte_too_few(device: Device, recording: CarriedRecording) -> None:
    """The budget is one byte below what a walk takes; at exactly that much it succeeds."""
    plain = Options(check=False, openings=0)
    needed = walk(recording, device, plain).peak_in_use
    walk(recording, device, replace(plain, budget=needed))
    walk(recording, device, replace(plain, budget=needed - 1))


def a_plan_of_another_session(device: Device, recording: CarriedRecording) -> None:
    """A plan outlives its session, and the same program is uploaded again."""
    with sealed(device, recording) as found:
        plan = found.session.plans["sys"]
    with sealed(device, recording) as found:
        launches = len(device.log)
        try:
            with found.session.regenerate(plan, Phase.COMMIT):
                pass
        except StalePlan:
            if len(device.log) != launches:
                raise InvariantBroken("INV-10", "a stale plan launched a kernel") from None
            raise


class _Altered:
    """A chip of the standard set, one of whose generations does something else."""

    def __init__(self, name: str, instead: Callable[[Generation], None] | None) -> None:
        self._chip = standard().chips[name]
        self._instead = instead
        self._generations = 0

    @property
    def name(self) -> str:
        """The chip's."""
        return self._chip.name

    def tiles(self, extent: Extent) -> tuple[Tile, ...]:
        """The chip's."""
        return self._chip.tiles(extent)

    def extra_bytes(self, extent: Extent, device: Device) -> Mapping[Tag, int]:
        """The chip's."""
        return self._chip.extra_bytes(extent, device)

    def generate(self, g: Generation, cells: Sequence[Cells]) -> None:
        """The chip's; the second time, for the commitment, what it was given instead."""
        self._generations += 1
        if self._generations != 2:
            self._chip.generate(g, cells)
        elif self._instead is not None:
            self._instead(g)


def _with(name: str, instead: Callable[[Generation], None] | None) -> ChipSet:
    return standard().with_chip(_Altered(name, instead))


def cells_left_unwritten(device: Device, recording: CarriedRecording) -> None:
    """A chip writes nothing the second time it is generated."""
    walk(recording, device, chipset=_with("hsh", None))


def an_exception_in_a_lane(device: Device, recording: CarriedRecording) -> None:
    """A chip raises while three lanes are at work."""

    def fail(_: Generation) -> None:
        raise ArithmeticError("put in on purpose")

    walk(recording, device, Options(lanes=3), chipset=_with("stk", fail))


Trouble = Callable[[Device, CarriedRecording], None]

TROUBLES: Final[tuple[tuple[Trouble, type[GpuError]], ...]] = (
    (more_than_there_is, BudgetExceeded),
    (a_bit_of_the_raw_state, InvariantBroken),
    (a_header, CarryMismatch),
    (a_byte_too_few, BudgetDeadlock),
    (a_plan_of_another_session, StalePlan),
    (cells_left_unwritten, UnwrittenCells),
    (an_exception_in_a_lane, LaneFailed),
)
"""What is done, and the error that it has to end in."""


def provoke(device: Device, recording: CarriedRecording, trouble: Trouble, expected: type[GpuError]) -> Json:
    """One of them: which error came, whether it was the right one, and what was left on the device."""
    live, pool = device.arena.total, device.pool_bytes()
    what = trouble.__name__.replace("_", " ")
    try:
        trouble(device, recording)
        came, said = "nothing", ""
    except GpuError as error:
        came, said = type(error).__name__, str(error)
    finally:
        device.clear_log()
    left = {"arena": device.arena.total - live, "booked": device.arena.booked, "pool": device.pool_bytes() - pool}
    return {
        "what": what,
        "expected": expected.__name__,
        "came": came,
        "said": said[:300],
        "left": left,
        "right": came == expected.__name__ and not any(left.values()),
    }
