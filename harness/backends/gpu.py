"""The GPU engine in the harness: a recording walked through the whole life of its shards, on a device or on this machine.

``gpu`` runs the kernels on a CUDA device, ``gpu-host`` the same text on the processor. Both replay what the parallel engine's
executor recorded, so their boundary states are the recording's and those of ``parallel``: they say nothing new. Every cell
comes from the columns that were regenerated for the proofs, after they were generated, dropped and regenerated for the
commitment, so that what is compared went through the life cycle and not around it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields, replace
from itertools import pairwise
from typing import Final

import numpy as np

from gpu.cuda_device import CudaDevice, compile_cache
from gpu.device import Device
from gpu.errors import (
    BudgetDeadlock,
    BudgetExceeded,
    DeviceError,
    DeviceUnavailable,
    GpuError,
    KernelBuildError,
)
from gpu.host_device import HostDevice
from gpu.lifecycle import walk
from gpu.walk import Options, Walk
from harness.backend import Availability, EngineFailure, NotComparable, Summary, Window, column_digest
from harness.backends.preparing import SMALLEST
from parallel.contexts import boundary_state
from parallel.executor import record
from parallel.jit import is_compiled
from parallel.recording import Recording
from reference.definition.boundary import BoundaryState
from reference.definition.case import Case
from reference.definition.cuts import At, CutPlan
from reference.definition.errors import BeyondLimits
from reference.definition.gpu_options import THREAD_ORDERS, GpuOptions
from reference.definition.outcome import Completed, Outcome

LARGEST_FRAGMENT: Final = 2**12
"""A fragment of more rows is recorded as several: one thread replays one, and a device has thousands of them."""

MOST_CORE_ROWS: Final = 2**22
"""A trace is collected on the host to be compared: of 2^22 rows it takes 2.4 GB there."""

LARGEST_BUDGET: Final = 2**42
"""Where doubling ends: no device has as much."""


class GpuRun:
    """One recording, and the walk that was made from it; None for a failed program."""

    built_with_cuts = True

    def __init__(self, engine: str, recording: Recording, walked: Walk | None, cut: CutPlan) -> None:
        self._engine = engine
        self._recording = recording
        self._walk = walked
        self._starts = cut.starts(recording.core_rows)

    @property
    def outcome(self) -> Outcome:
        """How the program ended."""
        return self._recording.outcome

    @property
    def summary(self) -> Summary | None:
        """Lengths and outputs; None when the program failed."""
        outcome = self._recording.outcome
        if self._walk is None or not isinstance(outcome, Completed):
            return None
        lengths = {item.name: getattr(self._walk.lengths, item.name) for item in fields(self._walk.lengths)}
        return Summary(program_hash=self._walk.program_hash, stack=outcome.stack, **lengths)

    @property
    def recording(self) -> Recording:
        """What the executor recorded; what was built was built from it."""
        return self._recording

    @property
    def walk(self) -> Walk:
        """What the life cycle came to; NotComparable when the program failed."""
        if self._walk is None:
            raise NotComparable(self._engine, "a failed program has no trace")
        return self._walk

    def boundaries(self) -> Sequence[BoundaryState]:
        """The state entering each fragment, as it was recorded; NotComparable when the program failed."""
        self._demand_trace()
        clks = self._recording.snapshots["clk"]
        return [boundary_state(self._recording, int(index)) for index in np.searchsorted(clks, self._starts)]

    def windows(self) -> Iterator[Window]:
        """The trace, fragment by fragment, then the padding; NotComparable when the program failed."""
        trace = self.walk.trace()
        for first, end in pairwise(sorted({*self._starts, self._recording.core_rows, trace.shape[1]})):
            yield Window(first, trace[:, first:end])

    def column_digests(self) -> list[str]:
        """72 digests; NotComparable when the program failed."""
        return list(map(column_digest, self.walk.trace()))

    def contradictions(self) -> tuple[str, ...]:
        """None: an invariant that does not hold is a failure of the engine."""
        return ()

    def _demand_trace(self) -> None:
        _ = self.walk


class GpuEngine(ABC):
    """Runs cases through :func:`gpu.lifecycle.walk`, as their options say, with every invariant checked.

    The device is kept between cases. One on which anything is left after an error is given up, and the next case has a new one.
    """

    walks = True

    def __init__(self) -> None:
        self._devices: dict[str, Device] = {}

    @property
    @abstractmethod
    def name(self) -> str:
        """As given to ``--engine``."""

    @abstractmethod
    def probe(self) -> Availability:
        """Whether the device works here, and which one it is or why not."""

    @abstractmethod
    def _new_device(self, threads: str) -> Device:
        """A device whose launches run their threads in the order of this name, where that can be chosen."""

    @abstractmethod
    def _is_built(self) -> bool:
        """Whether the kernels were compiled on this machine before."""

    @abstractmethod
    def _build(self) -> None:
        """Compiles them. Raises DeviceUnavailable, KernelBuildError."""

    def prepare(self, say: Callable[[str], None]) -> None:
        """Compiles the kernels, and those of the executor, when these sources were never compiled on this machine."""
        if not is_compiled():
            say("compiling the recorder's kernels, about a minute, once for this version of the sources ..")
        try:
            if not self._is_built():
                say(f"compiling the kernels of {self.name}, once for this version of the sources ..")
                self._build()
            self.run(SMALLEST)
        except (DeviceUnavailable, KernelBuildError, EngineFailure, NotComparable) as refusal:
            # The first case says so again, and there it counts.
            say(f"{self.name}: {refusal}")

    def record(self, case: Case) -> Recording:
        """What the engine records of a case, nothing walked; BeyondLimits."""
        return record(case, largest_fragment=LARGEST_FRAGMENT)

    def run(self, case: Case) -> GpuRun:
        """Records and walks.

        Raises NotComparable without a device, and for a program or a budget beyond what the engine does; EngineFailure for
        everything else that the life cycle raises: an invariant, a recording that kernels refuse, a device that fails.
        """
        try:
            recording = self.record(case)
        except BeyondLimits as limit:
            raise NotComparable(self.name, limit.reason) from limit
        if not isinstance(recording.outcome, Completed):
            return GpuRun(self.name, recording, None, case.cut)
        return GpuRun(self.name, recording, self.walk(recording, case.gpu), case.cut)

    def walk(self, recording: Recording, options: GpuOptions) -> Walk:
        """A completed recording's walk. Raises as :meth:`run` does."""
        if recording.core_rows > MOST_CORE_ROWS:
            raise NotComparable(self.name, f"programs of more than {MOST_CORE_ROWS} rows")
        try:
            return self._within_a_budget(recording, walk_options(options, recording), options.threads)
        except DeviceUnavailable as reason:
            raise NotComparable(self.name, str(reason)) from reason
        except BudgetExceeded as limit:
            raise NotComparable(self.name, "the device has not enough memory") from limit
        except KernelBuildError as error:
            raise EngineFailure(self.name, "the kernels do not compile", str(error)) from error
        except GpuError as error:
            notes = "\n".join(getattr(error, "__notes__", ()))
            raise EngineFailure(self.name, f"{type(error).__name__}: {error}", notes) from error

    def close(self) -> None:
        """Gives back the devices."""
        for device in self._devices.values():
            device.close()
        self._devices.clear()

    def _within_a_budget(self, recording: Recording, wanted: Options, threads: str) -> Walk:
        """The walk; a budget that it does not fit into is doubled, so that a budget is never a reason not to compare."""
        while True:
            try:
                return self._walk(recording, wanted, threads)
            except (BudgetExceeded, BudgetDeadlock):
                # A device that is full is full with any budget.
                if wanted.budget is None or wanted.budget > LARGEST_BUDGET:
                    raise
                wanted = replace(wanted, budget=2 * wanted.budget)

    def _walk(self, recording: Recording, options: Options, threads: str) -> Walk:
        device = self._device(threads)
        try:
            return walk(recording, device, options)
        except BaseException as error:
            # It may have been lost after another error, while memory was given back: the next case is not to blame.
            is_lost = device.lost is not None or isinstance(error, DeviceError)
            if is_lost or device.arena.total or device.arena.booked:
                self._give_up(threads)
            raise
        finally:
            device.clear_log()

    def _device(self, threads: str) -> Device:
        found = self._devices.get(threads)
        if found is None:
            found = self._devices[threads] = self._new_device(threads)
        return found

    def _give_up(self, threads: str) -> None:
        device = self._devices.pop(threads, None)
        if device is not None:
            device.close()


