"""One shard on one device: its raw state resident, its columns generated when they are asked for, everything released.

The session owns all memory; plans only name it. Its states follow one another in one direction, and an error that leaves
anything in doubt ends in a state from which only release leads on (spec 09, section B4):

    NEW -> UPLOADED -> COUNTED -> ASSIGNED -> COMMITTED -> PROVING* -> OPENED* -> RELEASED
    any of these -> POISONED -> RELEASED

COUNTED stands between the two halves of an assignment: the side effects of this shard are known, and the layout of the trace,
which needs those of all shards, is not.
"""

from __future__ import annotations

import threading
import uuid
import weakref
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Final, Self

import numpy as np

from gpu.byte_formula import chip_bounds, expected_bytes
from gpu.byte_table import Observer, no_observer
from gpu.chips import CHIP_ORDER, Cells, Generation
from gpu.chipset import ChipSet
from gpu.device import Buffer, Device, Lane, Tag
from gpu.errors import DeviceError, GpuError, InvariantBroken, LeakDetected, WrongState
from gpu.lanes import MOST_LANES, Task, run_tasks
from gpu.layout import Extent, ShardCounts, provisional
from gpu.plans import EPOCHS, Plan, SessionId, make_plan, refuse_stale
from gpu.raw import RawState
from gpu.regeneration import Generator
from gpu.resident import Resident
from gpu.runs import Runs, SortedAccesses
from gpu.sides import Sides
from gpu.source import LAYOUT_VERSION
from gpu.states import AFTER, ALLOWED, Cache, Phase, State
from gpu.tables import ProgramTables

_CURRENT: Final[weakref.WeakKeyDictionary[Device, Session]] = weakref.WeakKeyDictionary()
"""The session that holds each device. A device serves one at a time; a second upload is refused."""
_CURRENT_LOCK: Final = threading.Lock()


