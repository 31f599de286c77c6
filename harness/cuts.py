"""Where to cut: random plans, plans aimed at what the coverage map lacks, and all plans of a kind for small programs.

Aiming and exhausting need one run of the reference; the plans are then good for any engine.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from harness.coverage import CoverageMap, Phase, RowCells, cell, row_cells, row_operations
from harness.generate.choices import Choices, pick_weighted
from reference.definition.cuts import ONE_FRAGMENT, At, CutPlan, Every
from reference.execution import Execution

EVERY_ROW_LIMIT: Final = 96
"""Programs up to this many rows are cut at every row: that costs no more than one longer program."""

MOST_FRAGMENTS: Final = 512
"""Of a long program in a random plan: a boundary costs 5 us, in another program more; 512 fragments show what 5000 do."""

SWEEP_ROWS: Final = 64
"""Programs up to this many rows are cut at every single row, and in fragments of every size."""

MOST_PAIRS: Final = 64
"""Plans around the calls and loops of one program; a loop that runs 20 times has 20 pairs."""

PRIMES: Final = (
    2,
    3,
    5,
    7,
    11,
    13,
    17,
    19,
    23,
    29,
    31,
    37,
    41,
    43,
    47,
    53,
    59,
    61,
    67,
    71,
    73,
    79,
    83,
    89,
    97,
    127,
    251,
)


class Situation(NamedTuple):
    """What stands at a cut, without what crosses it."""

    operation: str
    phase: Phase


def row_situations(execution: Execution) -> list[tuple[Situation, ...]]:
    """For each row of a completed run what a fragment that begins there stands for; row 0 is no cut and has none.

    First the row itself, then the row before; the last row, which has a phase of its own, says what ends there as well.
    """
    cells = row_cells(execution)
    found: list[tuple[Situation, ...]] = [()] if cells.rows else []
    for behind, before in zip(cells.behind[1:].tolist(), cells.before[1:].tolist(), strict=True):
        found.append((Situation(*cell(behind)[:2]), Situation(*cell(before)[:2])))
    if cells.rows > 1:
        last, previous = found[-1]
        is_return = last.operation in ("END call", "END syscall", "END dyncall")
        found[-1] = (Situation(last.operation, "return" if is_return else "end"), previous, last)
    return found


# ---- random ---------------------------------------------------------------------------------------------------------


def random_cut(choices: Choices, rows: int, *, multiples_only: bool = False) -> CutPlan:
    """A plan for a program of ``rows`` rows: any small size, primes, sizes near the end, single rows.

    ``multiples_only`` leaves out free cuts, which the real VM's own builder does not offer.
    """
    kind = pick_weighted(
        choices, ((1, "one"), (4, "small"), (2, "prime"), (3, "end"), (0 if multiples_only else 4, "at"))
    )
    smallest = max(1, rows // MOST_FRAGMENTS)
    match kind:
        case "one":
            return ONE_FRAGMENT
        case "small":
            return Every(max(smallest, choices.integer(1, min(32, max(1, rows)))))
        case "prime":
            return Every(max(smallest, choices.pick(PRIMES)))
        case "end":
            return Every(max(1, rows // choices.integer(1, 3) + choices.integer(-2, 2)))
        case _:
            return At(tuple(sorted({choices.integer(0, rows + 1) for _ in range(choices.integer(1, 8))})))


# ---- aimed ----------------------------------------------------------------------------------------------------------


def filling_cut(cells: RowCells, coverage: CoverageMap, *, multiples_only: bool = False) -> CutPlan | None:
    """The plan that fills every empty cell of the map that this run can fill; None when there is none.

    With ``multiples_only`` the fragment size up to 64 that fills most of them.
    """
    rows = coverage.rows_with_empty_cells(cells)
    if not rows:
        return None
    if not multiples_only:
        return At(tuple(rows))
    return Every(max(range(1, 65), key=lambda size: (sum(row % size == 0 for row in rows), size)))


# ---- exhaustive -----------------------------------------------------------------------------------------------------


def single_cuts(rows: int) -> tuple[CutPlan, ...]:
    """Every plan with exactly one cut that cuts a program of ``rows`` rows."""
    return tuple(At((row,)) for row in range(1, rows))


def every_size(rows: int) -> tuple[CutPlan, ...]:
    """Fragments of every size from one row to one row more than the program has."""
    return tuple(Every(size) for size in range(1, rows + 2))


def pairs_around(cells: RowCells) -> tuple[CutPlan, ...]:
    """Two cuts around every call and every run of a loop's body, at its first and last row or just inside them.

    What one fragment leaves behind there, the fragment in between must neither use nor lose. At most :data:`MOST_PAIRS`,
    spread over the program.
    """
    pairs = [
        (first, last)
        for start, end in _calls_and_runs(row_operations(cells) if cells.rows > 1 else ())
        for first, last in ((start, end), (start + 1, end), (start, end + 1), (start + 1, end + 1))
        if 0 < first < last < cells.rows
    ]
    step = max(1, -(-len(pairs) // MOST_PAIRS))
    return tuple(At(pair) for pair in dict.fromkeys(pairs[::step]))


_AROUND: Final = ("CALL", "SYSCALL", "DYN", "DYNCALL", "LOOP")
_OPEN: Final = (*_AROUND, "SPAN", "JOIN", "SPLIT")


def _calls_and_runs(operations: Sequence[str]) -> list[tuple[int, int]]:
    """First and last row of calls; of loops from one LOOP, REPEAT or END row to the next."""
    found: list[tuple[int, int]] = []
    open_nodes: list[tuple[str, int]] = []
    for row, name in enumerate(operations):
        if name in _OPEN:
            open_nodes.append((name, row))
        elif name == "REPEAT":
            found.append((open_nodes[-1][1], row))
            open_nodes[-1] = ("LOOP", row)
        elif name.startswith("END"):
            kind, start = open_nodes.pop()
            if kind in _AROUND:
                found.append((start, row))
    return found
