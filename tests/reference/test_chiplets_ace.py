"""Circuit evaluation: rows of traces of the real VM, its order of checks, and its wrapped sizes (spec 08, B2)."""

from __future__ import annotations

import numpy as np
import pytest

from reference.chiplets.ace import MAX_READ_ROWS, Ace
from reference.chiplets.memory import Memory
from reference.definition.errors import BeyondLimits, ExecutionFailure
from reference.definition.field import P

# spec 01, section 14: wires 5 down to 0 are (9, 2), (4, 7), (8, 85), then three zeros
VARIABLES = (9, 2, 4, 7)
GATES = (1152921508901814277, 3221225475, 1152921506754330626, 2305843011361177601)


def circuit_at_400():
    memory = Memory()
    memory.write_word(0, 400, VARIABLES, 1)
    memory.write_word(0, 404, GATES, 2)
    return memory


def gate(op, left, right):
    return op << 60 | right << 30 | left


def test_the_circuit_of_the_specification():
    ace = Ace()
    ace.evaluate(circuit_at_400(), 0, 9, 400, 2, 4)
    table = ace.table()
    assert table[0].tolist() == [1, 0, 0, 400, 9, 0, 5, 9, 2, 4, 4, 7, 3, 0, 1, 1]
    assert table[:, 15].tolist() == [1, 2, 3, 1, 0]
    assert table[1:, 7:9].tolist() == [[8, 85], [0, 0], [0, 0], [0, 0]]
    assert table[1:, 6].tolist() == [3, 2, 1, 0]
    assert table[1:, 5].tolist() == [0, P - 1, 0, 1]
    assert table[:, 3].tolist() == [400, 404, 405, 406, 407]


def test_multiplicities_count_every_use_of_a_wire():
    memory = circuit_at_400()
    memory.write_word(0, 404, (gate(0, 5, 5), gate(1, 3, 4), gate(2, 2, 2), gate(0, 5, 5)), 3)
    ace = Ace()
    ace.evaluate(memory, 0, 9, 400, 2, 4)
    table = ace.table()
    assert table[0, [14, 15]].tolist() == [1, 4]  # wires 4 and 5
    assert table[1:, 15].tolist() == [1, 2, 0, 0]


def test_rows_of_two_circuits_in_one_program(recorded_chiplets):
    rows = recorded_chiplets("ace_two_circuits")
    section = rows[(rows[:, :4] == [1, 1, 1, 0]).all(axis=1)]
    assert len(section) == 10
    first, second = int(section[0, 8]), int(section[5, 8])
    memory = circuit_at_400()
    ace = Ace()
    ace.evaluate(memory, 0, first, 400, 2, 4)
    memory.write_word(0, 400, (0, 0, 0, 0), second - 1)
    ace.evaluate(memory, 0, second, 400, 2, 4)
    np.testing.assert_array_equal(ace.table(), section[:, 4:20])


def test_a_circuit_is_fetched_by_memory_reads_at_its_cycle():
    memory = circuit_at_400()
    Ace().evaluate(memory, 0, 9, 400, 2, 4)
    reads = [row[:7] for row in memory.table().tolist() if row[0]]
    assert reads == [
        [1, 1, 0, 400, 0, 0, 9],
        *([1, 0, 0, 404, index & 1, index >> 1, 9] for index in range(4)),
    ]


@pytest.mark.parametrize(
    ("name", "words", "sizes"),
    [
        ("ace_wrapped_no_gate", (), (2**32 + 2, P - 1)),
        ("ace_wrapped_two_words", ((1, 2, 3, 4),), (2**32 + 4, 2**64 - 2**32)),
    ],
)
def test_sizes_whose_sum_wraps_are_cut_to_32_bits(name, words, sizes, recorded_chiplets):
    rows = recorded_chiplets(name)
    section = rows[(rows[:, :4] == [1, 1, 1, 0]).all(axis=1)]
    memory = Memory()
    for index, word in enumerate(words):
        memory.write_word(0, 400 + 4 * index, word, 1)
    ace = Ace()
    ace.evaluate(memory, 0, int(section[0, 8]), 400, *sizes)
    np.testing.assert_array_equal(ace.table(), section[:, 4:20])
    assert section[0, 16] == 2**32 - 1


