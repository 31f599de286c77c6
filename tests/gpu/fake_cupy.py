"""A CuPy that is no CuPy: enough of its interface for the CUDA device, with streams that put everything off.

Work given to a stream waits in a queue until something synchronises with it, as late as the interface allows; kernels get bare
addresses, and run through the host's shim. So a missing wait shows: a result that is not there yet, a kernel that runs after
its memory was given back. What it cannot show is whether the real CuPy keeps to its documentation.
"""

from __future__ import annotations

import contextlib
import ctypes
import threading
import time
import traceback
import weakref
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from gpu.shim import HostKernels, find_compiler
from gpu.source import Source


class CUDARuntimeError(RuntimeError):
    pass


class CUDADriverError(RuntimeError):
    pass


class OutOfMemoryError(MemoryError):
    pass


class CompileException(Exception):  # noqa: N818 - CuPy's name
    pass


class FakeCupy:
    """The module. ``live`` holds the memory of live arrays by address; ``late`` what ran after its memory was given back."""

    __version__ = "0.0-fake"

    def __init__(self, source: Source, cache: Any) -> None:
        self.source = source
        self.kernels = HostKernels(source, find_compiler(), cache)
        self.live: dict[int, npt.NDArray[Any]] = {}
        self.graveyard: list[npt.NDArray[Any]] = []
        self.late: list[str] = []
        self.calls: list[tuple[str, tuple[Any, ...]]] = []
        self.broken: Exception | None = None
        self.breaks_after: int | None = None
        self.breaks_with: Exception = CUDARuntimeError("cudaErrorIllegalAddress: an illegal memory access")
        self.driver_calls = 0
        self.called_from: dict[tuple[str, ...], int] | None = None
        """If a dictionary: the number of the first call from each place of the engine."""
        self.allocations = 0
        self.allocated_from: dict[tuple[str, ...], int] | None = None
        """The same of allocations."""
        self.refused_allocation: int | None = None
        """The number of the one allocation that finds no room."""
        self.room: int | None = None
        self.figures = {"num_regs": 40, "local_size_bytes": 0, "shared_size_bytes": 0, "max_threads_per_block": 1024}
        self.state = threading.local()
        self.one_at_a_time = threading.RLock()
        self.null = Stream(self)
        self.cuda = SimpleNamespace(
            runtime=SimpleNamespace(
                CUDARuntimeError=CUDARuntimeError,
                getDeviceCount=lambda: 1,
                getDeviceProperties=lambda _: {"name": b"Fake", "major": 9, "minor": 0},
                driverGetVersion=lambda: 13010,
                memcpyAsync=self.memcpy,
                runtimeGetVersion=lambda: 13000,
                memGetInfo=lambda: (1 << 30, 1 << 30),
                deviceGetAttribute=lambda number, ordinal: {16: 132, 13: 1_980_000}.get(number, 1),
            ),
            driver=SimpleNamespace(CUDADriverError=CUDADriverError),
            memory=SimpleNamespace(OutOfMemoryError=OutOfMemoryError),
            compiler=SimpleNamespace(CompileException=CompileException),
            Device=lambda _: contextlib.nullcontext(),
            Stream=self.new_stream,
            Event=lambda block, disable_timing: Event(timed=not disable_timing),
            get_elapsed_time=elapsed,
            MemoryPool=lambda: Pool(self),
            using_allocator=self.using_allocator,
        )

    def touch(self) -> None:
        """A call of the driver. After ``breaks_after`` of them it fails, and then for ever, as a real one does."""
        if self.called_from is not None:
            self.called_from.setdefault(_place(), self.driver_calls)
        self.driver_calls += 1
        if self.breaks_after is not None and self.driver_calls > self.breaks_after:
            self.broken = self.broken or self.breaks_with
        if self.broken is not None:
            # A new one every time: threads that shared one would write their tracebacks into each other's.
            raise type(self.broken)(*self.broken.args)

    def new_stream(self, *, non_blocking: bool) -> Stream:
        assert non_blocking
        self.touch()
        return Stream(self)

    @contextlib.contextmanager
    def using_allocator(self, malloc: Callable[[int], Any]) -> Iterator[None]:
        outer = getattr(self.state, "malloc", None)
        self.state.malloc = malloc
        yield
        self.state.malloc = outer

    def current(self) -> Stream:
        stack = getattr(self.state, "streams", [])
        return stack[-1] if stack else self.null

    def empty(self, shape: Any, dtype: Any) -> Array:
        self.touch()
        size = int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize
        return Array(self, lambda: np.full(shape, 0x5A, dtype), self.state.malloc(size))

    def asnumpy(self, array: Array) -> npt.NDArray[Any]:
        self.current().synchronize()
        return array.memory.copy()

    def memcpy(self, target: int, source: int, nbytes: int, kind: int, stream: int) -> None:
        assert kind == 3
        (on,) = [each for each in Stream.made if each.ptr == stream]

        def run() -> None:
            if not (self.is_live(target) and self.is_live(source)):
                self.late.append("memcpy")
            ctypes.memmove(target, source, nbytes)

        on.put(run)

    def argsort(self, keys: Array) -> Array:
        made = self.empty(keys.shape, np.int64)
        memory, out = keys.memory, made.memory
        self.current().put(lambda: out.__setitem__(..., np.argsort(memory, kind="stable")))
        return made

    def RawModule(self, *, code: str, options: tuple[str, ...]) -> Any:  # noqa: N802 - CuPy's name
        if code != self.source.text or options != ("--std=c++17",):
            raise CompileException("unexpected text or options")
        return SimpleNamespace(get_function=self.function)

    def function(self, name: str) -> Callable[..., None]:
        parameters = self.source.signatures[name].parameters
        launcher = self.kernels.function(name)

        def call(grid: tuple[int], block: tuple[int], args: tuple[Any, ...]) -> None:
            self.touch()
            self.calls.append((name, args))
            for parameter, value in zip(parameters, args, strict=True):
                wanted = (
                    "uint64" if parameter.pointer else {"u8": "uint8", "u32": "uint32", "u64": "uint64"}[parameter.type]
                )
                assert type(value).__name__ == wanted, (name, parameter, value)
            addresses = [int(v) for p, v in zip(parameters, args, strict=True) if p.pointer and v]

            def run() -> None:
                if not all(self.is_live(address) for address in addresses):
                    self.late.append(name)
                launcher(grid[0], block[0], 0, *map(int, args))

            self.current().put(run)

        return Kernel(call, **self.figures)

    def is_live(self, address: int) -> bool:
        # The copy is made at once: arrays die in other threads, and in this one whenever garbage is collected.
        return any(start <= address <= start + memory.nbytes for start, memory in self.live.copy().items())


