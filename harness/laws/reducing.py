"""Shrinks a program that breaks a law to the smallest one that breaks it in the same way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from harness.laws.build import Subject
from harness.laws.judge import judge
from harness.laws.plans import WHOLE
from harness.laws.violation import Kind, Violation
from harness.shrink import Budget, Shrunk, shrink
from harness.shrink.order import measure
from reference.definition.case import Case
from reference.definition.cuts import ONE_FRAGMENT, CutPlan, Every
from reference.definition.formats.children_first import children_first

SIZES: Final = 24
"""A shrunk program has about that many rows; which size shows the violation changes with every row that goes."""


def reduced(
    subject: Subject,
    case: Case,
    violation: Violation,
    budget: Budget,
    stopped: Callable[[], bool] = lambda: False,
    improved: Callable[[Case], None] = lambda _: None,
    before: Case | None = None,
) -> Shrunk:
    """The smallest case found; its own cut plan says nothing, the plans of the judgement are others.

    ``improved`` is told of every better case. ``before`` is what an earlier search has come to, which was interrupted.
    """
    plans = plans_of(violation)
    case = replace(case, cuts=(ONE_FRAGMENT,))

    def is_same(candidate: Case) -> bool:
        judgement = judge(subject, children_first(candidate), plans, locating=False)
        return any(_is_like(found, violation) for found in judgement.violations)

    if before is not None:
        before = replace(before, cuts=(ONE_FRAGMENT,))
        case = before if measure(before) < measure(case) and is_same(before) else case
    return shrink(case, is_same, budget=budget, stopped=stopped, improved=improved)


def plans_of(violation: Violation) -> list[CutPlan]:
    """The plans at which it is looked for again: those that showed it, and those of small programs."""
    own = violation.plans[:4] if violation.measure is None else (violation.measure, *violation.plans[:4])
    return list(dict.fromkeys((WHOLE, *map(Every, range(1, SIZES + 1)), *own)))


def _is_like(found: Violation, wanted: Violation) -> bool:
    if found.law is not wanted.law or found.kind is not wanted.kind:
        return False
    if wanted.kind is Kind.WRONG_CELLS:
        return found.accepted is wanted.accepted
    return found.signature == wanted.signature
