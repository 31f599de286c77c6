"""The table of what feeds a cell holds on every row of recorded programs, and a source names the right place."""

from collections import Counter

import numpy as np
import pytest
from recorded_cases import SMALL, recorded_case, recorded_rows, with_operations

from harness.localise.chiplet_provenance import ChipletProvenance
from harness.localise.feeds import COMPUTED, DECODER, MOVED, POPPED, STATE, Entry, item_before, shift_of
from harness.localise.parts import maker_of, requesting_row, section_of, sections
from harness.localise.provenance import Provenance
from harness.localise.queues import ExpectedQueues
from harness.localise.source import From, Side, Style
from parallel.executor import record
from reference.definition.columns import CHIPLETS, COLUMN, COLUMN_NAMES
from reference.definition.cuts import Every
from reference.definition.field import inverse_or_zero
from reference.definition.isa import BLOCK_OPERATIONS

NAMES = {*SMALL[::3], *with_operations("HORNERBASE", "MSTREAM", "FRIE2F4")}
FAST = [name for name in SMALL if name in NAMES and recorded_rows(name) is not None]
CONTROL = ("JOIN", "SPLIT", "LOOP", "CALL", "SYSCALL", "DYN", "DYNCALL")
COMPUTED_FROM_WORD = ("HORNERBASE", "HORNEREXT")
"""Their new items are computed from the word that they read; the others show it as it is."""


def claims(rows):
    """Every claim of the tables that applies to a run: (operation, column, what the cell is, what it must be)."""
    queues = ExpectedQueues(rows)
    for row in range(rows.count):
        operation = rows.operation(row)
        key = "END of a call" if rows.is_return[row] else operation
        after = rows.after(row)
        tables = [(STATE.get(key, {}), after, True)]
        if rows.takes["pops"][row] and operation != "DYNCALL":
            tables.append((POPPED, after, True))
        tables.append((DECODER[operation], rows.execution.core[row], False))
        for table, cells, is_state in tables:
            for column, made in table.items():
                if not isinstance(made, Entry) or (is_state and operation in COMPUTED_FROM_WORD):
                    continue
                if made.queue == "pops" and not rows.takes["pops"][row]:
                    continue
                yield operation, column, int(cells[COLUMN[column]]), entry_value(rows, queues, made, row, column)


def entry_value(rows, queues, entry, row, column):
    first, count = int(rows.taken[entry.queue][row]), int(rows.takes[entry.queue][row])
    value = queues.of(entry.queue)[first + (entry.which if entry.which >= 0 else count - 1)]
    if entry.field == "node_flags":
        flag = {"dec_h4": 1, "dec_h5": 4, "dec_h6": 8, "dec_h7": 16}[column]
        return int(bool(value["node_flags"] & flag))
    field = value[entry.field] if entry.field else value
    if rows.operation(row) == "MLOAD":
        return int(field[int(value["kind"]) >> 2])
    number = int(field[entry.element]) if entry.element else int(field)
    return inverse_or_zero(number - 16) if column == "stack_h0" else number


def test_queue_entries_are_what_their_cells_show():
    met = Counter()
    for name in FAST:
        for operation, column, cell, wanted in claims(recorded_rows(name)):
            assert cell == wanted, (name, operation, column)
            met[operation] += 1
    listed = {
        name for name, table in (*STATE.items(), *DECODER.items()) if any(isinstance(x, Entry) for x in table.values())
    }
    assert listed - {"END of a call"} <= set(met), "an operation of the tables was not among these programs"
    assert sum(met.values()) > 5000


def test_items_come_from_where_the_table_says():
    met = set()
    for name in FAST:
        rows = recorded_rows(name)
        items = slice(COLUMN["stack_0"], COLUMN["stack_0"] + 16)
        for row in range(rows.count):
            operation = rows.operation(row)
            before, after = rows.execution.core[row, items], rows.after(row)[items]
            shift = shift_of(operation, bool(rows.shifts_left[row]))
            for item in range(16):
                origin = item_before(operation, item, shift)
                if origin is not None:
                    assert after[item] == before[origin], (name, row, operation, item)
            met.add(operation)
    operations = {info.name for info in BLOCK_OPERATIONS}
    assert operations <= met, f"not met: {operations - met}"


