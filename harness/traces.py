"""Compares completed runs: summaries, boundary states at every cut, then all traces in lockstep."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from harness.backend import Cells, EngineFailure, NotComparable, cell_value
from harness.boundary_table import clks
from harness.differences import field_differences, listed_differences, place_of
from harness.findings import Contender, Findings
from harness.lockstep import (
    BLOCK_ROWS,
    Region,
    RowStream,
    WrongRow,
    covered_cells,
    operation_name,
    settle,
)
from harness.parts import Parts
from harness.verdict import Difference, Divergence, Kind
from reference.definition.boundary import BoundaryState
from reference.definition.columns import COLUMN_NAMES, WIDTH
from reference.definition.cuts import CutPlan

T = TypeVar("T")

MAY_BE_EQUAL = "a cell differs from a third engine's, its value is not given, and it may be equal"

CUT_PLAN = "cut plan"
"""Stands for the left engine where an engine's boundaries are not those that the plan asks for."""


def compare_completed(contenders: Sequence[Contender], cut: CutPlan, findings: Findings, parts: Parts) -> None:
    """Compare all runs with the first one; when that one breaks, go on with the next as the first."""
    remaining = list(contenders)
    while len(remaining) >= 2:
        base = remaining[0]
        try:
            _TraceComparison(base, cut, findings, parts).against(remaining[1:])
        except EngineFailure as failure:
            findings.engine_failed(base.engine, failure)
        except NotComparable as refusal:
            findings.not_comparable(f"{base.name}: {refusal.reason}")
        else:
            _count_seams(remaining, len(cut.starts(base.summary.core)) - 1, findings)
            return
        remaining = [contender for contender in remaining[1:] if not findings.has_failed(contender.engine)]


def _count_seams(contenders: Sequence[Contender], seams: int, findings: Findings) -> None:
    if any(contender.run.built_with_cuts for contender in contenders):
        findings.counts.seams += seams
    else:
        findings.counts.seams_not_exercised += seams


@dataclass(slots=True)
class _Follower:
    """An engine whose trace is compared with the first one's."""

    contender: Contender
    stream: RowStream
    regions: list[Region] = field(default_factory=list)
    """Cells that an excused divergence covers."""


@dataclass(frozen=True, slots=True)
class _Block:
    """Rows of the first engine: ``cells`` is (72, n) uint64, ``before`` the row before them.

    ``other_than`` as :meth:`harness.lockstep.RowStream.other_than` gives it.
    """

    first_row: int
    cells: Cells
    before: Cells | None
    other_than: Cells | None