@pytest.mark.parametrize(
    ("ptr", "num_vars", "num_eval", "reason"),
    [
        (400, 2**30 - 4, 4, "TooManyWires(1073741824)"),
        (400, 3, 2**30, "TooManyWires(1073741827)"),
        (400, 3, 3, "NumVarIsNotWordAlignedOrIsEmpty(3)"),
        (400, 0, 4, "NumVarIsNotWordAlignedOrIsEmpty(0)"),
        (400, 2, 6, "NumEvalIsNotWordAlignedOrIsEmpty(6)"),
        (400, 2, 0, "NumEvalIsNotWordAlignedOrIsEmpty(0)"),
        (400, 2**32, P - 1 - (2**32 - 4), "TooManyWires(18446744069414584324)"),
        (400, P - 1, 2**32 - 4, "TooManyWires(18446744073709551612)"),
        (400, P - 1, 2**32, "CircuitNotEvaluateZero"),
        (400, 2**33, 2**64 - 2**33 + 4, "FailedWireBusRead"),
        (400, 2**29, 2**29 - 4, "FailedWireBusRead"),
        (404, 2, 4, "FailedWireBusRead"),
    ],
)
def test_what_the_chiplet_refuses(ptr, num_vars, num_eval, reason):
    ace = Ace()
    with pytest.raises(ExecutionFailure) as failure:
        ace.evaluate(circuit_at_400(), 0, 9, ptr, num_vars, num_eval)
    assert (failure.value.name, failure.value.clk) == ("AceChipError", None)
    assert failure.value.detail == reason
    assert len(ace.table()) == 0


@pytest.mark.parametrize(
    ("gates", "reason"),
    [
        ((3 << 60 | 5, 0, 0, 0), "FailedDecodeInstruction"),
        ((gate(0, 5, 3), 0, 0, 0), "FailedWireBusRead"),
        ((gate(0, 3, 5), 0, 0, 0), "FailedWireBusRead"),
        ((gate(0, 6, 5), 0, 0, 0), "FailedWireBusRead"),
        ((gate(0, 5, 5), gate(0, 3, 3), gate(0, 2, 2), gate(2, 5, 4)), "CircuitNotEvaluateZero"),
    ],
)
def test_a_bad_gate_or_a_result_that_is_not_zero(gates, reason):
    memory = circuit_at_400()
    memory.write_word(0, 404, gates, 3)
    with pytest.raises(ExecutionFailure) as failure:
        Ace().evaluate(memory, 0, 9, 400, 2, 4)
    assert failure.value.detail == reason


@pytest.mark.parametrize(
    ("ptr", "num_vars", "name", "clk"),
    [
        (402, 2, "MemoryError.UnalignedWordAccess", 9),
        (P - 2, 2, "MemoryError.AddressOutOfBounds", None),
        (2**32 - 4, 2**29, "MemoryError.AddressOutOfBounds", None),
        (2**32 - 4, 2, "MemoryError.AddressOutOfBounds", None),
    ],
)
def test_addresses_fail_as_memory_accesses_do(ptr, num_vars, name, clk):
    with pytest.raises(ExecutionFailure) as failure:
        Ace().evaluate(Memory(), 0, 9, ptr, num_vars, 8)
    assert (failure.value.name, failure.value.clk) == (name, clk)


def test_the_last_word_of_memory_can_hold_the_gates():
    memory = Memory()
    memory.write_word(0, 2**32 - 4, GATES, 1)
    ace = Ace()
    ace.evaluate(memory, 0, 9, 2**32 - 8, 2, 4)
    assert ace.table()[-1, 3] == 2**32 - 1


def test_wrapped_sizes_that_stay_too_large_have_a_name_of_their_own():
    """The real VM panics here: the cut sizes are 2^32 - 2 and 6."""
    with pytest.raises(ExecutionFailure) as failure:
        Ace().evaluate(Memory(), 0, 9, 400, 2**33 - 2, 2**64 - 2**33 + 8)
    assert failure.value.name == "CircuitTooLarge"


def test_a_good_circuit_of_millions_of_variables_is_refused():
    num_vars = 2 * (MAX_READ_ROWS + 1)
    first_wire = num_vars + 3
    memory = Memory()
    memory.write_word(0, 2 * num_vars, (gate(0, first_wire, first_wire),) * 4, 1)
    with pytest.raises(BeyondLimits, match=f"at most {2 * MAX_READ_ROWS} variables here"):
        Ace().evaluate(memory, 0, 9, 0, num_vars, 4)
    assert len(memory.table()) == 1
