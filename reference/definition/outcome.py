"""How a run of a program ends; engines are compared by it."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Completed:
    """The program ran to its end; ``stack`` holds the 16 outputs, top first."""

    stack: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Failed:
    """The program failed: variant path and clk of :class:`reference.definition.errors.ExecutionFailure`.

    ``detail`` is for people and takes no part in comparisons.
    """

    error: str
    clk: int | None
    detail: str = field(default="", compare=False)


Outcome = Completed | Failed
