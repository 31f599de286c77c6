"""What the cases of a corpus reach: cells of the coverage map, and the errors of programs that fail."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from pathlib import Path

import numpy as np

from harness.backend import Failed, NotComparable
from harness.backends.reference import ReferenceEngine
from harness.coverage import CoverageMap, cell, row_cells
from harness.coverage.impossible import possible_numbers
from reference.definition.case import Case


@dataclass(frozen=True, slots=True)
class Reach:
    """What one case reaches at its cut plans; both empty for a case that the reference cannot run."""

    rows: int
    """Executed rows; 0 for a program that fails."""
    cells: frozenset[str]
    """In words, as ``fragdiff cover`` prints them; and ``error NAME``."""


def reach(engine: ReferenceEngine, case: Case) -> Reach:
    """Run the case on the reference and see what its cuts stand for."""
    coverage = CoverageMap()
    rows = 0
    for each in case.runs():
        try:
            execution = engine.run(each).execution
        except NotComparable:
            return Reach(0, frozenset())
        if isinstance(execution.outcome, Failed):
            return Reach(0, frozenset({f"error {execution.outcome.error}"}))
        cells = row_cells(execution)
        rows = cells.rows
        coverage.add(cells, each.cut, each.name)
    found = np.flatnonzero((coverage.counts > 0) & possible_numbers()).tolist()
    return Reach(rows, frozenset(cell(number).text for number in found))


def alone(reached: Sequence[Reach]) -> list[int]:
    """How many cells only this case reaches, for each case."""
    times = Counter(each for item in reached for each in item.cells)
    return [sum(times[each] == 1 for each in item.cells) for item in reached]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A case that a corpus may keep."""

    path: Path
    reach: Reach
    pinned: bool
    """Whether it stays whatever others reach."""


def worth_keeping(candidates: Sequence[Candidate]) -> list[bool]:
    """Whether to keep each: the pinned ones, and of the others enough to reach everything that all of them reach.

    Small cases first: for every cell the smallest case is what a person wants to look at. A case whose cells smaller ones
    and pinned ones reach is left out, and in the end every case whose cells the rest reach.
    """
    reached = {each for item in candidates if item.pinned for each in item.reach.cells}
    order = sorted(range(len(candidates)), key=lambda at: (candidates[at].reach.rows, candidates[at].path.name))
    kept: list[int] = []
    for at in order:
        if not candidates[at].pinned and not candidates[at].reach.cells <= reached:
            kept.append(at)
            reached |= candidates[at].reach.cells
    times = Counter(each for item in candidates if item.pinned for each in item.reach.cells)
    times.update(each for at in kept for each in candidates[at].reach.cells)
    chosen = set(kept)
    # A small case often reaches what a larger one had to be kept for later.
    for at in kept:
        if all(times[each] > 1 for each in candidates[at].reach.cells):
            chosen.discard(at)
            times.subtract(candidates[at].reach.cells)
    return [item.pinned or at in chosen for at, item in enumerate(candidates)]


def most_adding(reached: Sequence[Reach], at_most: int) -> list[int]:
    """The numbers of up to ``at_most`` cases that together reach most, each the one that adds most to those before it.

    Of cases that add as much the one with fewer rows is taken, then the earlier one.
    """
    waiting = [(-len(item.cells), item.rows, number) for number, item in enumerate(reached)]
    heapify(waiting)
    covered: set[str] = set()
    chosen: list[int] = []
    while waiting and len(chosen) < at_most:
        promised, rows, number = heappop(waiting)
        adds = len(reached[number].cells - covered)
        if -promised > adds:
            # What a case adds only shrinks while others are chosen, so it is asked again when its turn comes.
            heappush(waiting, (-adds, rows, number))
        elif adds:
            chosen.append(number)
            covered |= reached[number].cells
    return chosen