class _TraceComparison:
    """One run against any number of others. EngineFailure and NotComparable that leave it are the first engine's."""

    def __init__(self, base: Contender, cut: CutPlan, findings: Findings, parts: Parts) -> None:
        self._base = base
        self._cut = cut
        self._findings = findings
        self._parts = parts
        self._starts = cut.starts(base.summary.core)
        self._boundaries = self._boundaries_of(base)

    def against(self, others: Sequence[Contender]) -> None:
        stream = self._parts.row_stream(self._base.name, self._base.run.windows(), self._base.summary.rows)
        followers = [follower for other in others if (follower := self._follow(other)) is not None]
        while followers and (count := stream.available()):
            followers = self._compare_next(stream, followers, min(count, BLOCK_ROWS))
        for follower in followers:
            self._finish(follower)

    def _follow(self, other: Contender) -> _Follower | None:
        """Compares everything but the cells; None when the engine broke or refused on the way."""
        try:
            differences = tuple(self._parts.field_differences(self._base.summary, other.summary))
            boundaries = self._boundaries_of(other)
            stream = self._parts.row_stream(other.name, other.run.windows(), other.summary.rows)
        except EngineFailure as failure:
            self._findings.engine_failed(other.engine, failure)
            return None
        except NotComparable as refusal:
            self._findings.not_comparable(f"{other.name}: {refusal.reason}")
            return None
        excuse = None
        if differences:
            divergence = Divergence(Kind.SUMMARY, self._base.name, other.name, differences)
            excuse = self._findings.add(divergence, self._base, other)
        if self._boundaries is not None and boundaries is not None:
            self._compare_boundaries(self._boundaries, other, boundaries)
        self._findings.counts.comparisons += 1
        if excuse is not None and self._base.summary.rows != other.summary.rows:
            # Padding and the range table stand elsewhere in a trace of another length: its cells say nothing more.
            return None
        return _Follower(other, stream)

    # ---- boundaries -------------------------------------------------------------------------------------------------

    def _boundaries_of(self, contender: Contender) -> Sequence[BoundaryState] | None:
        """The engine's boundary states when they are those of the plan; None when there are none to compare."""
        try:
            states = contender.run.boundaries()
        except NotComparable as refusal:
            self._findings.not_comparable(f"{contender.name}: boundaries: {refusal.reason}")
            return None
        starts = self._cut.starts(contender.summary.core)
        given = clks(states)
        if given == list(starts):
            return states
        differences = tuple(listed_differences(starts, given, "boundary"))
        self._findings.add_unexcused(Divergence(Kind.BOUNDARY, CUT_PLAN, contender.name, differences))
        return None

    def _compare_boundaries(
        self, left: Sequence[BoundaryState], other: Contender, right: Sequence[BoundaryState]
    ) -> None:
        check = self._parts.check_boundaries(left, right)
        self._findings.counts.boundaries += check.compared
        if check.first_wrong is None:
            return
        mine, theirs = left[check.first_wrong], right[check.first_wrong]
        divergence = Divergence(
            Kind.BOUNDARY,
            self._base.name,
            other.name,
            tuple(field_differences(mine, theirs)),
            row=mine.clk,
            place=place_of(mine.clk, self._starts, self._base.summary.core),
        )
        self._findings.add(divergence, self._base, other)

    # ---- cells ------------------------------------------------------------------------------------------------------

    def _compare_next(self, stream: RowStream, followers: list[_Follower], count: int) -> list[_Follower]:
        """Compares the next rows, ``count`` at most; the followers that have not differed yet."""
        ready: list[_Follower] = []
        for follower in followers:
            # A trace that ends before the first one's has been reported by its summary.
            rows = self._guarded(follower, follower.stream.available)
            if rows:
                ready.append(follower)
                count = min(count, rows)
        if not ready:
            return []
        before, first_row = stream.last_row, stream.given
        block = _Block(first_row, stream.take(count), before, stream.other_than(first_row, count))
        return [follower for follower in ready if self._is_equal(block, follower)]

    def _guarded(self, follower: _Follower, ask: Callable[[], T]) -> T | None:
        try:
            return ask()
        except EngineFailure as failure:
            self._findings.engine_failed(follower.contender.engine, failure)
        except NotComparable as refusal:
            self._findings.incomplete(f"{follower.contender.name}: {refusal.reason}")
        return None

    def _is_equal(self, block: _Block, follower: _Follower) -> bool:
        """Whether the follower's next rows are the block's, but for what is excused."""
        count = block.cells.shape[1]
        right = self._guarded(follower, lambda: follower.stream.take(count))
        if right is None:
            return False
        self._findings.note_compared(self._base, follower.contender)
        not_right = follower.stream.other_than(block.first_row, count)
        right, unknown = settle(block.cells, right, block.other_than, not_right)
        while (wrong := self._parts.first_wrong_row(block.cells, right, block.first_row, follower.regions)) is not None:
            if unknown is not None and unknown < wrong.offset:
                break
            divergence = self._cell_divergence(block, right, follower.contender.name, wrong)
            excuse = self._findings.add(divergence, self._base, follower.contender)
            if excuse is None or excuse.region is None:
                self._count(follower, block.first_row, wrong.offset + 1)
                return False
            follower.regions.append(excuse.region)
        if unknown is not None:
            self._findings.incomplete(f"{self._base.name} and {follower.contender.name}: {MAY_BE_EQUAL}")
            self._count(follower, block.first_row, unknown)
            return False
        self._count(follower, block.first_row, count)
        return True

    def _count(self, follower: _Follower, first_row: int, rows: int) -> None:
        counts = self._findings.counts
        counts.rows += rows
        counts.cells += rows * WIDTH - covered_cells(follower.regions, first_row, first_row + rows)

    def _cell_divergence(self, block: _Block, right: Cells, name: str, wrong: WrongRow) -> Divergence:
        row = block.first_row + wrong.offset
        previous = block.cells[:, wrong.offset - 1] if wrong.offset else block.before
        mine, theirs = block.cells[:, wrong.offset], right[:, wrong.offset]
        summary = self._base.summary
        return Divergence(
            Kind.CELL,
            self._base.name,
            name,
            tuple(
                Difference(COLUMN_NAMES[column], cell_value(mine[column]), cell_value(theirs[column]))
                for column in wrong.columns
            ),
            row=row,
            place=place_of(row, self._starts, summary.core),
            operation="random row" if row == summary.rows - 1 else operation_name(mine),
            previous_operation="" if previous is None else operation_name(previous),
        )

    def _finish(self, follower: _Follower) -> None:
        """After equal cells: nothing may be left over, and the digests must be those of the same cells."""
        other = follower.contender
        if self._guarded(follower, follower.stream.available) is None or follower.regions:
            return
        digests = self._guarded(follower, other.run.column_digests)
        if digests is None or self._base.summary.rows != other.summary.rows:
            return
        differences = tuple(listed_differences(self._base.run.column_digests(), digests, "column digest"))
        if differences:
            self._findings.add(Divergence(Kind.SUMMARY, self._base.name, other.name, differences), self._base, other)
