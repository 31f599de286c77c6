"""How fast columns are regenerated from resident raw state, chip by chip, beside a copy of the same bytes (spec 10, 15.1).

Every time has a measure next to it that was taken in the same run: the copy of exactly the cells that were generated, the
bytes that were uploaded for a row, the bytes that were estimated. What was timed is digested afterwards, and has to be what
assignment digested.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from gpu import digest as digests
from gpu.carried import CarriedRecording, coarser
from gpu.chips import CELL_BYTES, CHIP_ORDER, Cells, allocate, drop
from gpu.cost_model import Load, Model
from gpu.device import Device, Lane, Tag
from gpu.errors import InvariantBroken
from gpu.lifecycle import walk
from gpu.plans import Plan
from gpu.report.bundle import Item
from gpu.report.clock import Times, copied, kernel_times, timed
from gpu.report.sealing import Sealed, sealed
from gpu.walk import Options
from reference.definition.columns import WIDTH

Json = dict[str, Any]

FACTORS: Final = (1, 4, 16, 64)
"""Fragments of 64 rows are replayed as 64, 256, 1024 and 4096."""
CEILING_BYTES: Final = 1 << 30
"""Copied and filled to find what the memory can do: many times the second cache."""
TARGET: Final = 2.0
"""Times the copy that regeneration may take, for ordinary programs (DESIGN, section 10)."""
TARGET_HASH: Final = 3.0
"""The same where recorded permutations are recomputed."""
UPLOAD_TARGET: Final = (10.0, 25.0)
"""Bytes of raw state a row that are expected, at fragments of 64 rows."""


@dataclass(frozen=True, slots=True)
class ChipTimes:
    """One chip: the bytes of its cells, its launches, and seconds."""

    chip: str
    nbytes: int
    launches: int
    whole: Times
    """From the first launch to the end of the last, with everything that the host does in between."""
    kernels: dict[str, Times]
    """All launches of each kernel, by themselves."""
    copy: Times | None
    """None for a chip without cells."""
    estimate: int
    """Bytes that its plan says a verified regeneration takes beyond what is resident."""
    peak: int
    """Bytes that this one took."""
    predicted_s: float
    bound: str
    """What the model says it is bound by."""

    @property
    def kernel_s(self) -> float:
        """Seconds of all its kernels."""
        return sum(times.median for times in self.kernels.values())


def ceilings(device: Device, nbytes: int, rounds: int) -> Json:
    """Bytes a second of a copy, read and written together, and of a fill; of an upload and a download.

    Raises BudgetExceeded when there is no room for two buffers of so many bytes.
    """
    lane, words = device.lane(0), nbytes // 8
    buffer = device.full(Tag.SCRATCH, "ceiling", words, np.uint64, 0x0123456789ABCDEF)
    try:
        copy = copied(device, lane, [buffer], rounds)
        fill = timed(device, lane, rounds, lambda: device.launch("fill", words, buffer, words, 1, lane=lane))
        moved = device.full(Tag.SCRATCH, "moved", words // 8, np.uint64, 1)
        try:
            host = np.ones(moved.size, np.uint64)
            up = timed(device, lane, rounds, lambda: device.write(moved, host))
            down = timed(device, lane, rounds, lambda: device.download(moved))
        finally:
            moved.free()
    finally:
        buffer.free()
    return {
        "bytes": nbytes,
        "copy_bytes_per_s": 2 * nbytes / copy.median,
        "fill_bytes_per_s": nbytes / fill.median,
        "upload_bytes_per_s": nbytes / 8 / up.median,
        "download_bytes_per_s": nbytes / 8 / down.median,
        "copy": asdict(copy),
        "fill": asdict(fill),
    }


def measure(device: Device, item: Item, recording: CarriedRecording, factor: int, rounds: int, model: Model) -> Json:
    """One program at one size of fragments. Raises the errors of spec 09, B10; InvariantBroken when what was timed is wrong."""
    cut = coarser(recording, factor)
    with sealed(device, cut) as found:
        extent = found.session.plans["sys"].extent
        load = Load(extent, found.raw.counts["circuits"])
        chips = [_chip(device, found, found.session.plans[name], load, rounds, model) for name in CHIP_ORDER]
        pool = device.pool_bytes()
        resident = device.arena.total
    return {
        "name": item.name,
        "rows": extent.rows,
        "core_rows": extent.core_rows,
        "fragments": extent.fragments,
        "fragment_rows": cut.rows_of_fragment(0),
        "permutations": extent.permutations,
        "upload_s": found.upload_s,
        "raw_bytes": found.raw.bytes,
        "raw_bytes_per_row": found.raw.bytes / extent.core_rows,
        "trace_bytes_per_row": WIDTH * CELL_BYTES,
        "assign_s": found.assign_s,
        "assign_launches": found.assign_launches,
        "resident_bytes": resident,
        "pool_bytes": pool,
        "chips": [_told(chip) for chip in chips],
        **_totals(chips, hashing=extent.permutations > 0),
    }


def _chip(device: Device, found: Sealed, plan: Plan, load: Load, rounds: int, model: Model) -> ChipTimes:
    session, lane = found.session, device.lane(0)
    chip = session.chipset.chips[plan.chip]
    g = session.generator.inputs(lane, plan.extent)
    resident = device.arena.total
    device.arena.reset_peaks()
    with _cells(device, found, plan) as cells:

        def generate() -> None:
            chip.generate(g, cells)

        launches = len(device.log)
        generate()
        lane.finish()
        launches = len(device.log) - launches
        peak = device.arena.total_peak - resident
        whole = timed(device, lane, rounds, generate)
        kernels = kernel_times(device, lane, rounds, generate)
        session.resident.raise_reported(lane.index)
        _demand_digest(device, lane, found, plan, cells)
        buffers = [cell.buffer for cell in cells if cell.buffer is not None]
        copy = copied(device, lane, buffers, rounds) if buffers else None
    cost = model.chip(plan.chip, load)
    bound = max(cost.terms, key=lambda term: term.seconds)
    nbytes = CELL_BYTES * plan.cells
    return ChipTimes(
        plan.chip,
        nbytes,
        launches,
        whole,
        kernels,
        copy,
        plan.estimate,
        peak,
        cost.seconds,
        f"{bound.what}: {bound.bound}",
    )


@contextmanager
def _cells(device: Device, found: Sealed, plan: Plan) -> Iterator[tuple[Cells, ...]]:
    """Memory for a chip, poisoned: a cell that is not written shows in the digest."""
    chip = found.session.chipset.chips[plan.chip]
    cells = allocate(chip, plan.extent, device)
    try:
        digests.poison(device, device.lane(0), cells)
        yield cells
    finally:
        device.lane(0).finish()
        drop(cells)


def _demand_digest(device: Device, lane: Lane, found: Sealed, plan: Plan, cells: Sequence[Cells]) -> None:
    session = found.session
    made = digests.digest(device, lane, cells, plan.extent.rows, session.resident.plan)
    if made != session.generator.digests[plan.chip]:
        raise InvariantBroken("INV-06", f"chip {plan.chip}: what was timed has the digest {made.text}")


def _told(chip: ChipTimes) -> Json:
    return {
        "chip": chip.chip,
        "bytes": chip.nbytes,
        "launches": chip.launches,
        "whole": asdict(chip.whole),
        "kernel_s": chip.kernel_s,
        "kernels": {kernel: asdict(times) for kernel, times in chip.kernels.items()},
        "copy": chip.copy and asdict(chip.copy),
        "estimate_bytes": chip.estimate,
        "peak_bytes": chip.peak,
        "predicted_s": chip.predicted_s,
        "predicted_bound": chip.bound,
    }


def _totals(chips: Sequence[ChipTimes], *, hashing: bool) -> Json:
    """Of all chips together; ``ratio`` is what the target speaks of: the kernels' time over the copy's."""
    nbytes = sum(chip.nbytes for chip in chips)
    whole = sum(chip.whole.median for chip in chips)
    kernels = sum(chip.kernel_s for chip in chips)
    copy = sum(chip.copy.median for chip in chips if chip.copy is not None)
    target = TARGET_HASH if hashing else TARGET
    return {
        "bytes": nbytes,
        "launches": sum(chip.launches for chip in chips),
        "whole_s": whole,
        "kernel_s": kernels,
        "copy_s": copy,
        "bytes_per_s": nbytes / kernels,
        "ratio": kernels / copy,
        "whole_ratio": whole / copy,
        "target": target,
        "within": kernels <= target * copy,
        "predicted_s": sum(chip.predicted_s for chip in chips),
        "peak_over_estimate": max(chip.peak / chip.estimate for chip in chips),
    }


WALKS: Final = (
    Options(check=False, trace=False),
    Options(check=False, trace=False, lanes=2),
    Options(check=False, trace=False, lanes=4),
    Options(check=False, trace=False, cache="trace"),
    Options(check=False, trace=False, cache="full"),
)
"""Whole life cycles that are timed: one, two and four lanes, and the other cache levels."""


def whole_walks(device: Device, item: Item, recording: CarriedRecording, clock: Callable[[], float]) -> Iterator[Json]:
    """The program's whole life cycle without checks, at several options: seconds, launches, most bytes in use."""
    for options in WALKS:
        begun = clock()
        found = walk(recording, device, options)
        yield {
            "name": item.name,
            "rows": found.lengths.rows,
            "lanes": options.lanes,
            "cache": str(options.cache),
            "seconds": clock() - begun,
            "launches": found.launches,
            "peak_in_use": found.peak_in_use,
        }
