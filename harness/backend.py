"""The one interface of all engines: a case goes in, a run comes out (DESIGN: *The interface*).

An engine never raises for a failing *program*; that is an outcome. It raises :class:`EngineFailure` when it broke
itself and :class:`NotComparable` when it lacks what the question needs. Neither is ever agreement.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from reference.definition.boundary import BoundaryState
from reference.definition.case import Case
from reference.definition.field import Word
from reference.definition.outcome import Completed, Failed, Outcome

__all__ = [
    "DIGEST_HEX_DIGITS",
    "NOT_GIVEN",
    "REAL_VM",
    "REAL_VM_SEQUENTIAL",
    "Availability",
    "Cells",
    "Completed",
    "Engine",
    "EngineFailure",
    "Failed",
    "Identified",
    "NotComparable",
    "Outcome",
    "Preparable",
    "Rebuilding",
    "Run",
    "Summary",
    "Walking",
    "Window",
    "cell_value",
    "column_digest",
    "column_digests",
    "short_value",
]

Cells = NDArray[np.uint64]
"""(72, n) uint64, C order or a view of it: one row per column, one column per trace row, canonical values."""


class Availability(NamedTuple):
    """Whether an engine can be used here; ``reason`` says why not, and what it is when it can."""

    usable: bool
    reason: str


class Window(NamedTuple):
    """Consecutive trace rows: ``cells`` is (72, n) uint64, n >= 1, for rows ``first_row .. first_row + n - 1``."""

    first_row: int
    cells: Cells
    other_than: Cells | None = None
    """(72, n), for cells that are :data:`NOT_GIVEN`: a value that each of them does not have. None where all are given."""


NOT_GIVEN: Final = 2**64 - 1
"""In the place of a cell that differs from another engine's and whose value the engine does not give: no field element."""


def short_value(cell: int) -> int | str:
    """The value of a cell, or a question mark where it is not given."""
    return "?" if cell == NOT_GIVEN else int(cell)


def cell_value(cell: int) -> int | str:
    """The value of a cell, or in words that it is not given."""
    return "differs, value not given" if cell == NOT_GIVEN else int(cell)


@dataclass(frozen=True, slots=True)
class Summary:
    """What a completed run amounts to.

    ``rows`` counts the padded trace; ``core`` the program's rows (HALT not counted); ``range``, ``hasher``,
    ``bitwise``, ``memory`` (ACE rows included, as the real VM counts them: spec 08, C17) and ``kernel_rom`` the rows of
    those sections; ``chiplets`` is all sections and one more.
    """

    program_hash: Word
    stack: tuple[int, ...] | None
    rows: int
    core: int
    range: int
    chiplets: int
    hasher: int
    bitwise: int
    memory: int
    kernel_rom: int


class Run(Protocol):
    """One run of one case at its one cut plan. Everything but ``outcome`` may be asked for completed runs only."""

    @property
    def outcome(self) -> Outcome:
        """How the program ended."""

    @property
    def summary(self) -> Summary | None:
        """None exactly when the program failed."""

    @property
    def built_with_cuts(self) -> bool:
        """Whether the trace was built in the fragments of the case's cut plan.

        False for an engine that computes the trace without cutting, or that cannot cut at these rows: its trace is
        still compared, but it says nothing about the seams of this plan.
        """

    def boundaries(self) -> Sequence[BoundaryState]:
        """The state entering each fragment of the case's cut plan, in order.

        Raises NotComparable when the engine does not give boundary states.
        """

    def windows(self) -> Iterable[Window]:
        """Every row of the trace exactly once, in order: one window per fragment, then the padding; repeatable."""

    def column_digests(self) -> list[str]:
        """:func:`column_digest` of each of the 72 columns."""

    def contradictions(self) -> Sequence[str]:
        """Where the engine contradicted itself during this run (law 1: the trace does not depend on the cuts)."""


class Engine(Protocol):
    """Runs cases; may keep state (a process, a device) between them until :meth:`close`."""

    @property
    def name(self) -> str:
        """As given to ``--engine``."""

    def probe(self) -> Availability:
        """Whether the engine works on this machine; cheap, never raises."""

    def run(self, case: Case) -> Run:
        """Runs a case that has exactly one cut plan.

        Raises EngineFailure and NotComparable, and nothing for a failing program.
        """

    def close(self) -> None:
        """Gives back what the engine holds; calling it twice is harmless."""


@runtime_checkable
class Identified(Protocol):
    """An engine that says which program's behaviour it shows."""

    @property
    def identity(self) -> str | None:
        """Name and release, such as :data:`REAL_VM`; None while it is not known.

        Known divergences belong to one identity: no other engine is excused by them.
        """


@runtime_checkable
class Preparable(Protocol):
    """An engine that has something long to do before its first run, such as compiling."""

    def prepare(self, say: Callable[[str], None]) -> None:
        """Do it now; ``say`` takes a line for people when it will take long. Never raises for what :meth:`run` would."""


@runtime_checkable
class Walking(Protocol):
    """An engine that walks a case as its options say (``Case.gpu``); a campaign with one draws them."""

    @property
    def walks(self) -> bool:
        """Whether it does."""


@runtime_checkable
class Rebuilding(Protocol):
    """An engine that rebuilds fragments as a case's options say (``Case.parallel``); a campaign with one draws them."""

    @property
    def rebuilds(self) -> bool:
        """Whether it does."""


REAL_VM = "miden-vm 0.19.1"
"""The identity of the machine under test: its parallel engine."""

REAL_VM_SEQUENTIAL = "miden-vm 0.19.1, sequential engine"
"""Its other engine. It has defects of its own, so what excuses the one does not excuse the other."""


class EngineFailure(Exception):  # noqa: N818 - a word of the design
    """The engine broke: crashed, hung, panicked, or answered what cannot be an answer."""

    def __init__(self, engine: str, reason: str, stderr: str = "") -> None:
        super().__init__(f"{engine}: {reason}")
        self.engine = engine
        self.reason = reason
        self.stderr = stderr
        """The end of what the engine wrote to its standard error, when it is another program."""


class NotComparable(Exception):  # noqa: N818 - a verdict, not a mistake
    """The engine cannot answer this for this case; ``reason`` is short and the same for all cases of its kind."""

    def __init__(self, engine: str, reason: str) -> None:
        super().__init__(f"{engine}: {reason}")
        self.engine = engine
        self.reason = reason


DIGEST_HEX_DIGITS = 32
"""16 bytes of a SHA-256."""


def column_digest(column: NDArray[np.uint64]) -> str:
    """The first 16 bytes of SHA-256 over the column's values, (rows,) uint64, as little-endian bytes; 32 hex digits."""
    return sha256(np.ascontiguousarray(column, dtype="<u8").data).hexdigest()[:DIGEST_HEX_DIGITS]


def column_digests(columns: Cells) -> list[str]:
    """:func:`column_digest` of each column of a trace, (columns, rows) uint64."""
    words = columns.astype("<u8", copy=False)
    # Columns that are contiguous are hashed where they lie, which a campaign does some 200 times a case.
    in_place = words if words.strides[1] == words.itemsize else np.ascontiguousarray(words)
    return [sha256(column).hexdigest()[:DIGEST_HEX_DIGITS] for column in in_place]
