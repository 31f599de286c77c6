"""What a comparison is made of: each of its decisions is a part that can be exchanged.

There is one set of parts that is right. The others are planted faults of the comparison (:mod:`harness.faults`): a harness
that is to be trusted has to notice that it compares with them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from harness.backend import Cells, Outcome, Summary, Window
from harness.boundary_table import BoundaryCheck, check_boundaries
from harness.differences import field_differences
from harness.findings import Findings, verdict_of
from harness.known import Accusation, Entry, Excuse, find_excuse
from harness.lockstep import Region, RowStream, WrongRow, first_wrong_row
from harness.verdict import Difference, Verdict
from reference.definition.boundary import BoundaryState


def equal_outcomes(left: Outcome, right: Outcome) -> bool:
    """Same kind, same outputs, same error and clk."""
    return left == right


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a comparison; the defaults are the right ones."""

    equal_outcomes: Callable[[Outcome, Outcome], bool] = equal_outcomes
    field_differences: Callable[[Summary, Summary], Iterator[Difference]] = field_differences
    """Of two summaries."""
    check_boundaries: Callable[[Sequence[BoundaryState], Sequence[BoundaryState]], BoundaryCheck] = check_boundaries
    row_stream: Callable[[str, Iterable[Window], int], RowStream] = RowStream
    """From an engine's name, its windows and the rows of its summary to its rows."""
    first_wrong_row: Callable[[Cells, Cells, int, Iterable[Region]], WrongRow | None] = first_wrong_row
    find_excuse: Callable[[Sequence[Entry], Accusation], Excuse | None] = find_excuse
    verdict: Callable[[Findings, int], Verdict] = verdict_of


EXACT = Parts()
"""The right ones."""
