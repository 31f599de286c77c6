"""Passes over the cut plan: no cut, one cut, fewer cuts, longer fragments."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from harness.shrink.proposals import Pass, Proposals, drop_items
from reference.definition.case import Case
from reference.definition.cuts import ONE_FRAGMENT, At, CutPlan, Every
from reference.processor import execute

MAX_SINGLE_CUTS = 512
"""Rows that are tried as the only cut; a program that has been shrunk has fewer."""


def with_plan(case: Case, plan: CutPlan) -> Case:
    """The case with this plan alone."""
    return replace(case, cuts=(plan,))


def no_cut(search: Proposals) -> None:
    """One single fragment: the cuts have no part in it."""
    search.attempt(partial(with_plan, plan=ONE_FRAGMENT))


def longer_fragments(search: Proposals) -> None:
    """The longest fragments of equal length: one that leaves a single cut, down to every second row.

    Comes before free cuts, which not every engine can build.
    """
    for size in reversed(range(2, min(_rows(search.best), MAX_SINGLE_CUTS))):
        plan = search.best.cut
        if not isinstance(plan, Every) or size <= plan.size:
            return
        if search.attempt(partial(with_plan, plan=Every(size))):
            return


def single_cut(search: Proposals) -> None:
    """One cut, at any row."""
    plan = search.best.cut
    if plan == ONE_FRAGMENT or (isinstance(plan, At) and len(plan.rows) <= 1):
        return
    for row in plan.starts(_rows(search.best))[1 : MAX_SINGLE_CUTS + 1]:
        if search.attempt(partial(with_plan, plan=At((row,)))):
            return


def fewer_cuts(search: Proposals) -> None:
    """Fewer cuts, where one alone is not enough."""
    plan = search.best.cut
    rows = plan.starts(_rows(search.best))[1:]
    if plan == ONE_FRAGMENT or len(rows) > MAX_SINGLE_CUTS:
        return
    drop_items(rows, lambda left: search.attempt(partial(with_plan, plan=At(tuple(left)))))


def _rows(case: Case) -> int:
    """Core rows; 0 for a program that fails, which no cut changes."""
    return execute(case).core_rows


CUT_PASSES: tuple[tuple[str, Pass], ...] = (
    ("no cut", no_cut),
    ("longer fragments", longer_fragments),
    ("single cut", single_cut),
    ("fewer cuts", fewer_cuts),
)
