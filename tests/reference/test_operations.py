"""Every block operation: worked examples, hand-computed edges, shifts, errors and their order."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from machines import CLK, machine_with, run

from reference.definition.errors import ExecutionFailure
from reference.definition.field import P
from reference.definition.isa import BLOCK_OPERATIONS, BY_OPCODE
from reference.machine import NO_HELPERS
from reference.operations import BLOCK_OPERATION

VECTORS = json.loads((Path(__file__).parent.parent / "data" / "isa_vectors.json").read_text())["vectors"]
ITEMS = tuple(range(101, 117))
U32_MAX = 2**32 - 1
SECTIONS = ["Operands", "Effect", "Helpers", "Lookups", "Errors"]


def stack_after(name, stack, immediate=0):
    machine = machine_with(stack)
    run(machine, name, immediate)
    return tuple(machine.stack)


def failure_of(name, stack, immediate=0):
    with pytest.raises(ExecutionFailure) as caught:
        run(machine_with(stack), name, immediate)
    return caught.value


# ---- the table ------------------------------------------------------------------------------------------------------


def test_exactly_the_80_operations_of_blocks_have_a_function():
    assert set(BLOCK_OPERATION) == {info.opcode for info in BLOCK_OPERATIONS}
    assert len(set(BLOCK_OPERATION.values())) == 80


@pytest.mark.parametrize("code", BLOCK_OPERATION, ids=lambda code: BY_OPCODE[code].name)
def test_a_function_is_named_and_documented_as_its_operation(code):
    function, name = BLOCK_OPERATION[code], BY_OPCODE[code].name
    assert function.__name__.rstrip("_") == name.lower()
    assert re.match(rf"{name}[:(]", function.__doc__)
    assert re.findall(r"^    (\w+): ", function.__doc__, re.MULTILINE) == SECTIONS


# ---- worked examples ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "vector", "count"),
    [
        ("U32MADD", "u32madd_max", 3),
        ("U32SUB", "u32sub_borrow", 2),
        ("U32DIV", "u32div", 2),
        ("EXPACC", "expacc", 4),
        ("EXT2MUL", "ext2mul", 4),
        ("HPERM", "hperm", 12),
    ],
)
def test_worked_example(name, vector, count):
    expected = VECTORS[vector]
    machine = machine_with(expected[f"stack_before_top{count}"])
    helpers = run(machine, name)
    after = next(value for key, value in expected.items() if key.startswith("stack_after_top"))
    assert machine.stack[: len(after)] == after
    if name == "HPERM":
        assert helpers == (1, 0, 0, 0, 0, 0)
    elif name == "EXT2MUL":
        assert helpers == NO_HELPERS
    else:
        assert list(helpers) == expected["helpers"]


def test_worked_example_of_u32split():
    expected = VECTORS["u32split"]
    machine = machine_with([expected["s0"], 9])
    helpers = run(machine, "U32SPLIT")
    assert machine.stack[:3] == [*expected["stack_after_top2"], 9]
    assert list(helpers) == expected["helpers"]


def test_worked_example_of_logprecompile():
    expected = VECTORS["log_precompile"]
    machine = machine_with([*expected["stack_before_top8"], 9, 9, 9, 9, 13])
    assert run(machine, "LOGPRECOMPILE") == (1, 0, 0, 0, 0, 0)
    assert machine.stack[:13] == [*expected["stack_after_top12"], 13]
    assert list(machine.transcript_state) == expected["transcript_after"]


def test_a_second_logprecompile_continues_the_transcript():
    machine = machine_with()
    machine.transcript_state = (4, 5, 6, 7)
    assert run(machine, "LOGPRECOMPILE") == (1, 4, 5, 6, 7, 0)
    assert tuple(machine.stack[8:12]) == tuple(reversed(machine.transcript_state))


def test_logprecompile_of_the_library_wrapper():
    # spec 06, section 14
    tag, comm = (14691620564697063184, 1, 0, 7), (43, 62, 24, 1)
    machine = machine_with([*reversed(comm), *reversed(tag)])
    run(machine, "LOGPRECOMPILE")
    assert machine.transcript_state == (
        8600111659138427707,
        16208923221878974414,
        12423280135831159684,
        9479257007083903519,
    )


def test_worked_example_of_frie2f4():
    expected = VECTORS["frie2f4"]
    machine = machine_with([*expected["stack_before"], expected["overflow_top"]])
    assert list(run(machine, "FRIE2F4")) == expected["helpers"]
    assert machine.stack == expected["stack_after"]
    assert machine.overflow == []


@pytest.mark.parametrize(("name", "vector"), [("HORNERBASE", "horner_eval_base"), ("HORNEREXT", "horner_eval_ext")])
def test_worked_example_of_horner(name, vector):
    expected = VECTORS[vector]
    # the example's address, 114, is no word address
    before = [*expected["stack_before"][:13], 116, *expected["stack_before"][14:]]
    machine = machine_with(before)
    machine.memory.write_word(0, 116, tuple(expected["mem_word"]), 1)
    assert list(run(machine, name)) == expected["helpers"]
    assert machine.stack == [*before[:14], *expected["stack_after"][14:]]


def test_worked_example_of_evalcircuit():
    expected = VECTORS["eval_circuit"]
    machine = machine_with([40, expected["num_vars"], expected["num_eval"]])
    for offset, value in enumerate(expected["memory_from_ptr"]):
        machine.memory.write_element(0, 40 + offset, value, offset)
    before = list(machine.stack)
    assert run(machine, "EVALCIRCUIT") == NO_HELPERS
    assert machine.stack == before
    assert len(machine.ace.table()) == expected["num_vars"] // 2 + expected["num_eval"]


# ---- field ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "operands", "result"),
    [
        ("ADD", (1, P - 1), 0),
        ("ADD", (P - 1, P - 1), P - 2),
        ("MUL", (3, 5), 15),
        ("MUL", (P - 1, P - 1), 1),
        ("MUL", (2**32, 2**32), U32_MAX),  # 2^64 = 2^32 - 1 modulo p
        ("NEG", (0,), 0),
        ("NEG", (1,), P - 1),
        ("INV", (1,), 1),
        ("INV", (2,), 9223372034707292161),
        ("INV", (P - 1,), P - 1),
        ("INCR", (P - 1,), 0),
        ("NOT", (0,), 1),
        ("NOT", (1,), 0),
        ("AND", (1, 1), 1),
        ("AND", (1, 0), 0),
        ("AND", (0, 1), 0),
        ("OR", (0, 0), 0),
        ("OR", (0, 1), 1),
        ("OR", (1, 1), 1),
    ],
)
def test_field_operations(name, operands, result):
    rest = ITEMS[: 16 - len(operands)]
    pulled_in = (0,) * (len(operands) - 1)
    assert stack_after(name, (*operands, *rest)) == (result, *rest, *pulled_in)


@pytest.mark.parametrize(
    ("name", "operands", "result", "helper"),
    [
        ("EQ", (5, 5), 1, 0),
        ("EQ", (6, 5), 0, 1),
        ("EQ", (5, 6), 0, P - 1),
        ("EQ", (0, P - 1), 0, 1),
        ("EQZ", (0,), 1, 0),
        ("EQZ", (2,), 0, 9223372034707292161),
        ("EQZ", (P - 1,), 0, P - 1),
    ],
)
def test_equality_proves_itself_by_an_inverse(name, operands, result, helper):
    machine = machine_with(operands)
    assert run(machine, name) == (helper, 0, 0, 0, 0, 0)
    assert machine.stack[0] == result


def test_expacc_with_even_exponent_keeps_the_accumulator_and_ignores_the_top():
    machine = machine_with([9, P - 1, 7, 6])
    assert run(machine, "EXPACC") == (1, 0, 0, 0, 0, 0)
    assert machine.stack[:4] == [0, 1, 7, 3]


def test_ext2mul_of_phi_by_phi_is_phi_minus_two():
    assert stack_after("EXT2MUL", (1, 0, 1, 0))[:4] == (1, 0, 1, P - 2)


# ---- u32 ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "operands", "results", "helpers"),
    [
        ("U32ADD", (U32_MAX, U32_MAX), (1, U32_MAX - 1), (65534, 65535, 1, 0, 0, 0)),
        ("U32ADD", (0, 0), (0, 0), (0, 0, 0, 0, 0, 0)),
        ("U32ADD3", (U32_MAX, U32_MAX, U32_MAX), (2, U32_MAX - 2), (65533, 65535, 2, 0, 0, 0)),
        ("U32SUB", (3, 5), (0, 2), (2, 0, 0, 0, 0, 0)),
        ("U32SUB", (5, 5), (0, 0), (0, 0, 0, 0, 0, 0)),
        ("U32SUB", (U32_MAX, 0), (1, 1), (1, 0, 0, 0, 0, 0)),
        ("U32MUL", (0, U32_MAX), (0, 0), (0, 0, 0, 0, pow(U32_MAX, -1, P), 0)),
        ("U32MUL", (U32_MAX, U32_MAX), (U32_MAX - 1, 1), (1, 0, 65534, 65535, 1, 0)),
        ("U32DIV", (1, U32_MAX), (0, U32_MAX), (0, 0, 0, 0, 0, 0)),
        ("U32DIV", (U32_MAX, 0), (0, 0), (0, 0, 65534, 65535, 0, 0)),
        ("U32SPLIT", (P - 1,), (U32_MAX, 0), (0, 0, 65535, 65535, 0, 0)),
        ("U32SPLIT", (0x1234_5678,), (0, 0x1234_5678), (0x5678, 0x1234, 0, 0, pow(U32_MAX, -1, P), 0)),
        ("U32ASSERT2", (0x1111_2222, 0x3333_4444), (0x1111_2222, 0x3333_4444), (0x4444, 0x3333, 0x2222, 0x1111, 0, 0)),
    ],
)
def test_u32_operations_and_their_limbs(name, operands, results, helpers):
    machine = machine_with((*operands, *ITEMS))
    assert run(machine, name) == helpers
    assert tuple(machine.stack[:2]) == results
    assert machine.stack[2] == ITEMS[0]


def test_u32_limbs_are_booked_with_the_range_checker_zeros_included():
    machine = machine_with([3, 0x0002_0007])
    run(machine, "U32SUB")
    booked = {int(v): int(m) for m, v in machine.ranges.table()}
    assert (booked[4], booked[2], booked[0]) == (1, 1, 2)


@pytest.mark.parametrize(("name", "result"), [("U32AND", 0x0000_00F0), ("U32XOR", 0x0FFF_F00F)])
def test_bitwise_operations_take_the_second_item_as_a(name, result):
    machine = machine_with([0x0000_F0FF & 0xFF, 0x0FFF_F0F0, 7])
    assert run(machine, name) == NO_HELPERS
    assert machine.stack[:2] == [result, 7]
    assert len(machine.bitwise.table()) == 8
    assert machine.bitwise.table()[-1, 1:3].tolist() == [0x0FFF_F0F0, 0xFF]


U32_OPERANDS = [("U32ADD", 2), ("U32SUB", 2), ("U32MUL", 2), ("U32DIV", 2), ("U32AND", 2), ("U32XOR", 2)]
U32_OPERANDS += [("U32ASSERT2", 2), ("U32ADD3", 3), ("U32MADD", 3)]


@pytest.mark.parametrize(("name", "count"), U32_OPERANDS)
def test_u32_operations_name_all_operands_that_are_none_top_first(name, count):
    offending = [2**32, P - 1, 2**40][:count]
    failure = failure_of(name, [*offending, *[2**33] * 13])
    assert (failure.name, failure.clk) == ("NotU32Values", None)
    assert failure.detail.startswith(f"values {offending},")
    for position in range(count):
        operands = [1] * count
        operands[position] = 2**32
        assert failure_of(name, operands).detail.startswith("values [4294967296],")


def test_u32div_checks_its_operands_before_the_divisor():
    assert failure_of("U32DIV", [0, 2**32]).name == "NotU32Values"
    failure = failure_of("U32DIV", [0, 1])
    assert (failure.name, failure.clk) == ("DivideByZero", CLK)


def test_only_u32assert2_reports_its_code():
    assert failure_of("U32ASSERT2", [2**32], 31).detail.endswith("error code 31")
    assert failure_of("U32ADD", [2**32], 31).detail.endswith("error code 0")


# ---- errors of the simple operations --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "stack", "error", "clk"),
    [
        ("INV", [0], "DivideByZero", CLK),
        ("ASSERT", [0], "FailedAssertion", CLK),
        ("ASSERT", [2], "FailedAssertion", CLK),
        ("NOT", [2], "NotBinaryValueOp", None),
        ("AND", [P - 1, 0], "NotBinaryValueOp", None),
        ("OR", [0, 2], "NotBinaryValueOp", None),
        ("CSWAP", [2], "NotBinaryValueOp", None),
        ("CSWAPW", [P - 1], "NotBinaryValueOp", None),
        ("FRIE2F4", [0] * 9 + [4], "InvalidFriDomainSegment", None),
        ("FRIE2F4", [0] * 11 + [1], "InvalidFriLayerFolding.QuadExtension", None),
    ],
)
def test_error_names_and_clocks(name, stack, error, clk):
    failure = failure_of(name, stack)
    assert (failure.name, failure.clk) == (error, clk)


@pytest.mark.parametrize("name", ["AND", "OR"])
def test_the_top_is_tested_first(name):
    assert failure_of(name, [3, 4]).detail == "value 3"
    assert failure_of(name, [1, 4]).detail == "value 4"


def test_frie2f4_tests_the_segment_before_the_folding():
    assert failure_of("FRIE2F4", [0] * 9 + [4, 0, 1]).name == "InvalidFriDomainSegment"


TAU_INVERSE = 18446462594437873665


def test_tau_is_a_primitive_fourth_root_of_unity():
    assert TAU_INVERSE**2 % P == P - 1


@pytest.mark.parametrize("segment", range(4))
def test_frie2f4_compares_the_query_of_the_segment(segment):
    values = [11, 12, 13, 14, 15, 16, 17, 18]
    low, high = values[7 - 2 * segment], values[6 - 2 * segment]
    after = stack_after("FRIE2F4", [*values, 0, segment, 1, high, low])
    assert after[4:8] == tuple(int(segment == number) for number in (3, 2, 1, 0))
    assert after[9] == pow(TAU_INVERSE, segment, P)
    assert failure_of("FRIE2F4", [*values, 0, segment, 1, low, high]).name.startswith("InvalidFriLayerFolding")


def test_frie2f4_divides_by_zero_to_zero():
    machine = machine_with([0] * 10 + [0, 0, 0, 5, 6, 20])
    assert run(machine, "FRIE2F4") == NO_HELPERS
    assert machine.stack[8:12] == [0, 1, 28, 0]


# ---- system ---------------------------------------------------------------------------------------------------------


def test_noop_and_assert():
    assert stack_after("NOOP", ITEMS) == ITEMS
    assert stack_after("ASSERT", (1, *ITEMS[1:]), 9) == (*ITEMS[1:], 0)


def test_sdepth_counts_the_items_before_the_push():
    assert stack_after("SDEPTH", ITEMS) == (16, *ITEMS[:15])
    assert stack_after("SDEPTH", (*ITEMS, 1, 2, 3))[0] == 19


def test_clk_pushes_the_clock():
    assert stack_after("CLK", ITEMS) == (CLK, *ITEMS[:15])


def test_caller_overwrites_the_top_word():
    machine = machine_with(ITEMS)
    machine.fn_hash = (1, 2, 3, 4)
    run(machine, "CALLER")
    assert tuple(machine.stack) == (4, 3, 2, 1, *ITEMS[4:])
    assert machine.depth == 16


# ---- stack moves ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [0, 1, 2, 3, 4, 5, 6, 7, 9, 11, 13, 15])
def test_dup_copies_an_item_and_moves_the_last_one_to_the_overflow(n):
    machine = machine_with(ITEMS)
    assert run(machine, f"DUP{n}") == NO_HELPERS
    assert tuple(machine.stack) == (101 + n, *ITEMS[:15])
    assert machine.overflow == [(116, CLK)]


@pytest.mark.parametrize("n", range(2, 9))
def test_movup_and_movdn_undo_each_other(n):
    up = stack_after(f"MOVUP{n}", ITEMS)
    assert up == (101 + n, *ITEMS[:n], *ITEMS[n + 1 :])
    assert stack_after(f"MOVDN{n}", up) == ITEMS


@pytest.mark.parametrize(
    ("name", "order"),
    [
        ("SWAP", [1, 0, *range(2, 16)]),
        ("SWAPW", [*range(4, 8), *range(4), *range(8, 16)]),
        ("SWAPW2", [*range(8, 12), *range(4, 8), *range(4), *range(12, 16)]),
        ("SWAPW3", [*range(12, 16), *range(4, 12), *range(4)]),
        ("SWAPDW", [*range(8, 16), *range(8)]),
    ],
)
def test_swaps(name, order):
    machine = machine_with((*ITEMS, 7))
    run(machine, name)
    assert machine.stack == [101 + position for position in order]
    assert machine.overflow == [(7, 5)]


@pytest.mark.parametrize("condition", [0, 1])
def test_conditional_swaps(condition):
    rest = tuple(range(1, 16))
    swapped = (2, 1, *rest[2:], 0) if condition else (*rest, 0)
    assert stack_after("CSWAP", (condition, *rest)) == swapped
    words = (*rest[4:8], *rest[:4], *rest[8:], 0) if condition else (*rest, 0)
    assert stack_after("CSWAPW", (condition, *rest)) == words


def test_pad_and_drop():
    assert stack_after("PAD", ITEMS) == (0, *ITEMS[:15])
    machine = machine_with((*ITEMS, 8, 9))
    run(machine, "DROP")
    assert tuple(machine.stack) == (*ITEMS[1:], 8)
    assert machine.overflow == [(9, 5)]
    run(machine, "DROP")
    run(machine, "DROP")
    assert (machine.stack[13:], machine.depth, machine.overflow_address) == ([8, 9, 0], 16, 0)


SHIFT = {"left": -1, "right": 1, "plain": 0}
OTHER_SHIFTS = {"U32SPLIT": 1, "PUSH": 1, "U32ADD3": -1, "U32MADD": -1}
NEEDS_WORLD = {"ADVPOP", "ADVPOPW", "PIPE", "MPVERIFY", "MRUPDATE", "EMIT", "EVALCIRCUIT"}


@pytest.mark.parametrize("info", [i for i in BLOCK_OPERATIONS if i.name not in NEEDS_WORLD], ids=lambda info: info.name)
def test_the_depth_changes_by_the_class_of_the_operation(info):
    """Zeros are valid operands of all operations but INV, ASSERT and U32DIV, which take ones."""
    machine = machine_with([int(info.name in ("INV", "ASSERT", "U32DIV"))] * 18)
    run(machine, info.name)
    shift = OTHER_SHIFTS.get(info.name, SHIFT.get(info.shift_class, 0))
    assert machine.depth == 18 + shift
    assert len(machine.stack) == 16
