"""An installed engine as the one that is judged: built anew for every plan, through the interface of all engines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from harness.backend import Availability, Completed, Engine, EngineFailure, Failed, NotComparable, Run
from harness.guarded import GuardedEngine
from harness.laws.build import Build, Refused, Status, Told, WrongColumn, WrongPlace
from harness.records import boundary_json
from reference.definition.boundary import BoundaryState
from reference.definition.case import Case
from reference.definition.columns import COLUMN_NAMES
from reference.definition.cuts import CutPlan
from reference.definition.formats.children_first import children_first
from reference.definition.parallel_options import ParallelOptions

AGAIN: Final = ParallelOptions(threads=2, order="reverse", twice=True, contexts="saved")
"""How a plan is built that comes again, by engines that know about it: in another order, over what is there, from a file."""


class EngineSubject:
    """Judges an :class:`harness.backend.Engine`; whatever it raises is a build that broke."""

    cuts_freely = True

    def __init__(self, engine: Engine) -> None:
        self._engine = GuardedEngine(engine)
        self.told: Told = lambda _: None

    @property
    def name(self) -> str:
        """The engine's name."""
        return self._engine.name

    def probe(self) -> Availability:
        """Whether the engine works on this machine."""
        return self._engine.probe()

    def builds(self, case: Case, plans: Sequence[CutPlan]) -> list[Build]:
        """One run a plan; one that comes again is built otherwise where the engine can.

        Raises Refused when the engine refuses the case at every plan.
        """
        case = children_first(case)
        found: list[Build] = []
        refusal = "it was asked for no build"
        for index, plan in enumerate(plans):
            again = plan in plans[:index]
            try:
                found.append(self._build(replace(case, parallel=AGAIN) if again else case, plan))
            except NotComparable as refused:
                refusal = refused.reason
        if not found:
            raise Refused(refusal)
        return found

    def _build(self, case: Case, plan: CutPlan) -> Build:
        case = replace(case, cuts=(plan,))
        self.told(case)
        try:
            run = self._engine.run(case)
            return _completed(plan, run) if isinstance(run.outcome, Completed) else _failed(plan, run.outcome)
        except EngineFailure as failure:
            return Build(plan, Status.BROKE, failure.reason)

    def first_wrong(self, case: Case, right: CutPlan, wrong: CutPlan) -> WrongPlace | None:
        """Both traces are collected; None when one of them cannot be."""
        case = children_first(case)
        try:
            one, other = (_collected(self._engine.run(replace(case, cuts=(plan,)))) for plan in (right, wrong))
        except (EngineFailure, NotComparable):
            return None
        rows = min(one.shape[1], other.shape[1])
        differ = one[:, :rows] != other[:, :rows]
        wrong_rows = np.flatnonzero(differ.any(axis=0))
        if not wrong_rows.size:
            return WrongPlace(rows, ()) if one.shape != other.shape else None
        row = int(wrong_rows[0])
        columns = [
            WrongColumn(COLUMN_NAMES[column], int(one[column, row]), int(other[column, row]))
            for column in np.flatnonzero(differ[:, row]).tolist()
        ]
        return WrongPlace(row, tuple(columns))

    def close(self) -> None:
        """Closes the engine."""
        self._engine.close()


def _completed(plan: CutPlan, run: Run) -> Build:
    summary = run.summary
    return Build(
        plan,
        Status.COMPLETED,
        digests=tuple(run.column_digests()),
        states=_states(run),
        core=None if summary is None else summary.core,
        is_cut=run.built_with_cuts,
        contradictions=tuple(run.contradictions()),
    )


def _failed(plan: CutPlan, outcome: object) -> Build:
    assert isinstance(outcome, Failed)
    at = "" if outcome.clk is None else f" at clk {outcome.clk}"
    return Build(plan, Status.FAILED, f"{outcome.error}{at}")


def _states(run: Run) -> dict[int, dict[str, object]] | None:
    try:
        states: Sequence[BoundaryState] = run.boundaries()
    except NotComparable:
        return None
    return {state.clk: boundary_json(state) for state in states}


def _collected(run: Run) -> np.ndarray:
    """(72, rows) uint64; copied, because an engine may reuse its buffer for the next run."""
    return np.concatenate([window.cells for window in run.windows()], axis=1, dtype=np.uint64, casting="no")
