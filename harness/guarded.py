"""Engines that run in this process, held to the contract: whatever escapes one is a failure of that engine.

A campaign must not end, and a finding must not be lost, because an engine has a mistake that raises.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from typing import TypeVar

from harness.backend import Availability, Engine, EngineFailure, Identified, NotComparable, Run, Summary, Window
from reference.definition.boundary import BoundaryState
from reference.definition.case import Case
from reference.definition.outcome import Outcome

T = TypeVar("T")

_FRAMES = 6
"""Of the traceback: enough to see where, and the same for equal mistakes."""


class GuardedEngine:
    """Another engine; anything it raises but EngineFailure and NotComparable becomes an EngineFailure."""

    def __init__(self, engine: Engine) -> None:
        self.inner = engine

    @property
    def name(self) -> str:
        """The engine's name."""
        return self.inner.name

    @property
    def identity(self) -> str | None:
        """Which program's behaviour the engine shows, when it says so."""
        return self.inner.identity if isinstance(self.inner, Identified) else None

    def probe(self) -> Availability:
        """Whether the engine works on this machine."""
        return self.inner.probe()

    def run(self, case: Case) -> GuardedRun:
        """Runs a case that has exactly one cut plan; EngineFailure, NotComparable."""
        return GuardedRun(self.name, guarded(self.name, lambda: self.inner.run(case)))

    def close(self) -> None:
        """Gives back what the engine holds."""
        self.inner.close()


class GuardedRun:
    """A run whose answers are guarded like the engine's."""

    def __init__(self, engine: str, run: Run) -> None:
        self._engine = engine
        self.inner = run

    @cached_property
    def outcome(self) -> Outcome:
        """How the program ended; asked for once, because a comparison reads it again and again."""
        return guarded(self._engine, lambda: self.inner.outcome)

    @cached_property
    def summary(self) -> Summary | None:
        """None when the program failed; asked for once."""
        return guarded(self._engine, lambda: self.inner.summary)

    @property
    def built_with_cuts(self) -> bool:
        """Whether the trace was built in the fragments of the plan."""
        return guarded(self._engine, lambda: self.inner.built_with_cuts)

    def boundaries(self) -> Sequence[BoundaryState]:
        """The state entering each fragment."""
        return guarded(self._engine, self.inner.boundaries)

    def windows(self) -> Iterator[Window]:
        """Every row of the trace."""
        windows: Iterable[Window] = guarded(self._engine, self.inner.windows)
        remaining = guarded(self._engine, lambda: iter(windows))
        while (window := guarded(self._engine, lambda: next(remaining, None))) is not None:
            yield window

    def column_digests(self) -> list[str]:
        """The digests of the columns."""
        return guarded(self._engine, self.inner.column_digests)

    def contradictions(self) -> Sequence[str]:
        """Where the engine contradicted itself."""
        return guarded(self._engine, self.inner.contradictions)


def guarded(engine: str, ask: Callable[[], T]) -> T:
    """What ``ask`` gives.

    Raises EngineFailure for everything that an engine may not raise; its stderr is the end of the traceback.
    """
    try:
        return ask()
    except (EngineFailure, NotComparable):
        raise
    # An engine may be anybody's code: whatever escapes it is its failure, reported with where it came from.
    except Exception as error:
        frames = "".join(traceback.format_tb(error.__traceback__)[-_FRAMES:])
        where = traceback.extract_tb(error.__traceback__)[-1].name
        raise EngineFailure(engine, f"raised {type(error).__name__} in {where}: {error}", frames.strip()) from error
