"""Arrays on a device, and pointers into them.

A buffer is one contiguous array of one of the three types that kernels know. It never changes its size, belongs to a tag of
the arena from the moment before it is allocated, and refuses to be used once it was freed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from gpu.arena import Holding
from gpu.errors import WrongState

TYPE_OF_DTYPE: Final = {np.dtype(np.uint8): "u8", np.dtype(np.uint32): "u32", np.dtype(np.uint64): "u64"}
"""Kernel type of each dtype that a buffer may have."""


class Owner(Protocol):
    """What a buffer needs of the device that made it."""

    def before_free(self, buffer: Buffer) -> None:
        """Called once, before the array is dropped and its bytes are given back."""
        ...


class Buffer:
    """An array on a device: ``array`` is NumPy's on the host and CuPy's on a CUDA device, None after ``free``."""

    __slots__ = (
        "_holding",
        "_owner",
        "address",
        "array",
        "dtype",
        "name",
        "nbytes",
        "shape",
        "size",
        "tag",
        "type",
        "uses",
    )

    def __init__(self, owner: Owner, holding: Holding, array: Any, address: int) -> None:
        self.tag = holding.tag
        self.name = holding.name
        self.dtype: np.dtype[Any] = np.dtype(array.dtype)
        self.type = TYPE_OF_DTYPE[self.dtype]
        self.shape: tuple[int, ...] = tuple(array.shape)
        self.size = int(array.size)
        self.nbytes = holding.nbytes
        self.array: Any = array
        self.address = address
        self.uses: dict[Any, Any] = {}
        """The device's own note of launches that may still use the buffer."""
        self._owner = owner
        self._holding = holding

    @property
    def freed(self) -> bool:
        """Whether the bytes were given back."""
        return self.array is None

    def free(self) -> None:
        """Gives the bytes back, after every launch that uses them is done; a second call does nothing."""
        if self.array is not None:
            self._owner.before_free(self)
            self.array = None
            self._holding.release()

    def offset(self, elements: int) -> View:
        """A pointer to the element at this index; one past the end is allowed, as for an empty rest.

        Raises ValueError beyond.
        """
        if not 0 <= elements <= self.size:
            raise ValueError(f"{self.name}: element {elements} of {self.size}")
        return View(self, elements)

    def check_alive(self) -> None:
        """Raises WrongState when the buffer was freed."""
        if self.array is None:
            raise WrongState(f"{self.name}: the buffer was freed")

    def check_contents(self, array: npt.NDArray[Any]) -> None:
        """Raises TypeError or ValueError unless the array has this buffer's dtype and shape."""
        if array.dtype != self.dtype:
            raise TypeError(f"{self.name}: holds {self.dtype}, not {array.dtype}")
        if array.shape != self.shape:
            raise ValueError(f"{self.name}: has shape {self.shape}, not {array.shape}")

    def __repr__(self) -> str:
        return f"Buffer({self.tag}, {self.name}, {self.type}{list(self.shape)}{', freed' if self.freed else ''})"


@dataclass(frozen=True, slots=True)
class View:
    """A pointer into a buffer."""

    buffer: Buffer
    elements: int

    @property
    def address(self) -> int:
        """Address of the element."""
        return self.buffer.address + self.elements * self.buffer.dtype.itemsize


Pointer = Buffer | View | None
"""What may be given for a pointer parameter; None is null."""


def checked_dtype(name: str, dtype: npt.DTypeLike) -> np.dtype[Any]:
    """The dtype, if kernels have a type for it; else TypeError."""
    known = np.dtype(dtype)
    if known not in TYPE_OF_DTYPE:
        raise TypeError(f"{name}: buffers hold uint8, uint32 or uint64, not {known}")
    return known


def checked_sort(keys: Buffer, out: Buffer) -> None:
    """Raises TypeError, ValueError or WrongState unless these are uint64 keys and as many uint32 places."""
    keys.check_alive()
    out.check_alive()
    if keys.type != "u64" or out.type != "u32":
        raise TypeError(f"keys are uint64 and positions uint32, not {keys.dtype} and {out.dtype}")
    if keys.shape != out.shape or len(keys.shape) != 1:
        raise ValueError(f"{keys.shape} keys and {out.shape} positions")
    if keys.size > 1 << 32:
        raise ValueError(f"{keys.size} keys do not fit into 32-bit positions")
