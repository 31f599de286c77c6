"""Recordings and single contexts in files: a fixed header, then the arrays one after another; nothing is executed or guessed.

A file is: magic (16 bytes), version (u32), schema (8 bytes of SHA-256 over the entry types), program (32 bytes, see
``Lowered.tables_key``), whole (u32: 1 for a whole run, 0 for a single fragment's context), then as int64 the numbers of
:data:`_NUMBERS` and the 16 outputs, then snapshots, the queues in the order of ``QUEUES``, ACE rows and kernel calls, all
little-endian. The counts in the header must add up to exactly the size of the file, so no count can ask for more memory
than the file has bytes.
"""

from __future__ import annotations

import hashlib
import struct
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np

from parallel.lower import Lowered
from parallel.recording import QUEUES, SNAPSHOT, Array, Recording
from parallel.validation import validate
from reference.definition.errors import InputError
from reference.definition.field import P
from reference.definition.outcome import Completed

MAGIC: Final = b"fragdiff context"
VERSION: Final = 1
MAX_BYTES: Final = 2**36
"""Larger files are refused unread: 64 GiB, more than a recording of the longest program on small fragments."""

_NUMBERS: Final = ("core_rows", "hasher_rows", "bitwise_requests")
_ARRAYS: Final[dict[str, np.dtype[Any]]] = {
    "snapshots": SNAPSHOT,
    **{name: np.dtype(entry) for name, entry in QUEUES.items()},
    "ace": np.dtype(("<u8", (16,))),
    "kernel_calls": np.dtype("<i8"),
}
_HEADER: Final = struct.Struct(f"<16sI8s32sI{len(_NUMBERS)}q16Q{len(_ARRAYS)}Q")


@cache
def _schema() -> bytes:
    text = repr([(name, entry.descr, entry.shape) for name, entry in _ARRAYS.items()])
    return hashlib.sha256(text.encode()).digest()[:8]


def save(recording: Recording, path: Path) -> None:
    """Write a recording, or a single fragment's context, of a completed program.

    Raises ContextError for a recording that :func:`load` would refuse, OSError when the file cannot be written.
    """
    whole = bool(recording.final_stack)
    validate(recording, whole=whole)
    assert isinstance(recording.outcome, Completed)
    arrays = _arrays(recording)
    header = _HEADER.pack(
        MAGIC, VERSION, _schema(), recording.lowered.tables_key, int(whole),
        *(getattr(recording, name) for name in _NUMBERS),
        *recording.outcome.stack,
        *(len(array) for array in arrays.values()),
    )  # fmt: skip
    with path.open("wb") as file:
        file.write(header)
        for array in arrays.values():
            file.write(array.tobytes())


def _arrays(recording: Recording) -> dict[str, Array]:
    return {
        "snapshots": recording.snapshots,
        **{name: recording.queues[name] for name in QUEUES},
        "ace": recording.ace,
        "kernel_calls": recording.kernel_calls,
    }


def load(path: Path, lowered: Lowered) -> Recording:
    """Read what :func:`save` wrote, for the same program and libraries, and validate it.

    Raises InputError with the place for a file that is no saved context of this version and program, ContextError for a
    context that contradicts itself.
    """
    source = str(path)
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(0)
            if size > MAX_BYTES:
                raise InputError(f"at most {MAX_BYTES} bytes, found {size}", place="byte 0", source=source)
            content = file.read(size)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", source=source) from error
    try:
        recording, whole = _read(content, lowered)
    except InputError as error:
        raise error.located(source) from None
    validate(recording, whole=whole)
    return recording


def _read(content: bytes, lowered: Lowered) -> tuple[Recording, bool]:
    if len(content) < _HEADER.size:
        reason = f"expected a header of {_HEADER.size} bytes, found {len(content)} bytes"
        raise InputError(reason, place=f"byte {len(content)}")
    magic, version, schema, key, whole, *numbers = _HEADER.unpack_from(content)
    if magic != MAGIC:
        raise InputError(f"expected {MAGIC!r}, found {magic!r}", place="byte 0")
    if version != VERSION:
        raise InputError(f"expected version {VERSION}, found {version}", place="byte 16")
    if schema != _schema():
        raise InputError(f"expected entry types {_schema().hex()}, found {schema.hex()}", place="byte 20")
    if key != lowered.tables_key:
        reason = f"a context of another program or other libraries: {key.hex()}, not {lowered.tables_key.hex()}"
        raise InputError(reason, place="byte 28")
    if whole not in (0, 1):
        raise InputError(f"expected 0 or 1, found {whole}", place="byte 60")
    stack = tuple(numbers[len(_NUMBERS) : len(_NUMBERS) + 16])
    if any(value >= P for value in stack):
        raise InputError("an output is not a canonical field element", place=f"byte {64 + 8 * len(_NUMBERS)}")
    arrays = _read_arrays(content, numbers[len(_NUMBERS) + 16 :])
    recording = Recording(
        lowered=lowered,
        outcome=Completed(stack),
        **dict(zip(_NUMBERS, numbers, strict=False)),
        snapshots=arrays["snapshots"],
        queues={name: arrays[name] for name in QUEUES},
        ace=arrays["ace"],
        kernel_calls=arrays["kernel_calls"],
        final_stack=(*stack, 16, 0, 0) if whole else (),
    )
    return recording, bool(whole)


def _read_arrays(content: bytes, counts: list[int]) -> dict[str, Array]:
    sizes = [count * entry.itemsize for count, entry in zip(counts, _ARRAYS.values(), strict=True)]
    if _HEADER.size + sum(sizes) != len(content):
        reason = f"expected {_HEADER.size + sum(sizes)} bytes by the counts of the header, found {len(content)}"
        raise InputError(reason, place=f"byte {_HEADER.size - 8 * len(counts)}")
    arrays: dict[str, Array] = {}
    at = _HEADER.size
    for (name, entry), count, size in zip(_ARRAYS.items(), counts, sizes, strict=True):
        # A copy: the kernels want their own, aligned memory.
        arrays[name] = np.frombuffer(content[at : at + size], entry.base).reshape(count, *entry.shape).copy()
        at += size
    return arrays
