"""Buses close on real traces, exactly; and when one does not, its unmatched messages are named with the rows that sent them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np
import pytest
from audit_traces import audit_traces
from golden_traces import GoldenTrace, all_traces, judged, named

from harness.audit.buses.folding import TABLES, Folded, empty, fold, join, sent_by
from harness.audit.buses.message import Side, evaluate, linear_form
from harness.audit.buses.sending import message_value
from harness.audit.buses.tables import BLOCK_HASH, BUSES
from harness.audit.buses.unmatched import SHOWN
from harness.audit.chiplets.names import CHIPLET_VOCABULARY
from harness.audit.core.words import CORE
from harness.audit.notation import NotationError
from harness.audit.tile import Tile
from harness.audit.tiling import TileBuffer, tile_parts
from harness.audit.violation import Violation
from harness.backend import Window
from reference.definition.columns import COLUMN
from reference.definition.field import P

TRACES = (*all_traces(), *audit_traces().values())


def tiles_of(trace: GoldenTrace) -> Iterator[Tile]:
    buffer = TileBuffer()
    windows = [Window(0, trace.cells)]
    return (buffer.fill(part, trace.rows) for part in tile_parts(windows, trace.rows))


def with_cell(trace: GoldenTrace, column: str, row: int, value: int) -> GoldenTrace:
    cells = trace.cells.copy()
    cells[COLUMN[column], row] = value
    return GoldenTrace(trace.name, cells, trace.known)


def bus_violations(trace: GoldenTrace) -> dict[str, Violation]:
    found = judged(trace.cells, trace.known).violations
    return {violation.rule.name: violation for violation in found if violation.rule.group == "buses"}


def rows_of(trace: GoldenTrace, operation: int) -> list[int]:
    first = COLUMN["dec_op_bit_0"]
    codes = sum(trace.cells[first + bit, :-1].astype(int) << bit for bit in range(7))
    return np.flatnonzero(codes == operation).tolist()


# ---- without random numbers --------------------------------------------------------------------------------------------


def exact_balance(trace: GoldenTrace) -> dict[str, Counter[tuple[int, ...]]]:
    """By bus: what is left of each message, compared slot by slot; weighted messages by their multiplicities mod p."""
    left: dict[str, Counter[tuple[int, ...]]] = {bus.name: Counter() for bus in BUSES}
    assert trace.known.program_hash is not None
    left[BLOCK_HASH.name][0, *trace.known.program_hash, 0, 0] += 1
    for tile in tiles_of(trace):
        for table in TABLES:
            sent = sent_by(table, tile)
            for number, offset in zip(sent.numbers.tolist(), sent.offsets.tolist(), strict=True):
                message, forms = table.messages[number], table.forms[number]
                pair = [int(cell) for cell in tile.rows[offset : offset + 2].reshape(-1)]
                codes = tile.opcodes[offset : offset + 2].tolist()
                row = tile.first_row + offset
                slots = tuple(
                    evaluate(forms.get(s, {}), pair, row, codes) for s in range(1, len(message.bus.slots) + 1)
                )
                weight = pair[table.weight_column[number]] if message.times else 1
                left[message.bus.name][slots] += weight if message.side is Side.ADDS else -weight
    return {bus: Counter({slots: n % P for slots, n in counts.items() if n % P}) for bus, counts in left.items()}


@pytest.mark.parametrize("trace", [trace for trace in TRACES if trace.rows <= 128], ids=lambda trace: trace.name)
def test_every_bus_closes_message_by_message(trace: GoldenTrace) -> None:
    assert {bus: dict(left) for bus, left in exact_balance(trace).items() if left} == {}


@pytest.mark.parametrize("name", audit_traces())
def test_traces_made_for_the_audit_are_accepted(name: str) -> None:
    trace = audit_traces()[name]
    assert judged(trace.cells, trace.known).accepted


def test_every_message_is_sent_on_some_trace() -> None:
    seen: Counter[str] = Counter()
    for trace in TRACES:
        for tile in tiles_of(trace):
            for table in TABLES:
                seen.update(
                    f"{table.messages[n].bus.name}: {table.messages[n].name}"
                    for n in sent_by(table, tile).numbers.tolist()
                )
    every = {f"{message.bus.name}: {message.name}" for table in TABLES for message in table.messages}
    assert every - seen.keys() == set()


def test_the_compiled_value_of_a_message_is_that_of_its_slots() -> None:
    trace = named("case_24")
    compared = 0
    for tile in tiles_of(trace):
        for table in TABLES:
            sent = sent_by(table, tile)
            for value, number, offset in zip(*(array.tolist() for array in sent), strict=True):
                pair = [int(cell) for cell in tile.rows[offset : offset + 2].reshape(-1)]
                codes = tile.opcodes[offset : offset + 2].tolist()
                forms = table.forms[number]
                slots = [
                    evaluate(forms.get(s, {}), pair, tile.first_row + offset, codes)
                    for s in range(1, len(table.messages[number].bus.slots) + 1)
                ]
                assert value == message_value(slots)
                compared += 1
    assert compared == 47


# ---- products over tiles -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 7, 64, 100])
def test_products_do_not_depend_on_the_size_of_tiles(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    trace = max(TRACES, key=lambda each: each.rows)
    whole = folded(trace)
    monkeypatch.setattr("harness.audit.tiling.TILE_ROWS", size)
    parts = folded(trace)
    assert (whole.products == parts.products).all()
    assert (whole.sums == parts.sums).all()


def folded(trace: GoldenTrace) -> Folded:
    total = empty()
    for tile in tiles_of(trace):
        join(*total, *fold(tile))
    return total


# ---- reports -----------------------------------------------------------------------------------------------------------


def test_a_wrong_loaded_value_names_the_load_and_the_memory_row() -> None:
    trace = named("ctl_mem_edges_703530")
    row = rows_of(trace, 7)[0]
    value = int(trace.cells[COLUMN["stack_0"], row + 1])
    violation = bus_violations(with_cell(trace, "stack_0", row + 1, value + 1))["buses.memory"]
    assert (violation.row, violation.operation, violation.count) == (row, "MLOAD", 2)
    asked, given = violation.details
    assert asked.startswith(f"row {row}, MLOAD: removes <label 12, ctx ")
    assert f"value {value + 1}" not in asked  # slots have their own names
    assert f"v0 {value + 1}, v1 0" in asked
    assert f"with v0 {value}" in asked
    assert "adds <label 12" in given


def test_the_cells_that_the_message_reads_are_shown() -> None:
    trace = named("ctl_mem_edges_703530")
    row = rows_of(trace, 7)[0]
    violation = bus_violations(with_cell(trace, "stack_0", row + 1, 12345))["buses.memory"]
    assert {(cell.column, cell.row) for cell in violation.cells} == {
        ("ctx", row),
        ("stack_0", row),
        ("clk", row),
        ("stack_0", row + 1),
    }
    assert 12345 in {cell.value for cell in violation.cells}


def test_a_wrong_multiplicity_is_told_with_its_difference() -> None:
    trace = next(trace for trace in TRACES if rows_of(trace, 93))
    chip_0 = COLUMN["chip_0"]
    ace = (trace.cells[chip_0 : chip_0 + 3, :-1] == 1).all(axis=0) & (trace.cells[chip_0 + 3, :-1] == 0)
    row = int(np.flatnonzero(ace)[0])
    wrong = with_cell(trace, "chip_19", row, int(trace.cells[COLUMN["chip_19"], row]) + 3)
    violation = bus_violations(wrong)["buses.wiring"]
    assert violation.row == row
    assert f"row {row}, result or first variable: adds 3 times <clk " in violation.details[0]


def test_a_wrong_program_hash_leaves_the_program_s_entry_over() -> None:
    trace = named("case_01")
    known = trace.known
    assert known.program_hash is not None
    forged = type(known)(program_hash=(1, 2, 3, 4))
    result = judged(trace.cells, forged)
    violation = next(v for v in result.violations if v.rule.name == "buses.block hash")
    assert violation.details[0].startswith(
        "the program: adds <parent 0, digest 0 1, digest 1 2, digest 2 3, digest 3 4, is_first_child 0, is_loop_body 0>"
    )


def test_a_report_of_many_messages_is_cut_short() -> None:
    trace, pushes = max(((trace, rows_of(trace, 91)) for trace in TRACES), key=lambda found: len(found[1]))
    cells = trace.cells.copy()
    assert len(pushes) > SHOWN
    cells[COLUMN["stack_15"], pushes] = 77
    violation = bus_violations(GoldenTrace(trace.name, cells, trace.known))["buses.stack overflow"]
    assert len(violation.details) == SHOWN + 1
    assert violation.details[-1] == f"and {violation.count - SHOWN} more messages without a partner"
    assert violation.row == pushes[0]


def test_two_chiplet_answers_that_are_both_wrong_do_not_make_up_for_each_other() -> None:
    """What one memory row has too much, another has too little: sums would not see it."""
    trace = named("ctl_mem_edges_703530")
    chip_0 = COLUMN["chip_0"]
    memory = (trace.cells[chip_0 : chip_0 + 2, :-1] == 1).all(axis=0) & (trace.cells[chip_0 + 2, :-1] == 0)
    one, other = np.flatnonzero(memory)[:2].tolist()
    cells = trace.cells.copy()
    cells[COLUMN["chip_9"], one] += np.uint64(1)
    cells[COLUMN["chip_9"], other] -= np.uint64(1)
    assert "buses.memory" in bus_violations(GoldenTrace(trace.name, cells, trace.known))


# ---- the notation of slots ---------------------------------------------------------------------------------------------


def test_a_slot_is_a_linear_form() -> None:
    form = linear_form("128*h0' + op' - 3*(gc - 2)", CORE)
    cells = [0] * 144
    cells[72 + COLUMN["dec_h0"]] = 5
    cells[COLUMN["dec_group_count"]] = 11
    assert evaluate(form, cells, 9, (1, 33)) == (128 * 5 + 33 - 3 * (11 - 2)) % P


def test_the_row_number_is_a_source() -> None:
    assert evaluate(linear_form("row + 1", CHIPLET_VOCABULARY), [0] * 144, 41, (0, 0)) == 42


@pytest.mark.parametrize("text", ["s0*s1", "s0^2", "nothing", "s0 == 1"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(NotationError):
        linear_form(text, CORE)
