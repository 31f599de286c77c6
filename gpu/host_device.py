"""The kernels on this machine's processor: NumPy arrays, the same source text through the shim.

A launch is done when it returns, and it does not hold the interpreter's lock, so lanes can be threads. The order in which the
threads of a launch run is a parameter: results that depend on it are races that a real device would show at random.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Final, Self

import numpy as np
import numpy.typing as npt

from gpu.arena import Arena, Tag
from gpu.device import (
    SORT_SCRATCH,
    Buffer,
    Event,
    Lane,
    Launch,
    Pointer,
    bound_arguments,
    checked_alive,
    checked_contents,
    checked_dtype,
    checked_sort,
    nulls_of,
)
from gpu.errors import DeviceUnavailable
from gpu.shim import HostKernels, find_compiler
from gpu.source import load

ORDERS: Final = ("forward", "reverse", "strided")
"""Orders in which the threads of a launch can run, by number."""


class HostLane:
    """A lane of the host: everything launched on it is already done."""

    def __init__(self, device: HostDevice, index: int) -> None:
        self.index = index
        self._device = device

    def finish(self) -> None:
        """Notes that the lane's work is done."""
        self._device._note("finish", f"lane {self.index}", 0, self)


class HostDevice:
    """A device whose memory is the host's.

    ``order`` is an index of ORDERS, ``block`` the threads of a block, ``defines`` are prepended to the source, ``extra``
    names files of further kernels. With ``sanitize`` the kernels are built with address and undefined-behaviour checks: the
    process must then have the address sanitizer's library preloaded.
    Raises DeviceUnavailable without a C++ compiler.
    """

    name: ClassVar[str] = "host"
    row_pad: ClassVar[int] = 8

    def __init__(
        self,
        *,
        order: int = 0,
        block: int = 128,
        defines: tuple[str, ...] = (),
        extra: tuple[Path, ...] = (),
        sanitize: bool = False,
        budget: int | None = None,
    ) -> None:
        if order not in range(len(ORDERS)):
            raise ValueError(f"order {order}: orders are {', '.join(f'{i} {name}' for i, name in enumerate(ORDERS))}")
        if not 1 <= block <= 1024:
            raise ValueError(f"a block has 1 to 1024 threads, not {block}")
        self.arena = Arena(budget)
        self.log: list[Launch] = []
        self.events: list[Event] = []
        self.phase = ""
        self.kernels = HostKernels(load(defines, extra), sanitize=sanitize)
        self._signatures = self.kernels.source.signatures
        self._order = order
        self._block = block
        self._lanes: dict[int, HostLane] = {}

    @classmethod
    def probe(cls) -> tuple[bool, str]:
        """Whether there is a C++ compiler, and which, or why not."""
        try:
            return True, find_compiler().identity.splitlines()[1]
        except DeviceUnavailable as error:
            return False, str(error)

    def empty(self, tag: Tag, name: str, shape: int | tuple[int, ...], dtype: npt.DTypeLike) -> Buffer:
        """A buffer with arbitrary contents."""
        known = checked_dtype(name, dtype)
        count = int(np.prod(shape, dtype=np.int64))
        holding = self.arena.take(tag, name, count * known.itemsize)
        try:
            array: npt.NDArray[Any] = np.empty(shape, known)
        except BaseException:
            holding.release()
            raise
        return Buffer(self, holding, array, int(array.ctypes.data))

    def full(self, tag: Tag, name: str, shape: int | tuple[int, ...], dtype: npt.DTypeLike, value: int) -> Buffer:
        """A buffer filled with one value."""
        buffer = self.empty(tag, name, shape, dtype)
        buffer.array.fill(value)
        return buffer

    def upload(self, tag: Tag, name: str, array: npt.NDArray[Any]) -> Buffer:
        """A buffer with a copy of the array's contents."""
        buffer = self.empty(tag, name, array.shape, array.dtype)
        buffer.array[...] = array
        self._note("upload", name, buffer.nbytes)
        return buffer

    def download(self, buffer: Buffer) -> npt.NDArray[Any]:
        """A copy of the contents."""
        checked_alive(buffer)
        self._note("download", buffer.name, buffer.nbytes)
        copied: npt.NDArray[Any] = buffer.array.copy()
        return copied

    def write(self, buffer: Buffer, array: npt.NDArray[Any]) -> None:
        """Replaces the contents."""
        checked_alive(buffer)
        checked_contents(buffer, array)
        buffer.array[...] = array
        self._note("upload", buffer.name, buffer.nbytes)

    def copy(self, tag: Tag, name: str, buffer: Buffer) -> Buffer:
        """A new buffer with the same contents."""
        checked_alive(buffer)
        copied = self.empty(tag, name, buffer.shape, buffer.dtype)
        copied.array[...] = buffer.array
        self._note("copy", name, buffer.nbytes)
        return copied

    def launch(self, kernel: str, threads: int, *arguments: Pointer | int, lane: Lane | None = None) -> None:
        """Runs a kernel to its end."""
        signature = self._signatures.get(kernel)
        if signature is None:
            raise TypeError(f"there is no kernel {kernel}")
        bound = bound_arguments(signature, threads, arguments)
        block = self._block if signature.block is None else min(self._block, signature.block)
        index = None if lane is None else lane.index
        self.log.append(Launch(kernel, threads, index, self.phase, nulls_of(signature, arguments)))
        if threads:
            self.kernels.function(kernel)(-(-threads // block), block, self._order, *bound)

    def argsort(self, keys: Buffer, out: Buffer, lane: Lane | None = None) -> None:
        """Writes the positions that sort the keys, stably."""
        checked_sort(keys, out)
        scratch = self.arena.take(Tag.SCRATCH, f"sort of {keys.name}", keys.size * SORT_SCRATCH)
        try:
            out.array[...] = np.argsort(keys.array, kind="stable")
        finally:
            scratch.release()
        self._note("sort", keys.name, keys.nbytes, lane)

    def lane(self, index: int) -> HostLane:
        """The lane of this number."""
        return self._lanes.setdefault(index, HostLane(self, index))

    def synchronise(self) -> None:
        """Nothing is ever left to wait for."""
        self._note("synchronise", "", 0)

    def pool_bytes(self) -> int:
        """The arena's live bytes."""
        return self.arena.total

    def before_free(self, buffer: Buffer) -> None:
        """Notes the release."""
        self._note("free", buffer.name, buffer.nbytes)

    def close(self) -> None:
        """Nothing is kept."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _note(self, kind: str, name: str, nbytes: int, lane: Lane | None = None) -> None:
        index = None if lane is None else lane.index
        self.events.append(Event(kind, name, nbytes, index, self.phase, len(self.log)))
