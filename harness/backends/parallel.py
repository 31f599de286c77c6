"""The parallel engine in the harness: record once, rebuild every fragment of the case's cut plan."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields
from functools import cached_property
from hashlib import sha256
from typing import Final, TypeVar

from harness.backend import (
    DIGEST_HEX_DIGITS,
    Availability,
    EngineFailure,
    NotComparable,
    Summary,
    Window,
    column_digests,
)
from harness.backends.parallel_boundaries import parallel_boundaries
from harness.backends.preparing import prepare
from harness.backends.rebuilding import is_rebuilt, rebuild, reloaded
from harness.backends.window_edges import window_edges
from parallel.assemble import Builder, Built, Sections, trace_rows
from parallel.context_error import ContextError
from parallel.executor import record
from parallel.jit import is_compiled
from parallel.recording import Recording
from parallel.stream import Stream
from reference.definition.boundary import BoundaryState
from reference.definition.case import Case
from reference.definition.columns import WIDTH
from reference.definition.cuts import CutPlan
from reference.definition.errors import BeyondLimits, InputError
from reference.definition.outcome import Completed, Outcome
from reference.definition.parallel_options import ParallelOptions

T = TypeVar("T")

LARGEST_FRAGMENT: Final = 2**16
"""A fragment of more rows is recorded as several: one thread rebuilds 65,536 rows in 2 ms, a launch costs 4-20 us."""

STREAM_FROM_ROWS: Final = 2**21
"""Traces of this many rows (1.2 GB) are streamed, not built whole: making each cell twice is cheaper than the memory, and
a trace below it fits beside another engine's."""


class ParallelRun:
    """One recording, and the trace built from it or streamed from it; None for a failed program."""

    built_with_cuts = True

    def __init__(self, recording: Recording, trace: Built | Stream | None, cut: CutPlan) -> None:
        self._recording = recording
        self._starts = cut.starts(recording.core_rows)
        self._made = trace

    @property
    def outcome(self) -> Outcome:
        """How the program ended."""
        return self._recording.outcome

    @cached_property
    def summary(self) -> Summary | None:
        """Lengths and outputs; None when the program failed."""
        outcome = self._recording.outcome
        if self._made is None or not isinstance(outcome, Completed):
            return None
        lengths = {item.name: getattr(self._made.lengths, item.name) for item in fields(self._made.lengths)}
        return Summary(program_hash=self._recording.lowered.program_hash, stack=outcome.stack, **lengths)

    @property
    def recording(self) -> Recording:
        """What the executor recorded; what was built was built from it."""
        return self._recording

    def boundaries(self) -> Sequence[BoundaryState]:
        """The state entering each fragment; NotComparable when the program failed."""
        self._trace()
        return parallel_boundaries(ParallelEngine.name, self._recording, self._starts)

    def windows(self) -> Iterator[Window]:
        """The trace, fragments and then the padding; NotComparable when the program failed."""
        trace = self._trace()
        if isinstance(trace, Stream):
            yield from _guarded(Window(*window) for window in trace.windows())
            return
        rows = trace.lengths.rows
        for first, end in window_edges(self._starts, self._recording.core_rows, rows):
            yield Window(first, trace.columns[:, first:end])

    def column_digests(self) -> list[str]:
        """72 digests; NotComparable when the program failed."""
        trace = self._trace()
        return _streamed_digests(trace) if isinstance(trace, Stream) else column_digests(trace.columns)

    def contradictions(self) -> tuple[str, ...]:
        """None: a fragment that does not fit its neighbour is a failure of the engine."""
        return ()

    def _trace(self) -> Built | Stream:
        if self._made is None:
            raise NotComparable(ParallelEngine.name, "a failed program has no trace")
        return self._made


def _streamed_digests(trace: Stream) -> list[str]:
    """:func:`harness.backend.column_digest` of each column, in one pass over the trace."""
    digests = [sha256() for _ in range(WIDTH)]
    for slab in _guarded(trace.slabs(reuse=True)):
        for digest, cells in zip(digests, slab.cells.astype("<u8", copy=False), strict=True):
            digest.update(cells.data)
    return [digest.hexdigest()[:DIGEST_HEX_DIGITS] for digest in digests]


def _guarded(items: Iterator[T]) -> Iterator[T]:
    """The items; a fragment that does not fit its recording is a failure of the engine."""
    try:
        yield from items
    except ContextError as error:
        raise EngineFailure(ParallelEngine.name, str(error)) from error


class ParallelEngine:
    """Runs cases on :func:`parallel.executor.record` and :class:`parallel.assemble.Builder`.

    A case's options say how fragments are rebuilt (``Case.parallel``); a streamed trace heeds only that its contexts are to be
    saved and loaded. The trace buffer is reused: the cells of a run may be read until the engine runs the next case. Traces of
    ``stream_from`` rows and more are made window by window while they are read.
    """

    name = "parallel"
    rebuilds = True

    def __init__(self, *, stream_from: int = STREAM_FROM_ROWS) -> None:
        self._stream_from = stream_from
        self._builder = Builder()
        self._last: Built | None = None

    def probe(self) -> Availability:
        """Usable wherever numba compiles."""
        return Availability(True, f"numba, {self._builder.threads} threads")

    def prepare(self, say: Callable[[str], None]) -> None:
        """Compiles the kernels when these sources were never compiled on this machine."""
        prepare(self, "the parallel engine's kernels", say, compiled=is_compiled())

    def record(self, case: Case) -> Recording:
        """What the engine records of a case, nothing built; BeyondLimits."""
        return record(case, largest_fragment=LARGEST_FRAGMENT)

    def run(self, case: Case) -> ParallelRun:
        """Records and builds; EngineFailure when a fragment does not fit its neighbour, NotComparable for a program beyond
        the engine's limits."""
        if self._last is not None:
            self._builder.arena.give_back(self._last.buffer)
            self._last = None
        try:
            recording = self.record(case)
        except BeyondLimits as limit:
            raise NotComparable(self.name, limit.reason) from limit
        if not isinstance(recording.outcome, Completed):
            return ParallelRun(recording, None, case.cut)
        try:
            return self._built(recording, case.cut, case.parallel)
        except (ContextError, InputError) as error:
            raise EngineFailure(self.name, str(error)) from error

    def _built(self, recording: Recording, cut: CutPlan, options: ParallelOptions) -> ParallelRun:
        if options.contexts == "saved":
            recording = reloaded(recording)
        rows = trace_rows(max(recording.core_rows, Sections.of(recording).padding + 1))
        if rows >= self._stream_from:
            return ParallelRun(recording, Stream(recording), cut)
        self._last = self._builder.build(recording)
        if is_rebuilt(options):
            rebuild(self._last, recording, options)
        return ParallelRun(recording, self._last, cut)

    def close(self) -> None:
        """Forgets the buffer."""
        self._last = None
        self._builder.arena.drop()
