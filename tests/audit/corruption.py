"""Wrong cells for traces of the real VM: single ones, drawn evenly over operations, chiplet rows and columns, and families
of several (spec 12, section 8.3)."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from golden_traces import Cells, GoldenTrace, judged

from reference.definition.columns import CHIPLETS, COLUMN, CORE_WIDTH, RANGE
from reference.definition.field import P
from reference.definition.isa import BY_OPCODE

CORE, CHIPLET, RANGE_TABLE = "core", "chiplets", "range"
PARTS = {
    CORE: range(CORE_WIDTH),
    CHIPLET: range(CHIPLETS.start, CHIPLETS.stop),
    RANGE_TABLE: range(RANGE.start, RANGE.stop),
}
SHARES = {CORE: 0.55, CHIPLET: 0.4, RANGE_TABLE: 0.05}
MAX_ROWS = 256

Place = tuple[GoldenTrace, int]
"""A trace and a row of it."""


@dataclass(frozen=True)
class Corruption:
    """A trace with wrong cells, and how to name what was done."""

    trace: GoldenTrace
    part: str
    stratum: str
    what: str
    cells: Cells


def operations_of(trace: GoldenTrace) -> list[str]:
    first = COLUMN["dec_op_bit_0"]
    codes = sum(trace.cells[first + bit, :-1].astype(int) << bit for bit in range(7))
    return [BY_OPCODE[code].name for code in codes.tolist()]


def chiplet_kind(trace: GoldenTrace, row: int) -> str:
    """Section, place in a cycle of eight, and the chiplet's own selectors."""
    c = trace.cells[CHIPLETS, row].tolist()
    k = row % 8
    if c[0] == 0:
        return f"hasher {'1-5' if 0 < k < 6 else k} {c[1:4]}"
    if c[1] == 0:
        return f"bitwise {'1-6' if 0 < k < 7 else k} {c[2]}"
    if c[2] == 0:
        return f"memory {c[3:5]}"
    if c[3] == 0:
        return f"ACE {c[4:6]}"
    return f"kernel ROM {c[5]}" if c[4] == 0 else "padding"


class Places:
    """All rows of some traces by part and stratum."""

    def __init__(self, traces: Sequence[GoldenTrace]) -> None:
        self.strata: dict[str, dict[str, list[Place]]] = {part: defaultdict(list) for part in PARTS}
        for trace in traces:
            for row, operation in enumerate(operations_of(trace)):
                self.strata[CORE][operation].append((trace, row))
                self.strata[CHIPLET][chiplet_kind(trace, row)].append((trace, row))
                used = bool(trace.cells[RANGE.start, row])
                self.strata[RANGE_TABLE]["looked up" if used else "not looked up"].append((trace, row))

    def draw(self, chance: random.Random) -> tuple[str, str, Place]:
        part = chance.choices(list(SHARES), list(SHARES.values()))[0]
        stratum = chance.choice(sorted(self.strata[part]))
        return part, stratum, chance.choice(self.strata[part][stratum])


def single_cells(traces: Sequence[GoldenTrace], count: int, seed: int) -> Iterator[Corruption]:
    """One cell off by one, 0, random, or as in another row."""
    places = Places(traces)
    chance = random.Random(seed)
    made = 0
    while made < count:
        part, stratum, (trace, row) = places.draw(chance)
        column = chance.choice(PARTS[part])
        old = int(trace.cells[column, row])
        elsewhere = int(trace.cells[column, chance.randrange(trace.rows - 1)])
        new = chance.choice(((old + 1) % P, (old - 1) % P, 0, chance.randrange(P), elsewhere))
        if new == old:
            continue
        cells = trace.cells.copy()
        cells[column, row] = new
        made += 1
        yield Corruption(trace, part, stratum, f"{trace.name}: column {column}, row {row}: {old} becomes {new}", cells)


# ---- families of several cells --------------------------------------------------------------------------------------


def shifted_run(trace: GoldenTrace, column: int, row: int, chance: random.Random) -> Cells:
    """The column wrong by the same amount on 2 to 8 rows."""
    cells = trace.cells.copy()
    amount = chance.choice((1, P - 1, chance.randrange(1, P)))
    for each in range(row, min(row + chance.randrange(2, 9), trace.rows - 1)):
        cells[column, each] = (int(cells[column, each]) + amount) % P
    return cells


