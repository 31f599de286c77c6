"""Operations that touch memory or advice: values, word order, errors and their order."""

from __future__ import annotations

import pytest
from machines import CLK, machine_with, run

from reference.definition.case import Advice
from reference.definition.errors import ExecutionFailure
from reference.definition.field import P
from reference.host import AdviceHost
from reference.machine import NO_HELPERS

ITEMS = tuple(range(101, 117))
OUT_OF_BOUNDS = ("MemoryError.AddressOutOfBounds", None)
UNALIGNED = ("MemoryError.UnalignedWordAccess", CLK)
EMPTY = ("AdviceError.StackReadFailed", CLK)


def with_advice(stack, advice):
    return machine_with(stack, host=AdviceHost(Advice(stack=advice), stdlib=False))


def failure_of(name, stack, advice=()):
    with pytest.raises(ExecutionFailure) as caught:
        run(with_advice(stack, advice), name)
    return caught.value.name, caught.value.clk


def at_address(address, position):
    return [*ITEMS[:position], address, *ITEMS[position + 1 :]]


def test_push_and_its_immediate():
    machine = machine_with(ITEMS)
    assert run(machine, "PUSH", P - 1) == NO_HELPERS
    assert tuple(machine.stack) == (P - 1, *ITEMS[:15])


def test_mstore_then_mload_of_one_element():
    machine = machine_with([2**32 - 1, 9, *ITEMS])
    run(machine, "MSTORE")
    assert machine.stack[:2] == [9, 101]
    machine.stack[0] = 2**32 - 1
    run(machine, "MLOAD")
    assert machine.stack[:2] == [9, 101]


def test_memory_belongs_to_a_context():
    machine = machine_with([8, 9])
    run(machine, "MSTORE")
    machine.ctx = 5
    machine.stack[0] = 8
    run(machine, "MLOAD")
    assert machine.stack[0] == 0


def test_words_have_element_3_on_top():
    machine = machine_with([8, 4, 3, 2, 1, *ITEMS])
    run(machine, "MSTOREW")
    assert machine.stack[:5] == [4, 3, 2, 1, 101]
    assert [machine.memory.peek_element(0, 8 + i) for i in range(4)] == [1, 2, 3, 4]
    machine.stack[:5] = [8, 0, 0, 0, 0]
    machine.stack[5] = 77
    run(machine, "MLOADW")
    assert machine.stack[:5] == [4, 3, 2, 1, 77]


def test_unset_memory_reads_as_zeros():
    machine = machine_with([8, *ITEMS])
    run(machine, "MLOADW")
    assert tuple(machine.stack[:5]) == (0, 0, 0, 0, 105)


def test_mstream_reads_two_words_and_advances_by_eight():
    machine = machine_with(at_address(40, 12))
    machine.memory.write_word(0, 40, (1, 2, 3, 4), 1)
    machine.memory.write_word(0, 44, (5, 6, 7, 8), 2)
    assert run(machine, "MSTREAM") == NO_HELPERS
    assert machine.stack == [8, 7, 6, 5, 4, 3, 2, 1, *ITEMS[8:12], 48, *ITEMS[13:]]


def test_pipe_pops_eight_elements_into_memory_and_stack():
    machine = with_advice(at_address(40, 12), (1, 2, 3, 4, 5, 6, 7, 8, 9))
    assert run(machine, "PIPE") == NO_HELPERS
    assert machine.stack == [8, 7, 6, 5, 4, 3, 2, 1, *ITEMS[8:12], 48, *ITEMS[13:]]
    assert machine.memory.peek_word(0, 40) == (1, 2, 3, 4)
    assert machine.memory.peek_word(0, 44) == (5, 6, 7, 8)
    assert machine.host.pop_element(CLK) == 9


def test_advpop_pushes_the_top_of_the_advice_stack():
    machine = with_advice(ITEMS, (7, 8))
    run(machine, "ADVPOP")
    assert tuple(machine.stack) == (7, *ITEMS[:15])


def test_advpopw_puts_the_element_popped_last_on_top():
    machine = with_advice(ITEMS, (1, 2, 3, 4))
    run(machine, "ADVPOPW")
    assert tuple(machine.stack) == (4, 3, 2, 1, *ITEMS[4:])
    assert machine.depth == 16


@pytest.mark.parametrize(("name", "held"), [("ADVPOP", 0), ("ADVPOPW", 3), ("PIPE", 7)])
def test_too_little_advice_fails_with_the_clock(name, held):
    assert failure_of(name, ITEMS, tuple(range(held))) == EMPTY


def test_pipe_pops_before_it_looks_at_the_address():
    assert failure_of("PIPE", at_address(P - 1, 12)) == EMPTY
    assert failure_of("PIPE", at_address(P - 1, 12), tuple(range(8))) == OUT_OF_BOUNDS


@pytest.mark.parametrize("name", ["MLOAD", "MSTORE"])
@pytest.mark.parametrize("address", [2**32, P - 1])
def test_element_addresses_end_at_32_bits(name, address):
    assert failure_of(name, [address]) == OUT_OF_BOUNDS


@pytest.mark.parametrize(
    ("name", "position"),
    [
        ("MLOADW", 0),
        ("MSTOREW", 0),
        ("MSTREAM", 12),
        ("PIPE", 12),
        ("HORNERBASE", 13),
        ("HORNEREXT", 13),
        ("EVALCIRCUIT", 0),
    ],
)
def test_word_addresses_are_checked_for_range_then_alignment(name, position):
    advice = tuple(range(8))
    rest = [2, 4] if name == "EVALCIRCUIT" else []
    for address, expected in [(2**32 + 1, OUT_OF_BOUNDS), (5, UNALIGNED), (2**32 - 1, UNALIGNED)]:
        stack = at_address(address, position)
        stack[position + 1 : position + 1 + len(rest)] = rest
        assert failure_of(name, stack, advice) == expected


@pytest.mark.parametrize("name", ["MSTREAM", "PIPE"])
def test_the_second_word_may_be_out_of_bounds(name):
    assert failure_of(name, at_address(2**32 - 4, 12), tuple(range(8))) == OUT_OF_BOUNDS


@pytest.mark.parametrize("name", ["MSTREAM", "PIPE"])
def test_the_last_two_words_advance_the_address_out_of_bounds(name):
    machine = with_advice(at_address(2**32 - 8, 12), tuple(range(8)))
    run(machine, name)
    assert machine.stack[12] == 2**32
