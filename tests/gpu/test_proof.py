"""Consumers of a chip's columns: sums and transition checks over recorded traces, whole and altered."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import pytest
from recorded_chips import chip_columns, extent_of, recorded, upload_cells, upload_runs

from gpu.arena import Tag
from gpu.chips import CHIP_ORDER, Tile
from gpu.columns import Columns, TileRows, tile_rows
from gpu.errors import WrongState
from gpu.host_device import HostDevice
from gpu.proof import ColumnSums, Findings
from gpu.transitions import FLAG_COLUMNS, Transitions
from reference.definition.columns import COLUMN, COLUMN_NAMES
from reference.definition.field import P

pytestmark = pytest.mark.usefixtures("device")  # where no device can be built, every test is skipped with the reason

NAMES = ("memory_deltas", "kernel_rom", "bitwise", "permute")


@pytest.fixture
def host() -> Iterator[HostDevice]:
    """A device of its own, whose arena must be empty again at the end."""
    with HostDevice() as device:
        yield device
        assert device.arena.total == 0


def checked(device: HostDevice, name: str, trace: np.ndarray) -> Findings:
    findings = Findings()
    for chip in CHIP_ORDER:
        with chip_columns(device, name, chip, trace) as columns:
            Transitions(findings).consume(columns)
    return findings


def altered(name: str, column: str, row: int, value: int) -> np.ndarray:
    trace = recorded(name).copy()
    assert trace[COLUMN[column], row] != value
    trace[COLUMN[column], row] = value
    return trace


@pytest.mark.parametrize("name", NAMES)
def test_every_column_sums_to_what_python_adds_up(host, name):
    trace, sums = recorded(name), ColumnSums()
    for chip in CHIP_ORDER:
        with chip_columns(host, name, chip, trace) as columns:
            sums.consume(columns)
    for column, label in enumerate(COLUMN_NAMES):
        assert sum(entry.get(label, 0) for entry in sums.sums.values()) % P == sum(trace[column].tolist()) % P
    rows = extent_of(name).core_rows
    assert sums.sums["sys"]["clk"] == rows * (rows - 1) // 2


def test_sums_reduce_sums_that_wrap_and_take_the_bytes_they_say(host):
    tile = Tile(3, 2, 0, 1000)
    trace = np.full((72, 1000), P - 1, np.uint64)
    cells, sums = upload_cells(host, trace, tile), ColumnSums()
    live = host.arena.total
    host.arena.reset_peaks()
    sums.consume(Columns(host, "sys", extent_of("bitwise"), [cells], {}))
    assert sums.sums == {"sys": {"fn_hash_1": P - 1000, "fn_hash_2": P - 1000}}
    assert host.arena.total_peak - live == sums.scratch_bytes([tile, Tile(0, 1, 0, 0)]) == 8 * 2 * (4 + 1)
    cells.buffer.free()


@pytest.mark.parametrize("name", NAMES)
def test_recorded_traces_pass_every_check(host, name):
    findings, extent = checked(host, name, recorded(name)), extent_of(name)
    assert findings.table() == []
    assert findings.passed
    last = extent.rows - 1
    by_check = {check: sum(n for (_, c), n in findings.checked.items() if c == check) for _, check in findings.checked}
    expected = {"clock": last, "flags": len(FLAG_COLUMNS) * last, "range": extent.range_rows}
    assert by_check == {**expected, **({"memory": extent.memory_rows} if extent.memory_rows else {})}


@pytest.mark.parametrize(
    ("column", "row", "value", "found"),
    [
        ("clk", 5, 7, "shard 0  sys  proof  clock: row 5: clk is not that of the row before plus 1"),
        ("clk", 0, 1, "shard 0  sys  proof  clock: row 0: clk is not the number of the row"),
        ("clk", 100, 0, "shard 0  pad  proof  clock: row 100: clk is not that of the row before plus 1"),
        ("dec_op_bit_3", 9, 2, "shard 0  dec  proof  flags: row 9: dec_op_bit_3 is neither 0 nor 1"),
        ("dec_in_span", 0, P - 1, "shard 0  dec  proof  flags: row 0: dec_in_span is neither 0 nor 1"),
        ("dec_bit_extra_1", 126, 5, "shard 0  pad  proof  flags: row 126: dec_bit_extra_1 is neither 0 nor 1"),
        ("range_v", 60, 7, "shard 0  rng  proof  range: row 60: the table does not begin with 0"),
        (
            "range_v",
            126,
            65534,
            "shard 0  rng  proof  range: row 126: the step from the row before is neither 0 nor one",
        ),
        ("chip_17", 36, 2, "shard 0  mem  proof  memory: row 36: the flag for the same context and word is wrong"),
        ("chip_14", 44, 77, "shard 0  mem  proof  memory: row 44: the delta is not the step from the row before"),
        ("chip_15", 32, 1, "shard 0  mem  proof  memory: row 32: the delta is not the step from the row before"),
        ("chip_5", 32, 9, "shard 0  mem  proof  memory: row 33: "),
        ("chip_9", 39, 0, "shard 0  mem  proof  memory: row 39: the delta is not the step from the row before"),
    ],
)
def test_one_altered_cell_is_found_at_its_row(host, column, row, value, found):
    lines = checked(host, "memory_deltas", altered("memory_deltas", column, row, value)).table()
    assert len(lines) == 1
    assert lines[0].startswith(found)


@pytest.mark.parametrize("step", [2, 4, 6561, 2188, 65535, P - 1, P - 3])
def test_a_step_of_the_range_table_that_is_no_power_of_three_is_found(host, step):
    trace = recorded("memory_deltas").copy()
    first = 127 - 67
    trace[COLUMN["range_v"], first + 10] = (int(trace[COLUMN["range_v"], first + 9]) + step) % P
    lines = checked(host, "memory_deltas", trace).table()
    assert len(lines) == 1
    assert f"range: row {first + 10}: the step" in lines[0]


def test_a_range_table_that_ends_early_is_found(host):
    values = np.zeros((72, 64), np.uint64)
    values[COLUMN["range_v"], :3] = [0, 1, 1]
    cells, findings = upload_cells(host, values, Tile(49, 2, 0, 3)), Findings()
    Transitions(findings).consume(Columns(host, "rng", extent_of("bitwise"), [cells], {}))
    assert findings.table() == ["shard 0  rng  proof  range: row 2: the table does not end with 65535"]
    cells.buffer.free()


@pytest.mark.parametrize("step", [0, *(3**k for k in range(8))])
def test_steps_of_the_range_table_are_powers_of_three(host, step):
    values = np.zeros((72, 64), np.uint64)
    values[COLUMN["range_v"], :4] = [0, step, 65535 - 1, 65535]
    cells, findings = upload_cells(host, values, Tile(49, 2, 0, 4)), Findings()
    Transitions(findings).consume(Columns(host, "rng", extent_of("bitwise"), [cells], {}))
    assert [line for line in findings.table() if "row 1:" in line] == []
    assert "row 2:" in findings.table()[0]
    cells.buffer.free()


def test_the_smallest_bad_row_is_reported_whatever_the_order_of_threads():
    trace = recorded("memory_deltas").copy()
    for row in (90, 20, 19, 110):
        trace[COLUMN["clk"], row] = 5
        trace[COLUMN["dec_op_bit_1"], row] = 5
    tables = set()
    for order, block in itertools.product(range(3), (32, 100)):
        with HostDevice(order=order, block=block) as device:
            tables.add(tuple(checked(device, "memory_deltas", trace).table()))
    ((dec, pad_clock, pad_flags, system),) = tables
    assert "flags: row 19: dec_op_bit_1" in dec
    assert "clock: row 90" in pad_clock
    assert "flags: row 90" in pad_flags
    assert "clock: row 19" in system


def test_a_shard_that_does_not_begin_with_row_0_is_checked_against_its_rows(host):
    trace, findings = recorded("memory_deltas"), Findings()
    cells = upload_cells(host, trace, Tile(0, 6, 10, 20))
    Transitions(findings).consume(Columns(host, "sys", extent_of("memory_deltas"), [cells], {}, shard=2))
    assert findings.passed
    cells.buffer.free()
    wrong = upload_cells(host, trace, Tile(0, 6, 10, 20), range(11, 31))
    Transitions(findings).consume(Columns(host, "sys", extent_of("memory_deltas"), [wrong], {}, shard=2))
    assert findings.table() == ["shard 2  sys  proof  clock: row 10: clk is not the number of the row"]
    wrong.buffer.free()


def memory_runs(trace: np.ndarray, rows: list[int], first: int) -> tuple[list[list[int]], Tile]:
    """Runs of some memory rows of a trace: each begins where the rows are no neighbours."""
    begins = [i for i, row in enumerate(rows) if i == 0 or rows[i - 1] + 1 != row]
    ctx, word, clk = (trace[COLUMN[f"chip_{k}"]].tolist() for k in (5, 6, 9))
    before = [rows[i] - 1 for i in begins]
    known = [row >= first for row in before]
    key = [ctx[row] << 32 | word[row] if has else 0 for row, has in zip(before, known, strict=True)]
    clks = [clk[row] if has else 0 for row, has in zip(before, known, strict=True)]
    base = [rows[i] - first for i in begins]
    return [begins, base, key, clks, [int(not has) for has in known]], Tile(51, 20, first, len(rows), runs=True)


@pytest.mark.parametrize("picked", [[0, 1, 4, 7, 8, 12], [3, 5, 6, 7, 11], [0], list(range(13)), [12]])
def test_memory_rows_in_runs_are_checked_against_the_rows_of_other_shards(host, picked):
    trace, extent = recorded("memory_deltas"), extent_of("memory_deltas")
    rows = [extent.memory_first + row for row in picked]
    arrays, tile = memory_runs(trace, rows, extent.memory_first)
    plan = upload_runs(host, *arrays)
    for column, expected in ((None, None), ("chip_14", rows[-1]), ("chip_17", rows[0])):
        changed = trace.copy()
        if column is not None:
            changed[COLUMN[column], expected] += 5
        cells, findings = upload_cells(host, changed, tile, rows), Findings()
        Transitions(findings).consume(Columns(host, "mem", extent, [cells], plan))
        assert findings.checked["mem", "memory"] == len(rows)
        assert findings.passed == (column is None)
        assert all(f"memory: row {expected}: " in line for line in findings.table())
        cells.buffer.free()
    for buffer in plan.values():
        buffer.free()


def test_rows_of_tiles_are_found_both_ways(host):
    plain = TileRows(10, 5)
    assert [plain.row(0), plain.row(4)] == [10, 14]
    assert plain.rows(1, 3).tolist() == [11, 12]
    assert [plain.between(0, 100), plain.between(12, 13), plain.between(15, 99)] == [(0, 5), (2, 3), (5, 5)]
    plan = upload_runs(host, [0, 2, 3], [1, 5, 9], [0, 0, 0], [0, 0, 0], [0, 0, 0])
    runs = tile_rows(host, Tile(51, 20, 100, 6, runs=True), plan)
    assert runs.rows(0, 6).tolist() == [101, 102, 105, 109, 110, 111]
    assert [runs.row(2), runs.between(102, 110), runs.between(0, 101)] == [105, (1, 4), (0, 0)]
    for buffer in plan.values():
        buffer.free()


def test_columns_die_with_their_task(host):
    with chip_columns(host, "bitwise", "sys", recorded("bitwise")) as columns:
        assert len(columns.cells) == 1
    with pytest.raises(WrongState, match="columns of chip sys were dropped"):
        _ = columns.cells
    for consumer in (ColumnSums(), Transitions(Findings())):
        launches = len(host.log)
        with pytest.raises(WrongState):
            consumer.consume(columns)
        assert len(host.log) == launches


def test_nothing_checked_is_not_passed(host):
    findings = Findings()
    assert not findings.passed
    with chip_columns(host, "bitwise", "hsh", recorded("bitwise")) as columns:
        Transitions(findings).consume(columns)
    assert findings.checked == {}
    assert not findings.passed


def test_a_check_only_takes_one_word(host):
    with chip_columns(host, "memory_deltas", "mem", recorded("memory_deltas")) as columns:
        live = host.arena.live[Tag.SCRATCH]
        host.arena.reset_peaks()
        Transitions(Findings()).consume(columns)
        taken = host.arena.peak[Tag.SCRATCH] - live
        assert taken == Transitions(Findings()).scratch_bytes([cell.tile for cell in columns.cells]) == 8
