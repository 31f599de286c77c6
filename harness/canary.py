"""Canaries: a comparison is shown a lie that it must name, in the place of agreement that it must not.

A comparison that has gone wrong agrees with everything, and nothing about its agreement tells. So a run of the reference is
altered in one place (a cell of the last row, a state at the last cut, a window left out) and compared with the run as it is;
what the comparison says has to be that place and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Final, NamedTuple

from harness.account import VacuousComparison
from harness.altered import AlteredRun, Cell
from harness.backend import REAL_VM, Availability, Engine, EngineFailure, NotComparable, Run, Summary
from harness.generate.choices import Choices
from harness.verdict import Comparison, Kind, Verdict
from reference.definition.boundary import BoundaryState, Continuation
from reference.definition.case import Case
from reference.definition.columns import COLUMN_NAMES, WIDTH
from reference.definition.field import P
from reference.definition.outcome import Completed, Failed

Compare = Callable[[Case, Sequence[Engine]], Comparison]

Tell = Callable[[Run, Choices], "tuple[Run, Expected] | None"]


class Expected(NamedTuple):
    """What the comparison has to find: a divergence of this kind, at this row, with these names among what differs."""

    kind: Kind | None
    """None: no divergence, and no agreement either."""
    row: int | None = None
    name: str = ""


@dataclass(frozen=True, slots=True)
class Lie:
    """A way to alter a run; ``tell`` gives None where the run has nothing of the kind."""

    name: str
    tell: Tell
    identity: str | None = None
    """Whose behaviour the liar claims to show."""


class Liar:
    """An engine that answers with a run made beforehand, or raises."""

    name = "liar"

    def __init__(self, answer: Run | Exception, identity: str | None = None) -> None:
        self._answer = answer
        self.identity = identity

    def probe(self) -> Availability:
        """Always usable."""
        return Availability(True, "made to test a comparison")

    def run(self, case: Case) -> Run:
        """The answer, whatever the case; raises it when it is an exception."""
        del case
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer

    def close(self) -> None:
        """Nothing to give back."""


def release_canary(case: Case, engine: Engine, choices: Choices, compare: Compare) -> str | None:
    """Lies about one run of ``engine``; what the comparison did not name, None when it named the lie.

    Raises VacuousComparison when the comparison noticed by itself that it compared too little.
    """
    run = engine.run(case)
    for lie in _in_order(choices):
        told = lie.tell(run, choices)
        if told is None:
            continue
        altered, expected = told
        comparison = compare(case, [engine, Liar(altered, lie.identity)])
        return None if _is_named(comparison, expected) else f"{lie.name}: not named ({comparison.verdict.value})"
    raise VacuousComparison("there is no lie that fits the run")


def release_refusal(case: Case, engine: Engine, compare: Compare) -> str | None:
    """As :func:`release_canary` with an engine that breaks, and with one that has nothing to compare."""
    broken = compare(case, [engine, Liar(EngineFailure(Liar.name, "broken on purpose"))])
    if not any(divergence.kind is Kind.ENGINE_FAILURE for divergence in broken.divergences):
        return f"an engine that breaks: not named ({broken.verdict.value})"
    refusing = compare(case, [engine, Liar(NotComparable(Liar.name, "refuses on purpose"))])
    if refusing.verdict is not Verdict.NOT_COMPARABLE:
        return f"an engine that refuses: taken for {refusing.verdict.value}"
    return None


def _in_order(choices: Choices) -> list[Lie]:
    first = choices.integer(0, len(LIES) - 1)
    return [*LIES[first:], *LIES[:first]]


def _is_named(comparison: Comparison, expected: Expected) -> bool:
    if expected.kind is None:
        return comparison.verdict is Verdict.NOT_COMPARABLE
    return comparison.verdict is Verdict.DIFFER and any(
        divergence.kind is expected.kind
        and (expected.row is None or divergence.row == expected.row)
        and (not expected.name or any(item.name.startswith(expected.name) for item in divergence.columns))
        for divergence in comparison.divergences
    )


# ---- lies -----------------------------------------------------------------------------------------------------------


def _wrong_cell(
    pick: Callable[[Run, Summary, Choices], tuple[int, int]],
) -> Callable[[Run, Choices], tuple[Run, Expected] | None]:
    def tell(run: Run, choices: Choices) -> tuple[Run, Expected] | None:
        summary = run.summary
        if summary is None:
            return None
        row, column = pick(run, summary, choices)
        value = (_cell(run, row, column) + choices.integer(1, P - 1)) % P
        return AlteredRun(run, other_cell=Cell(row, column, value)), Expected(Kind.CELL, row, COLUMN_NAMES[column])

    return tell


def _cell(run: Run, row: int, column: int) -> int:
    for window in run.windows():
        if row - window.first_row < window.cells.shape[1]:
            return int(window.cells[column, row - window.first_row])
    raise VacuousComparison(f"the run has no row {row}")


def _any_column(choices: Choices) -> int:
    return choices.integer(0, WIDTH - 1)


def _last_row(_: Run, summary: Summary, choices: Choices) -> tuple[int, int]:
    return summary.rows - 1, _any_column(choices)


def _last_column(_: Run, summary: Summary, choices: Choices) -> tuple[int, int]:
    return choices.integer(0, summary.rows - 1), WIDTH - 1


def _last_fragment(run: Run, summary: Summary, choices: Choices) -> tuple[int, int]:
    return choices.integer(run.boundaries()[-1].clk, summary.core - 1), _any_column(choices)


def _padding(_: Run, summary: Summary, choices: Choices) -> tuple[int, int]:
    return choices.integer(min(summary.core, summary.rows - 1), summary.rows - 1), _any_column(choices)


def _any_cell(_: Run, summary: Summary, choices: Choices) -> tuple[int, int]:
    return choices.integer(0, summary.rows - 1), _any_column(choices)


_STATE_FIELDS: Final = ("ctx", "current_addr", "parent_addr", "depth", "overflow_addr")


def _wrong_state(run: Run, choices: Choices) -> tuple[Run, Expected] | None:
    if run.summary is None:
        return None
    states = list(run.boundaries())
    index = len(states) - 1 if choices.flag() else choices.integer(0, len(states) - 1)
    name = choices.pick((*_STATE_FIELDS, "stack", "continuations"))
    states[index] = _altered_state(states[index], name)
    return AlteredRun(run, other_boundaries=states), Expected(Kind.BOUNDARY, states[index].clk, name)


def _altered_state(state: BoundaryState, name: str) -> BoundaryState:
    if name == "stack":
        return replace(state, stack=(*state.stack[:-1], (state.stack[-1] + 1) % P))
    if name == "continuations":
        return replace(state, continuations=(Continuation("StartNode", 0), *state.continuations))
    return replace(state, **{name: getattr(state, name) + 1})


def _missing_state(run: Run, _: Choices) -> tuple[Run, Expected] | None:
    if run.summary is None or len(run.boundaries()) < 2:
        return None
    return AlteredRun(run, other_boundaries=run.boundaries()[:-1]), Expected(Kind.BOUNDARY, name="boundary")


def _missing_window(run: Run, choices: Choices) -> tuple[Run, Expected] | None:
    windows = 0 if run.summary is None else len(list(run.windows()))
    if windows < 2:
        return None
    skipped = -1 if choices.flag() else choices.integer(0, windows - 1)
    return AlteredRun(run, skipped_window=skipped), Expected(Kind.ENGINE_FAILURE)


def _wrong_summary(run: Run, choices: Choices) -> tuple[Run, Expected] | None:
    summary = run.summary
    if summary is None:
        return None
    name = choices.pick(
        [item.name for item in fields(summary) if item.name not in ("program_hash", "stack", "rows", "core")]
    )
    other = replace(summary, **{name: getattr(summary, name) + 1})
    return AlteredRun(run, other_summary=other), Expected(Kind.SUMMARY, name=name)


def _wrong_outcome(run: Run, choices: Choices) -> tuple[Run, Expected] | None:
    outcome = run.outcome
    if isinstance(outcome, Completed):
        place = choices.integer(0, len(outcome.stack) - 1)
        stack = (*outcome.stack[:place], (outcome.stack[place] + 1) % P, *outcome.stack[place + 1 :])
        return AlteredRun(run, other_outcome=Completed(stack)), Expected(Kind.OUTCOME, name=f"stack[{place}]")
    if choices.flag() and outcome.clk is not None:
        return AlteredRun(run, other_outcome=Failed(outcome.error, outcome.clk + 1)), Expected(Kind.OUTCOME, name="clk")
    return AlteredRun(run, other_outcome=Failed("MadeUp", outcome.clk)), Expected(Kind.OUTCOME, name="outcome")


LIES: Final = (
    Lie("a cell of the last row", _wrong_cell(_last_row)),
    Lie("a cell of the last column", _wrong_cell(_last_column)),
    Lie("a cell of the last fragment", _wrong_cell(_last_fragment)),
    Lie("a cell of the padding", _wrong_cell(_padding)),
    Lie("a cell anywhere", _wrong_cell(_any_cell)),
    Lie("a cell of an engine with known divergences", _wrong_cell(_any_cell), identity=REAL_VM),
    Lie("a boundary state", _wrong_state),
    Lie("a boundary state that is missing", _missing_state),
    Lie("a window that is missing", _missing_window),
    Lie("a length in the summary", _wrong_summary),
    Lie("the outcome", _wrong_outcome),
)
"""All ways to lie; each case is told one of them."""
