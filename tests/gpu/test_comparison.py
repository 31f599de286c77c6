"""Columns against another engine's windows: nothing differs, one cell, many, and windows that are no trace."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from recorded_chips import chip_columns, extent_of, recorded, tiles_of, upload_cells, upload_runs

from gpu.arena import Tag
from gpu.chips import CHIP_ORDER, Tile
from gpu.columns import Columns
from gpu.comparison import BLOCK_ROWS, Comparison, Windows
from gpu.errors import BudgetExceeded, InvariantBroken, ShapeMismatch
from gpu.host_device import HostDevice
from gpu.proof import Findings
from reference.definition.columns import COLUMN

pytestmark = pytest.mark.usefixtures("device")  # where no device can be built, every test is skipped with the reason

NAME = "memory_deltas"


@pytest.fixture
def host() -> Iterator[HostDevice]:
    with HostDevice() as device:
        yield device
        assert device.arena.total == 0


def windows_of(trace: np.ndarray, starts: Sequence[int] = (0, 7, 8, 40, 100)) -> Windows:
    """The other engine: a trace in windows that begin with these rows."""
    bounds = [*starts, trace.shape[1]]
    return lambda: [(begin, trace[:, begin:end]) for begin, end in itertools.pairwise(bounds)]


def compared(
    device: HostDevice, ours: np.ndarray, theirs: np.ndarray, *, block_rows: int = BLOCK_ROWS, name: str = NAME
) -> tuple[Comparison, Findings]:
    findings = Findings()
    comparison = Comparison(findings, windows_of(theirs), fragments=(0, 10, 20), block_rows=block_rows)
    for chip in CHIP_ORDER:
        with chip_columns(device, name, chip, ours) as columns:
            comparison.consume(columns)
    return comparison, findings


@pytest.mark.parametrize("block_rows", [1, 5, 4096])
@pytest.mark.parametrize("name", ["memory_deltas", "kernel_rom"])
def test_equal_traces_agree_in_every_cell(host, name, block_rows):
    comparison, findings = compared(host, recorded(name), recorded(name), block_rows=block_rows, name=name)
    assert comparison.differences == {}
    assert findings.table() == []
    assert sum(findings.checked.values()) == 72 * recorded(name).shape[1]


def other(*places: tuple[str, int]) -> np.ndarray:
    trace = recorded(NAME).copy()
    for column, row in places:
        trace[COLUMN[column], row] += np.uint64(1)
    return trace


@pytest.mark.parametrize(
    ("column", "row", "chip"),
    [
        ("clk", 0, "sys"),
        ("dec_h3", 37, "dec"),
        ("stack_0", 38, "stk"),
        ("stack_0", 39, "pad"),
        ("range_m", 60, "rng"),
        ("range_v", 59, "pad"),
        ("chip_4", 31, "hsh"),
        ("chip_10", 44, "mem"),
        ("chip_5", 45, "pad"),
        ("pad_0", 126, "pad"),
        ("pad_0", 127, "pad"),
        ("clk", 127, "pad"),
    ],
)
@pytest.mark.parametrize("block_rows", [1, 4096])
def test_one_cell_is_reported_with_its_chip_and_place(host, column, row, chip, block_rows):
    comparison, findings = compared(host, recorded(NAME), other((column, row)), block_rows=block_rows)
    assert list(comparison.differences) == [chip]
    difference = comparison.differences[chip]
    assert difference.totals == {column: 1}
    assert difference.first_rows == {column: row}
    (cell,) = difference.cells
    ours = int(recorded(NAME)[COLUMN[column], row])
    assert (cell.row, cell.column, cell.ours, cell.theirs) == (row, COLUMN[column], ours, ours + 1)
    columns = [
        index for index in difference.ours.columns if difference.ours.columns[index] != difference.theirs.columns[index]
    ]
    assert columns == [COLUMN[column]]
    assert len(findings.table()) == 1
    assert not findings.passed


def test_a_report_names_fragment_step_and_operation(host):
    comparison, findings = compared(host, recorded(NAME), other(("stack_3", 16)))
    (cell,) = comparison.differences["stk"].cells
    assert (cell.fragment, cell.step, cell.operation) == (1, 6, "MLOADW")
    (line,) = findings.table()
    ours = int(recorded(NAME)[COLUMN["stack_3"], 16])
    place = "row 16, stack_3 (fragment 1, step 6, MLOADW)"
    values = f"{ours}, the other engine has {ours + 1}"
    assert line == f"shard 0  stk  proof  comparison: {place}: {values}; 1 cells differ: stack_3 1 from row 16"


def test_opcode_bits_that_are_no_operation_are_shown_as_they_are(host):
    comparison, _ = compared(host, recorded(NAME), other(("dec_op_bit_6", 20)))
    (cell,) = comparison.differences["dec"].cells
    assert cell.operation == "opcode bits [1, 1, 0, 1, 1, 0, 2]"


def test_many_differences_are_counted_and_the_first_sixteen_are_listed(host):
    places = [(f"stack_{column}", row) for column in (2, 5, 9) for row in range(8, 30)]
    comparison, _ = compared(host, recorded(NAME), other(*places, ("stack_15", 3)), block_rows=4)
    difference = comparison.differences["stk"]
    assert difference.totals == {"stack_2": 22, "stack_5": 22, "stack_9": 22, "stack_15": 1}
    assert difference.first_rows == {"stack_2": 8, "stack_5": 8, "stack_9": 8, "stack_15": 3}
    expected = [(3, COLUMN["stack_15"])] + [(row, COLUMN[f"stack_{k}"]) for row in range(8, 13) for k in (2, 5, 9)]
    assert [(cell.row, cell.column) for cell in difference.cells] == expected


def test_a_value_that_is_no_field_element_differs_although_its_digest_may_not(host):
    theirs = recorded(NAME).copy()
    theirs[COLUMN["stack_4"], 2] += np.uint64(2**64 - 2**32 + 1)
    comparison, findings = compared(host, recorded(NAME), theirs)
    assert comparison.differences["stk"].totals == {"stack_4": 1}
    assert not findings.passed


def test_rows_in_runs_are_compared_where_they_stand(host):
    trace, extent = recorded(NAME), extent_of(NAME)
    picked = [0, 1, 4, 7, 8, 12]
    rows = [extent.memory_first + row for row in picked]
    plan = upload_runs(host, [0, 2, 3, 5], [0, 4, 7, 12], [0] * 4, [0] * 4, [1, 0, 0, 0])
    tile = Tile(51, 20, extent.memory_first, len(rows), runs=True)
    for block_rows in (1, 2, 4096):
        for place, expected in ((rows[3], True), (rows[3] + 2, False)):
            findings, cells = Findings(), upload_cells(host, trace, tile, rows)
            comparison = Comparison(findings, windows_of(other(("chip_12", place))), block_rows=block_rows)
            comparison.consume(Columns(host, "mem", extent, [cells], plan))
            assert findings.checked["mem", "comparison"] == 120
            assert ("mem" in comparison.differences) == expected
            if expected:
                assert comparison.differences["mem"].first_rows == {"chip_12": rows[3]}
            cells.buffer.free()
    for buffer in plan.values():
        buffer.free()


def test_reports_do_not_depend_on_the_order_of_threads():
    theirs = other(*[(f"dec_h{k}", row) for k in range(8) for row in range(3, 33, 7)], ("stack_0", 20))
    reports = set()
    for order, block in itertools.product(range(3), (32, 100)):
        with HostDevice(order=order, block=block) as device:
            comparison, findings = compared(device, recorded(NAME), theirs, block_rows=10)
            reports.add((*findings.table(), *map(repr, comparison.differences["dec"].cells)))
    assert len(reports) == 1


TRACE = recorded(NAME)


@pytest.mark.parametrize(
    ("windows", "reason"),
    [
        ([], r"end before row 0, the trace has 128 rows"),
        ([(0, TRACE[:, :127])], r"end before row 127"),
        ([(0, TRACE[:, :64]), (65, TRACE[:, 65:])], r"rows 65 to 128 come where row 64 of 128"),
        ([(0, TRACE[:, :64]), (63, TRACE[:, 63:])], r"rows 63 to 128 come where row 64 of 128"),
        ([(0, TRACE), (128, TRACE[:, :1])], r"rows 128 to 129 come where row 128"),
        ([(0, TRACE[:71])], r"\(71, 128\) uint64"),
        ([(0, TRACE[0])], r"\(128,\) uint64"),
        ([(0, TRACE.astype(np.int64))], r"\(72, 128\) int64"),
    ],
)
def test_windows_that_are_no_whole_trace_are_refused_and_nothing_is_called_equal(host, windows, reason):
    findings = Findings()
    with chip_columns(host, NAME, "sys", TRACE) as columns, pytest.raises(ShapeMismatch, match=reason):
        Comparison(findings, lambda: windows).consume(columns)
    assert not findings.passed
    assert findings.checked == {}


def test_a_digest_that_differs_without_a_cell_that_does_is_an_error(host, monkeypatch):
    import gpu.comparison as module  # noqa: PLC0415 -- to replace a name in it

    calls = iter(range(100))
    real = module.digest

    def lying(*arguments):
        found = real(*arguments)
        return found + found if next(calls) == 0 else found

    monkeypatch.setattr(module, "digest", lying)
    with (
        chip_columns(host, NAME, "sys", TRACE) as columns,
        pytest.raises(InvariantBroken, match=r"INV-17.*clk.* differ"),
    ):
        Comparison(Findings(), windows_of(TRACE)).consume(columns)


@pytest.mark.parametrize("chip", ["dec", "mem", "pad"])
@pytest.mark.parametrize("block_rows", [1, 10, 4096])
def test_it_takes_at_most_the_bytes_it_says(host, chip, block_rows):
    theirs = other(("dec_h0", 5), ("chip_10", 40), ("clk", 127))
    comparison = Comparison(Findings(), windows_of(theirs), block_rows=block_rows)
    with chip_columns(host, NAME, chip, TRACE) as columns:
        host.arena.reset_peaks()
        comparison.consume(columns)
        peak = host.arena.peak[Tag.SCRATCH]
    said = comparison.scratch_bytes(tiles_of(extent_of(NAME))[chip])
    assert chip in comparison.differences
    assert peak <= said
    assert peak > said // 3, "a bound that is far too large would book memory that nobody takes"


@pytest.mark.parametrize("room", [0, 100, 3000])
def test_too_small_a_budget_leaves_nothing_of_the_comparison(room):
    with HostDevice() as device, chip_columns(device, NAME, "dec", TRACE) as columns:
        device.arena.budget = device.arena.total + room
        with pytest.raises(BudgetExceeded):
            Comparison(Findings(), windows_of(TRACE)).consume(columns)
        assert device.arena.live[Tag.SCRATCH] == 0


def test_blocks_have_at_least_a_row():
    with pytest.raises(ValueError, match="blocks of 0 rows"):
        Comparison(Findings(), windows_of(TRACE), block_rows=0)
