"""Memory rows: the worked example of the specification, and a trace of the real VM."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from reference.chiplets.memory import Memory
from reference.definition.errors import ExecutionFailure
from reference.definition.field import ZERO_WORD

GOLDEN = Path(__file__).parent.parent / "data" / "fragment_boundaries"
SWAP_BLOCK = (10995436151082118190, 776663942277617877, 3177713792132750309, 10407898805173442467)
IS_READ, IS_WORD, CTX, WORD_ADDR, IDX0, IDX1, CLK, V0, V1, V2, V3, D0, D1, D_INV, F_SCW = range(15)


def test_the_three_rows_of_golden_case_24():
    memory = Memory()
    memory.write_word(0, 40, SWAP_BLOCK, 3)
    assert memory.read_word(0, 40, 12) == SWAP_BLOCK
    memory.write_element(13, 2**32 - 2, 2**31, 12)
    # spec 05, section 4.3
    assert memory.table().tolist() == [
        [0, 1, 0, 40, 0, 0, 3, *SWAP_BLOCK, 1, 0, 1, 1],
        [1, 1, 0, 40, 0, 0, 12, *SWAP_BLOCK, 9, 0, 4099276459869907627, 1],
        [0, 0, 13, 4294967292, 0, 1, 12, 0, 0, 2147483648, 0, 13, 0, 11351842504255128813, 0],
    ]
    assert memory.range_values() == [1, 0, 9, 0, 13, 0]
    with np.load(GOLDEN / "case_24.npz") as archive:
        np.testing.assert_array_equal(memory.table(), archive["trace"][32:35, 51 + 3 : 51 + 18])


def test_the_first_row_follows_a_fictitious_access_one_cycle_earlier():
    memory = Memory()
    memory.read_element(7, 123456, 0)
    (row,) = memory.table().tolist()
    assert row[D0:] == [1, 0, 1, 1]


def test_two_reads_in_one_cycle_have_no_distance():
    memory = Memory()
    memory.read_word(0, 8, 5)
    memory.read_word(0, 8, 5)
    assert memory.table()[1].tolist()[D0:] == [0, 0, 0, 1]


def test_rows_of_a_recorded_program(recorded_chiplets):
    """``memory_deltas``: elements, double words, unaligned elements and a distance beyond 2^16, in two contexts."""
    rows = recorded_chiplets("memory_deltas")[32:45]
    assert (rows[:, :3] == [1, 1, 0]).all()
    memory = Memory()
    for ctx, first, streamed in ((0, 2, 0), (19, 20, 8)):
        if ctx:
            memory.write_element(ctx, 2**32 - 2, 2**31, ctx - 1)
        memory.write_element(ctx, 3, 7, first + 2)
        memory.read_element(ctx, 400001, first + 5)
        memory.read_word(ctx, streamed, first + 8)
        memory.read_word(ctx, streamed + 4, first + 8)
        memory.read_element(ctx, 400001, first + 11)
        memory.read_word(ctx, 0, first + 14)
    np.testing.assert_array_equal(memory.table(), rows[:, 3:18])
    assert rows[:, 3 + D1].any()
    assert memory.range_values() == rows[:, 3 + D0 : 3 + D1 + 1].reshape(-1).tolist()


def test_rows_are_sorted_as_integers_by_context_then_word_then_time():
    memory = Memory()
    for ctx, addr, clk in ((10, 0, 1), (9, 2**31, 2), (9, 16, 3), (0, 100, 4), (9, 16, 5), (0, 8, 6)):
        memory.read_element(ctx, addr, clk)
    order = memory.table()[:, [CTX, WORD_ADDR, CLK]].tolist()
    assert order == [[0, 8, 6], [0, 100, 4], [9, 16, 3], [9, 16, 5], [9, 2**31, 2], [10, 0, 1]]


def test_an_element_write_keeps_the_rest_of_the_word():
    memory = Memory()
    memory.write_word(3, 12, (1, 2, 3, 4), 1)
    memory.write_element(3, 14, 9, 2)
    assert memory.read_word(3, 12, 3) == (1, 2, 9, 4)
    assert memory.read_element(3, 15, 4) == 4
    assert memory.table()[:, [IDX0, IDX1]].tolist() == [[0, 0], [0, 1], [0, 0], [1, 1]]


def test_peeking_sees_written_words_only_and_makes_no_rows():
    memory = Memory()
    assert memory.read_word(0, 4, 1) == ZERO_WORD
    assert memory.peek_word(0, 4) is None
    assert memory.peek_element(0, 5) is None
    memory.write_element(0, 5, 6, 2)
    assert memory.peek_word(0, 4) == (0, 6, 0, 0)
    assert memory.peek_element(0, 7) == 0
    assert memory.peek_element(1, 5) is None
    assert len(memory.table()) == 2


@pytest.mark.parametrize("access", ["read_element", "write_element", "read_word", "write_word"])
def test_an_address_of_2_to_the_32_is_out_of_bounds(access):
    memory = Memory()
    value = {"write_element": (1,), "write_word": (ZERO_WORD,)}.get(access, ())
    with pytest.raises(ExecutionFailure) as failure:
        getattr(memory, access)(0, 2**32, *value, 5)
    assert (failure.value.name, failure.value.clk) == ("MemoryError.AddressOutOfBounds", None)
    assert len(memory.table()) == 0


@pytest.mark.parametrize("access", ["read_word", "write_word"])
def test_a_word_access_needs_a_multiple_of_four(access):
    value = {"write_word": (ZERO_WORD,)}.get(access, ())
    with pytest.raises(ExecutionFailure) as failure:
        getattr(Memory(), access)(0, 6, *value, 5)
    assert (failure.value.name, failure.value.clk) == ("MemoryError.UnalignedWordAccess", 5)


def test_no_access_no_row():
    assert Memory().table().shape == (0, 15)
    assert Memory().range_values() == []
