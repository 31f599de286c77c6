"""Runs a case, compares, and says which of the differences came first in the order of the program: the cause to look for.

A comparison reports every kind of difference by itself, each in the order of the trace. A wrong state at a boundary, a wrong
cell behind it and a wrong output are mostly one mistake, and its place is the earliest of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from harness.backend import Engine, EngineFailure, Failed, NotComparable
from harness.backends.reference import ReferenceEngine
from harness.compare import compare
from harness.guarded import GuardedEngine, guarded
from harness.known import Entry
from harness.localise.parts import Part
from harness.localise.rows import ProgramRows
from harness.localise.survey import Spot, summary_of, survey
from harness.verdict import Comparison, Difference, Divergence, Kind
from reference.definition.case import Case
from reference.definition.cuts import ONE_FRAGMENT
from reference.definition.formats.children_first import children_first
from reference.execution import Execution

WHOLE_PROGRAM: Final = float("inf")
MISPLACED: Final = "boundary rows"
"""The part that is wrong where an engine's boundaries are not at the rows that the plan asks for."""
_CAPTURED_BEFORE_ROW: Final = 0.75
"""A boundary state is captured before its row, and before anybody sees the state that the row before left behind."""


@dataclass(frozen=True, slots=True)
class Cause:
    """The earliest of the differences between two engines."""

    divergence: Divergence
    """The difference of the comparison that it belongs to."""
    part: Part
    """Part of the trace, field of the boundary state, or what is wrong otherwise."""
    row: int | None = None
    """Trace row of the first wrong cell, or row that the wrong boundary state enters."""
    cells: tuple[Difference, ...] = ()
    """Wrong cells of one group of columns on the row, or wrong fields."""
    maker: int | None = None
    """The executed row that makes the first of the cells."""
    operation: str = ""
    """Of the maker; of the row for a boundary state."""
    tag: str = ""
    """Position tag of the maker, or of the row for a boundary state."""
    spots: tuple[Spot, ...] = ()
    """All parts of the trace that differ."""

    @property
    def kind(self) -> Kind:
        """Of the divergence."""
        return self.divergence.kind

    @property
    def pair(self) -> tuple[str, str]:
        """The two engines."""
        return self.divergence.left, self.divergence.right

    @property
    def likeness(self) -> tuple[Kind, Part, str, str]:
        """What stays as it is when a program loses rows that have nothing to do with the cause."""
        return self.kind, self.part, self.operation, self.tag

    @property
    def time(self) -> float:
        """Place in the order of the program."""
        return _time(self.divergence) if self.kind is not Kind.CELL or not self.spots else self.spots[0].time


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen of a case at one cut plan."""

    case: Case
    comparison: Comparison
    cause: Cause | None
    """None when nothing differs."""
    rows: ProgramRows | None
    """What the reference says; None when it does not complete the program."""


class Observer:
    """Looks at cases with the same engines; the reference is asked as well, whether it is among them or not.

    ``audit`` judges all traces, for differences that only the audit sees.
    """

    def __init__(self, engines: Sequence[Engine], *, known: Sequence[Entry] | None = None, audit: bool = False) -> None:
        self.engines = [engine if isinstance(engine, GuardedEngine) else GuardedEngine(engine) for engine in engines]
        self._known = known
        self._audit = audit
        inner = [engine.inner for engine in self.engines]
        own = [engine for engine in inner if isinstance(engine, ReferenceEngine)]
        self.reference = own[0] if own else ReferenceEngine()
        self._rows: tuple[Execution, ProgramRows] | None = None

    @property
    def has_reference(self) -> bool:
        """Whether the reference is one of the engines compared."""
        return any(engine.inner is self.reference for engine in self.engines)

    def engine(self, name: str) -> GuardedEngine:
        """The engine with this name."""
        return next(engine for engine in self.engines if engine.name == name)

    def look(self, case: Case, *, audit: bool = False) -> Look:
        """Compares the case at its one cut plan; ``audit`` judges traces even if this observer does not always do so."""
        # As the comparison numbers nodes, so that the reference's run is used again.
        case = children_first(case)
        comparison = compare(case, self.engines, known=self._known, audit=audit or self._audit)
        if not comparison.divergences:
            return Look(case, comparison, None, None)
        rows = self.rows(case)
        return Look(case, comparison, self._cause(case, comparison, rows), rows)

    def rows(self, case: Case) -> ProgramRows | None:
        """The rows of the reference; None when it breaks, or the program fails or is beyond its limits."""
        try:
            execution = guarded(ReferenceEngine.name, lambda: self.reference.run(case).execution)
        except (EngineFailure, NotComparable):
            return None
        if execution.trace is None:
            return None
        if self._rows is None or self._rows[0] is not execution:
            self._rows = execution, ProgramRows(execution)
        return self._rows[1]

    def _cause(self, case: Case, comparison: Comparison, rows: ProgramRows | None) -> Cause:
        causes = [self._cause_of(case, divergence, rows) for divergence in comparison.divergences]
        return min(causes, key=lambda cause: cause.time)

    def _cause_of(self, case: Case, divergence: Divergence, rows: ProgramRows | None) -> Cause:
        match divergence.kind:
            case Kind.CELL if rows is not None:
                return self._cell_cause(case, divergence, rows)
            case Kind.CELL:
                name = divergence.columns[0].name
                return Cause(divergence, name, divergence.row, divergence.columns, operation=divergence.operation)
            case Kind.BOUNDARY:
                return _boundary_cause(case, divergence, rows)
            case Kind.OUTCOME:
                return self._outcome_cause(case, divergence, rows)
            case Kind.AUDIT if rows is not None and divergence.row is not None and divergence.row < rows.count:
                row = divergence.row
                operation, tag = rows.operation(row), rows.tag(row)
                return Cause(divergence, divergence.reason, row, divergence.columns, row, operation, tag)
            case _:
                return Cause(divergence, divergence.reason, divergence.row, divergence.columns)

    def _outcome_cause(self, case: Case, divergence: Divergence, rows: ProgramRows | None) -> Cause:
        """Where an engine fails that should not, the row at which it does."""
        reason = divergence.reason or ", ".join(item.name for item in divergence.columns)
        clk = self._failing_clk(case, divergence)
        if rows is None or clk is None or clk >= rows.count:
            return Cause(divergence, reason, cells=divergence.columns)
        operation, tag = rows.operation(clk), rows.tag(clk)
        return Cause(divergence, reason, None, divergence.columns, clk, operation, tag)

    def _failing_clk(self, case: Case, divergence: Divergence) -> int | None:
        for name in (divergence.left, divergence.right):
            try:
                outcome = self.engine(name).run(case).outcome
            except (EngineFailure, NotComparable):
                continue
            if isinstance(outcome, Failed) and outcome.clk is not None:
                return outcome.clk
        return None

    def _cell_cause(self, case: Case, divergence: Divergence, rows: ProgramRows) -> Cause:
        pair = divergence.left, divergence.right
        # What differs on earlier rows is excused by a known divergence.
        first_row = divergence.row or 0
        try:
            left, right = (self.engine(name).run(case) for name in pair)
            summaries = summary_of(pair[0], left), summary_of(pair[1], right)
            spots = survey(pair, (left, summaries[0]), (right, summaries[1]), rows, first_row)
        except (EngineFailure, NotComparable):
            # It completed a moment ago: the cause is what the comparison saw, and the second look will say "not stable".
            spots = []
        if not spots:
            return Cause(divergence, divergence.columns[0].name, divergence.row, divergence.columns)
        first = spots[0]
        maker = first.maker
        return Cause(
            divergence,
            first.part,
            first.row,
            first.cells,
            maker,
            operation="" if maker is None else rows.operation(maker),
            tag="padding" if maker is None else rows.tag(maker),
            spots=tuple(spots),
        )


def _boundary_cause(case: Case, divergence: Divergence, rows: ProgramRows | None) -> Cause:
    field, row = divergence.columns[0].name.partition("[")[0], divergence.row
    if row is None:
        # The engine's boundaries are not those of the plan: the first that is missing or too many.
        field, row = MISPLACED, _misplaced(case, divergence, rows)
    if rows is None or row is None or row >= rows.count:
        return Cause(divergence, field, row, divergence.columns)
    return Cause(divergence, field, row, divergence.columns, operation=rows.operation(row), tag=rows.tag(row))


def _misplaced(case: Case, divergence: Divergence, rows: ProgramRows | None) -> int | None:
    first = divergence.columns[0]
    if "[" in first.name:
        return int(str(first.left))
    starts = case.cut.starts(rows.count) if rows is not None else ()
    given = int(str(first.right))
    return starts[given] if given < len(starts) else None


def _time(divergence: Divergence) -> float:
    if divergence.kind is Kind.BOUNDARY and divergence.row is not None:
        return divergence.row - _CAPTURED_BEFORE_ROW
    return WHOLE_PROGRAM


def without_cuts(case: Case) -> Case:
    """The case as a single fragment."""
    return replace(case, cuts=(ONE_FRAGMENT,))
