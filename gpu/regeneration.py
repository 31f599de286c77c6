"""One generation of one chip's columns: allocate, poison, generate, verify, use, drop.

All generations of a session go through here, whichever phase they are for and whichever lane they run on, so what is counted
and compared here holds for all of them: the first generation's digest is every later one's (INV-06), no cell is left
unwritten (INV-09), no replay has a side-effect buffer (INV-08).
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from gpu import digest as digests
from gpu.chips import Cells, Chip, Generation, allocate, drop
from gpu.chipset import ChipSet
from gpu.device import Buffer, Device, Lane
from gpu.digest import ColumnDigests
from gpu.errors import InvariantBroken, ShapeMismatch, SideEffectInReplay, UnwrittenCells, WrongState
from gpu.layout import Extent
from gpu.plans import Plan
from gpu.resident import Resident
from gpu.states import Cache, Phase


class ReplaySides(dict[str, Buffer]):
    """The side-effect buffers of a replay: there are none, and asking for one is an error (INV-08)."""

    def __missing__(self, name: str) -> Buffer:
        raise SideEffectInReplay(f"a replay asks for the side-effect buffer {name}")


@dataclass(frozen=True, slots=True)
class Generated:
    """One generation of one chip, for the checks: what it took and what it gave."""

    chip: str
    phase: Phase
    lane: int
    resident: int
    """Live bytes of all tags before it."""
    peak: int
    """Most live bytes of all tags while it ran; of several lanes together when there are several."""
    estimate: int
    digest: ColumnDigests | None
    """None when the generation was not verified: poisoned, searched for cells that are no field elements, digested."""


class Generator:
    """Generates the chips of one session, on up to ``lanes`` lanes at once."""

    def __init__(
        self, device: Device, chipset: ChipSet, resident: Resident, *, cache: Cache, lanes: int, check: bool
    ) -> None:
        self.device = device
        self.chipset = chipset
        self.resident = resident
        self.cache = cache
        self.lanes = lanes
        self.check = check
        self.digests: dict[str, ColumnDigests] = {}
        """Of every chip, as first generated."""
        self.generations: Counter[tuple[str, Phase]] = Counter()
        self.history: list[Generated] = []
        self.most_live = 0
        """Most chips whose columns were being generated or used at once (INV-04)."""
        self.kept: dict[str, tuple[Cells, ...]] = {}
        """Columns that stay because of the cache level."""
        self._live: set[str] = set()
        self._lock = threading.Lock()

    @property
    def live_chips(self) -> int:
        """Chips that are worked on at this moment."""
        with self._lock:
            return len(self._live)

    def inputs(self, lane: Lane, extent: Extent, *, counting: bool = False) -> Generation:
        """What a chip is given; only when ``counting`` has it the side-effect buffers."""
        resident = self.resident
        return Generation(
            self.device, lane, resident.raw, resident.tables, resident.plan,
            resident.side if counting else ReplaySides(), extent, resident.errors[lane.index], resident.host.counts,
        )  # fmt: skip

    @contextmanager
    def using(self, chip: str) -> Iterator[None]:
        """Around everything that is done with a chip's columns. Raises WrongState when another lane has them."""
        with self._lock:
            if chip in self._live:
                raise WrongState(f"chip {chip} is being worked on already: two lanes never share its columns")
            self._live.add(chip)
            self.most_live = max(self.most_live, len(self._live))
        try:
            if len(self._live) > self.lanes:
                raise InvariantBroken("INV-04", f"{len(self._live)} chips are live on {self.lanes} lanes")
            yield
        finally:
            with self._lock:
                self._live.discard(chip)

    @contextmanager
    def columns(self, plan: Plan, phase: Phase, lane: Lane) -> Iterator[tuple[Cells, ...]]:
        """A chip's columns for as long as the block runs: kept ones if there are, else generated now. Inside ``using``."""
        kept = self.kept.get(plan.chip)
        if kept is None:
            with self._generated(plan, phase, lane) as cells:
                yield cells
        else:
            yield kept

    def free(self) -> None:
        """Drops kept columns; twice is harmless."""
        for cells in self.kept.values():
            drop(cells)
        self.kept.clear()

    @contextmanager
    def _generated(self, plan: Plan, phase: Phase, lane: Lane) -> Iterator[tuple[Cells, ...]]:
        """One generation: allocate, poison, generate, verify; dropped when the block ends, unless the cache keeps it."""
        arena, chip = self.device.arena, self.chipset.chips[plan.chip]
        resident = arena.total
        if self.lanes == 1:
            # The peak is this generation's alone; whoever wants those of the steps before has taken them.
            arena.reset_peaks()
        cells = allocate(chip, plan.extent, self.device)
        keep = False
        try:
            self._demand_shape(plan, cells)
            verify = self.check or phase in (Phase.ASSIGN, Phase.COMMIT)
            g = self.inputs(lane, plan.extent, counting=phase is Phase.ASSIGN)
            digest = self._fill(plan, g, chip, cells, verify=verify)
            if phase is Phase.ASSIGN:
                self.chipset.bus_responses(g, plan.chip, cells)
                self.resident.raise_reported(lane.index)
            self._note(Generated(plan.chip, phase, lane.index, resident, arena.total_peak, plan.estimate, digest))
            keep = phase is Phase.ASSIGN and self.cache is not Cache.NONE
            yield cells
        except BaseException:
            keep = False
            raise
        finally:
            try:
                # Frees follow the lane's completion: what was launched may still read or write the cells.
                lane.finish()
            except BaseException:
                keep = False
                raise
            finally:
                if keep:
                    self.kept[plan.chip] = cells
                else:
                    drop(cells)

    def _demand_shape(self, plan: Plan, cells: Sequence[Cells]) -> None:
        tiles = tuple(cell.tile for cell in cells)
        if tiles != plan.tiles:
            raise ShapeMismatch(f"chip {plan.chip}: its tiles are {tiles}, planned were {plan.tiles}")
        arrays = tuple((array.name, array.shape) for array in plan.arrays)
        found = tuple((array.name, self.resident.plan[array.name].shape) for array in plan.arrays)
        if arrays != found:
            raise ShapeMismatch(f"chip {plan.chip}: its plan arrays are {found}, planned were {arrays}")

    def _fill(
        self, plan: Plan, g: Generation, chip: Chip, cells: Sequence[Cells], *, verify: bool
    ) -> ColumnDigests | None:
        if verify:
            digests.poison(self.device, g.lane, cells)
        chip.generate(g, cells)
        g.lane.finish()
        self.resident.raise_reported(g.lane.index)
        if not verify:
            return None
        bad = digests.check_cells(self.device, g.lane, cells)
        if bad is not None:
            raise UnwrittenCells(f"chip {plan.chip}: {bad}")
        found = digests.digest(self.device, g.lane, cells, plan.extent.rows, g.plan)
        first = self.digests.setdefault(plan.chip, found)
        if found != first:
            raise InvariantBroken("INV-06", f"chip {plan.chip}: digest {found}, first generated with {first}")
        return found

    def _note(self, generated: Generated) -> None:
        with self._lock:
            self.generations[generated.chip, generated.phase] += 1
            self.history.append(generated)
