"""The error word and what it becomes; names and numbers are those of the kernels."""

from __future__ import annotations

import re

import pytest

from gpu import errors
from gpu.errors import KERNEL_ERRORS, NO_ERROR, QUEUES, GpuError, KernelCode, RawStateError, from_error_word
from gpu.source import KERNELS

LAYOUT = (KERNELS / "layout.cuh").read_text()


def word(row: int, code: int, detail: int) -> int:
    return row << 16 | code << 8 | detail


def test_codes_and_queues_are_those_of_the_kernels() -> None:
    codes = {name: int(number) for name, number in re.findall(r"\bE_(\w+) = (\d+)", LAYOUT)}
    assert codes == {code.name: code.value for code in KernelCode}
    queues = {name.lower(): int(number) for name, number in re.findall(r"\bQ_(\w+) = (\d+)", LAYOUT)}
    assert queues == {name: number for number, name in enumerate(QUEUES)}
    assert KERNEL_ERRORS.keys() == set(KernelCode)


def test_no_report_is_no_error() -> None:
    assert from_error_word(NO_ERROR, lambda _: 0) is None


@pytest.mark.parametrize(
    ("code", "detail", "kind", "text"),
    [
        (
            5,
            3,
            errors.QueueUnderflow,
            "QUEUE_UNDERFLOW: the queue has no entry left .*fragment 7, row 700, field accesses",
        ),
        (6, 10, errors.QueueLeftover, r"QUEUE_LEFTOVER: .*field continuations\)"),
        (7, 2, errors.CarryMismatch, "CARRY: the state after the last row is not the next header"),
        (1, 0, errors.RawStateError, "BAD_PC: "),
        (14, 0, errors.SideEffectInReplay, r"side effects .*row 700"),
        (99, 4, errors.RawStateError, "unknown code 99, detail 4"),
    ],
)
def test_a_report_names_fragment_row_and_field(code: int, detail: int, kind: type[GpuError], text: str) -> None:
    found = from_error_word(word(700, code, detail), lambda row: row // 100)
    assert type(found) is kind
    assert re.search(text, str(found))
    assert found.poisons


def test_which_errors_leave_a_session_usable() -> None:
    named = {
        name: value for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, GpuError)
    }
    usable = {name for name, kind in named.items() if not kind.poisons}
    # Spec 09, B10, and what is refused before anything is done.
    assert usable == {
        "StalePlan", "BudgetDeadlock", "LeakDetected",
        "DeviceUnavailable", "KernelBuildError", "WrongState", "BudgetExceeded",
    }  # fmt: skip
    assert {
        "SideEffectInReplay",
        "ShapeMismatch",
        "UnwrittenCells",
        "CapacityExceeded",
        "QueueUnderflow",
    } <= named.keys()
    assert {"QueueLeftover", "CarryMismatch", "LaneFailed", "DeviceError", "InvariantBroken"} <= named.keys()


def test_errors_carry_their_place() -> None:
    error = RawStateError("hdr", 2, None, "clk", "runs backwards")
    assert (error.name, error.fragment, error.row, error.field, error.reason) == (
        "hdr",
        2,
        None,
        "clk",
        "runs backwards",
    )
    assert str(error) == "hdr: runs backwards (fragment 2, field clk)"
    assert str(errors.InvariantBroken("INV-02", "RAW changed")) == "INV-02: RAW changed"
