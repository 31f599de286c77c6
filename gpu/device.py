"""What the engine asks of a device: arrays with a tag, copies, kernel launches by signature, lanes.

Two devices do it: ``host_device`` (NumPy, kernels through the shim) and ``cuda_device`` (CuPy). What both have to do alike is
here, once: bytes are taken from the arena before an allocation, arguments are checked before a launch, and every launch,
copy, wait and release leaves an entry in a log that the invariants read (spec 09, B6 and B12).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Final, Protocol, Self

import numpy as np
import numpy.typing as npt

from gpu.arena import Arena, Tag
from gpu.buffer import Buffer, Pointer, View, checked_dtype, checked_sort
from gpu.errors import DeviceError
from gpu.launching import Argument, Event, Launch, bound_arguments, nulls_of
from gpu.source import Signature, Source

__all__ = ["Arena", "Buffer", "Device", "Event", "Lane", "Launch", "Pointer", "Tag", "View"]

SORT_SCRATCH: Final = 8
"""Bytes of SCRATCH per key that ``argsort`` takes while it runs: positions of 64 bits, before they are narrowed. What a back
end's sort takes for itself beyond that shows in ``pool_bytes`` only."""

GRID_LIMIT: Final = 1 << 31
"""Blocks that no launch reaches."""


class Lane(Protocol):
    """An order of launches of its own; launches of different lanes may overlap."""

    @property
    def index(self) -> int:
        """Number of the lane."""
        ...

    def finish(self) -> None:
        """Waits until everything launched on the lane is done.

        Raises DeviceError when the device failed.
        """
        ...


Watch = Callable[[str, Lane | None, Callable[[], None]], None]
"""Given a kernel, the lane it goes to and what launches it."""

Mark = Any
"""A moment in a lane's order of work."""


