"""The kernels on a CUDA device, through CuPy: the same text, compiled at run time.

CuPy is imported when a device is asked for, not before. The device has one memory pool of its own and one main stream, on
which it allocates, fills and copies; every lane has a stream besides. Work on different streams is ordered by what it touches:
a buffer remembers which lanes used it since they last finished, a launch that would overtake such a use waits for an event of
that lane, and bytes are given back only when all uses are done (spec 09, B12 and INV-21; spec 10, section 14).
"""

from __future__ import annotations

import importlib
import os
import threading
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, ClassVar, Final

import numpy as np
import numpy.typing as npt

from gpu.buffer import Buffer, View
from gpu.device import Device, Lane
from gpu.errors import BudgetExceeded, DeviceError, DeviceUnavailable, KernelBuildError
from gpu.launching import Argument
from gpu.source import Signature, load

OPTIONS: Final = ("--std=c++17",)

READY_LANES: Final = 8
"""As many as a session may work on."""

DEVICE_TO_DEVICE: Final = 3
"""cudaMemcpyDeviceToDevice."""

_SCALARS: Final[dict[str, Any]] = {"u8": np.uint8, "u32": np.uint32, "u64": np.uint64}


class CudaLane:
    """A stream. Launches on it are numbered; ``finished`` is the number up to which they are known to be done."""

    def __init__(self, device: CudaDevice, index: int, stream: Any) -> None:
        self.index = index
        self.stream = stream
        self.launched = 0
        self.finished = 0
        self._device = device

    def finish(self) -> None:
        """Waits until everything launched on the lane is done."""
        self._device.finish(self)
        self._device.note("finish", f"lane {self.index}", 0, self)


