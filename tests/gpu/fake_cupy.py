"""A CuPy that is no CuPy: enough of its interface for the CUDA device, with streams that put everything off.

Work given to a stream waits in a queue until something synchronises with it, as late as the interface allows; kernels get bare
addresses, and run through the host's shim. So a missing wait shows: a result that is not there yet, a kernel that runs after
its memory was given back. What it cannot show is whether the real CuPy keeps to its documentation.
"""

from __future__ import annotations

import contextlib
import threading
import weakref
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

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
        self.state = threading.local()
        self.one_at_a_time = threading.RLock()
        self.null = Stream(self)
        self.cuda = SimpleNamespace(
            runtime=SimpleNamespace(
                CUDARuntimeError=CUDARuntimeError,
                getDeviceCount=lambda: 1,
                getDeviceProperties=lambda _: {"name": b"Fake", "major": 9, "minor": 0},
                driverGetVersion=lambda: 13010,
            ),
            driver=SimpleNamespace(CUDADriverError=CUDADriverError),
            memory=SimpleNamespace(OutOfMemoryError=OutOfMemoryError),
            compiler=SimpleNamespace(CompileException=CompileException),
            Device=lambda _: contextlib.nullcontext(),
            Stream=lambda non_blocking: Stream(self),
            Event=lambda block, disable_timing: Event(),
            MemoryPool=Pool,
            using_allocator=self.using_allocator,
        )

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
        return Array(self, np.full(shape, 0x5A, dtype), self.state.malloc)

    def asnumpy(self, array: Array) -> npt.NDArray[Any]:
        self.current().synchronize()
        return array.memory.copy()

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

        return call

    def is_live(self, address: int) -> bool:
        return any(start <= address <= start + memory.nbytes for start, memory in list(self.live.items()))


class Stream:
    def __init__(self, cupy: FakeCupy) -> None:
        self.cupy = cupy
        self.queue: list[Callable[[], None]] = []
        self.begun = 0
        self.put_off = 0

    def put(self, work: Callable[[], None]) -> None:
        with self.cupy.one_at_a_time:
            self.queue.append(work)
            self.put_off += 1

    def run_to(self, position: int) -> None:
        if self.cupy.broken is not None:
            raise self.cupy.broken
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
    def record(self, stream: Stream) -> None:
        self.stream, self.position = stream, stream.put_off

    def synchronize(self) -> None:
        self.stream.run_to(self.position)


class Pool:
    def __init__(self) -> None:
        self.used = 0

    def malloc(self, nbytes: int) -> Callable[[], None]:
        if nbytes > 1 << 30:
            raise OutOfMemoryError("Out of memory allocating")
        rounded = -(-nbytes // 512) * 512
        self.used += rounded

        def free() -> None:
            self.used -= rounded

        return free

    def used_bytes(self) -> int:
        return self.used

    def free_all_blocks(self) -> None:
        pass


class Array:
    def __init__(self, cupy: FakeCupy, memory: npt.NDArray[Any], malloc: Callable[[int], Callable[[], None]]) -> None:
        self.cupy, self.memory = cupy, memory
        self.shape, self.dtype, self.size = memory.shape, memory.dtype, memory.size
        address = memory.ctypes.data
        self.data = SimpleNamespace(ptr=address)
        cupy.live[address] = memory
        weakref.finalize(self, _dead, cupy, address, memory, malloc(memory.nbytes))

    def fill(self, value: Any) -> None:
        assert type(value) is self.dtype.type
        memory = self.memory
        self.cupy.current().put(lambda: memory.fill(value))

    def set(self, host: npt.NDArray[Any]) -> None:
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
