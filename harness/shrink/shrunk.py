"""What a search is given to spend, and what comes out of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from reference.definition.case import Case


@dataclass(frozen=True, slots=True)
class Budget:
    """When a search gives up; whichever comes first."""

    seconds: float = 20.0
    candidates: int = 5000
    clock: Callable[[], float] = time.monotonic
    """What ``seconds`` are counted by; ``time.process_time`` where the engines are in this process and other work is not to
    be paid for."""


DEFAULT_BUDGET: Final = Budget()


@dataclass(slots=True)
class PassStatistics:
    """How a pass did."""

    tried: int = 0
    accepted: int = 0
    speculative: int = 0
    """Candidates given to a judge ahead of time whose answers nobody needed."""
    lost: int = 0
    """Of those tried: ended every worker that they were given to, so that nobody knows whether they are the same."""

    @property
    def text(self) -> str:
        """One line."""
        ahead = f", {self.speculative} more in vain" if self.speculative else ""
        lost = f", {self.lost} ended every process that judged them" if self.lost else ""
        return f"{self.accepted:>5} of {self.tried} tried{ahead}{lost}"


@dataclass(frozen=True, slots=True)
class Shrunk:
    """The smallest case found.

    ``happens_again`` is False when the case given did not fail for the same reason when it was run once more; nothing
    was tried then. ``finished`` says that no pass found anything more, and the budget was not spent.
    """

    case: Case
    happens_again: bool
    finished: bool
    seconds: float
    passes: dict[str, PassStatistics] = field(default_factory=dict)
