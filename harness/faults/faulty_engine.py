"""The parallel engine with one fault in it, or with none: the planted copy behind the one interface of all engines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from harness.backend import Availability, EngineFailure, NotComparable, Run
from harness.backends.parallel import LARGEST_FRAGMENT, ParallelRun
from harness.backends.preparing import prepare
from harness.engines import FAULTY_PREFIX
from harness.faults.catalogue import find_fault
from harness.faults.fault import Fault, InRecording, InRun
from harness.faults.kernels import HEALTHY, NUMBERS, is_compiled, planted_modules
from parallel.context_error import ContextError
from parallel.recording import Recording
from reference.definition.case import Case
from reference.definition.errors import BeyondLimits
from reference.definition.outcome import Completed


class FaultyEngine:
    """The planted copy of the parallel engine with ``fault`` on; without one it is the parallel engine over again.

    It trusts its contexts, as the real VM does: what the engine's own checks would refuse shows as wrong cells or as a queue
    that runs out. With ``checking`` they are on, and most wrong recordings are refused by name. Traces are built whole, on
    one thread. The buffer is filled with values that are no field elements before every build.
    """

    def __init__(self, fault: Fault | None = None, *, checking: bool = False) -> None:
        if fault is not None and not fault.in_engine:
            raise ValueError(f"{fault.name} is a fault of the {fault.where}, not of an engine")
        self.fault = fault
        self._number = HEALTHY if fault is None else NUMBERS.get(fault.name, HEALTHY)
        self._trusting = int(fault is not None and not checking)
        self._builder: Any = None
        self._last: Any = None

    @property
    def name(self) -> str:
        """``faulty:`` and the name of the fault."""
        return f"{FAULTY_PREFIX}{'none' if self.fault is None else self.fault.name}"

    def probe(self) -> Availability:
        """Usable wherever numba compiles."""
        wrong = "no fault" if self.fault is None else self.fault.wrong
        return Availability(True, f"made for tests of the harness: {wrong}")

    def prepare(self, say: Callable[[str], None]) -> None:
        """Compiles the planted kernels when they were never compiled on this machine."""
        prepare(self, "kernels with planted faults", say, compiled=is_compiled())

    def record(self, case: Case) -> Recording:
        """What the engine with its fault records; BeyondLimits."""
        recording: Recording = planted_modules()["executor"].record(
            case, self._number, largest_fragment=LARGEST_FRAGMENT
        )
        if self.fault is not None and isinstance(self.fault.plant, InRecording):
            recording = self.fault.plant.alter(recording)
        return recording

    def run(self, case: Case) -> Run:
        """Records and builds.

        Raises EngineFailure when a fragment runs out of what its context has, NotComparable for a program beyond the
        engine's limits, and whatever the fault raises.
        """
        if self._builder is None:
            self._builder = planted_modules()["assemble"].Builder(self._number, self._trusting, threads=1)
        if self._last is not None:
            self._builder.arena.give_back(self._last.buffer)
            self._last = None
        try:
            recording = self.record(case)
        except BeyondLimits as limit:
            raise NotComparable(self.name, limit.reason) from limit
        if not isinstance(recording.outcome, Completed):
            return self._altered(ParallelRun(recording, None, case.cut))
        try:
            self._last = self._builder.build(recording)
        except ContextError as error:
            raise EngineFailure(self.name, str(error)) from error
        return self._altered(ParallelRun(recording, self._last, case.cut))

    def close(self) -> None:
        """Forgets the buffer and whatever the fault left behind."""
        self._last = None
        self._builder = None

    def _altered(self, run: Run) -> Run:
        return self.fault.plant.alter(run) if self.fault is not None and isinstance(self.fault.plant, InRun) else run


def engine(name: str, *, checking: bool = False) -> FaultyEngine:
    """The engine with the fault called ``name``.

    Raises KeyError when there is no such fault, ValueError for a fault that is not an engine's.
    """
    return FaultyEngine(find_fault(name), checking=checking)
