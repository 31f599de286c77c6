"""The range table is rebuilt from the lookups; examples are those of spec 05, section 8."""

from __future__ import annotations

import numpy as np
import pytest
from golden_traces import GoldenTrace, all_traces, judged, named

from harness.audit.range_table import MOST_ROWS, VALUES, RangeCheck, table_of
from harness.audit.tile import Tile
from harness.audit.violation import Violation
from reference.definition.columns import COLUMN, WIDTH
from reference.definition.isa import decoder_bits, opcode

U32MUL = np.array(decoder_bits(opcode("U32MUL")), dtype=np.uint64)


def counts_of(*lookups: int) -> np.ndarray:
    return np.bincount(np.array(lookups, dtype=np.int64), minlength=VALUES)


def head(table: np.ndarray, rows: int) -> list[tuple[int, int]]:
    return [tuple(row) for row in table[:rows].tolist()]


def test_without_lookups_there_are_39_rows() -> None:
    table = table_of(counts_of())
    values = table[:, 1].tolist()
    assert values == [*(2187 * n for n in range(30)), 64152, 64881, 65124, 65367, 65448, 65529, 65532, 65535, 65535]
    assert not table[:, 0].any()


def test_the_tables_of_the_page() -> None:
    assert head(table_of(counts_of(0, 0, 1, 5)), 4) == [(2, 0), (1, 1), (0, 4), (1, 5)]
    assert len(table_of(counts_of(0, 0, 1, 5))) == 41
    assert head(table_of(counts_of(0, 0, 0, 256)), 6) == [(3, 0), (0, 243), (0, 252), (0, 255), (1, 256), (0, 2443)]
    assert len(table_of(counts_of(0, 0, 0, 256))) == 45
    lookups = (0, 1, 2, 2, 2, 2, 3, 3, 3, 4, 4, 100, 355, 620)
    assert head(table_of(counts_of(*lookups)), 17) == [
        *((1, 0), (1, 1), (4, 2), (3, 3), (2, 4), (0, 85), (0, 94), (0, 97), (1, 100), (0, 343), (0, 352), (1, 355)),
        *((0, 598), (0, 607), (0, 616), (0, 619), (1, 620)),
    ]
    golden_24 = table_of(counts_of(0, 0, 0, 1, 9, 13))
    assert head(golden_24, 8) == [(3, 0), (1, 1), (0, 4), (0, 7), (0, 8), (1, 9), (0, 12), (1, 13)]
    assert len(golden_24) == 49


def test_the_longest_table_has_every_value() -> None:
    assert len(table_of(np.ones(VALUES, dtype=np.int64))) == MOST_ROWS
    random = np.random.default_rng(1)
    for share in (0.001, 0.1, 0.5, 0.9):
        counts = (random.random(VALUES) < share).astype(np.int64)
        table = table_of(counts)
        assert len(table) <= MOST_ROWS
        assert np.diff(table[:, 1].astype(np.int64)).max() <= 2187


@pytest.mark.parametrize("name", [trace.name for trace in all_traces()])
def test_the_table_of_every_recorded_trace_is_rebuilt(name: str) -> None:
    trace = named(name)
    names = {violation.rule.name for violation in judged(trace.cells, trace.known).violations}
    assert not names & {"range.bus", "range.table", "range.limbs"}


def range_violations(trace: GoldenTrace) -> dict[str, Violation]:
    found = judged(trace.cells, trace.known).violations
    return {violation.rule.name: violation for violation in found if violation.rule.group == "range"}


def with_cell(trace: GoldenTrace, column: str, row: int, value: int) -> GoldenTrace:
    cells = trace.cells.copy()
    cells[COLUMN[column], row] = value
    return GoldenTrace(trace.name, cells, trace.known)


def test_a_multiplicity_too_many_names_the_value_and_both_sides() -> None:
    trace = named("case_24")
    start = trace.rows - 1 - 49
    found = range_violations(with_cell(trace, "range_m", start + 5, 2))
    bus, table = found["range.bus"], found["range.table"]
    memory = trace.cells[COLUMN["chip_14"]] == 9
    asked = int(np.flatnonzero(memory & (trace.cells[COLUMN["chip_2"]] == 0))[0])
    assert bus.details == (
        f"9: looked up 1 times (first on row {asked}, memory), in the table 2 times (first on row {start + 5}, range table)",
    )
    assert (table.row, table.details) == (start + 5, ("expected multiplicity 1 of value 9",))
    assert [(cell.column, cell.value) for cell in table.cells] == [("range_m", 2), ("range_v", 9)]