class Device(ABC):
    """A place for buffers and kernels; lanes may be used by one thread each. Methods given a freed buffer raise WrongState."""

    name: ClassVar[str]
    """host or cuda."""
    row_pad: ClassVar[int]
    """Rows by which a tile's leading dimension exceeds its rows: on a host, columns a power of two apart share cache sets."""

    def __init__(self, source: Source, block: int, budget: int | None) -> None:
        if not 1 <= block <= 1024:
            raise ValueError(f"a block has 1 to 1024 threads, not {block}")
        self.source = source
        self.arena = Arena(budget)
        self.log: list[Launch] = []
        self.events: list[Event] = []
        self.phase = ""
        """Written into every entry of the log; the session sets it."""
        self.watch: Watch | None = None
        """Called in the place of every launch, with what launches; for whoever measures kernels one by one."""
        self._block = block
        self._lanes: dict[int, Lane] = {}

    @classmethod
    @abstractmethod
    def probe(cls) -> tuple[bool, str]:
        """Whether this machine can run the device, and which one it is or why not."""

    @property
    def lost(self) -> DeviceError | None:
        """The error after which the device is of no more use; None while it is of use, as a host always is."""
        return None

    def empty(self, tag: Tag, name: str, shape: int | tuple[int, ...], dtype: npt.DTypeLike) -> Buffer:
        """A buffer with arbitrary contents.

        Raises BudgetExceeded before anything is allocated, TypeError for a dtype other than uint8, uint32 and uint64.
        """
        known = checked_dtype(name, dtype)
        dimensions = (shape,) if isinstance(shape, int) else shape
        if any(extent < 0 for extent in dimensions):
            raise ValueError(f"{name}: shape {dimensions}")
        holding = self.arena.take(tag, name, int(np.prod(dimensions, dtype=np.int64)) * known.itemsize)
        try:
            array, address = self._allocate(dimensions, known)
        except BaseException:
            holding.release()
            raise
        return Buffer(self, holding, array, address)

    def full(self, tag: Tag, name: str, shape: int | tuple[int, ...], dtype: npt.DTypeLike, value: int) -> Buffer:
        """A buffer filled with one value."""
        return self.filled(self.empty(tag, name, shape, dtype), lambda buffer: self._fill(buffer, value))

    def upload(self, tag: Tag, name: str, array: npt.NDArray[Any]) -> Buffer:
        """A buffer with a copy of the array's contents."""
        return self.filled(self.empty(tag, name, array.shape, array.dtype), lambda buffer: self.write(buffer, array))

    def write(self, buffer: Buffer, array: npt.NDArray[Any]) -> None:
        """Replaces the contents; raises TypeError or ValueError when dtype or shape differ."""
        buffer.check_alive()
        buffer.check_contents(array)
        self._write(buffer, array)
        self.note("upload", buffer.name, buffer.nbytes)

    def download(self, buffer: Buffer) -> npt.NDArray[Any]:
        """A copy of the contents in the host's memory, after every launch that writes them is done."""
        buffer.check_alive()
        self.note("download", buffer.name, buffer.nbytes)
        return self._read(buffer)

    def copy(self, tag: Tag, name: str, buffer: Buffer) -> Buffer:
        """A new buffer with the same contents."""
        buffer.check_alive()
        copied = self.empty(tag, name, buffer.shape, buffer.dtype)
        self.filled(copied, lambda target: self._copy(buffer, target))
        self.note("copy", name, buffer.nbytes)
        return copied

    def filled(self, buffer: Buffer, fill: Callable[[Buffer], None]) -> Buffer:
        """The buffer with its first contents; given back when it cannot have them."""
        try:
            fill(buffer)
        except BaseException:
            buffer.free()
            raise
        return buffer

    def launch(self, kernel: str, threads: int, *arguments: Argument, lane: Lane | None = None) -> None:
        """Runs a kernel with at least ``threads`` threads, rounded up to blocks; the kernel bounds its own index.

        Arguments follow the kernel's signature: a buffer, a view or None for a pointer, an int for a scalar. Raises TypeError
        for an unknown kernel, a wrong count, a wrong kind or element type; ValueError for a number out of range; WrongState
        for a freed buffer; KernelBuildError when the kernels do not compile; DeviceError when the device failed.
        """
        signature = self.source.signatures.get(kernel)
        if signature is None:
            raise TypeError(f"there is no kernel {kernel}")
        bound = bound_arguments(signature, threads, arguments)
        block = self._block if signature.block is None else min(self._block, signature.block)
        grid = -(-threads // block)
        if grid >= GRID_LIMIT:
            raise ValueError(f"{kernel}: {threads} threads are {grid} blocks, a launch has fewer than {GRID_LIMIT}")
        index = None if lane is None else lane.index
        self.log.append(Launch(kernel, threads, index, self.phase, nulls_of(signature, arguments)))
        if threads and self.watch is None:
            self._start(signature, grid, block, bound, arguments, lane)
        elif threads and self.watch is not None:
            self.watch(kernel, lane, lambda: self._start(signature, grid, block, bound, arguments, lane))

    def copy_to(self, source: Buffer, target: Buffer, lane: Lane | None = None) -> None:
        """Replaces the contents of one buffer by those of another of the same size and type, on the device.

        Raises TypeError for another type, ValueError for another size.
        """
        source.check_alive()
        target.check_alive()
        if source.type != target.type or source.size != target.size:
            kind = TypeError if source.type != target.type else ValueError
            raise kind(f"{source!r} cannot be copied to {target!r}")
        self._copy_to(source, target, lane)
        self.note("copy", target.name, target.nbytes, lane)

    def argsort(self, keys: Buffer, out: Buffer, lane: Lane | None = None) -> None:
        """Writes into ``out`` (uint32) the positions that sort ``keys`` (uint64); equal keys keep their order."""
        checked_sort(keys, out)
        scratch = self.arena.take(Tag.SCRATCH, f"sort of {keys.name}", keys.size * SORT_SCRATCH)
        try:
            if keys.size:
                self._sort(keys, out, lane)
        finally:
            scratch.release()
        self.note("sort", keys.name, keys.nbytes, lane)

    def lane(self, index: int) -> Lane:
        """The lane of this number, the same one at every call."""
        found = self._lanes.get(index)
        return found if found is not None else self._lanes.setdefault(index, self._new_lane(index))

    def synchronise(self) -> None:
        """Waits for everything that was launched."""
        self._wait()
        self.note("synchronise", "", 0)

    @abstractmethod
    def mark(self, lane: Lane | None = None) -> Mark:
        """The moment at which everything begun on the lane so far is done."""

    @abstractmethod
    def seconds(self, first: Mark, last: Mark) -> float:
        """Time between two marks of one lane; waits for the second."""

    @abstractmethod
    def pool_bytes(self) -> int:
        """Bytes that the back end's own allocator holds for live buffers; the arena's total on the host."""

    @abstractmethod
    def close(self) -> None:
        """Waits and drops what the device keeps for itself; buffers of others stay theirs. A second call does nothing."""

    def clear_log(self) -> None:
        """Forgets launches and events; a device that lives long grows its log otherwise."""
        self.log.clear()
        self.events.clear()

    def note(self, kind: str, name: str, nbytes: int, lane: Lane | None = None) -> None:
        """Adds an event to the log."""
        index = None if lane is None else lane.index
        self.events.append(Event(kind, name, nbytes, index, self.phase, len(self.log)))

    def before_free(self, buffer: Buffer) -> None:
        """Waits for what still uses the buffer and notes its release."""
        self._wait_for_uses(buffer)
        self.note("free", buffer.name, buffer.nbytes)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @abstractmethod
    def _allocate(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> tuple[Any, int]:
        """An array and its address."""

    @abstractmethod
    def _fill(self, buffer: Buffer, value: int) -> None: ...

    @abstractmethod
    def _write(self, buffer: Buffer, array: npt.NDArray[Any]) -> None: ...

    @abstractmethod
    def _read(self, buffer: Buffer) -> npt.NDArray[Any]: ...

    @abstractmethod
    def _copy(self, source: Buffer, target: Buffer) -> None: ...

    @abstractmethod
    def _copy_to(self, source: Buffer, target: Buffer, lane: Lane | None) -> None: ...

    @abstractmethod
    def _start(
        self,
        signature: Signature,
        grid: int,
        block: int,
        bound: list[int],
        arguments: Sequence[Argument],
        lane: Lane | None,
    ) -> None:
        """Runs the kernel; ``bound`` are the checked arguments as integers."""

    @abstractmethod
    def _sort(self, keys: Buffer, out: Buffer, lane: Lane | None) -> None: ...

    @abstractmethod
    def _new_lane(self, index: int) -> Lane: ...

    @abstractmethod
    def _wait(self) -> None: ...

    @abstractmethod
    def _wait_for_uses(self, buffer: Buffer) -> None: ...
