"""The guide: one run of the reference before a case is compared tells where cutting is worth while and what is covered.

Everything drawn here depends on the seed and the number of the case alone, not on what came before, so that any case of
a campaign can be had again without the ones before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from harness.backend import Engine, Outcome, Walking
from harness.backends.reference import ReferenceEngine
from harness.campaign.totals import NODE_OF_ROW
from harness.campaign.walks import gpu_options
from harness.cuts import EVERY_ROW_LIMIT, Situation, random_cut, row_situations
from harness.engines import EXEC_PREFIX
from harness.generate import SeededChoices
from harness.generate.choices import Choices, pick_weighted
from harness.guarded import GuardedEngine, guarded
from reference.definition.case import Case
from reference.definition.cuts import At, CutPlan, Every
from reference.definition.gpu_options import GpuOptions
from reference.execution import Execution

MOST_AIMED_CUTS: Final = 8
FREE_CUTS_PERCENT: Final = 12
"""Of cases for engines that cut at multiples only: their boundary states are compared, but no seam is built there."""


class Guidance(NamedTuple):
    """What the reference says about a case; empty for a failed program but for its outcome."""

    outcome: Outcome
    situations: list[tuple[Situation, ...]]
    operations: frozenset[str]
    """Names of all operations executed, control rows included."""
    nodes: frozenset[str]


class Guide:
    """Runs the reference; the engine among those compared when it is one of them, so that nothing runs twice."""

    def __init__(self, engines: Sequence[Engine]) -> None:
        inner = [engine.inner if isinstance(engine, GuardedEngine) else engine for engine in engines]
        own = [engine for engine in inner if isinstance(engine, ReferenceEngine)]
        self._reference = own[0] if own else ReferenceEngine()
        self._walking = any(isinstance(engine, Walking) and engine.walks for engine in inner)
        others = [engine for engine in inner if not isinstance(engine, ReferenceEngine)]
        self._multiples_only = bool(others) and all(engine.name.startswith(EXEC_PREFIX) for engine in others)

    def guidance(self, case: Case) -> Guidance:
        """Runs the case; EngineFailure when the reference breaks."""
        return guarded(ReferenceEngine.name, lambda: _guidance(self._reference.run(case).execution))

    def plan(self, case: Case, guidance: Guidance | None, seed: int, number: int) -> CutPlan:
        """The cut plan for case ``number``; the one that the case came with when nothing is known of its rows."""
        if guidance is None or not guidance.situations:
            return case.cut
        choices = SeededChoices(f"fragdiff/cuts/1/{seed}/{number}")
        multiples_only = self._multiples_only and not choices.flag(FREE_CUTS_PERCENT)
        return draw_plan(choices, guidance.situations, multiples_only=multiples_only)

    def walk(self, case: Case, guidance: Guidance | None, seed: int, number: int) -> GpuOptions:
        """How an engine is to walk case ``number``; as the case says when no engine walks, or it has no trace to walk."""
        if not self._walking or guidance is None or not guidance.situations:
            return case.gpu
        return gpu_options(seed, number, len(guidance.situations))


def draw_plan(choices: Choices, situations: Sequence[tuple[Situation, ...]], *, multiples_only: bool) -> CutPlan:
    """Every row of a short program, or cuts at situations drawn by kind, or any random plan.

    A situation is drawn before a row that has it, so that a kind which stands on one row of a hundred is met as often
    as any other.
    """
    rows = len(situations)
    every_row = 4 if rows <= EVERY_ROW_LIMIT else 1
    kind = pick_weighted(choices, ((every_row, "every row"), (4, "aimed"), (3, "random")))
    by_situation = _rows_by_situation(situations)
    if kind == "every row" or rows < 3 or not by_situation:
        return Every(1)
    if kind == "random":
        return random_cut(choices, rows, multiples_only=multiples_only)
    kinds = sorted(by_situation)
    if multiples_only:
        row = choices.pick(by_situation[choices.pick(kinds)])
        return Every(choices.pick([size for size in range(1, row + 1) if row % size == 0 and (size > 1 or row == 1)]))
    drawn = [choices.pick(kinds) for _ in range(choices.integer(1, MOST_AIMED_CUTS))]
    return At(tuple(sorted({choices.pick(by_situation[each]) for each in drawn})))


def _rows_by_situation(situations: Sequence[tuple[Situation, ...]]) -> dict[Situation, list[int]]:
    found: dict[Situation, list[int]] = {}
    for row, each in enumerate(situations):
        for situation in each:
            found.setdefault(situation, []).append(row)
    return found


def _guidance(execution: Execution) -> Guidance:
    situations = row_situations(execution) if execution.core_rows else []
    # The operation before each cut is that of every row but the last, and END is always the last.
    names = frozenset(situation.operation for each in situations for situation in each)
    nodes = {NODE_OF_ROW[name] for name in names if name in NODE_OF_ROW}
    if any(_resolves_external(execution, row) for row in range(execution.core_rows)):
        nodes.add("external")
    return Guidance(execution.outcome, situations, names, frozenset(nodes))


def _resolves_external(execution: Execution, row: int) -> bool:
    frames = execution.marks[row].frames
    return (
        frames is not None
        and frames.kind == "EnterForest"
        and frames.below is not None
        and frames.below.kind == "FinishExternal"
    )
