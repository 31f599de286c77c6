"""The parallel engine in the harness: record once, rebuild every fragment of the case's cut plan."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields
from itertools import pairwise

from harness.backend import Availability, EngineFailure, NotComparable, Summary, Window, column_digest
from parallel.assemble import Builder, Built
from parallel.contexts import boundary_state
from parallel.executor import Recording, record
from parallel.fragments import FragmentError
from reference.definition.boundary import BoundaryState
from reference.definition.case import Case
from reference.definition.errors import BeyondLimits
from reference.definition.outcome import Completed, Outcome


class ParallelRun:
    """One recording and the trace built from it."""

    built_with_cuts = True

    def __init__(self, recording: Recording, built: Built | None) -> None:
        self._recording = recording
        self._built = built

    @property
    def outcome(self) -> Outcome:
        """How the program ended."""
        return self._recording.outcome

    @property
    def summary(self) -> Summary | None:
        """Lengths and outputs; None when the program failed."""
        outcome = self._recording.outcome
        if self._built is None or not isinstance(outcome, Completed):
            return None
        lengths = {item.name: getattr(self._built.lengths, item.name) for item in fields(self._built.lengths)}
        return Summary(program_hash=self._recording.lowered.program_hash, stack=outcome.stack, **lengths)

    def boundaries(self) -> Sequence[BoundaryState]:
        """The state entering each fragment; NotComparable when the program failed."""
        self._trace()
        return [boundary_state(self._recording, fragment) for fragment in range(len(self._recording.snapshots))]

    def windows(self) -> Iterator[Window]:
        """Views of the trace, fragment by fragment, then the padding; NotComparable when the program failed."""
        columns = self._trace().columns
        starts = self._recording.snapshots["clk"].tolist()
        for first, end in pairwise(sorted({*starts, self._recording.core_rows, columns.shape[1]})):
            yield Window(first, columns[:, first:end])

    def column_digests(self) -> list[str]:
        """72 digests; NotComparable when the program failed."""
        return [column_digest(column) for column in self._trace().columns]

    def contradictions(self) -> tuple[str, ...]:
        """None: a fragment that does not fit its neighbour is a failure of the engine."""
        return ()

    def _trace(self) -> Built:
        if self._built is None:
            raise NotComparable(ParallelEngine.name, "a failed program has no trace")
        return self._built


class ParallelEngine:
    """Runs cases on :func:`parallel.executor.record` and :class:`parallel.assemble.Builder`.

    The trace buffer is reused: the cells of a run may be read until the engine runs the next case.
    """

    name = "parallel"

    def __init__(self) -> None:
        self._builder = Builder()
        self._last: Built | None = None

    def probe(self) -> Availability:
        """Usable wherever numba compiles."""
        return Availability(True, f"numba, {self._builder.threads} threads")

    def run(self, case: Case) -> ParallelRun:
        """Records and builds; EngineFailure when a fragment does not fit its neighbour, NotComparable for a program beyond
        the engine's limits."""
        if self._last is not None:
            self._builder.arena.give_back(self._last.buffer)
            self._last = None
        try:
            recording = record(case)
        except BeyondLimits as limit:
            raise NotComparable(self.name, limit.reason) from limit
        if not isinstance(recording.outcome, Completed):
            return ParallelRun(recording, None)
        try:
            self._last = self._builder.build(recording)
        except FragmentError as error:
            raise EngineFailure(self.name, str(error)) from error
        return ParallelRun(recording, self._last)

    def close(self) -> None:
        """Forgets the buffer."""
        self._last = None
        self._builder.arena.drop()
