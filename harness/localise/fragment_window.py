"""The smallest fragment in which a difference still shows: what somebody wants to run alone while repairing it.

A difference that needs no cut is given some: one before the row that makes the wrong cell and one behind the wrong row.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from harness.localise.experiments import Dependence, FaultClass
from harness.localise.observer import Cause, Look, Observer
from harness.verdict import Kind
from reference.definition.case import Case
from reference.definition.cuts import At, CutPlan

MOST_DOUBLINGS: Final = 9
"""Fragments of up to 257 rows are tried; a longer one is no smaller than what there was."""


@dataclass(frozen=True, slots=True)
class FragmentWindow:
    """One fragment of a case: rows ``first .. end - 1``."""

    case: Case
    """At the cuts that make this fragment."""
    fragment: int
    first: int
    end: int
    still_wrong: bool
    """Whether the difference was seen to show with these cuts too; otherwise the cuts are those of the case."""


def failing_fragment(observer: Observer, look: Look, cause: Cause, dependence: Dependence) -> FragmentWindow | None:
    """The fragment that holds the wrong row; None for what is wrong in no row of the program."""
    rows = look.rows
    if rows is None:
        return None
    wrong = cause.row if cause.kind is Kind.BOUNDARY else cause.maker
    if wrong is None or wrong >= rows.count:
        return None
    if dependence.fault_class is not FaultClass.UNSTABLE:
        for plan in _plans(cause, dependence, wrong):
            case = replace(look.case, cuts=(plan,))
            if _shows(observer, case, cause):
                return _window(case, wrong, rows.count, still_wrong=True)
    return _window(look.case, wrong, rows.count, still_wrong=False)


def _plans(cause: Cause, dependence: Dependence, row: int) -> list[CutPlan]:
    """The tightest first. State is seen on the row behind, so that row is in the fragment as well."""
    behind = max(row, cause.row if cause.row is not None and cause.row == row + 1 else row) + 1
    if dependence.cuts:
        return [At((*dependence.cuts, behind)), At(dependence.cuts)]
    # What the row depends on may have been made in the fragment: go back until it is in.
    firsts = [row - distance for distance in (0, *(2**power for power in range(MOST_DOUBLINGS))) if row - distance > 0]
    return [At((first, behind)) for first in firsts]


def _shows(observer: Observer, case: Case, cause: Cause) -> bool:
    seen = observer.look(case).cause
    return seen is not None and seen.likeness == cause.likeness and seen.row == cause.row


def _window(case: Case, row: int, count: int, *, still_wrong: bool) -> FragmentWindow:
    starts = (*case.cut.starts(count), count)
    fragment = max(index for index, start in enumerate(starts[:-1]) if start <= row)
    return FragmentWindow(case, fragment, starts[fragment], starts[fragment + 1], still_wrong)
