"""Where a case is cut to be judged: fragments of every size up to a bound, larger ones that fit the program, free cuts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from harness.coverage import row_cells
from harness.cuts import PRIMES, pairs_around, random_cut
from harness.generate.choices import SeededChoices
from reference.definition.case import Case
from reference.definition.cuts import ONE_FRAGMENT, At, CutPlan, Every
from reference.definition.errors import BeyondLimits
from reference.definition.outcome import Completed
from reference.processor import execute

BOUND: Final = 64
"""Every fragment size up to here is built, unless somebody asks for another bound."""

WHOLE: Final = Every(2**20)
"""One fragment, for every program that is judged here. Some releases refuse fragments as long as the longest program."""

SINGLE_CUTS: Final = 200
"""Programs up to this many rows are cut at every single row."""

_LARGER: Final = tuple(sorted({*(size for size in PRIMES if size > BOUND), *(2**k for k in range(7, 13)), 100, 1000}))


def law_plans(case: Case, *, bound: int = BOUND, free: bool = False) -> list[CutPlan]:
    """The plans of ``fragdiff laws``: those of the case, every size up to ``bound``, larger ones, one fragment.

    With ``free`` also every single row, and pairs of cuts around calls and loops, where the reference can say where they are.
    """
    plans: list[CutPlan] = [WHOLE, *map(Every, range(1, bound + 1))]
    plans += [plan for plan in case.cuts if plan != ONE_FRAGMENT and (free or isinstance(plan, Every))]
    plans += [Every(size) for size in _LARGER if size > bound]
    if free:
        plans += _free_plans(case)
    return list(dict.fromkeys(plans))


def _free_plans(case: Case) -> Iterable[CutPlan]:
    try:
        execution = execute(case)
    except BeyondLimits:
        return ()
    if not isinstance(execution.outcome, Completed):
        return ()
    rows = execution.core_rows
    ends = [
        Every(size) for part in (1, 2, 3) for size in (rows // part - 1, rows // part, rows // part + 1) if size >= 1
    ]
    singles = [At((row,)) for row in range(1, rows)] if rows <= SINGLE_CUTS else []
    return [*ends, *singles, *pairs_around(row_cells(execution))]


def drawn_plans(seed: int, number: int, *, rows: int, free: bool, count: int) -> list[CutPlan]:
    """The plans of a case of a campaign: one fragment, fragments of one row, and ``count`` drawn ones."""
    choices = SeededChoices(f"fragdiff/laws/{seed}/{number}")
    plans: list[CutPlan] = [WHOLE, Every(1)]
    plans += [Every(choices.integer(2, 16)) for _ in range(count // 2)]
    plans += [random_cut(choices, max(rows, 2), multiples_only=not free) for _ in range(count - count // 2)]
    return [plan for plan in dict.fromkeys(plans) if plan != ONE_FRAGMENT]


def sweep_plans(rows: int) -> list[CutPlan]:
    """Every size at which a program of up to ``rows`` rows is cut, and one fragment."""
    return [*map(Every, range(1, rows + 1)), WHOLE]


# ---- nested plans ---------------------------------------------------------------------------------------------------


def nested_pairs(plans: Sequence[CutPlan]) -> list[tuple[CutPlan, CutPlan]]:
    """Pairs (coarse, fine) in which the fine plan cuts wherever the coarse one does; the fewest further cuts for each."""
    sizes = sorted((plan.size for plan in plans if isinstance(plan, Every)), reverse=True)
    pairs: list[tuple[CutPlan, CutPlan]] = []
    for index, size in enumerate(sizes):
        # The next larger multiple; one fragment is the coarsest plan of all.
        coarse = next((each for each in reversed(sizes[:index]) if each % size == 0), None)
        if coarse is not None:
            pairs.append((Every(coarse), Every(size)))
        elif WHOLE in plans and size < WHOLE.size:
            pairs.append((WHOLE, Every(size)))
    return [*pairs, *_free_pairs(plans)]


def _free_pairs(plans: Sequence[CutPlan]) -> list[tuple[CutPlan, CutPlan]]:
    """Free plans: each with those that lack one of its rows, with one fragment where there is none, and with one row each."""
    by_rows: dict[frozenset[int], CutPlan] = {frozenset(plan.rows): plan for plan in plans if isinstance(plan, At)}
    pairs: list[tuple[CutPlan, CutPlan]] = []
    for rows, fine in by_rows.items():
        coarse = [by_rows[rows - {row}] for row in sorted(rows) if rows - {row} in by_rows]
        if not coarse and WHOLE in plans:
            coarse = [WHOLE]
        pairs += [(plan, fine) for plan in coarse]
        if Every(1) in plans:
            pairs.append((fine, Every(1)))
    return pairs