class Session:
    """Life of one shard's raw state on a device.

    ``lanes``: how many regenerations may run at once. ``check``: verify every regeneration, and what must not change after it,
    not only at assignment and commitment. Methods raise WrongState out of order, and the errors of spec 09, B10; an assignment
    that any of them ends has counted a part, and cannot be repeated: the session is poisoned.
    """

    def __init__(
        self,
        device: Device,
        chipset: ChipSet,
        *,
        shard: int = 0,
        cache: Cache = Cache.NONE,
        lanes: int = 1,
        check: bool = True,
        order: Sequence[str] = CHIP_ORDER,
        observer: Observer = no_observer,
    ) -> None:
        if sorted(order) != sorted(CHIP_ORDER):
            raise ValueError(f"an order names each of {', '.join(CHIP_ORDER)} once, not {', '.join(order)}")
        if not 1 <= lanes <= MOST_LANES:
            raise ValueError(f"lanes are 1 to {MOST_LANES}, not {lanes}")
        self.device = device
        self.chipset = chipset
        self.shard = shard
        self.cache = cache
        self.lanes = lanes
        self.check = check
        self.order = tuple(order)
        self.observer = observer
        self.state = State.NEW
        self.id: SessionId | None = None
        self.plans: dict[str, Plan] = {}
        self.rounds: Counter[Phase] = Counter()
        """Finished rounds of each phase."""
        self.uses = 0
        """How often a chip was worked on since sealing, and what must not change was compared after it."""
        self.sealed_sides: Sides | None = None
        """Side effects as they were when the session was sealed (INV-07)."""
        self._generator: Generator | None = None
        self._adopted: list[Buffer] = []
        self._lock = threading.Lock()
        self._taken = False
        self._growth = 0
        self._baseline: Mapping[Tag, int] = {}
        self._baseline_pool = 0

    # ---- what it holds -----------------------------------------------------------------------------------------------

    @property
    def generator(self) -> Generator:
        """What generates its chips. Raises WrongState before the upload and after the release."""
        if self._generator is None:
            raise WrongState(f"a session that is {self.state} holds nothing")
        return self._generator

    @property
    def resident(self) -> Resident:
        """The session's device memory. Raises WrongState before the upload and after the release."""
        return self.generator.resident

    @property
    def counts(self) -> Mapping[str, int]:
        """The raw state's counts."""
        return self.resident.host.counts

    @property
    def shard_counts(self) -> ShardCounts:
        """How much the shard holds; ``growth`` is 0 until its side effects were counted."""
        return ShardCounts.of(self.counts, self._growth)

    # ---- assignment --------------------------------------------------------------------------------------------------

    def upload(self, raw: RawState, tables: ProgramTables) -> None:
        """NEW -> UPLOADED: the raw state is resident. Raises WrongState while another session holds the device."""
        self._demand(State.NEW)
        with _CURRENT_LOCK:
            current = _CURRENT.get(self.device)
            if current is not None:
                raise WrongState(f"the device holds a session that is {current.state}: release it first")
            _CURRENT[self.device] = self
        self.device.phase = self._phase_name("upload")
        self.device.synchronise()
        self._baseline, self._baseline_pool = dict(self.device.arena.live), self.device.pool_bytes()
        self.id = SessionId(uuid.uuid4().hex, EPOCHS.advance(), raw.fingerprint, LAYOUT_VERSION)
        self.state = State.UPLOADED
        resident = Resident(self.device, raw, tables, self.lanes)
        self._generator = Generator(
            self.device, self.chipset, resident, cache=self.cache, lanes=self.lanes, check=self.check
        )
        with self._guard("upload", changing=True):
            self.observe("open")
            resident.upload()
            self.observe("upload")

    def count(self) -> None:
        """UPLOADED -> COUNTED: the core is replayed for its side effects, the memory is sorted."""
        self._demand(State.UPLOADED)
        resident, lane = self.resident, self.device.lane(0)
        with self._guard(Phase.ASSIGN, changing=True):
            resident.add_sides()
            self.observe("side buffers")
            resident.add_plan()
            g = self._counting(lane)
            self._growth = self.chipset.assign_core(g)
            resident.raise_reported(lane.index)
            resident.plan["order"] = self.chipset.sort_memory(g)
            resident.raise_reported(lane.index)
            self.state = State.COUNTED
            self.observe("counted")

    def sorted_accesses(self) -> SortedAccesses:
        """The shard's accesses in the order in which the device sorted them."""
        self._demand(State.COUNTED)
        order, arrays = self.resident.order(), self.resident.host.arrays
        return SortedAccesses(arrays["acc_key"][order], arrays["acc_clk"][order].astype(np.uint64))

    def count_memory(self, runs: Runs) -> None:
        """COUNTED: the limbs of the memory rows' deltas are counted, now that their neighbours are known; once."""
        self._demand(State.COUNTED)
        resident, lane = self.resident, self.device.lane(0)
        if "run_start" in resident.plan:
            raise WrongState("the memory rows were counted already")
        with self._guard(Phase.ASSIGN, changing=True):
            resident.add_runs(runs)
            self.chipset.count_memory(self._counting(lane))
            resident.raise_reported(lane.index)

    def take_sides(self) -> Sides:
        """COUNTED: the shard's side effects, once. Raises WrongState the second time, as what they were taken for is under
        way."""
        self._demand(State.COUNTED)
        if self._taken:
            raise WrongState("the side effects were taken already")
        self._taken = True
        with self._guard(Phase.ASSIGN, changing=True):
            return self.resident.read_sides()

    def range_rows(self) -> int:
        """COUNTED: R of the shard's own counters, as the device finds it: the program's R when it has one shard."""
        self._demand(State.COUNTED)
        with self._guard(Phase.ASSIGN, changing=True):
            return self.chipset.range_rows(self._counting(self.device.lane(0)))

    def seal(self, extent: Extent, totals: Sides) -> tuple[Plan, ...]:
        """COUNTED -> ASSIGNED: the layout of the trace is known; every chip is generated once and answers its buses.

        ``totals``: side effects of all shards. Plans come in the session's order of chips and are immutable from here on.
        """
        self._demand(State.COUNTED)
        resident, lane = self.resident, self.device.lane(0)
        if not self._taken or "run_start" not in resident.plan:
            raise WrongState("memory rows are counted and side effects taken before a session is sealed")
        with self._guard(Phase.ASSIGN, changing=True):
            if extent.is_last:
                resident.add_totals(totals)
                resident.plan["last_row"] = self.chipset.draw_last_row(self._counting(lane))
                resident.raise_reported(lane.index)
            resident.demand_shapes(is_last=extent.is_last)
            assert self.id is not None
            self.plans = {
                name: make_plan(self.id, self.shard, self.chipset.chips[name], extent, self.device, resident.plan)
                for name in self.order
            }
            # One lane: all chips count into the same words.
            run_tasks(self.device, [self._assignment(plan) for plan in self.plans.values()], 1)
            self.sealed_sides = resident.read_sides()
            self.state = State.ASSIGNED
            self.observe("sealed")
        return tuple(self.plans.values())

    # ---- regeneration ------------------------------------------------------------------------------------------------

    @contextmanager
    def regenerate(self, plan: Plan, phase: Phase, lane: Lane | None = None) -> Iterator[tuple[Cells, ...]]:
        """A chip's columns for as long as the block runs: generated again, or kept ones at a higher cache level.

        Raises StalePlan and WrongState before anything is launched or allocated; UnwrittenCells, ShapeMismatch,
        SideEffectInReplay, InvariantBroken and the kernels' errors otherwise, and then the session is poisoned.
        """
        on = lane or self.device.lane(0)
        with self.working(plan, phase, on), self.generator.columns(plan, phase, on) as cells:
            yield cells

    @contextmanager
    def working(self, plan: Plan, phase: Phase, lane: Lane) -> Iterator[None]:
        """Around work on a plan: the same refusals before it, the same poisoning, and the checks after it.

        For what generates less than the whole chip.
        """
        self.demand(plan, phase)
        with self._guard(phase):
            with self.generator.using(plan.chip):
                yield
            if self.check:
                self._check_unchanged(lane)
                with self._lock:
                    self.uses += 1
            if self.lanes == 1:
                self.observe_chip(plan, phase)

    def demand(self, plan: Plan, phase: Phase) -> None:
        """Raises StalePlan unless the plan is this session's, WrongState unless the phase may regenerate now."""
        refuse_stale(plan, None if self.state in (State.RELEASED, State.NEW) else self.id)
        if self.state not in ALLOWED[phase]:
            raise WrongState(f"{phase} in a session that is {self.state}; it needs {' or '.join(ALLOWED[phase])}")

    def finish(self, phase: Phase) -> None:
        """A round of a phase is over; the state moves on.

        Raises WrongState when a chip was left out: at level none, of a commitment or a proof.
        """
        if self.state not in ALLOWED[phase]:
            raise WrongState(f"{phase} is finished in a session that is {self.state}")
        if self.cache is Cache.NONE and phase is not Phase.OPENING:
            missing = [name for name in self.order if self.generator.generations[name, phase] <= self.rounds[phase]]
            if missing:
                raise WrongState(f"{phase} is finished without {', '.join(missing)}")
        self.rounds[phase] += 1
        self.state = AFTER[phase]

    def observe(self, step: str, at_most: Mapping[Tag, int] | None = None) -> None:
        """Tells the observer that a step is over, and what has to be live on top of what was before the upload."""
        expected = expected_bytes(self._generator, self.plans)
        with_baseline = {tag: nbytes + self._baseline.get(tag, 0) for tag, nbytes in expected.items()}
        self.observer(step, with_baseline, at_most or {})

    def observe_chip(self, plan: Plan, phase: Phase) -> None:
        """The same for a step that worked on one chip."""
        self.observe(f"{phase} {plan.chip}", chip_bounds(self.generator, self.plans, plan))

    def adopt(self, buffer: Buffer) -> Buffer:
        """The session frees the buffer when it is released."""
        self._adopted.append(buffer)
        return buffer

    # ---- the end -----------------------------------------------------------------------------------------------------

    def release(self) -> None:
        """-> RELEASED, from any state: memory is given back, every plan is refused from now on; twice is harmless.

        Raises LeakDetected when bytes are live that were not before the upload (INV-01), DeviceError when the device was lost
        and no step has said so: nobody may take results from a device that broke while they were made.
        """
        if self.state in (State.RELEASED, State.NEW):
            self.state = State.RELEASED
            return
        told = self.state is State.POISONED
        self.device.phase = self._phase_name("release")
        for buffer in self._adopted:
            buffer.free()
        self._adopted.clear()
        if self._generator is not None:
            self._generator.free()
            self._generator.resident.free()
            self._generator = None
        self.state = State.RELEASED
        EPOCHS.advance()
        with _CURRENT_LOCK:
            _CURRENT.pop(self.device, None)
        self.device.synchronise()
        self.observe("released")
        self.device.phase = ""
        self.device.arena.expect(self._baseline)
        pool = self.device.pool_bytes()
        if pool != self._baseline_pool:
            raise LeakDetected(f"the pool holds {pool} bytes, {self._baseline_pool} before the upload")
        if self.device.lost is not None and not told:
            raise DeviceError(f"the device was lost before the session ended: {self.device.lost}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    # ---- inside ------------------------------------------------------------------------------------------------------

    def _phase_name(self, phase: str) -> str:
        return f"shard {self.shard} {phase}"

    def _demand(self, *states: State) -> None:
        if self.state not in states:
            raise WrongState(f"the session is {self.state}, not {' or '.join(states)}")

    @contextmanager
    def _guard(self, phase: str, *, changing: bool = False) -> Iterator[None]:
        """What leaves anything in doubt poisons the session; in a step that changes what is resident, every error does."""
        self.device.phase = self._phase_name(phase)
        try:
            yield
        except GpuError as error:
            if error.poisons or changing:
                self.state = State.POISONED
            raise
        except BaseException:
            self.state = State.POISONED
            raise

    def _assignment(self, plan: Plan) -> Task[None]:
        """A chip's first generation."""

        def run(lane: Lane) -> None:
            with self.generator.using(plan.chip), self.generator.columns(plan, Phase.ASSIGN, lane):
                pass
            self.observe_chip(plan, Phase.ASSIGN)

        return Task(plan.chip, plan.estimate, run)

    def _counting(self, lane: Lane) -> Generation:
        extent = provisional(self.shard_counts, self.counts["kernel_procedures"])
        return self.generator.inputs(lane, extent, counting=True)

    def _check_unchanged(self, lane: Lane) -> None:
        """After a replay: the raw state (INV-02) and the side effects (INV-07) are what they were."""
        self.resident.check_raw(lane)
        if self.sealed_sides is None or not self.resident.read_sides().same_as(self.sealed_sides):
            raise InvariantBroken("INV-07", "a replay changed the side effects")