def test_every_item_that_is_not_computed_has_an_origin_but_those_that_shifts_bring_in():
    for info in BLOCK_OPERATIONS:
        shift = shift_of(info.name, takes_one_off=False)
        without = {item for item in range(16) if item_before(info.name, item, shift) is None}
        brought = {-1: {15}, 0: set(), 1: {0}}[shift]
        assert without <= set(COMPUTED.get(info.name, ())) | brought, info.name
        assert not without & set(MOVED.get(info.name, {})), info.name


# ---- chiplets -------------------------------------------------------------------------------------------------------


def test_requests_of_chiplet_rows_are_those_of_the_rows_that_show_them():
    checked = Counter()
    for name in FAST:
        rows = recorded_rows(name)
        columns = rows.trace.columns
        for section in sections(rows):
            for row in range(section.first, section.end):
                request = requesting_row(rows, row)
                if section.name == "hasher" and rows.operation(request) in ("HPERM", "MPVERIFY", "MRUPDATE"):
                    first = int(rows.execution.core[request, COLUMN["dec_h2"]]) - 1
                    assert first <= row < first + 8 * int(rows.takes["permutations"][request])
                elif section.name == "hasher" and row % 8 == 0 and rows.operation(request) in CONTROL:
                    # The domain of a control node's hash is its opcode (spec 05, section 2.2).
                    assert int(columns[COLUMN["chip_5"], row]) == rows.codes[request]
                elif section.name == "bitwise" and (row - section.first) % 8 == 7:
                    shown = [int(columns[COLUMN[f"chip_{index}"], row]) for index in (4, 3)]
                    assert shown == rows.execution.core[request, COLUMN["stack_0"] : COLUMN["stack_0"] + 2].tolist()
                elif section.name in ("memory", "circuits"):
                    assert rows.takes["accesses"][request] > 0
                else:
                    continue
                checked[section.name] += 1
    assert set(checked) == {"hasher", "bitwise", "memory", "circuits"}, checked


def test_sections_are_those_that_the_selectors_say():
    for name in FAST[::4]:
        rows = recorded_rows(name)
        selectors = rows.trace.columns[CHIPLETS][:5]
        for section in sections(rows):
            for row in range(section.first, section.end):
                ones = next((index for index in range(5) if selectors[index, row] == 0), 5)
                assert (
                    section.name == ["hasher", "bitwise", "memory", "circuits", "kernel ROM", "chiplet padding"][ones]
                )
                assert section_of(rows, row) == section


# ---- whole sources --------------------------------------------------------------------------------------------------


def provenances(name, style, size=3):
    rows = recorded_rows(name)
    queues = ExpectedQueues(rows)
    starts = (0,) if style is Style.SEQUENTIAL else Every(size).starts(rows.count)
    recording = record(recorded_case(name, Every(size))) if style is Style.SNAPSHOT else None
    side = Side("made", style, starts, recording)
    return rows, Provenance(rows, queues, side), ChipletProvenance(rows, queues, side)


@pytest.mark.parametrize("style", Style)
def test_every_cell_has_a_source_and_recorded_values_are_the_expected_ones(style):
    kinds = Counter()
    for name in FAST[::8]:
        rows, core, chiplets = provenances(name, style)
        for row in np.linspace(0, rows.trace.lengths.rows - 1, 40).astype(int).tolist():
            for index, column in enumerate(COLUMN_NAMES):
                is_core = index < CHIPLETS.start - 2 and row < rows.trace.lengths.rows - 1
                source = core.of(row, column) if is_core else chiplets.of(row, column)
                assert source.text and not source.text.endswith(".")
                assert source.recorded is None or source.recorded == source.expected, (name, row, column, source)
                kinds[source.kind] += 1
    absent = {Style.SEQUENTIAL: {From.QUEUE, From.SNAPSHOT}}.get(style, {From.STATE})
    assert set(kinds) == set(From) - absent


def first_row(rows, operation, *, after=0):
    return next(row for row in range(after, rows.count) if rows.operation(row) == operation)


def case_with(operation, where=lambda rows, row: True):
    for name in FAST:
        rows = recorded_rows(name)
        for row in range(1, rows.count - 1):
            if rows.operation(row) == operation and where(rows, row):
                return name, row
    raise AssertionError(f"no recorded case has {operation} there")


