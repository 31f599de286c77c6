"""What a planted fault is: data. What is wrong, what it is modelled on, who must catch it, and how it is switched on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Literal

from harness.backend import Run
from harness.faults.planting import Change
from parallel.recording import Recording

Where = Literal["executor", "contexts", "builder", "chiplets", "comparison", "generator"]
PLACES: Final[tuple[Where, ...]] = ("executor", "contexts", "builder", "chiplets", "comparison", "generator")


class Check(StrEnum):
    """What can catch a fault."""

    OUTCOME = "outcome"
    SUMMARY = "summary"
    BOUNDARY = "boundary"
    CELL = "cell"
    ENGINE_FAILURE = "engine_failure"
    """The engine broke or broke its contract: crashed, ran out of a queue, gave no canonical cell, too few rows."""
    SELF = "self"
    """An engine contradicts itself."""
    AUDIT = "audit"
    """A trace violates the rules of traces."""
    ACCOUNT = "account"
    """The comparison says that all agree and has compared less than there was."""
    CANARY = "canary"
    """A wrong cell, state or outcome was put in on purpose, and the comparison did not name it."""
    INTENT = "intent"
    """A program did not end as its writer meant it to."""
    COVERAGE = "coverage"
    """Something that the generator always writes within a few hundred cases was not among them."""
    REPEATABILITY = "repeatability"
    """The same number gave another case."""


@dataclass(frozen=True, slots=True)
class InKernels:
    """Wrong text in the planted copy of the parallel engine."""

    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class InRecording:
    """A recording is altered between executor and builder."""

    alter: Callable[[Recording], Recording]


@dataclass(frozen=True, slots=True)
class InRun:
    """What the engine says about a run is altered."""

    alter: Callable[[Run], Run]


@dataclass(frozen=True, slots=True)
class InComparison:
    """Other parts in the place of the comparison's own: fields of :class:`harness.parts.Parts`."""

    parts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class InGenerator:
    """Another writer of cases in the place of the generator: see :mod:`harness.faults.generation`."""

    writer: Callable[[], Any]


Plant = InKernels | InRecording | InRun | InComparison | InGenerator


@dataclass(frozen=True, slots=True)
class Fault:
    """One planted fault."""

    name: str
    where: Where
    wrong: str
    """One line: what is wrong."""
    model: str
    """The defect of the catalogue of real ones that it is modelled on, or the class of such defects."""
    caught_by: tuple[Check, ...]
    """Checks of which one must catch it, the expected one first."""
    plant: Plant

    @property
    def in_engine(self) -> bool:
        """Whether it is a fault of an engine; otherwise of the harness itself."""
        return not isinstance(self.plant, InComparison | InGenerator)
