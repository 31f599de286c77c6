"""What an engine made of a case at one cut plan, as the laws look at it: how it ended, digests, boundary states.

Columns, their number and their meaning are the engine's own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Protocol

from reference.definition.case import Case
from reference.definition.cuts import CutPlan


class Status(StrEnum):
    """How a build ended."""

    COMPLETED = "completed"
    FAILED = "failed"
    """The program fails, or the engine says that it cannot build it."""
    PANICKED = "panicked"
    """The engine caught its own panic."""
    BROKE = "broke"
    """The engine crashed, hung, raised, or answered what is no answer."""


State = Mapping[str, object]
"""A boundary state, field by field; what a field means is the engine's own."""


@dataclass(frozen=True, slots=True)
class Build:
    """One build at one plan."""

    plan: CutPlan
    status: Status
    said: str = ""
    """Error and clk, the panic's message, or how the engine broke; empty when it completed."""
    digests: tuple[str, ...] = ()
    """One per column; empty when the engine gives none, and for a build that did not complete."""
    constraints: bool | None = None
    """Whether the engine's own constraint check accepts the trace; None when it does not say."""
    rejection: str = ""
    """What that check says against it."""
    states: Mapping[int, State] | None = None
    """Of each fragment, by its first row; None when the engine gives none."""
    core: int | None = None
    """Rows that are cut; None when the engine does not say."""
    is_cut: bool = True
    """Whether the trace was built in the fragments of the plan."""
    contradictions: tuple[str, ...] = ()
    """Where the engine says itself that it contradicts itself."""
    stderr: str = ""
    """The end of the program's standard error when it broke; no part of the result."""

    @property
    def result(self) -> tuple[object, ...]:
        """Equal for builds that gave the same: trace, or way to fail."""
        return self.status, self.said, self.digests


class WrongColumn(NamedTuple):
    """A column of the first wrong row; values are None when the engine gives no cells."""

    name: str
    right: int | None
    wrong: int | None


class WrongPlace(NamedTuple):
    """Where two completed builds differ first."""

    row: int
    columns: tuple[WrongColumn, ...]


class Refused(Exception):  # noqa: N818 - an answer, not a mistake
    """The engine cannot read the case, or lacks what it needs; ``args[0]`` is the reason."""


Told = Callable[[Case], None]
"""Is told of a case at the cut plans at which an engine is about to be asked for it."""


class Subject(Protocol):
    """The engine that is judged."""

    told: Told
    """What goes on, for whoever watches; nobody unless it is set."""

    @property
    def name(self) -> str:
        """As given to ``--engine``."""

    @property
    def cuts_freely(self) -> bool:
        """Whether it takes plans that cut elsewhere than at multiples of a size."""

    def builds(self, case: Case, plans: Sequence[CutPlan]) -> list[Build]:
        """A build for each of the plans that the engine took, in their order; a plan may stand there twice.

        Raises Refused when it took none.
        """

    def first_wrong(self, case: Case, right: CutPlan, wrong: CutPlan) -> WrongPlace | None:
        """Where the build at ``wrong`` first differs from that at ``right``; None when the engine does not say.

        Both completed a moment ago.
        """

    def close(self) -> None:
        """Gives back what the engine holds."""