def _place() -> tuple[str, ...]:
    """The two innermost lines of the engine, those of the devices themselves left out, that led to a call of the driver."""
    frames = [
        frame for frame in traceback.extract_stack() if "/gpu/" in frame.filename and "/tests/" not in frame.filename
    ]
    above = [frame for frame in frames if not frame.filename.endswith("device.py")]
    return tuple(f"{frame.filename}:{frame.lineno}" for frame in above[-2:])


class Kernel(SimpleNamespace):
    def __init__(self, call: Callable[..., None], **figures: int) -> None:
        super().__init__(**figures)
        self.call = call

    def __call__(self, *arguments: Any) -> None:
        self.call(*arguments)


class Stream:
    made: ClassVar[weakref.WeakSet[Stream]] = weakref.WeakSet()

    def __init__(self, cupy: FakeCupy) -> None:
        self.cupy = cupy
        self.ptr = id(self)
        Stream.made.add(self)
        self.queue: list[Callable[[], None]] = []
        self.begun = 0
        self.put_off = 0

    def put(self, work: Callable[[], None]) -> None:
        with self.cupy.one_at_a_time:
            self.queue.append(work)
            self.put_off += 1

    def run_to(self, position: int) -> None:
        self.cupy.touch()
        with self.cupy.one_at_a_time:
            while self.begun < position:
                self.begun += 1
                self.queue.pop(0)()

    def synchronize(self) -> None:
        self.run_to(self.put_off)

    def wait_event(self, event: Event) -> None:
        self.put(event.synchronize)

    def __enter__(self) -> Stream:
        self.cupy.state.streams = [*getattr(self.cupy.state, "streams", []), self]
        return self

    def __exit__(self, *_: object) -> None:
        self.cupy.state.streams = self.cupy.state.streams[:-1]