class CudaDevice(Device):
    """A CUDA device.

    ``ordinal`` is its number; ``defines`` are prepended to the source, ``extra`` names files of further kernels.
    Raises DeviceUnavailable that says why when there is none, or when this process cannot use it: the driver lets nobody else
    in, or an error of an earlier device broke what CUDA keeps for the process.

    After an error of the driver the device is lost: waiting is over at once, because nothing runs any more, memory is given
    back to the accounts, and everything else raises DeviceError again. So a session on it can be released like any other.
    """

    name: ClassVar[str] = "cuda"
    row_pad: ClassVar[int] = 0

    def __init__(
        self,
        *,
        ordinal: int = 0,
        block: int = 128,
        defines: tuple[str, ...] = (),
        extra: tuple[Path, ...] = (),
        budget: int | None = None,
    ) -> None:
        usable, reason = self.probe()
        if not usable:
            raise DeviceUnavailable(reason)
        super().__init__(load(defines, extra), block, budget)
        self._cupy = importlib.import_module("cupy")
        self._ordinal = ordinal
        self._lock = threading.RLock()
        self._functions: dict[str, tuple[Any, tuple[Any, ...]]] = {}
        self._lost: DeviceError | None = None
        self._pool = self._cupy.cuda.MemoryPool()
        try:
            with self._errors():
                self._module = self._cupy.RawModule(code=self.source.text, options=OPTIONS)
                self._main = self._stream(-1)
                # Making a stream can fail: here that refuses the device, later it would stop a session half way.
                self._lanes.update((index, self._stream(index)) for index in range(READY_LANES))
        except DeviceError as error:
            raise DeviceUnavailable(f"{reason}, cannot be used: {error}") from error

    @classmethod
    def probe(cls) -> tuple[bool, str]:
        """Whether a device answers: its name, compute capability and driver; or why there is none."""
        try:
            cupy = importlib.import_module("cupy")
        except ModuleNotFoundError as error:
            missing = "CuPy is not installed" if error.name == "cupy" else f"CuPy cannot be imported: {error}"
            return False, missing
        except ImportError as error:
            return False, f"CuPy cannot be imported: {error}"
        runtime = cupy.cuda.runtime
        try:
            if runtime.getDeviceCount() == 0:
                return False, "no CUDA device: the driver knows none"
            found = runtime.getDeviceProperties(0)
            driver = _version(runtime.driverGetVersion())
        except runtime.CUDARuntimeError as error:
            return False, f"no CUDA device: {error}"
        capability = f"{found['major']}.{found['minor']}"
        return (
            True,
            f"{found['name'].decode()}, compute capability {capability}, driver {driver}, CuPy {cupy.__version__}",
        )

    @property
    def architecture(self) -> str:
        """Like sm_90."""
        with self._errors():
            found = self._cupy.cuda.runtime.getDeviceProperties(self._ordinal)
        return f"sm_{found['major']}{found['minor']}"

    def kernel_figures(self) -> dict[str, dict[str, int]]:
        """What each kernel takes as it was loaded: registers, bytes of local and of shared memory, threads of a block at most.

        Raises KernelBuildError, DeviceError.
        """
        with self._errors():
            functions = {name: self._function(signature)[0] for name, signature in self.source.signatures.items()}
            return {
                name: {
                    "registers": int(function.num_regs),
                    "local_bytes": int(function.local_size_bytes),
                    "shared_bytes": int(function.shared_size_bytes),
                    "threads": int(function.max_threads_per_block),
                }
                for name, function in functions.items()
            }

    @property
    def lost(self) -> DeviceError | None:
        """The driver's first error: since then the device is of no more use to this process."""
        return self._lost

    def finish(self, lane: CudaLane) -> None:
        """Waits for an event recorded on the lane now; the other lanes go on."""
        if self._lost is not None:
            return
        with self._errors():
            with self._lock:
                reached = lane.launched
                event = self._event(lane)
            event.synchronize()
            lane.finished = max(lane.finished, reached)

    def pool_bytes(self) -> int:
        """Bytes of live blocks of this device's pool; every block is rounded up to 512 bytes."""
        return int(self._pool.used_bytes())

    def mark(self, lane: Lane | None = None) -> Any:
        """An event that has a time."""
        with self._errors():
            event = self._cupy.cuda.Event(block=True, disable_timing=False)
            event.record(self._lane_of(lane).stream)
            return event

    def seconds(self, first: Any, last: Any) -> float:
        """By the device's own clock, of which the events know half a microsecond."""
        with self._errors():
            last.synchronize()
            return float(self._cupy.cuda.get_elapsed_time(first, last)) / 1000

    def close(self) -> None:
        """Waits for all lanes and returns the pool's free blocks to the driver; a lost device has nothing to return."""
        if self._lost is not None:
            return
        with self._errors():
            self._wait()
            self._pool.free_all_blocks()

    def _allocate(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> tuple[Any, int]:
        with self._errors(), self._main.stream:
            array = self._cupy.empty(shape, dtype)
        return array, int(array.data.ptr)

    def _fill(self, buffer: Buffer, value: int) -> None:
        with self._errors(), self._ordered(self._main, (), (buffer,)):
            buffer.array.fill(buffer.dtype.type(value))

    def _write(self, buffer: Buffer, array: npt.NDArray[Any]) -> None:
        # The host's array may change as soon as this returns, so the copy has to be over.
        with self._errors(), self._ordered(self._main, (), (buffer,)):
            buffer.array.set(np.ascontiguousarray(array))
        self.finish(self._main)

    def _read(self, buffer: Buffer) -> npt.NDArray[Any]:
        with self._errors(), self._ordered(self._main, (buffer,), ()):
            copied: npt.NDArray[Any] = self._cupy.asnumpy(buffer.array)
        self.finish(self._main)
        return copied

    def _copy(self, source: Buffer, target: Buffer) -> None:
        with self._errors(), self._ordered(self._main, (source,), (target,)):
            target.array[...] = source.array

    def _copy_to(self, source: Buffer, target: Buffer, lane: Lane | None) -> None:
        chosen = self._lane_of(lane)
        with self._errors(), self._ordered(chosen, (source,), (target,)):
            arguments = (target.address, source.address, source.nbytes, DEVICE_TO_DEVICE, chosen.stream.ptr)
            self._cupy.cuda.runtime.memcpyAsync(*arguments)

    def _start(
        self,
        signature: Signature,
        grid: int,
        block: int,
        bound: list[int],
        arguments: Sequence[Argument],
        lane: Lane | None,
    ) -> None:
        read, written = _touched(signature, arguments)
        with self._errors():
            function, types = self._function(signature)
            typed = tuple([kind(value) for kind, value in zip(types, bound, strict=True)])
            with self._ordered(self._lane_of(lane), read, written):
                function((grid,), (block,), typed)

    def _sort(self, keys: Buffer, out: Buffer, lane: Lane | None) -> None:
        chosen = self._lane_of(lane)
        with self._errors(), self._ordered(chosen, (keys,), (out,)):
            # CuPy's is stable. No name is given to what it allocates: an error would keep it, and its bytes, alive.
            out.array[...] = self._cupy.argsort(keys.array).astype(out.dtype)
        self.finish(chosen)

    def _new_lane(self, index: int) -> CudaLane:
        with self._errors():
            return self._stream(index)

    def _stream(self, index: int) -> CudaLane:
        return CudaLane(self, index, self._cupy.cuda.Stream(non_blocking=True))

    def _wait(self) -> None:
        for lane in map(self._lane_of, (self._main, *self._lanes.values())):
            if lane.launched > lane.finished:
                self.finish(lane)

    def _wait_for_uses(self, buffer: Buffer) -> None:
        with self._lock:
            uses = buffer.uses.copy()
        # A device that is lost during the wait runs nothing any more. An error here would stop whoever gives memory back, with
        # the rest of it still in the accounts; the loss is told by the next use, and by a session at its release.
        with suppress(DeviceError):
            for lane, (launched, _) in uses.items():
                if launched > lane.finished:
                    self.finish(lane)

    def _function(self, signature: Signature) -> tuple[Any, tuple[Any, ...]]:
        """What launches the kernel, and the types that its arguments have to have."""
        found = self._functions.get(signature.name)
        if found is None:
            with self._lock:
                types = tuple(_SCALARS["u64" if each.pointer else each.type] for each in signature.parameters)
                found = self._functions[signature.name] = (self._loaded(signature.name), types)
        return found

    def _loaded(self, kernel: str) -> Any:
        cuda = self._cupy.cuda
        try:
            return self._module.get_function(kernel)
        except (cuda.compiler.CompileException, cuda.runtime.CUDARuntimeError):
            raise
        except cuda.driver.CUDADriverError as error:
            if self._functions:
                raise
            # The first kernel brings the whole module along.
            raise KernelBuildError(f"the driver does not load the kernels: {error}") from error
        except (ImportError, OSError, RuntimeError) as error:
            raise KernelBuildError(f"the kernels cannot be compiled here: {error}") from error

    def _lane_of(self, lane: Lane | None) -> CudaLane:
        if lane is None:
            return self._main
        if not isinstance(lane, CudaLane) or lane._device is not self:
            raise TypeError(f"lane {lane.index} belongs to another device")
        return lane

    def _event(self, lane: CudaLane) -> Any:
        event = self._cupy.cuda.Event(block=True, disable_timing=True)
        event.record(lane.stream)
        return event

    @contextmanager
    def _ordered(self, lane: CudaLane, read: Sequence[Buffer], written: Sequence[Buffer]) -> Iterator[None]:
        # Work begun inside runs on the lane's stream, after every use on another lane that it could collide with.
        with self._lock:
            others = {other for buffer in read for other in self._collisions(lane, buffer, writes=False)}
            others.update(other for buffer in written for other in self._collisions(lane, buffer, writes=True))
            for other in others:
                lane.stream.wait_event(self._event(other))
            lane.launched += 1
            reading, writing = (lane.launched, False), (lane.launched, True)
            for buffer in read:
                before = buffer.uses.get(lane)
                buffer.uses[lane] = writing if before is not None and before[1] else reading
            for buffer in written:
                buffer.uses[lane] = writing
            with lane.stream:
                yield

    def _collisions(self, lane: CudaLane, buffer: Buffer, *, writes: bool) -> Sequence[CudaLane]:
        uses = buffer.uses
        if not uses or (len(uses) == 1 and lane in uses):
            return ()
        return [
            other
            for other, (launched, wrote) in uses.items()
            if other is not lane and launched > other.finished and (writes or wrote)
        ]

    @contextmanager
    def _errors(self) -> Iterator[None]:
        # The allocator and the device are CuPy's state of the current thread. What failed may hold arrays in its frames, and
        # errors are kept for long: frames are cleared.
        cuda = self._cupy.cuda
        if self._lost is not None:
            raise DeviceError(f"the device was lost before: {self._lost}")
        try:
            with cuda.Device(self._ordinal), cuda.using_allocator(self._pool_malloc):
                yield
        except cuda.memory.OutOfMemoryError as error:
            traceback.clear_frames(error.__traceback__)
            raise BudgetExceeded(f"the device has no room: {error}") from error
        except cuda.compiler.CompileException as error:
            raise KernelBuildError(f"the kernels do not compile for the device:\n{error}") from error
        except (cuda.runtime.CUDARuntimeError, cuda.driver.CUDADriverError) as error:
            traceback.clear_frames(error.__traceback__)
            failed = DeviceError(f"the device failed: {error}")
            self._lost = self._lost or failed
            raise failed from error

    def _pool_malloc(self, nbytes: int) -> Any:
        return self._pool.malloc(nbytes)


def compile_cache() -> Path:
    """Where CuPy keeps compiled kernels: ``$CUPY_CACHE_DIR``, else the folder that it uses by default."""
    return Path(os.environ.get("CUPY_CACHE_DIR") or Path.home() / ".cupy" / "kernel_cache")


def _version(number: int) -> str:
    return f"{number // 1000}.{number % 1000 // 10}"


def _touched(signature: Signature, arguments: Sequence[Argument]) -> tuple[list[Buffer], list[Buffer]]:
    read: list[Buffer] = []
    written: list[Buffer] = []
    for parameter, argument in zip(signature.parameters, arguments, strict=True):
        buffer = argument.buffer if isinstance(argument, View) else argument
        if isinstance(buffer, Buffer):
            (read if parameter.const else written).append(buffer)
    return read, written
