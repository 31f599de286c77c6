"""What the engine needs of a recording, wherever it comes from: made just now, or carried here in a file.

``parallel`` records with compiled code. A machine that is lent for minutes has neither the time nor, perhaps, the compiler for
that, so nothing of this package needs more than these shapes (``carried`` reads them from files).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from gpu.header import FIELDS
from reference.definition.field import Word
from reference.definition.outcome import Outcome

if TYPE_CHECKING:
    from gpu.tables import ProgramTables
    from parallel.lower import Lowered

Array = NDArray[Any]

SNAPSHOT_FIELDS: Final = (
    *(name for name in FIELDS if name not in ("circuits", "ace_rows")), "stack", "fn_hash", "transcript_state",
)  # fmt: skip
"""Fields of a snapshot, in any order."""

QUEUE_FIELDS: Final[dict[str, tuple[str, ...]]] = {
    "ends": ("node_flags", "current_addr", "parent_addr"),
    "pops": ("value", "overflow_addr"),
    "restores": ("ctx", "fn_hash", "depth", "overflow_addr"),
    "accesses": ("key", "clk", "kind", "word"),
    "advice": (),
    "permutations": (),
    "targets": ("pc", "enters_forest"),
    "continuations": (),
}
"""Queues by name, with the fields of their entries; none for plain numbers and states."""


@dataclass(frozen=True, eq=False)
class CarriedProgram:
    """A program of which only the tables came along."""

    program_hash: Word
    tables: ProgramTables


class AnyRecording(Protocol):
    """A finished run: ``parallel.recording.Recording``, which describes its parts, or ``carried.CarriedRecording``."""

    @property
    def lowered(self) -> Lowered | CarriedProgram:
        """The program."""

    @property
    def outcome(self) -> Outcome:
        """How it ended."""

    @property
    def core_rows(self) -> int:
        """Executed rows."""

    @property
    def hasher_rows(self) -> int:
        """Rows of the hasher section."""

    @property
    def bitwise_requests(self) -> int:
        """Bitwise operations."""

    @property
    def snapshots(self) -> Array:
        """One per fragment."""

    @property
    def queues(self) -> dict[str, Array]:
        """By name."""

    @property
    def ace(self) -> NDArray[np.uint64]:
        """(n, 16)."""

    @property
    def final_stack(self) -> tuple[int, ...]:
        """16 items, depth, overflow address and depth - 16 after the last row."""


def is_known(recording: AnyRecording) -> bool:
    """Whether snapshots and queues have the fields that packing reads, all of them 64-bit integers."""
    arrays = {"": recording.snapshots, **recording.queues}
    fields = {"": tuple(sorted(SNAPSHOT_FIELDS)), **QUEUE_FIELDS}
    named = {name: array.dtype.names or () for name, array in arrays.items()}
    named[""] = tuple(sorted(named[""]))
    return named == fields and all(_holds_words(array.dtype) for array in arrays.values())


def _holds_words(entry: np.dtype[Any]) -> bool:
    kinds = [entry[name].base for name in entry.names] if entry.names else [entry]
    return all(kind.kind in "iu" and kind.itemsize == 8 for kind in kinds)