def test_a_popped_item_is_traced_to_the_row_that_pushed_it_out():
    name, row = case_with("DROP", lambda rows, row: rows.takes["pops"][row])
    rows, core, _ = provenances(name, Style.SNAPSHOT, size=1000)
    source = core.of(row + 1, "stack_15")
    index = int(rows.taken["pops"][row])
    assert (source.kind, source.name) == (From.QUEUE, "pops.value")
    assert (source.index, source.index_in_fragment, source.fragment) == (index, index, 0)
    assert (source.row, source.operation) == (row, "DROP")
    assert source.origin_row == int(rows.execution.core[row, COLUMN["stack_b1"]])
    assert shift_of(source.origin_operation, takes_one_off=False) == 1
    assert source.recorded == source.expected == int(rows.after(row)[COLUMN["stack_15"]])


def test_the_index_within_the_fragment_counts_from_its_first_entry():
    name, row = case_with(
        "DROP", lambda rows, row: rows.taken["pops"][row] > 2 and rows.takes["pops"][row] and row % 3 == 1
    )
    rows, core, _ = provenances(name, Style.SNAPSHOT)
    source = core.of(row + 1, "stack_15")
    assert source.index - source.index_in_fragment == int(rows.taken["pops"][row - row % 3])


def test_an_element_that_is_read_is_traced_to_the_row_that_wrote_it():
    name, row = case_with("MLOAD", lambda rows, row: rows.after(row)[COLUMN["stack_0"]] != 0 and (row + 1) % 3 != 0)
    _, core, _ = provenances(name, Style.SNAPSHOT)
    source = core.of(row + 1, "stack_0")
    assert (source.kind, source.name, source.row) == (From.QUEUE, "accesses.word", row)
    assert source.origin_operation in ("MSTOREW", "PIPE", "MSTORE")


def test_what_a_return_restores_is_traced_to_the_call():
    name, row = case_with("END", lambda rows, row: rows.is_return[row] and (row + 1) % 3 != 0)
    _, core, _ = provenances(name, Style.SNAPSHOT)
    source = core.of(row + 1, "ctx")
    assert (source.kind, source.name) == (From.QUEUE, "restores.ctx")
    assert source.origin_operation in ("CALL", "SYSCALL", "DYNCALL")


def test_styles_differ_in_who_writes_the_first_row_of_a_fragment():
    """Spec 07, section 9: the real VM's fragment shows its snapshot from its second row on."""
    name, row = case_with("SWAP", lambda rows, row: row % 3 == 0 and rows.operation(row - 1) == "SWAP")
    column = "stack_9"
    _, snapshot, _ = provenances(name, Style.SNAPSHOT)
    _, seam, _ = provenances(name, Style.SEAM)
    _, sequential, _ = provenances(name, Style.SEQUENTIAL)
    assert (snapshot.of(row, column).kind, snapshot.of(row, column).name) == (From.SNAPSHOT, "stack[9]")
    assert (seam.of(row, column).kind, seam.of(row, column).row) == (From.ROW, row - 1)
    assert (seam.of(row + 1, column).kind, seam.of(row + 1, column).name) == (From.SNAPSHOT, "stack[9]")
    assert snapshot.of(row + 1, column).kind is From.ROW
    assert sequential.of(row, column).kind is From.ROW
    assert sequential.of(row, column).cells == ((row - 1, "stack_9"),)


def test_addresses_are_traced_to_the_row_that_set_them():
    rows, core, _ = provenances(FAST[0], Style.SNAPSHOT, size=10_000)
    for row in range(1, rows.count):
        source = core.of(row, "dec_addr")
        before = rows.operation(row - 1)
        if before == "END":
            assert (source.kind, source.name, source.row) == (From.QUEUE, "ends.current_addr", row - 1)
        elif before == "RESPAN":
            assert source.cells == ((row - 1, "dec_addr"),)
        elif rows.position(row - 1).tag == "start":
            assert (source.name, source.row) == ("hasher_addr", row - 1)


def test_makers_are_the_row_for_the_decoder_and_the_row_before_for_the_rest():
    rows = recorded_rows(FAST[0])
    assert maker_of(rows, 3, "dec_h0") == 3
    assert maker_of(rows, 3, "stack_0") == maker_of(rows, 3, "ctx") == 2
    assert maker_of(rows, 0, "stack_0") is None
    assert maker_of(rows, rows.count, "stack_0") == rows.count - 1
    assert maker_of(rows, rows.count, "clk") is maker_of(rows, rows.count, "dec_h0") is None
    assert maker_of(rows, 3, "range_m") is maker_of(rows, rows.trace.lengths.rows - 1, "stack_0") is None