def stale_value(trace: GoldenTrace, column: int, row: int, _: random.Random) -> Cells:
    """The column keeps the value of the row before until it changes again."""
    cells = trace.cells.copy()
    if row == 0:
        return cells
    old = cells[column, row]
    each = row
    while each < trace.rows - 1 and trace.cells[column, each] == old:
        cells[column, each] = cells[column, row - 1]
        each += 1
    return cells


def value_early(trace: GoldenTrace, column: int, row: int, _: random.Random) -> Cells:
    """The next row's value already stands in this row."""
    cells = trace.cells.copy()
    if row < trace.rows - 2:
        cells[column, row] = cells[column, row + 1]
    return cells


def segment_copied(trace: GoldenTrace, column: int, row: int, chance: random.Random) -> Cells:
    """Some neighbouring columns are those of the row before."""
    cells = trace.cells.copy()
    if row:
        end = min(column + chance.randrange(1, 20), 71)
        cells[column:end, row] = cells[column:end, row - 1]
    return cells


def cells_exchanged(trace: GoldenTrace, column: int, row: int, chance: random.Random) -> Cells:
    """Two cells of the row change places."""
    cells = trace.cells.copy()
    part = next(columns for columns in PARTS.values() if column in columns)
    other = chance.choice(part)
    cells[[column, other], row] = cells[[other, column], row]
    return cells


def _entry(trace: GoldenTrace, row: int) -> slice:
    """The rows of the chiplet entry that the row belongs to: a cycle of eight of hasher and bitwise."""
    if trace.cells[CHIPLETS.start, row] == 0 or trace.cells[CHIPLETS.start + 1, row] == 0:
        start = row - row % 8
        return slice(start, start + 8)
    return slice(row, row + 1)


def _other_entry(trace: GoldenTrace, row: int, chance: random.Random) -> tuple[slice, slice]:
    one = _entry(trace, row)
    kind = chiplet_kind(trace, one.start)
    others = [each for each in range(trace.rows - 1) if chiplet_kind(trace, each) == kind]
    return one, _entry(trace, chance.choice(others))


def entries_exchanged(trace: GoldenTrace, column: int, row: int, chance: random.Random) -> Cells:
    """Two entries of one chiplet change places."""
    cells = trace.cells.copy()
    one, other = _other_entry(trace, row, chance)
    cells[CHIPLETS, one], cells[CHIPLETS, other] = trace.cells[CHIPLETS, other], trace.cells[CHIPLETS, one]
    return cells


def entry_overwritten(trace: GoldenTrace, column: int, row: int, chance: random.Random) -> Cells:
    """One entry of a chiplet stands where another should."""
    cells = trace.cells.copy()
    one, other = _other_entry(trace, row, chance)
    cells[CHIPLETS, one] = trace.cells[CHIPLETS, other]
    return cells


Family = Callable[[GoldenTrace, int, int, random.Random], Cells]

FAMILIES: dict[str, tuple[Family, tuple[str, ...]]] = {
    "same amount on several rows": (shifted_run, tuple(PARTS)),
    "stale value": (stale_value, tuple(PARTS)),
    "value a row early": (value_early, tuple(PARTS)),
    "segment copied from the row before": (segment_copied, tuple(PARTS)),
    "cells of a row exchanged": (cells_exchanged, tuple(PARTS)),
    "chiplet entries exchanged": (entries_exchanged, (CHIPLET,)),
    "chiplet entry overwritten": (entry_overwritten, (CHIPLET,)),
}


def family_cells(traces: Sequence[GoldenTrace], family: str, count: int, seed: int) -> Iterator[Corruption]:
    """Corruptions of one family; those that change nothing are drawn again."""
    make, parts = FAMILIES[family]
    places = Places(traces)
    chance = random.Random(f"{seed} {family}")
    made = 0
    while made < count:
        part, stratum, (trace, row) = places.draw(chance)
        if part not in parts or stratum == "padding":
            continue
        column = chance.choice(PARTS[part])
        cells = make(trace, column, row, chance)
        if np.array_equal(cells, trace.cells):
            continue
        made += 1
        yield Corruption(trace, part, stratum, f"{family}: {trace.name}: column {column}, row {row}", cells)


def violated_rules(corruption: Corruption) -> frozenset[str]:
    """Names of the rules that the corrupted trace violates."""
    result = judged(corruption.cells, corruption.trace.known)
    return frozenset(violation.rule.name for violation in result.violations)
