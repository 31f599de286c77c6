"""The reference as an engine.

It computes its trace without cutting, so a run with other cuts of the case it ran last is answered from that execution;
its boundary states come from the same run (law 3: the state of a row is the same whatever the cuts are).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields
from functools import cached_property

from harness.backend import Availability, NotComparable, Summary, Window, column_digests
from harness.backends.reference_boundaries import reference_boundaries
from harness.backends.window_edges import window_edges
from reference.definition.boundary import BoundaryState
from reference.definition.case import Case
from reference.definition.cuts import CutPlan
from reference.definition.errors import BeyondLimits
from reference.definition.outcome import Completed, Outcome
from reference.execution import Execution
from reference.processor import execute
from reference.trace import Trace


class _Executed:
    """One execution, and what is the same whatever the cut plan: a campaign looks at each through two plans."""

    def __init__(self, execution: Execution) -> None:
        self.execution = execution

    @cached_property
    def summary(self) -> Summary | None:
        trace, outcome = self.execution.trace, self.execution.outcome
        if trace is None or not isinstance(outcome, Completed):
            return None
        lengths = {item.name: getattr(trace.lengths, item.name) for item in fields(trace.lengths)}
        return Summary(program_hash=self.execution.program_hash, stack=outcome.stack, **lengths)

    @cached_property
    def digests(self) -> tuple[str, ...]:
        trace = self.execution.trace
        return () if trace is None else tuple(column_digests(trace.columns))


class ReferenceRun:
    """One execution, seen through one cut plan."""

    built_with_cuts = False

    def __init__(self, executed: _Executed, cut: CutPlan) -> None:
        self._executed = executed
        self._execution = executed.execution
        self._starts = cut.starts(self._execution.core_rows)

    @property
    def execution(self) -> Execution:
        """What the run left behind: the guide for aimed cuts and coverage, which need more than the trace."""
        return self._execution

    @property
    def outcome(self) -> Outcome:
        """How the program ended."""
        return self._execution.outcome

    @property
    def summary(self) -> Summary | None:
        """Lengths and outputs; None when the program failed."""
        return self._executed.summary

    def boundaries(self) -> Sequence[BoundaryState]:
        """The state entering each fragment; NotComparable when the program failed."""
        self._trace()
        return reference_boundaries(self._execution, self._starts)

    def windows(self) -> Iterator[Window]:
        """Views of the trace, fragments and then the padding; NotComparable when the program failed."""
        columns = self._trace().columns
        for first, end in window_edges(self._starts, self._execution.core_rows, columns.shape[1]):
            yield Window(first, columns[:, first:end])

    def column_digests(self) -> list[str]:
        """72 digests; NotComparable when the program failed."""
        self._trace()
        return list(self._executed.digests)

    def contradictions(self) -> tuple[str, ...]:
        """None: nothing is built twice here."""
        return ()

    def _trace(self) -> Trace:
        if self._execution.trace is None:
            raise NotComparable(ReferenceEngine.name, "a failed program has no trace")
        return self._execution.trace


class ReferenceEngine:
    """Runs cases on :func:`reference.processor.execute`."""

    name = "reference"

    def __init__(self) -> None:
        self._last: tuple[Case, _Executed] | None = None

    def probe(self) -> Availability:
        """Usable wherever Python is."""
        return Availability(True, "plain Python")

    def run(self, case: Case) -> ReferenceRun:
        """Runs the case, unless the last one differed in nothing but its cuts.

        Raises NotComparable for a program beyond the engine's limits.
        """
        if self._last is None or not _same_but_for_cuts(self._last[0], case):
            try:
                self._last = case, _Executed(execute(case))
            except BeyondLimits as limit:
                raise NotComparable(self.name, limit.reason) from limit
        return ReferenceRun(self._last[1], case.cut)

    def close(self) -> None:
        """Forgets the last execution."""
        self._last = None


def _same_but_for_cuts(one: Case, other: Case) -> bool:
    """Programs, advice and replies by identity: comparing them by value can cost more than the run."""
    return (
        one.program is other.program
        and one.advice is other.advice
        and one.replies is other.replies
        and one.stack == other.stack
        and one.host == other.host
        and len(one.libraries) == len(other.libraries)
        and all(mine is theirs for mine, theirs in zip(one.libraries, other.libraries, strict=True))
    )
