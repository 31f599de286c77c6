"""The guide: one run of the reference before a case is compared tells where cutting is worth while and what is covered.

What :meth:`Guide.plan` and :meth:`Guide.walk` draw depends on the seed and the number of the case alone, so that any case of
a campaign can be had again without the ones before it. What :meth:`Guide.filling` wants depends on the coverage map too: it is
a further cut plan for the same case.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from harness.backend import Engine, Outcome, Rebuilding, Walking
from harness.backends.parallel import ParallelEngine
from harness.backends.reference import ReferenceEngine
from harness.campaign.rebuilds import parallel_options
from harness.campaign.totals import NODE_OF_ROW
from harness.campaign.walks import gpu_options
from harness.coverage import CoverageMap, RowCells, row_cells, row_operations
from harness.coverage.cells import PAIR
from harness.cuts import (
    EVERY_ROW_LIMIT,
    SWEEP_ROWS,
    every_size,
    filling_cut,
    pairs_around,
    random_cut,
    single_cuts,
)
from harness.engines import PROGRAM_PREFIXES
from harness.generate import SeededChoices
from harness.generate.choices import Choices, pick_weighted
from harness.guarded import GuardedEngine, guarded
from reference.definition.case import Case
from reference.definition.cuts import At, CutPlan, Every
from reference.definition.gpu_options import GpuOptions
from reference.definition.parallel_options import ParallelOptions
from reference.execution import Execution, Frame

MOST_AIMED_CUTS: Final = 8
FREE_CUTS_PERCENT: Final = 12
"""Of cases for engines that cut at multiples only: their boundary states are compared, but no seam is built there."""

EVERY_BOUNDARY_ROWS: Final = 1024
"""Programs up to this many rows are compared at every boundary that they have. A boundary more costs a few us, the program that
has it 60 us a row."""

SWEEP_PERCENT: Final = 1
"""Of cases that are cut in every way of a kind: some 60 plans, so that they take a tenth of a campaign's time."""


class Guidance(NamedTuple):
    """What the reference says about a case; empty for a failed program but for its outcome."""

    outcome: Outcome
    cells: RowCells
    operations: frozenset[str]
    """Names of all operations executed, control rows included."""
    nodes: frozenset[str]


class Guide:
    """Runs the reference; the engine among those compared when it is one of them, so that nothing runs twice."""

    def __init__(self, engines: Sequence[Engine], *, filling: bool = True) -> None:
        self._is_filling = filling
        inner = [engine.inner if isinstance(engine, GuardedEngine) else engine for engine in engines]
        own = [engine for engine in inner if isinstance(engine, ReferenceEngine)]
        self._reference = own[0] if own else ReferenceEngine()
        self._walking = any(isinstance(engine, Walking) and engine.walks for engine in inner)
        self._rebuilding = any(isinstance(engine, Rebuilding) and engine.rebuilds for engine in inner)
        self._cuts_cheaply = all(isinstance(engine, ReferenceEngine | ParallelEngine) for engine in inner)
        others = [engine for engine in inner if not isinstance(engine, ReferenceEngine)]
        self._multiples_only = bool(others) and all(engine.name.startswith(PROGRAM_PREFIXES) for engine in others)

    def guidance(self, case: Case) -> Guidance:
        """Runs the case; EngineFailure when the reference breaks."""
        return guarded(ReferenceEngine.name, lambda: _guidance(self._reference.run(case).execution))

    def plan(self, case: Case, guidance: Guidance | None, seed: int, number: int) -> CutPlan:
        """The cut plan for case ``number``; the one that the case came with when nothing is known of its rows."""
        if guidance is None or not guidance.cells.rows:
            return case.cut
        choices = SeededChoices(f"fragdiff/cuts/2/{seed}/{number}")
        multiples_only = self._multiples_only and not choices.flag(FREE_CUTS_PERCENT)
        return draw_plan(choices, guidance.cells, multiples_only=multiples_only)

    def sweep(self, guidance: Guidance | None, seed: int, number: int) -> tuple[CutPlan, ...]:
        """For a few cases, all plans of a kind; as :meth:`plan` the same whatever came before."""
        choices = SeededChoices(f"fragdiff/sweep/1/{seed}/{number}")
        if guidance is None or not guidance.cells.rows or not choices.flag(SWEEP_PERCENT):
            return ()
        return draw_sweep(choices, guidance.cells, multiples_only=self._multiples_only)

    def every_boundary(self, guidance: Guidance | None, plan: CutPlan) -> CutPlan | None:
        """The plan that compares all states of a short program; None when ``plan`` does, and for engines to which a cut is
        dear: other programs, and kernels that are launched for each."""
        if guidance is None or not self._cuts_cheaply or not 1 < guidance.cells.rows <= EVERY_BOUNDARY_ROWS:
            return None
        return None if plan == Every(1) else Every(1)

    def filling(self, guidance: Guidance | None, covered: CoverageMap) -> CutPlan | None:
        """The plan that fills the cells which the map lacks and this case has; None when it has none of them."""
        if not self._is_filling or guidance is None or not guidance.cells.rows:
            return None
        return filling_cut(guidance.cells, covered, multiples_only=self._multiples_only)

    def walk(self, case: Case, guidance: Guidance | None, seed: int, number: int) -> GpuOptions:
        """How an engine is to walk case ``number``; as the case says when no engine walks, or it has no trace to walk."""
        if not self._walking or guidance is None or not guidance.cells.rows:
            return case.gpu
        return gpu_options(seed, number, guidance.cells.rows)

    def rebuild(self, case: Case, guidance: Guidance | None, seed: int, number: int) -> ParallelOptions:
        """How an engine is to rebuild the fragments of case ``number``; as the case says when none does, or it has none."""
        if not self._rebuilding or guidance is None or not guidance.cells.rows:
            return case.parallel
        return parallel_options(seed, number)


