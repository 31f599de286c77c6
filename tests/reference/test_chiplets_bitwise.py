"""Bitwise rows, compared with a trace of the real VM."""

from __future__ import annotations

import numpy as np

from reference.chiplets.bitwise import Bitwise


def test_rows_of_three_requests_in_execution_order(recorded_chiplets):
    """``U32AND DROP U32XOR DROP U32AND`` over the stack f0f0f0f1, ffffffff, 0, deadbeef, 5, 3; a = s1, b = s0."""
    rows = recorded_chiplets("bitwise")[8:32]
    assert (rows[:, :2] == [1, 0]).all()
    bitwise = Bitwise()
    assert bitwise.and_(0xFFFFFFFF, 0xF0F0F0F1) == 0xF0F0F0F1
    assert bitwise.xor(0xDEADBEEF, 0) == 0xDEADBEEF
    assert bitwise.and_(3, 5) == 1
    np.testing.assert_array_equal(bitwise.table(), rows[:, 2:15])


def test_prefixes_bits_and_results_of_one_request():
    """Worked by hand: 0x12345678 xor 0x0f0f0f0f = 0x1d3b5977, one hexadecimal digit a row."""
    bitwise = Bitwise()
    assert bitwise.xor(0x12345678, 0x0F0F0F0F) == 0x1D3B5977
    table = bitwise.table()
    assert table.dtype == np.uint64
    assert table[0].tolist() == [1, 0x1, 0x0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0x1]
    assert table[1].tolist() == [1, 0x12, 0x0F, 0, 1, 0, 0, 1, 1, 1, 1, 0x1, 0x1D]
    assert table[7].tolist() == [1, 0x12345678, 0x0F0F0F0F, 0, 0, 0, 1, 1, 1, 1, 1, 0x1D3B597, 0x1D3B5977]


def test_no_request_no_row():
    assert Bitwise().table().shape == (0, 13)
