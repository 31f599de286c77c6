"""What the engine asks of a device: arrays with a tag, copies, kernel launches by signature, lanes.

Two devices do it: ``host_device`` (NumPy, kernels through the shim) and ``cuda_device`` (CuPy). Everything that both have to
do alike is here: the arguments of a launch are checked against the kernel's signature before anything runs, and every launch,
copy, wait and release leaves an entry in a log that the invariants read (spec 09, B6 and B12).
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Protocol, Self

import numpy as np
import numpy.typing as npt

from gpu.arena import Arena, Holding, Tag
from gpu.errors import WrongState
from gpu.source import BITS_OF_TYPE, Signature

__all__ = ["Arena", "Buffer", "Device", "Event", "Lane", "Launch", "Pointer", "Tag", "View"]

TYPE_OF_DTYPE: Final = {np.dtype(np.uint8): "u8", np.dtype(np.uint32): "u32", np.dtype(np.uint64): "u64"}
"""Kernel type of each dtype that a buffer may have."""

SORT_SCRATCH: Final = 8
"""Bytes of SCRATCH per key that ``argsort`` takes while it runs (positions of 64 bits, before they are narrowed)."""


class Buffer:
    """An array on a device: ``array`` is NumPy's on the host and CuPy's on a CUDA device; contiguous, never resized."""

    __slots__ = ("_holding", "_owner", "address", "array", "dtype", "name", "nbytes", "shape", "size", "tag", "type")

    def __init__(self, owner: _Owner, holding: Holding, array: Any, address: int) -> None:
        self.tag = holding.tag
        self.name = holding.name
        self.dtype: np.dtype[Any] = np.dtype(array.dtype)
        self.type = TYPE_OF_DTYPE[self.dtype]
        self.shape: tuple[int, ...] = tuple(array.shape)
        self.size = int(array.size)
        self.nbytes = holding.nbytes
        self.array: Any = array
        self.address = address
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


class _Owner(Protocol):
    def before_free(self, buffer: Buffer) -> None: ...


@dataclass(frozen=True, slots=True)
class Launch:
    """One kernel launch."""

    kernel: str
    threads: int
    lane: int | None
    phase: str
    nulls: tuple[str, ...]
    """Names of the pointer parameters that were null."""


@dataclass(frozen=True, slots=True)
class Event:
    """A copy, a wait or a release; ``at`` is the number of launches logged before it."""

    kind: str
    """upload, download, copy, sort, finish, synchronise or free."""
    name: str
    nbytes: int
    lane: int | None
    phase: str
    at: int


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


class Device(Protocol):
    """A place for buffers and kernels. Methods that take a buffer raise WrongState when it was freed."""

    name: ClassVar[str]
    """host or cuda."""
    row_pad: ClassVar[int]
    """Rows by which a tile's leading dimension exceeds its rows: on a host, columns a power of two apart share cache sets."""
    arena: Arena
    log: list[Launch]
    events: list[Event]
    phase: str
    """Written into every entry of the log; the session sets it."""

    @classmethod
    def probe(cls) -> tuple[bool, str]:
        """Whether this machine can run the device, and which one it is or why not."""
        ...

    def empty(self, tag: Tag, name: str, shape: int | tuple[int, ...], dtype: npt.DTypeLike) -> Buffer:
        """A buffer with arbitrary contents.

        Raises BudgetExceeded before anything is allocated, TypeError for a dtype other than uint8, uint32 and uint64.
        """
        ...

    def full(self, tag: Tag, name: str, shape: int | tuple[int, ...], dtype: npt.DTypeLike, value: int) -> Buffer:
        """A buffer filled with one value."""
        ...

    def upload(self, tag: Tag, name: str, array: npt.NDArray[Any]) -> Buffer:
        """A buffer with a copy of the array's contents."""
        ...

    def download(self, buffer: Buffer) -> npt.NDArray[Any]:
        """A copy of the contents in the host's memory, after every launch that writes them is done."""
        ...

    def write(self, buffer: Buffer, array: npt.NDArray[Any]) -> None:
        """Replaces the contents. Raises TypeError or ValueError when dtype or shape differ."""
        ...

    def copy(self, tag: Tag, name: str, buffer: Buffer) -> Buffer:
        """A new buffer with the same contents."""
        ...

    def launch(self, kernel: str, threads: int, *arguments: Pointer | int, lane: Lane | None = None) -> None:
        """Runs a kernel with at least ``threads`` threads, rounded up to blocks; the kernel bounds its own index.

        Arguments follow the kernel's signature: a buffer, a view or None for a pointer, an int for a scalar. Raises TypeError
        for an unknown kernel, a wrong count, a wrong kind or element type; ValueError for a scalar out of range; WrongState
        for a freed buffer; KernelBuildError when the kernels do not compile.
        """
        ...

    def argsort(self, keys: Buffer, out: Buffer, lane: Lane | None = None) -> None:
        """Writes into ``out`` (uint32) the positions that sort ``keys`` (uint64); equal keys keep their order."""
        ...

    def lane(self, index: int) -> Lane:
        """The lane of this number, the same one at every call."""
        ...

    def synchronise(self) -> None:
        """Waits for all lanes."""
        ...

    def pool_bytes(self) -> int:
        """Bytes that the back end's own allocator holds for live buffers; the arena's total on the host."""
        ...

    def close(self) -> None:
        """Waits and drops what the device keeps for itself; buffers of others stay theirs. A second call does nothing."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...


def checked_dtype(name: str, dtype: npt.DTypeLike) -> np.dtype[Any]:
    """The dtype, if kernels have a type for it; else TypeError."""
    known = np.dtype(dtype)
    if known not in TYPE_OF_DTYPE:
        raise TypeError(f"{name}: buffers hold uint8, uint32 or uint64, not {known}")
    return known


def checked_contents(buffer: Buffer, array: npt.NDArray[Any]) -> None:
    """Raises TypeError or ValueError unless the array has the buffer's dtype and shape."""
    if array.dtype != buffer.dtype:
        raise TypeError(f"{buffer.name}: holds {buffer.dtype}, not {array.dtype}")
    if array.shape != buffer.shape:
        raise ValueError(f"{buffer.name}: has shape {buffer.shape}, not {array.shape}")