def draw_plan(choices: Choices, cells: RowCells, *, multiples_only: bool) -> CutPlan:
    """Every row of a short program, or cuts at operations and phases drawn by kind, or any random plan.

    Operation and phase are drawn before a row that has them, so that a kind which stands on one row of a hundred is met as
    often as any other.
    """
    rows = cells.rows
    is_short = rows <= EVERY_ROW_LIMIT
    kind = pick_weighted(choices, ((4 if is_short else 1, "every row"), (4, "aimed"), (3, "random")))
    if rows < 3 or (kind == "every row" and rows <= 16 * EVERY_ROW_LIMIT):
        return Every(1)
    if kind != "aimed":
        return random_cut(choices, rows, multiples_only=multiples_only)
    behind, before = (numbers[1:] // PAIR for numbers in cells)
    kinds = np.unique(np.concatenate((behind, before))).tolist()

    def row() -> int:
        wanted = choices.pick(kinds)
        found: int = choices.pick((np.flatnonzero((behind == wanted) | (before == wanted)) + 1).tolist())
        return found

    if multiples_only:
        drawn = row()
        return Every(
            choices.pick([size for size in range(1, drawn + 1) if drawn % size == 0 and (size > 1 or drawn == 1)])
        )
    return At(tuple(sorted({row() for _ in range(choices.integer(1, MOST_AIMED_CUTS))})))


def draw_sweep(choices: Choices, cells: RowCells, *, multiples_only: bool) -> tuple[CutPlan, ...]:
    """All single cuts or all fragment sizes of a short program, or pairs of cuts around its calls and loops."""
    is_short = cells.rows <= SWEEP_ROWS
    options = ((2 * is_short, "sizes"), (0 if multiples_only else 2 * is_short, "singles"), (1, "pairs"))
    match pick_weighted(choices, options):
        case "sizes":
            return every_size(cells.rows)
        case "singles":
            return single_cuts(cells.rows)
        case _:
            return () if multiples_only else pairs_around(cells)


def _guidance(execution: Execution) -> Guidance:
    cells = row_cells(execution)
    names = frozenset(name.partition(" ")[0] for name in set(row_operations(cells) if cells.rows > 1 else ()))
    nodes = {NODE_OF_ROW[name] for name in names if name in NODE_OF_ROW}
    if any(_is_external(mark.frames) for mark in execution.marks):
        nodes.add("external")
    return Guidance(execution.outcome, cells, names, frozenset(nodes))


def _is_external(frames: Frame | None) -> bool:
    return (
        frames is not None
        and frames.kind == "EnterForest"
        and frames.below is not None
        and frames.below.kind == "FinishExternal"
    )