def test_a_limb_beyond_16_bits_is_told_with_its_row() -> None:
    bits = [COLUMN[f"dec_op_bit_{bit}"] for bit in range(7)]
    is_product = [(trace, (trace.cells[bits].T == U32MUL).all(axis=1)) for trace in all_traces()]
    trace, rows = next((trace, rows) for trace, rows in is_product if rows.any())
    row = int(np.flatnonzero(rows)[0])
    found = range_violations(with_cell(trace, "dec_h2", row, VALUES))
    assert found["range.limbs"].row == row
    assert "in the table 1 times" in found["range.bus"].details[0]


def test_a_table_row_beyond_16_bits_is_told() -> None:
    trace = named("case_01")
    cells = trace.cells.copy()
    cells[COLUMN["range_m"], 2], cells[COLUMN["range_v"], 2] = 1, VALUES + 5
    found = range_violations(GoldenTrace(trace.name, cells, trace.known))
    assert found["range.bus"].details == (f"row 2: the table has {VALUES + 5} with multiplicity 1, beyond 16 bits",)
    assert found["range.table"].row == 2


def tile_of(first_row: int, trace_rows: int, table: np.ndarray) -> Tile:
    """Rows that look up nothing, with these cells of the range table."""
    rows = np.zeros((len(table) + 1, WIDTH), dtype=np.uint64)
    rows[:-1, COLUMN["range_m"] : COLUMN["range_v"] + 1] = table
    return Tile(first_row, trace_rows, rows, np.zeros(len(table) + 1, dtype=np.uint8))


def judged_tables(*tables: np.ndarray) -> list[Violation]:
    check, row = RangeCheck(), 0
    total = sum(map(len, tables)) + 1
    for table in tables:
        check.add(check.partial(tile_of(row, total, table)))
        row += len(table)
    found = check.finish(lambda: iter(()))
    return [violation for violation in found if isinstance(violation, Violation)]


@pytest.mark.parametrize("zeros", [0, 5])
@pytest.mark.parametrize("cut", [1, 20, 38])
def test_a_table_may_lie_in_several_tiles(zeros: int, cut: int) -> None:
    table = np.concatenate([np.zeros((zeros, 2), dtype=np.uint64), table_of(counts_of())])
    assert judged_tables(table[:cut], table[cut:]) == []


def test_a_table_that_ends_early_is_not_where_it_should_be() -> None:
    table = table_of(counts_of())
    zeros = np.zeros((3, 2), dtype=np.uint64)
    (violation,) = judged_tables(np.concatenate([table, zeros]))
    assert violation.rule.name == "range.table"
    # It begins with zeros, so its second row is the first that is seen to be in the wrong place.
    assert (violation.row, violation.cells[1].value) == (1, 2187)
    (violation,) = judged_tables(zeros, table[:-3], zeros)
    assert (violation.row, violation.count) == (39, 3)


def test_no_table_at_all_is_noticed() -> None:
    (violation,) = judged_tables(np.zeros((100, 2), dtype=np.uint64))
    assert (violation.rule.name, violation.row, violation.count) == ("range.table", 62, 38)


def test_a_trace_too_short_for_its_table_is_told() -> None:
    (violation,) = judged_tables(np.zeros((30, 2), dtype=np.uint64))
    assert violation.details == ("39 rows are needed, the trace has room for 30",)


def test_rows_far_above_any_table_are_not_kept_but_remembered() -> None:
    stray = np.zeros((4, 2), dtype=np.uint64)
    stray[2] = 0, 77
    tables = [
        stray,
        *(np.zeros((30_000, 2), dtype=np.uint64),) * 2,
        np.zeros((10_000, 2), dtype=np.uint64),
        table_of(counts_of()),
    ]
    (violation,) = judged_tables(*tables)
    assert (violation.row, violation.cells[1].value, violation.count) == (2, 77, 1)