class Event:
    def __init__(self, *, timed: bool) -> None:
        self.timed = timed
        self.time: float | None = None

    def record(self, stream: Stream) -> None:
        stream.cupy.touch()
        if self.timed:
            stream.put(self.happen)
        self.stream, self.position = stream, stream.put_off

    def happen(self) -> None:
        self.time = time.perf_counter()

    def synchronize(self) -> None:
        self.stream.run_to(self.position)


def elapsed(first: Event, last: Event) -> float:
    """Milliseconds; CuPy raises for events that are not over or were made without a time."""
    if first.time is None or last.time is None:
        raise CUDARuntimeError("cudaErrorNotReady: device not ready")
    return 1000 * (last.time - first.time)


class Pool:
    def __init__(self, cupy: FakeCupy) -> None:
        self.cupy = cupy
        self.used = 0

    def malloc(self, nbytes: int) -> Callable[[], None]:
        number = self.cupy.allocations
        self.cupy.allocations += 1
        if self.cupy.allocated_from is not None:
            self.cupy.allocated_from.setdefault(_place(), number)
        if number == self.cupy.refused_allocation:
            raise OutOfMemoryError(f"Out of memory allocating {nbytes} bytes (the one that was refused)")
        room = 1 << 30 if self.cupy.room is None else self.cupy.room
        rounded = -(-nbytes // 512) * 512
        if self.used + rounded > room:
            raise OutOfMemoryError(f"Out of memory allocating {nbytes} bytes (allocated so far: {self.used} bytes)")
        self.used += rounded

        def free() -> None:
            self.used -= rounded

        return free

    def used_bytes(self) -> int:
        return self.used

    def free_all_blocks(self) -> None:
        self.cupy.touch()


class Array:
    def __init__(self, cupy: FakeCupy, make: Callable[[], npt.NDArray[Any]], free: Callable[[], None]) -> None:
        memory = make()
        self.cupy, self.memory = cupy, memory
        self.shape, self.dtype, self.size = memory.shape, memory.dtype, memory.size
        address = memory.ctypes.data
        self.data = SimpleNamespace(ptr=address)
        cupy.live[address] = memory
        weakref.finalize(self, _dead, cupy, address, memory, free)

    def fill(self, value: Any) -> None:
        self.cupy.touch()
        assert type(value) is self.dtype.type
        memory = self.memory
        self.cupy.current().put(lambda: memory.fill(value))

    def set(self, host: npt.NDArray[Any]) -> None:
        self.cupy.touch()
        memory = self.memory
        self.cupy.current().put(lambda: memory.__setitem__(..., host))

    def astype(self, dtype: Any) -> Array:
        made = self.cupy.empty(self.shape, dtype)
        memory, out = self.memory, made.memory
        self.cupy.current().put(lambda: out.__setitem__(..., memory))
        return made

    def __setitem__(self, key: Any, other: Array) -> None:
        assert key is ...
        memory, source = self.memory, other.memory
        self.cupy.current().put(lambda: memory.__setitem__(..., source))


def _dead(cupy: FakeCupy, address: int, memory: npt.NDArray[Any], free: Callable[[], None]) -> None:
    # The bytes stay mapped and are overwritten, as the next owner would.
    del cupy.live[address]
    memory.view(np.uint8).fill(0xA5) if memory.size else None
    cupy.graveyard.append(memory)
    free()
