"""Which engine is the odd one out: by vote of all engines at the wrong place, by the reference as a witness, by the audit.

Two engines cannot vote. Then the reference is asked when it is none of the two; and a trace that breaks the rules of traces is
wrong whoever made it.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from harness.backend import NOT_GIVEN, Engine, EngineFailure, NotComparable, Run
from harness.localise.observer import Cause, Look, Observer
from harness.verdict import Kind
from reference.definition.case import Case
from reference.definition.columns import COLUMN

_ACCUSED: tuple[Kind, ...] = (Kind.SELF, Kind.ENGINE_FAILURE, Kind.AUDIT)
"""Divergences that name one engine."""


@dataclass(frozen=True, slots=True)
class Vote:
    """What the engines say at the wrong place."""

    groups: tuple[tuple[str, ...], ...]
    """Engines that say the same, the largest group first."""
    silent: tuple[str, ...]
    """Engines that say nothing there."""
    odd: tuple[str, ...]
    """The engines that are wrong, most likely; empty when nothing decides."""
    text: str
    """By what it was decided, or why it was not."""


def vote(observer: Observer, look: Look, cause: Cause) -> Vote:
    """Ask every engine of the look's case at the cause."""
    if cause.kind in _ACCUSED:
        return Vote((), (), (cause.pair[0],), f"{cause.pair[0]} is named by itself")
    opinions: dict[str, Hashable] = {}
    silent: list[str] = []
    for engine in observer.engines:
        said = _ask(engine, look.case, cause)
        if said is None:
            silent.append(engine.name)
        else:
            opinions[engine.name] = said
    groups = _grouped(opinions)
    odd, text = _decided(observer, look, cause, groups)
    return Vote(groups, tuple(silent), odd, text)


def _grouped(opinions: dict[str, Hashable]) -> tuple[tuple[str, ...], ...]:
    found: dict[Hashable, list[str]] = {}
    for name, said in opinions.items():
        found.setdefault(said, []).append(name)
    return tuple(map(tuple, sorted(found.values(), key=lambda names: -len(names))))


def _decided(
    observer: Observer, look: Look, cause: Cause, groups: Sequence[tuple[str, ...]]
) -> tuple[tuple[str, ...], str]:
    voices = sum(map(len, groups))
    if voices > 2 and 2 * len(groups[0]) > voices:
        odd = tuple(name for group in groups[1:] for name in group)
        return odd, f"{len(groups[0])} of {voices} engines agree: {', '.join(groups[0])}"
    why = "two engines: no vote" if voices == 2 else f"{voices} engines, no majority"
    if not observer.has_reference and look.rows is not None:
        said = _ask(observer.reference, look.case, cause)
        agreeing = [name for group in groups for name in group if _says(observer, look.case, cause, name, said)]
        odd = tuple(name for group in groups for name in group if name not in agreeing)
        if agreeing and odd:
            return odd, f"{why}; the reference, asked besides, agrees with {', '.join(agreeing)}"
        odd = tuple(name for name in odd if not _has_no_value(observer, look.case, cause, name))
        if said is not None and len(odd) == 1 and len(odd) < voices:
            return odd, f"{why}, and one gives no value; the reference, asked besides, differs from {odd[0]}"
    rejected = [item.left for item in look.comparison.divergences if item.kind is Kind.AUDIT]
    accused = tuple(name for name in cause.pair if name in rejected)
    if len(accused) == 1:
        judged = not any(_has_no_value(observer, look.case, cause, name) for name in cause.pair)
        return accused, f"{why}; the audit rejects the trace of {accused[0]}{' and not the other' if judged else ''}"
    return (), why


def _has_no_value(observer: Observer, case: Case, cause: Cause, name: str) -> bool:
    """Whether an engine says no more than that its cells differ."""
    said = _ask(observer.engine(name), case, cause)
    return cause.kind is Kind.CELL and isinstance(said, tuple) and NOT_GIVEN in said


def _says(observer: Observer, case: Case, cause: Cause, name: str, wanted: Hashable | None) -> bool:
    return wanted is not None and _ask(observer.engine(name), case, cause) == wanted


def _ask(engine: Engine, case: Case, cause: Cause) -> Hashable | None:
    try:
        return _opinion(engine.run(case), cause)
    except (EngineFailure, NotComparable):
        return None


def _opinion(run: Run, cause: Cause) -> Hashable | None:
    """What a run says at the place of the cause: cells, a boundary state, an outcome, or fields of the summary."""
    match cause.kind:
        case Kind.CELL:
            return _cells(run, cause)
        case Kind.BOUNDARY:
            return next((state for state in run.boundaries() if state.clk == cause.row), "no boundary state there")
        case Kind.OUTCOME:
            return run.outcome
        case _:
            summary = run.summary
            names = [item.name for item in cause.cells if hasattr(summary, item.name)]
            return None if summary is None or not names else tuple(getattr(summary, name) for name in names)


def _cells(run: Run, cause: Cause) -> tuple[int, ...] | None:
    row = cause.row
    assert row is not None, "a wrong cell stands on a row"
    for window in run.windows():
        within = row - window.first_row
        if 0 <= within < window.cells.shape[1]:
            return tuple(int(window.cells[COLUMN[item.name], within]) for item in cause.cells)
    return None