class GpuHostEngine(GpuEngine):
    """The kernels on this machine's processor."""

    name = "gpu-host"

    def probe(self) -> Availability:
        """Usable wherever there is a C++ compiler."""
        return Availability(*HostDevice.probe())

    def _new_device(self, threads: str) -> Device:
        return HostDevice(order=THREAD_ORDERS.index(threads))

    def _is_built(self) -> bool:
        kernels = HostDevice().kernels
        files = {signature.file for signature in kernels.source.signatures.values()}
        return all(kernels.library_path(file).exists() for file in files)

    def _build(self) -> None:
        HostDevice().kernels.build()


class CudaEngine(GpuEngine):
    """The kernels on a CUDA device; the order of threads is the device's own."""

    name = "gpu"

    def probe(self) -> Availability:
        """Usable where CuPy finds a device."""
        return Availability(*CudaDevice.probe())

    def _new_device(self, threads: str) -> Device:  # noqa: ARG002 - the device's own
        return CudaDevice()

    def _is_built(self) -> bool:
        return any(compile_cache().glob("*.cubin"))

    def _build(self) -> None:
        """The first launch does."""


def walk_options(options: GpuOptions, recording: Recording) -> Options:
    """The case's options as the life cycle takes them: shards that begin at rows begin with fragments."""
    shards: int | tuple[int, ...]
    if isinstance(options.shards, At):
        clks = recording.snapshots["clk"]
        shards = tuple(int(first) for first in np.searchsorted(clks, sorted(options.shards.rows)))
    else:
        shards = options.shards
    return Options(cache=options.cache, lanes=options.lanes, budget=options.budget, shards=shards, order=options.order)
