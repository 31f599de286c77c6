"""The coverage map for people and for programs: what is missing first, then what was met and the smallest case that met it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from harness.coverage.cells import PHASE_MEANINGS, PHASES, Cell, Phase, cell, number
from harness.coverage.impossible import all_cells, reason_impossible
from harness.coverage.map import CoverageMap, Smallest

_CROSSING: Final = ("depth", "nest", "queue", "item")
"""The axes that say what crosses a cut."""

_ALL: Final = "all"


@dataclass(frozen=True, slots=True)
class Group:
    """The possible cells of one operation in one phase."""

    operation: str
    phase: Phase
    covered: tuple[Cell, ...]
    missing: tuple[Cell, ...]
    cuts: int
    smallest: Smallest | None
    """The smallest case of all its cells."""

    @property
    def possible(self) -> int:
        """How many cells there are."""
        return len(self.covered) + len(self.missing)


def groups(coverage: CoverageMap) -> list[Group]:
    """All groups that have a possible cell; those that miss most come first."""
    cells: dict[tuple[str, Phase], list[Cell]] = defaultdict(list)
    for each in all_cells():
        if reason_impossible(each) is None:
            cells[each.operation, each.phase].append(each)
    found = [_group(coverage, members) for members in cells.values()]
    return sorted(found, key=lambda group: (-len(group.missing), group.operation, PHASES.index(group.phase)))


def _group(coverage: CoverageMap, cells: Sequence[Cell]) -> Group:
    counts = {each: int(coverage.counts[number(each)]) for each in cells}
    covered = tuple(each for each in cells if counts[each])
    smallest = min((coverage.smallest[number(each)] for each in covered), key=_size, default=None)
    missing = tuple(each for each in cells if not counts[each])
    return Group(cells[0].operation, cells[0].phase, covered, missing, sum(counts.values()), smallest)


def _size(smallest: Smallest) -> tuple[int, str, int]:
    return smallest.rows, smallest.case, smallest.row


def headline(coverage: CoverageMap) -> str:
    """The map in one line."""
    cuts = int(coverage.counts.sum()) // 2  # each cut has a row before it and a row behind it
    return f"{coverage.covered:,} of {coverage.possible:,} cells covered ({coverage.share:.1%}), {cuts:,} cuts"


def listing(coverage: CoverageMap, *, gaps: int | None, cells: bool) -> Iterator[str]:
    """Lines: gaps first, at most ``gaps`` of them (None: all), then the phases; with ``cells`` every covered cell."""
    found = groups(coverage)
    incomplete = [group for group in found if group.missing]
    yield headline(coverage)
    if coverage.contradictions:
        yield f"{len(coverage.contradictions)} cells were met that should be impossible: a rule or an engine is wrong"
        yield from (
            f"  {cell(each).text}: {reason_impossible(cell(each)) or 'its words do not go together'}; "
            f"{_case_text(coverage.smallest[each])}"
            for each in coverage.contradictions
        )
    yield ""
    yield f"gaps: {sum(len(group.missing) for group in incomplete):,} cells of {len(incomplete):,} operations and phases"
    shown = incomplete if gaps is None else incomplete[:gaps]
    yield from (f"  {_gap_text(group)}" for group in shown)
    if len(shown) < len(incomplete):
        rest = incomplete[len(shown) :]
        yield f"  .. and {sum(len(group.missing) for group in rest):,} cells of {len(rest):,} more (--gaps all)"
    yield ""
    yield from _phase_lines(found)
    if cells:
        yield ""
        yield from _cell_lines(coverage)


def _gap_text(group: Group) -> str:
    name = f"{group.operation} {group.phase}"
    return f"{name:<28} {len(group.covered):>3} of {group.possible:<3} missing {missing_text(group)}"


def missing_text(group: Group) -> str:
    """Words that all missing cells share, and how many there are of the others: ``called twice; depth 17 x4``."""
    if not group.covered:
        return _ALL
    parts = []
    for axis in _CROSSING:
        possible = {getattr(each, axis) for each in (*group.covered, *group.missing)}
        words = Counter(getattr(each, axis) for each in group.missing)
        if len(words) < len(possible):
            parts.append(f"{axis} " + "|".join(sorted(words)))
    return f"{len(group.missing)}" + (f": {', '.join(parts)}" if parts else "")


def _phase_lines(found: Sequence[Group]) -> Iterator[str]:
    yield f"{'phase':<13} {'covered':>15} {'share':>7} {'cuts':>12}  smallest case"
    for phase in PHASES:
        members = [group for group in found if group.phase == phase]
        covered = sum(len(group.covered) for group in members)
        possible = sum(group.possible for group in members)
        smallest = min((group.smallest for group in members if group.smallest), key=_size, default=None)
        amount = f"{covered:,} of {possible:,}"
        cuts = sum(group.cuts for group in members)
        yield (
            f"{phase:<13} {amount:>15} {covered / possible:>7.1%} {cuts:>12,}  "
            f"{_case_text(smallest) if smallest else 'none'}"
        )


def _cell_lines(coverage: CoverageMap) -> Iterator[str]:
    yield f"{'cell':<56} {'cuts':>9}  smallest case"
    for each in sorted(coverage.smallest):
        yield f"{cell(each).text:<56} {int(coverage.counts[each]):>9,}  {_case_text(coverage.smallest[each])}"


def _case_text(smallest: Smallest) -> str:
    return f"{smallest.case}, {smallest.rows} rows, cut at {smallest.row}"


# ---- JSON -----------------------------------------------------------------------------------------------------------


def as_json(coverage: CoverageMap) -> dict[str, Any]:
    """The whole map with stable keys: shares, gaps, impossible cells by reason, and every covered cell."""
    impossible = Counter(reason for each in all_cells() if (reason := reason_impossible(each)) is not None)
    return {
        "covered": coverage.covered,
        "possible": coverage.possible,
        "share": round(coverage.share, 4),
        "contradictions": [cell(each).text for each in coverage.contradictions],
        "phases": dict(PHASE_MEANINGS),
        "gaps": [
            {
                "operation": group.operation,
                "phase": group.phase,
                "covered": len(group.covered),
                "possible": group.possible,
                "missing": [each.text for each in group.missing],
            }
            for group in groups(coverage)
            if group.missing
        ],
        "impossible": dict(impossible),
        "cells": {
            cell(each).text: {
                "cuts": int(coverage.counts[each]),
                "case": smallest.case,
                "rows": smallest.rows,
                "row": smallest.row,
            }
            for each, smallest in sorted(coverage.smallest.items())
        },
    }
