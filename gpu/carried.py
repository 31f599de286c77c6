"""Recordings in files that are read with NumPy alone, with the tables of their program.

``parallel.saved`` keeps contexts that are to be rebuilt: reading one needs the lowered program and the compiled checks. These
files are for a machine that only replays. They are archives of plain arrays (``.npz``; nothing in them is executed); of a
permutation's eight states only those that the engine uploads are kept. Packing and the kernels check a recording that is read
here as they check every other; the program's tables are believed, as those of a lowering are.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from gpu.errors import RawStateError
from gpu.recordings import QUEUE_FIELDS, AnyRecording, CarriedProgram
from gpu.source import LAYOUT_VERSION
from gpu.tables import ProgramTables, inverse_table
from reference.definition.errors import InputError
from reference.definition.field import P, as_word
from reference.definition.outcome import Completed

Array = NDArray[Any]

VERSION: Final = 1
"""Of the format; a file of another one, or of another layout of the tables, is refused."""

TABLES: Final = (
    "eff", "imm", "t1", "t2", "node", "ctl", "gc", "h", "digests", "domain", "hoff", "hn", "hash_table", "hash_sel", "procs",
)  # fmt: skip
"""Arrays of :class:`gpu.tables.ProgramTables` that belong to the program; ``invt`` is the same for all."""

_NUMBERS: Final = ("version", "layout", "core_rows", "hasher_rows", "bitwise_requests", "digests_hold")
_PLAIN: Final = ("numbers", "program_hash", "outputs", "final_stack", "snapshots", "ace")
_ENDS: Final = [0, 7]
"""The states of a permutation that are kept, of eight."""


@dataclass(frozen=True, eq=False)
class CarriedRecording:
    """A finished run that was read from a file; the same attributes as ``parallel.recording.Recording``, as far as the engine
    asks for them. States 1 to 6 of its permutations are zero."""

    lowered: CarriedProgram
    outcome: Completed
    core_rows: int
    hasher_rows: int
    bitwise_requests: int
    snapshots: Array
    queues: dict[str, Array]
    ace: NDArray[np.uint64]
    final_stack: tuple[int, ...]

    def rows_of_fragment(self, fragment: int) -> int:
        """Core rows of a fragment."""
        clks = self.snapshots["clk"]
        end = clks[fragment + 1] if fragment + 1 < len(clks) else self.core_rows
        return int(end - clks[fragment])


def to_bytes(recording: AnyRecording) -> bytes:
    """The file of a completed recording. Raises RawStateError for a failed one."""
    if not isinstance(recording.outcome, Completed):
        raise RawStateError("recording", None, None, None, "the program failed, so there is nothing to replay")
    tables = ProgramTables.of(recording.lowered)
    numbers = (
        VERSION, LAYOUT_VERSION, recording.core_rows, recording.hasher_rows, recording.bitwise_requests,
        int(tables.digests_hold),
    )  # fmt: skip
    arrays: dict[str, Array] = {
        "numbers": np.array(numbers, np.int64),
        "program_hash": np.array(recording.lowered.program_hash, np.uint64),
        "outputs": np.array(recording.outcome.stack, np.uint64),
        "final_stack": np.array(recording.final_stack, np.uint64),
        "snapshots": recording.snapshots,
        "ace": recording.ace,
        **{f"q_{name}": queue for name, queue in recording.queues.items()},
        **{f"t_{name}": tables.arrays[name] for name in TABLES},
    }
    arrays["q_permutations"] = recording.queues["permutations"].reshape(-1, 8, 12)[:, _ENDS]
    file = io.BytesIO()
    np.savez_compressed(file, allow_pickle=False, **arrays)
    return file.getvalue()


def from_bytes(content: bytes, source: str) -> CarriedRecording:
    """What :func:`to_bytes` made. Raises InputError, naming ``source``, for anything else."""
    arrays = _arrays(content, source)
    wanted = {*_PLAIN, *(f"q_{name}" for name in QUEUE_FIELDS), *(f"t_{name}" for name in TABLES)}
    if arrays.keys() != wanted:
        differing = ", ".join(sorted(arrays.keys() ^ wanted))
        raise InputError(f"expected the arrays of a carried recording, these differ: {differing:.200}", source=source)
    numbers = dict(zip(_NUMBERS, _integers(arrays, "numbers", len(_NUMBERS), source), strict=True))
    for name, expected in (("version", VERSION), ("layout", LAYOUT_VERSION)):
        if numbers[name] != expected:
            raise InputError(f"expected {name} {expected}, found {numbers[name]}", place="numbers", source=source)
    outputs = _integers(arrays, "outputs", 16, source)
    final = _integers(arrays, "final_stack", 19, source)
    queues = {name: arrays[f"q_{name}"] for name in QUEUE_FIELDS}
    queues["permutations"] = _widened(queues["permutations"], source)
    if arrays["ace"].dtype != np.uint64 or arrays["ace"].shape[1:] != (16,):
        raise InputError(f"expected uint64 (n, 16), found {arrays['ace'].dtype}", place="ace", source=source)
    own = {name: arrays[f"t_{name}"] for name in TABLES}
    tables = ProgramTables({**own, "invt": inverse_table()}, bool(numbers["digests_hold"]))
    return CarriedRecording(
        lowered=CarriedProgram(as_word(_integers(arrays, "program_hash", 4, source)), tables),
        outcome=Completed(tuple(outputs)),
        core_rows=numbers["core_rows"],
        hasher_rows=numbers["hasher_rows"],
        bitwise_requests=numbers["bitwise_requests"],
        snapshots=arrays["snapshots"],
        queues=queues,
        ace=arrays["ace"],
        final_stack=tuple(final),
    )


def _arrays(content: bytes, source: str) -> dict[str, Array]:
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            return {name: np.ascontiguousarray(archive[name]) for name in archive.files}
    except (OSError, EOFError, ValueError, TypeError, AttributeError, zipfile.BadZipFile, zlib.error) as error:
        raise InputError(f"expected an archive of arrays: {error}", source=source) from None


def _integers(arrays: dict[str, Array], name: str, count: int, source: str) -> list[int]:
    array = arrays[name]
    if array.shape != (count,) or array.dtype.kind not in "iu":
        reason = f"expected {count} integers, found {array.dtype} {array.shape}"
        raise InputError(reason, place=name, source=source)
    values: list[int] = array.tolist()
    if any(not 0 <= value < P for value in values):
        raise InputError("expected canonical numbers", place=name, source=source)
    return values


def _widened(ends: Array, source: str) -> Array:
    """(n, 8, 12) from the states that were kept, (n, 2, 12)."""
    if ends.dtype != np.uint64 or ends.shape[1:] != (2, 12):
        reason = f"expected uint64 (n, 2, 12), found {ends.dtype} {ends.shape}"
        raise InputError(reason, place="q_permutations", source=source)
    states = np.zeros((len(ends), 8, 12), np.uint64)
    states[:, _ENDS] = ends
    return states


def coarser(recording: CarriedRecording, factor: int) -> CarriedRecording:
    """The same run with only every ``factor``-th cut: a fragment's header is needed where a thread begins, and nowhere else.

    Raises ValueError for a factor below 1.
    """
    if factor < 1:
        raise ValueError(f"every {factor}-th cut")
    return CarriedRecording(**{**vars(recording), "snapshots": np.ascontiguousarray(recording.snapshots[::factor])})