def checked_alive(buffer: Buffer) -> None:
    """Raises WrongState for a freed buffer."""
    if buffer.array is None:
        raise WrongState(f"{buffer.name}: the buffer was freed")


def checked_sort(keys: Buffer, out: Buffer) -> None:
    """Raises TypeError, ValueError or WrongState unless these are uint64 keys and as many uint32 places."""
    checked_alive(keys)
    checked_alive(out)
    if keys.type != "u64" or out.type != "u32":
        raise TypeError(f"keys are uint64 and positions uint32, not {keys.dtype} and {out.dtype}")
    if keys.shape != out.shape or len(keys.shape) != 1:
        raise ValueError(f"{keys.shape} keys and {out.shape} positions")
    if keys.size > 1 << 32:
        raise ValueError(f"{keys.size} keys do not fit into 32-bit positions")


def bound_arguments(signature: Signature, threads: int, arguments: Sequence[Pointer | int]) -> list[int]:
    """The arguments as integers, addresses and scalars, checked against the signature; see ``Device.launch`` for errors."""
    parameters = signature.parameters
    if len(arguments) != len(parameters):
        raise TypeError(f"{signature.name} takes {len(parameters)} arguments, {len(arguments)} were given")
    if threads < 0:
        raise ValueError(f"{signature.name}: {threads} threads")
    bound = []
    for parameter, value in zip(parameters, arguments, strict=True):
        if not parameter.pointer:
            bound.append(_scalar(signature, parameter.name, parameter.type, value))
        elif value is None:
            bound.append(0)
        elif isinstance(value, Buffer):
            if value.type != parameter.type or value.array is None:
                raise _refusal(signature, parameter.name, parameter.type, value)
            bound.append(value.address)
        elif isinstance(value, View):
            if value.buffer.type != parameter.type or value.buffer.array is None:
                raise _refusal(signature, parameter.name, parameter.type, value.buffer)
            bound.append(value.address)
        else:
            raise TypeError(f"{signature.name}: {parameter.name} is a pointer, not {type(value).__name__}")
    return bound


def nulls_of(signature: Signature, arguments: Sequence[Pointer | int]) -> tuple[str, ...]:
    """Names of the parameters that were given None."""
    if None not in arguments:
        return ()
    pairs = zip(signature.parameters, arguments, strict=True)
    return tuple(parameter.name for parameter, value in pairs if value is None)


def _scalar(signature: Signature, name: str, kind: str, value: Pointer | int) -> int:
    if value is None or isinstance(value, Buffer | View):
        raise TypeError(f"{signature.name}: {name} is a {kind}, not {type(value).__name__}")
    number = operator.index(value)
    if not 0 <= number < 1 << BITS_OF_TYPE[kind]:
        raise ValueError(f"{signature.name}: {name} is a {kind}, {number} does not fit")
    return number


def _refusal(signature: Signature, name: str, kind: str, buffer: Buffer) -> Exception:
    if buffer.array is None:
        return WrongState(f"{signature.name}: {name} is given {buffer.name}, which was freed")
    return TypeError(f"{signature.name}: {name} points to {kind}, {buffer.name} holds {buffer.type}")
