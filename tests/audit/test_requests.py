"""Requests are answered in the order of execution; sections begin, end and list what they should."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from audit_traces import audit_traces
from golden_traces import GoldenTrace, all_traces, judged, named

from harness.audit.engine import audit
from harness.audit.requests.bitwise_order import BitwiseOrder
from harness.audit.violation import Violation
from harness.backend import Window
from reference.definition.columns import CHIPLETS, COLUMN
from reference.definition.isa import opcode


def rows_of(trace: GoldenTrace, *operations: str) -> list[int]:
    first = COLUMN["dec_op_bit_0"]
    codes = sum(trace.cells[first + bit, :-1].astype(int) << bit for bit in range(7))
    return np.flatnonzero(np.isin(codes, [opcode(name) for name in operations])).tolist()


def requests_violated(trace: GoldenTrace, cells: np.ndarray) -> dict[str, Violation]:
    found = judged(cells, trace.known).violations
    return {violation.rule.name: violation for violation in found if violation.rule.group == "requests"}


def with_operation(operation: str) -> GoldenTrace:
    return next(trace for trace in all_traces() if rows_of(trace, operation))


# ---- hasher ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("operation", ["HPERM", "LOGPRECOMPILE", "MPVERIFY", "MRUPDATE"])
def test_a_wrong_address_of_an_operation_is_told_with_the_right_one(operation: str) -> None:
    trace = with_operation(operation)
    row = rows_of(trace, operation)[0]
    right = int(trace.cells[COLUMN["dec_h2"], row])
    cells = trace.cells.copy()
    cells[COLUMN["dec_h2"], row] = right + 8
    violation = requests_violated(trace, cells)["requests.hasher.address"]
    assert (violation.row, violation.operation, violation.count) == (row, operation, 1)
    assert violation.details == (f"expected address {right}",)
    assert [(cell.column, cell.value) for cell in violation.cells] == [("dec_h2", right + 8)]


def test_a_wrong_address_of_a_node_is_told_with_the_right_one() -> None:
    trace = with_operation("JOIN")
    row = rows_of(trace, "JOIN")[0]
    cells = trace.cells.copy()
    cells[COLUMN["dec_addr"], row + 1] = 99
    violation = requests_violated(trace, cells)["requests.hasher.address"]
    assert (violation.row, violation.operation) == (row, "JOIN")
    assert [(cell.column, cell.row, cell.value) for cell in violation.cells] == [("dec_addr", row + 1, 99)]


def test_a_request_for_more_cycles_moves_all_later_ones() -> None:
    trace = with_operation("MPVERIFY")
    row = rows_of(trace, "MPVERIFY")[0]
    cells = trace.cells.copy()
    cells[COLUMN["stack_4"], row] += np.uint64(1)
    found = requests_violated(trace, cells)
    later = len(
        [r for r in rows_of(trace, "JOIN", "SPAN", "HPERM", "MPVERIFY", "MRUPDATE", "LOGPRECOMPILE") if r > row]
    )
    if later:
        assert found["requests.hasher.address"].count >= later
    hasher_rows = int((trace.cells[COLUMN["chip_0"], :-1] == 0).sum())
    assert found["requests.hasher.length"].details == (
        f"{hasher_rows // 8 + 1} cycles are requested, the hasher has {hasher_rows} rows",
    )


def test_absurd_numbers_of_cycles_do_no_harm() -> None:
    trace = with_operation("MRUPDATE")
    cells = trace.cells.copy()
    cells[COLUMN["stack_4"], rows_of(trace, "MRUPDATE")] = 2**64 - 1
    cells[COLUMN["dec_group_count"], rows_of(trace, "SPAN")] = 2**64 - 1
    assert {"requests.hasher.address", "requests.hasher.length"} <= requests_violated(trace, cells).keys()


# ---- bitwise -----------------------------------------------------------------------------------------------------------


def bitwise_rows(trace: GoldenTrace) -> np.ndarray:
    chip_0, chip_1 = trace.cells[COLUMN["chip_0"], :-1], trace.cells[COLUMN["chip_1"], :-1]
    return np.flatnonzero((chip_0 == 1) & (chip_1 == 0))


def two_answers() -> tuple[GoldenTrace, int, int]:
    """A trace and the first rows of two different bitwise answers."""
    for trace in all_traces():
        firsts = bitwise_rows(trace)[::8].tolist()
        for one, other in pairwise(firsts):
            if (trace.cells[CHIPLETS, one : one + 8] != trace.cells[CHIPLETS, other : other + 8]).any():
                return trace, one, other
    raise AssertionError("no trace has two different bitwise answers")


def test_exchanged_bitwise_answers_are_noticed_and_shown() -> None:
    trace, one, other = two_answers()
    cells = trace.cells.copy()
    cells[CHIPLETS, one : one + 8] = trace.cells[CHIPLETS, other : other + 8]
    cells[CHIPLETS, other : other + 8] = trace.cells[CHIPLETS, one : one + 8]
    result = judged(cells, trace.known)
    (violation,) = result.violations
    assert violation.rule.name == "requests.bitwise.order"
    assert violation.count == 2
    number = (one - int(bitwise_rows(trace)[0])) // 8
    assert violation.row == rows_of(trace, "U32AND", "U32XOR")[number]
    b = int(trace.cells[COLUMN["chip_4"], other + 7])
    assert f"the answer on row {one + 7} is operation " in violation.details[0]
    assert f"b {b}, z " in violation.details[0].partition("the answer")[2]


@pytest.mark.parametrize("tile", [1, 5, 8, 64])
def test_requests_and_answers_meet_whatever_the_tiles_are(tile: int, monkeypatch: pytest.MonkeyPatch) -> None:
    trace, *_ = two_answers()
    monkeypatch.setattr("harness.audit.tiling.TILE_ROWS", tile)
    assert audit(lambda: [Window(0, trace.cells)], trace.rows, trace.known, threads=1).accepted


def test_a_request_without_an_answer_is_left_over() -> None:
    trace, one, _ = two_answers()
    check = BitwiseOrder()
    cells = trace.cells.copy()
    last = int(bitwise_rows(trace)[-1])
    cells[COLUMN["chip_1"], last - 7 : last + 1] = 1
    violation = requests_violated(trace, cells)[check.rules[0].name]
    assert violation.details == (
        f"1 requests without a partner, the first on row {rows_of(trace, 'U32AND', 'U32XOR')[-1]}",
    )
    assert one < last


# ---- transcript --------------------------------------------------------------------------------------------------------


def test_the_transcript_begins_with_zeros_and_goes_on_where_it_was() -> None:
    trace = with_operation("LOGPRECOMPILE")
    rows = rows_of(trace, "LOGPRECOMPILE")
    cells = trace.cells.copy()
    cells[COLUMN["dec_h4"], rows[0]] = 6
    violation = requests_violated(trace, cells)["requests.transcript"]
    assert (violation.row, violation.details) == (rows[0], ("expected the state [0, 0, 0, 0]",))
    assert [cell.value for cell in violation.cells] == [0, 6, 0, 0]


def test_the_state_after_a_step_is_the_one_before_the_next() -> None:
    trace = audit_traces()["log_precompile_twice"]
    first, second = rows_of(trace, "LOGPRECOMPILE")[:2]
    state = [int(trace.cells[COLUMN[f"stack_{item}"], first + 1]) for item in (11, 10, 9, 8)]
    cells = trace.cells.copy()
    cells[COLUMN["dec_h3"], second] += np.uint64(1)
    violation = requests_violated(trace, cells)["requests.transcript"]
    assert (violation.row, violation.details) == (second, (f"expected the state {state}",))


# ---- sections ----------------------------------------------------------------------------------------------------------


def test_row_0_begins_a_linear_hash() -> None:
    trace = named("case_01")
    cells = trace.cells.copy()
    cells[COLUMN["chip_2"], 0] = 1
    violation = requests_violated(trace, cells)["requests.chiplets.begin"]
    assert [cell.value for cell in violation.cells] == [0, 1, 1, 0]


def test_the_last_row_but_one_is_padding() -> None:
    trace = named("case_01")
    cells = trace.cells.copy()
    cells[COLUMN["chip_4"], trace.rows - 2] = 0
    violation = requests_violated(trace, cells)["requests.chiplets.end"]
    assert violation.row == trace.rows - 2
    assert [cell.value for cell in violation.cells] == [1, 1, 1, 1, 0]


def kernel_trace() -> GoldenTrace:
    return next(trace for trace in all_traces() if trace.known.kernel is not None and len(trace.known.kernel) > 1)


def test_a_kernel_in_another_order_is_noticed_by_its_order_alone() -> None:
    trace = kernel_trace()
    kernel = trace.known.kernel
    assert kernel is not None
    known = replace(trace.known, kernel=kernel[::-1])
    (violation,) = judged(trace.cells, known).violations
    assert violation.rule.name == "requests.kernel.order"
    assert violation.details == (f"procedure 0 of the kernel is {kernel[-1]}",)


def test_a_procedure_that_the_kernel_rom_lacks_is_told() -> None:
    trace = kernel_trace()
    kernel = trace.known.kernel
    assert kernel is not None
    known = replace(trace.known, kernel=(*kernel, (2**60, 1, 2, 3)))
    (violation,) = judged(trace.cells, known).violations
    assert violation.details == (f"{len(kernel)} procedures instead of {len(kernel) + 1}",)


def test_without_a_known_kernel_its_order_is_not_checked() -> None:
    trace = kernel_trace()
    result = judged(trace.cells, replace(trace.known, kernel=None))
    assert [item.reason for item in result.not_checked if item.rule.name == "requests.kernel.order"] == [
        "the kernel is not known"
    ]
    assert result.accepted
