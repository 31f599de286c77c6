"""One case walked through the GPU engine's life cycle on request, and why it stopped when it did.

The engine in ``backends/gpu.py`` does this for a comparison; here somebody looks at the walk itself.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Final, Literal

from gpu import errors
from gpu.cuda_device import CudaDevice
from gpu.device import Device
from gpu.host_device import HostDevice
from gpu.lifecycle import walk
from gpu.walk import Options, Walk
from harness.backends.gpu import LARGEST_FRAGMENT, CudaEngine, GpuEngine, GpuHostEngine, walk_options
from parallel.executor import record
from parallel.recording import Recording
from reference.definition.case import Case
from reference.definition.errors import BeyondLimits, InputError
from reference.definition.gpu_options import THREAD_ORDERS, ThreadOrder
from reference.definition.outcome import Failed, Outcome

DeviceName = Literal["host", "cuda"]

_LACKING: Final = (errors.DeviceUnavailable, errors.BudgetDeadlock, errors.BudgetExceeded)
_BROKEN: Final = (errors.KernelBuildError, errors.DeviceError, errors.LaneFailed, errors.WrongState)


class Why(Enum):
    """What kind of end a walk had that was not finished."""

    NOTHING = auto()
    """There is no trace to walk: the program failed."""
    LACKING = auto()
    """This machine or the budget has too little for it."""
    FOUND = auto()
    """A check or a kernel found something wrong."""
    BROKEN = auto()
    """The device, its compiler or a lane failed."""


@dataclass(frozen=True, slots=True)
class Stopped:
    """A walk that was not finished; ``error`` is the error's name."""

    why: Why
    error: str
    reason: str


@dataclass(frozen=True, slots=True)
class Request:
    """What a case does not say about a walk."""

    device: DeviceName
    check: bool = True
    proofs: int = 1
    openings: int = 1
    merkle: int | None = None
    fallback: tuple[str, ...] = ()


def prepare(name: DeviceName, say: Callable[[str], None]) -> None:
    """Compiles what was never compiled here, telling people that it takes long; nothing where there is no device."""
    engine: GpuEngine = CudaEngine() if name == "cuda" else GpuHostEngine()
    if engine.probe().usable:
        engine.prepare(say)
    engine.close()


def walk_case(case: Case, request: Request) -> tuple[Outcome | None, Walk | Stopped]:
    """How the program ended, None when that cannot be said, and its walk.

    Raises InputError for options that exclude each other.
    """
    try:
        recording = record(case, largest_fragment=LARGEST_FRAGMENT)
    except BeyondLimits as limit:
        return None, Stopped(Why.LACKING, "NotComparable", limit.reason)
    outcome = recording.outcome
    if isinstance(outcome, Failed):
        return outcome, Stopped(Why.NOTHING, outcome.error, "a failed program has no trace to walk")
    options = _options(case, recording, request)
    try:
        with _opened(request.device, case.gpu.threads) as device:
            return outcome, walk(recording, device, options)
    except errors.GpuError as error:
        return outcome, Stopped(_why(error, options), type(error).__name__, str(error))


def _options(case: Case, recording: Recording, request: Request) -> Options:
    try:
        return replace(
            walk_options(case.gpu, recording),
            check=request.check,
            proofs=request.proofs,
            openings=request.openings,
            merkle=request.merkle,
            fallback=request.fallback,
        )
    except ValueError as error:
        raise InputError(str(error), place="options") from None


@contextmanager
def _opened(name: DeviceName, threads: ThreadOrder) -> Iterator[Device]:
    """The device, closed at the end. Raises DeviceUnavailable."""
    device: Device = CudaDevice() if name == "cuda" else HostDevice(order=THREAD_ORDERS.index(threads))
    try:
        yield device
    finally:
        device.close()


def _why(error: errors.GpuError, options: Options) -> Why:
    # A trace that is too long for the tree that was asked for is a request beyond what there is, not a finding.
    too_long = options.merkle is not None and isinstance(error, errors.CapacityExceeded)
    if too_long or isinstance(error, _LACKING):
        return Why.LACKING
    return Why.BROKEN if isinstance(error, _BROKEN) else Why.FOUND


def manifest_text(walked: Walk) -> str:
    """The program's manifest and those of its shards, as one JSON document with sorted keys."""
    shards = [json.loads(each) for each in walked.manifests]
    return json.dumps({"program": json.loads(walked.manifest), "shards": shards}, indent=1, sort_keys=True) + "\n"
