"""Several chips at once: bounded lanes, each task admitted by a booking of its estimate.

With several lanes tasks start largest first, and whatever fits beside those in flight is let in. A lane's work has to be
complete on the device before its bytes and its place are given to another task: frees follow the lane's completion event,
never the return of the function that launched it. One lane runs through the same code as eight (spec 09, A10 and B9).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from gpu.arena import Booking
from gpu.device import Device, Lane
from gpu.errors import BudgetDeadlock, BudgetExceeded, GpuError, InvariantBroken, LaneFailed

T = TypeVar("T")

MOST_LANES: Final = 8


@dataclass(frozen=True)
class Task(Generic[T]):
    """One piece of work: runs on the lane it is given, takes at most ``estimate`` bytes beyond what is resident."""

    name: str
    estimate: int
    run: Callable[[Lane], T]


@dataclass(frozen=True, slots=True)
class LaneEvent:
    """What happened to a task: started, done (its function returned), finished (its lane is drained), released."""

    kind: str
    task: str
    lane: int
    booked: int
    """Bytes booked by all tasks in flight at that moment."""


@dataclass
class LaneReport:
    """Order of events and the most bytes that were booked at once."""

    events: list[LaneEvent]
    peak_booked: int = 0
    most_in_flight: int = 0
    """Most tasks that were started and whose lane was not drained yet."""


class _Pool(Generic[T]):
    def __init__(self, device: Device, tasks: Sequence[Task[T]], lanes: int) -> None:
        self.device = device
        self.tasks = tasks
        # Largest first, equal ones in the order given; with one lane there is nothing to pack, and the order given stands.
        self.pending = sorted(range(len(tasks)), key=lambda index: (-tasks[index].estimate if lanes > 1 else 0, index))
        self.free = list(range(lanes))
        self.flying: dict[Future[T], tuple[int, int]] = {}
        self.results: dict[int, T] = {}
        self.report = LaneReport([])
        self.active = 0
        self.lock = threading.Lock()

    def note(self, kind: str, index: int, lane: int) -> None:
        with self.lock:
            booked = self.device.arena.booked
            self.report.events.append(LaneEvent(kind, self.tasks[index].name, lane, booked))
            self.report.peak_booked = max(self.report.peak_booked, booked)
            self.active += {"started": 1, "finished": -1}.get(kind, 0)
            self.report.most_in_flight = max(self.report.most_in_flight, self.active)

    def work(self, index: int, number: int, booking: Booking) -> T:
        """On a thread of its own: the task, then its lane's completion, then the booking."""
        lane = self.device.lane(number)
        try:
            with booking:
                try:
                    result = self.tasks[index].run(lane)
                    self.note("done", index, number)
                finally:
                    # Whether the task succeeded or not, what it launched may still be running.
                    lane.finish()
                    self.note("finished", index, number)
            return result
        finally:
            booking.close()
            self.note("released", index, number)

    def admit(self, threads: ThreadPoolExecutor) -> None:
        """Starts every pending task that a free lane and the budget have room for, largest first."""
        waiting: list[int] = []
        for index in self.pending:
            booking = self._booked(index) if self.free else None
            if booking is None:
                waiting.append(index)
                continue
            number = self.free.pop(0)
            self.note("started", index, number)
            self.flying[threads.submit(self.work, index, number, booking)] = (index, number)
        self.pending = waiting

    def _booked(self, index: int) -> Booking | None:
        task = self.tasks[index]
        try:
            return self.device.arena.book(task.name, task.estimate)
        except BudgetExceeded:
            return None

    def collect(self) -> None:
        """Waits for a task to end and takes its result. Raises what the task raised."""
        done, _ = wait(self.flying, return_when=FIRST_COMPLETED)
        if any(future.exception() is not None for future in done):
            # An error in one lane poisons the session under the others, so all are heard before the cause is named.
            done, _ = wait(self.flying)
        failures: list[tuple[int, int, BaseException]] = []
        for future in done:
            index, number = self.flying.pop(future)
            self.free.append(number)
            failure = future.exception()
            if failure is None:
                self.results[index] = future.result()
            else:
                failures.append((index, number, failure))
        self.free.sort()
        if failures:
            self._fail(*min(failures, key=lambda failed: (_is_consequence(failed[2]), failed[0])))

    def _fail(self, index: int, number: int, failure: BaseException) -> None:
        """Raises: an error that has a name stays what it is, anything else is a failed lane."""
        where = f"lane {number}, task {self.tasks[index].name}"
        if isinstance(failure, GpuError):
            failure.add_note(where)
            raise failure
        raise LaneFailed(f"{where}: {type(failure).__name__}: {failure}") from failure

    def deadlock(self) -> BudgetDeadlock:
        """Nothing is in flight and nothing fits."""
        arena = self.device.arena
        listed = ", ".join(f"{self.tasks[index].name} {self.tasks[index].estimate}" for index in self.pending)
        return BudgetDeadlock(
            f"budget {arena.budget} bytes, {arena.committed} in use, nothing in flight; none of these fits: {listed}"
        )

    def drain(self) -> None:
        """Waits for everything in flight; its errors are not the first and are dropped."""
        wait(self.flying)
        self.flying.clear()


def _is_consequence(failure: BaseException) -> bool:
    """Whether another lane's error may have caused this one: it leaves a session as it is, as refusals do."""
    return isinstance(failure, GpuError) and not failure.poisons


def run_tasks(device: Device, tasks: Sequence[Task[T]], lanes: int) -> tuple[list[T], LaneReport]:
    """Runs all tasks on 1 .. 8 lanes; results in the order of ``tasks``.

    Raises ValueError for another number of lanes; BudgetDeadlock when nothing is in flight and no pending task fits; a task's
    own error when it is one of this package; else LaneFailed. Whatever is raised, tasks in flight are waited for first, none
    is started after it, and no booking is left. Raises InvariantBroken when one is (INV-20).
    """
    if not 1 <= lanes <= MOST_LANES:
        raise ValueError(f"lanes are 1 to {MOST_LANES}, not {lanes}")
    pool = _Pool(device, tasks, lanes)
    with ThreadPoolExecutor(lanes, thread_name_prefix="lane") as threads:
        try:
            while pool.pending or pool.flying:
                pool.admit(threads)
                if not pool.flying:
                    raise pool.deadlock()
                pool.collect()
        except BaseException:
            pool.drain()
            device.arena.reset_bookings()
            raise
    if device.arena.booked:
        raise InvariantBroken("INV-20", f"{device.arena.booked} bytes are booked and nothing is in flight")
    return [pool.results[index] for index in range(len(tasks))], pool.report
