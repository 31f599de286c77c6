"""The kernels on this machine's processor: NumPy arrays, the same source text through the shim.

A launch is done when it returns, and it does not hold the interpreter's lock, so lanes can be threads. The order in which the
threads of a launch run is a parameter: results that depend on it are races that a real device would show at random.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar, Final

import numpy as np
import numpy.typing as npt

from gpu.buffer import Buffer
from gpu.device import Device, Lane
from gpu.errors import BudgetExceeded, DeviceUnavailable
from gpu.launching import Argument
from gpu.shim import Compiler, HostKernels, cache_directory, find_compiler, sanitizer_library
from gpu.source import Signature, Source, load

ORDERS: Final = ("forward", "reverse", "strided")
"""Orders in which the threads of a launch can run, by number."""


class HostLane:
    """A lane of the host: everything launched on it is already done."""

    def __init__(self, device: HostDevice, index: int) -> None:
        self.index = index
        self._device = device

    def finish(self) -> None:
        """Notes that the lane's work is done."""
        self._device.note("finish", f"lane {self.index}", 0, self)


class HostDevice(Device):
    """A device whose memory is the host's.

    ``order`` is an index of ORDERS, ``block`` the threads of a block, ``defines`` are prepended to the source, ``extra``
    names files of further kernels. With ``sanitize`` the kernels are built with address and undefined-behaviour checks: the
    process must then have the address sanitizer's library preloaded.
    Raises DeviceUnavailable without a C++ compiler, or without that library.
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
        if sanitize and "asan" not in os.environ.get("LD_PRELOAD", ""):
            raise DeviceUnavailable(f"sanitized kernels need LD_PRELOAD={sanitizer_library(find_compiler())}")
        super().__init__(load(defines, extra), block, budget)
        self.kernels = _kernels(self.source, sanitize, find_compiler(), cache_directory())
        self._order = order

    @classmethod
    def probe(cls) -> tuple[bool, str]:
        """Whether there is a C++ compiler, and which, or why not."""
        try:
            return True, find_compiler().version
        except DeviceUnavailable as error:
            return False, str(error)

    def pool_bytes(self) -> int:
        """The arena's live bytes."""
        return self.arena.total

    def mark(self, lane: Lane | None = None) -> float:  # noqa: ARG002 - what was begun is done
        """Now, in seconds."""
        return time.perf_counter()

    def seconds(self, first: float, last: float) -> float:
        """The difference."""
        return last - first

    def close(self) -> None:
        """Nothing is kept."""

    def _allocate(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> tuple[Any, int]:
        try:
            array: npt.NDArray[Any] = np.empty(shape, dtype)
        except MemoryError as error:
            raise BudgetExceeded(f"the machine has no room: {error}") from error
        return array, int(array.ctypes.data)

    def _fill(self, buffer: Buffer, value: int) -> None:
        buffer.array.fill(value)

    def _write(self, buffer: Buffer, array: npt.NDArray[Any]) -> None:
        buffer.array[...] = array

    def _read(self, buffer: Buffer) -> npt.NDArray[Any]:
        copied: npt.NDArray[Any] = buffer.array.copy()
        return copied

    def _copy(self, source: Buffer, target: Buffer) -> None:
        target.array[...] = source.array

    def _copy_to(self, source: Buffer, target: Buffer, lane: Lane | None) -> None:  # noqa: ARG002 - done when it returns
        target.array.reshape(-1)[...] = source.array.reshape(-1)

    def _start(
        self,
        signature: Signature,
        grid: int,
        block: int,
        bound: list[int],
        arguments: Sequence[Argument],  # noqa: ARG002 - the launch is done when it returns: nothing to remember
        lane: Lane | None,  # noqa: ARG002
    ) -> None:
        self.kernels.function(signature.name)(grid, block, self._order, *bound)

    def _sort(self, keys: Buffer, out: Buffer, lane: Lane | None) -> None:  # noqa: ARG002 - done when it returns
        out.array[...] = np.argsort(keys.array, kind="stable")

    def _new_lane(self, index: int) -> HostLane:
        return HostLane(self, index)

    def _wait(self) -> None:
        """Nothing is ever left to wait for."""

    def _wait_for_uses(self, buffer: Buffer) -> None:
        """Nothing is ever left to wait for."""


@lru_cache(maxsize=8)
def _kernels(source: Source, sanitize: bool, compiler: Compiler, cache: Path) -> HostKernels:
    # A device per case is cheap only if finding the built libraries is done once.
    return HostKernels(source, compiler, cache, sanitize=sanitize)
