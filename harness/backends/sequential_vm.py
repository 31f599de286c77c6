"""The sequential engine of the real VM: ``exec-sequential:COMMAND``.

The record tells of it beside the parallel engine, which ``exec:COMMAND`` gives: outcome, lengths, and in which cells the two
traces differ, but not the values there. So a trace is the dump of the parallel engine with such cells put to
:data:`harness.backend.NOT_GIVEN`: each certainly differs from an engine that has the dumped value there, and may be equal to
one that has not. At most eight rows of a column are listed; rows behind the eighth of a column that
has more are not known and not given. There are no boundary states, and no trace where the parallel engine built none: what is
missing is not comparable.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from harness.backend import (
    NOT_GIVEN,
    REAL_VM_SEQUENTIAL,
    Cells,
    NotComparable,
    Outcome,
    Summary,
    Window,
)
from harness.backends.exec import RecordEngine
from harness.backends.program import Answer
from harness.backends.record import BadRecord, member, read_outcome, read_summary
from reference.definition.boundary import BoundaryState
from reference.definition.case import Case
from reference.definition.columns import WIDTH
from reference.definition.outcome import Completed


@dataclass(frozen=True)
class SequentialRun:
    """What a record says of the sequential engine."""

    engine: str
    outcome: Outcome
    summary: Summary | None
    cells: Cells | None
    """(72, n) uint64 of the first n rows, those that are known; None where the record has no trace to tell them by."""
    parallel: Cells
    """(72, m) uint64, m >= n: the trace of the parallel engine, which the cells that are not given differ from."""
    digests: Sequence[str]
    """Of the columns; none when some cell is not known."""

    built_with_cuts = False

    def boundaries(self) -> Sequence[BoundaryState]:
        """None; NotComparable."""
        raise NotComparable(self.engine, "the record has no states of the sequential engine")

    def windows(self) -> Iterator[Window]:
        """The known rows; NotComparable at the first that is not known."""
        if self.summary is None:
            raise NotComparable(self.engine, "a failed program has no trace")
        if self.cells is None:
            raise NotComparable(self.engine, "the record has no other trace to tell this one's cells by")
        rows = int(self.cells.shape[1])
        if rows:
            yield Window(0, self.cells, self.parallel[:, :rows] if (self.cells == NOT_GIVEN).any() else None)
        if rows < self.summary.rows:
            raise NotComparable(self.engine, "the record does not list all rows that differ")

    def column_digests(self) -> list[str]:
        """Those of the equal trace; NotComparable when some cell differs."""
        if not self.digests:
            raise NotComparable(self.engine, "there is no digest of cells whose values are not given")
        return list(self.digests)

    def contradictions(self) -> tuple[str, ...]:
        """None: it builds once."""
        return ()


class SequentialEngine(RecordEngine[SequentialRun]):
    """The sequential engine of the real VM, as far as the record shows it."""

    reader = "sequential"

    @property
    def identity(self) -> str | None:
        """The sequential engine, once a record has shown it."""
        return REAL_VM_SEQUENTIAL if self.program.is_real_vm else None

    def _read(self, answer: Answer, case: Case) -> SequentialRun:  # noqa: ARG002 - it builds without cuts
        record = answer.record
        if "sequential_outcome" not in record:
            raise NotComparable(self._name, "the record has no sequential engine")
        outcome = read_outcome(member(record, "sequential_outcome", dict))
        if not isinstance(outcome, Completed):
            return SequentialRun(self._name, outcome, None, None, answer.cells, ())
        lengths = member(record, "sequential_lengths", dict)
        summary = read_summary({**record, "lengths": lengths}, outcome.stack)
        if not answer.digests:
            return SequentialRun(self._name, outcome, summary, None, answer.cells, ())
        listed = [_Listed.read(item) for item in member(record, "sequential_vs_parallel", list)]
        cells = _with_differences(answer.cells, listed, summary.rows)
        is_equal = not listed and summary.rows == answer.cells.shape[1]
        return SequentialRun(self._name, outcome, summary, cells, answer.cells, answer.digests if is_equal else ())


@dataclass(frozen=True)
class _Listed:
    """A column in which the two traces differ: the first of the rows, and how many there are."""

    column: int
    rows: Sequence[int]
    count: int

    @classmethod
    def read(cls, item: object) -> _Listed:
        """BadRecord for anything that does not name cells."""
        if not isinstance(item, Mapping):
            raise BadRecord(f"a difference is {item!r:.60}, expected an object")
        column, count, rows = (
            member(item, name, kind) for name, kind in (("col", int), ("count", int), ("rows", list))
        )
        in_order = all(type(row) is int for row in rows) and rows == sorted(set(rows)) and (not rows or rows[0] >= 0)
        if not (0 <= column < WIDTH and in_order and len(rows) <= count and bool(rows) is (count > 0)):
            raise BadRecord(f"a difference cannot be {dict(item)!r:.100}")
        return cls(column, rows, count)


def _with_differences(cells: Cells, listed: Sequence[_Listed], rows: int) -> Cells:
    """The rows that are known of a trace of ``rows`` rows, which differs from ``cells`` (72, n) as listed."""
    known = common = min(rows, int(cells.shape[1]))
    for each in listed:
        if each.rows and each.rows[-1] >= common:
            raise BadRecord(f"column {each.column} differs in row {each.rows[-1]}, beyond the trace")
        if each.count > len(each.rows):
            known = min(known, each.rows[-1] + 1)
    found: Cells = np.array(cells[:, :known])
    for each in listed:
        found[each.column, [row for row in each.rows if row < known]] = NOT_GIVEN
    return found
