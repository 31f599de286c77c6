"""The standard library's event handlers."""

from __future__ import annotations

import pytest
from machines import CLK, machine_with, run

from reference.definition.case import Advice
from reference.definition.errors import BeyondLimits, ExecutionFailure
from reference.definition.field import P
from reference.definition.rpo import empty_subtree_roots, hash_elements, merge
from reference.host import AdviceHost

# spec 06, section 2.1
KECCAK = 5779517439479051634
ECDSA = 7877366289282707984
SMT_PEEK = 3580205917336794987
U64_DIV = 16308489928383702680
FALCON_DIV = 9834516640389212175
LOWERBOUND_ARRAY = 2382974753388103136
LOWERBOUND_KEY_VALUE = 486819235893213157
U32_MAX = 2**32 - 1


def emit(event_id, operands, *, advice=None, memory=()):
    """What the event pushed on the advice stack, top first."""
    machine = machine_with([event_id, *operands], host=AdviceHost(advice or Advice(), stdlib=True))
    for address, word in memory:
        machine.memory.write_word(0, address, word, 1)
    before = list(machine.stack)
    run(machine, "EMIT")
    assert machine.stack == before
    return list(reversed(machine.host.stack))


def failure_of(event_id, operands, **world):
    with pytest.raises(ExecutionFailure) as caught:
        emit(event_id, operands, **world)
    return caught.value


def event_error(event_id, operands, **world):
    failure = failure_of(event_id, operands, **world)
    assert (failure.name, failure.clk) == ("EventError", None)
    return failure.detail


@pytest.mark.parametrize("event_id", [KECCAK, ECDSA])
def test_keccak_and_ecdsa_are_beyond_the_engine_without_replies(event_id):
    with pytest.raises(BeyondLimits, match="replies"):
        emit(event_id, [0, 0, 0])


def test_system_events_are_known_too():
    assert emit(7444351342957461231, [8]) == [3]


# ---- division -------------------------------------------------------------------------------------------------------


def test_u64_div_pushes_quotient_above_remainder_low_limbs_first():
    # (2^33 + 5) / 2^32 = 2 rest 5; (7 * 2^32 + 9) / 10
    assert emit(U64_DIV, [1, 0, 2, 5]) == [2, 0, 5, 0]
    quotient, remainder = divmod(7 * 2**32 + 9, 10)
    assert emit(U64_DIV, [0, 10, 7, 9]) == [quotient, 0, remainder, 0]
    assert emit(U64_DIV, [U32_MAX, U32_MAX, U32_MAX, U32_MAX - 1]) == [0, 0, U32_MAX - 1, U32_MAX]
    assert emit(U64_DIV, [0, 1, U32_MAX, 3]) == [3, U32_MAX, 0, 0]


def test_u64_div_checks_divisor_limbs_then_zero_then_dividend_limbs():
    big = 2**32
    assert event_error(U64_DIV, [big, big, big, big]).startswith("divisor_hi")
    assert event_error(U64_DIV, [0, big, big, big]).startswith("divisor_lo")
    assert event_error(U64_DIV, [0, 0, big, big]) == "division by zero"
    assert event_error(U64_DIV, [0, 1, big, big]).startswith("dividend_hi")
    assert event_error(U64_DIV, [0, 1, 0, big]).startswith("dividend_lo")


def test_falcon_div_pushes_quotient_high_limb_on_top():
    assert emit(FALCON_DIV, [0, 12289 * 5 + 4]) == [0, 5, 4]
    assert emit(FALCON_DIV, [12289, 7]) == [1, 0, 7]
    assert emit(FALCON_DIV, [0, 0]) == [0, 0, 0]


def test_falcon_div_checks_the_low_limb_first():
    assert event_error(FALCON_DIV, [2**32, 2**32]).startswith("dividend_lo")
    assert event_error(FALCON_DIV, [2**32, 0]).startswith("dividend_hi")


# ---- sparse Merkle tree ---------------------------------------------------------------------------------------------

KEY, OTHER_KEY, VALUE = (1, 2, 3, 5), (7, 7, 7, 5), (101, 102, 103, 104)
PREIMAGE = (*OTHER_KEY, 201, 202, 203, 204, *KEY, *VALUE)
LEAF = hash_elements(PREIMAGE)


def tree_with(leaf, index):
    """The nodes of a depth-64 tree with one leaf, and its root."""
    nodes, node = [], leaf
    for level, empty in enumerate(empty_subtree_roots()[:64]):
        nodes.append((empty, node) if index >> level & 1 else (node, empty))
        node = merge(*nodes[-1])
    return tuple(nodes), node


NODES, ROOT = tree_with(LEAF, 5)


def peek(key, *, root=ROOT, entries=PREIMAGE):
    advice = Advice(stack=(9,), store=NODES, map={} if entries is None else {LEAF: entries})
    return emit(SMT_PEEK, [*reversed(key), *reversed(root)], advice=advice)


def test_smt_peek_finds_the_value_of_a_key():
    assert peek(KEY) == [*VALUE, 9]
    assert peek(OTHER_KEY) == [201, 202, 203, 204, 9]


def test_smt_peek_gives_the_zero_word_for_absent_keys():
    assert peek((8, 8, 8, 5)) == [0, 0, 0, 0, 9]
    assert peek((1, 2, 3, P - 1)) == [0, 0, 0, 0, 9]
    assert peek(KEY, root=empty_subtree_roots()[64], entries=None) == [0, 0, 0, 0, 9]


def test_smt_peek_failures():
    def detail(**world):
        with pytest.raises(ExecutionFailure) as caught:
            peek(KEY, **world)
        assert (caught.value.name, caught.value.clk) == ("EventError", None)
        return caught.value.detail

    assert "RootNotInStore" in detail(root=(1, 1, 1, 1))
    assert "not in the advice map" in detail(entries=None)
    assert "15 elements" in detail(entries=PREIMAGE[:-1])


# ---- sorted arrays --------------------------------------------------------------------------------------------------

# element 3 is the most significant
ASCENDING = ((40, (9, 0, 0, 1)), (44, (0, 1, 0, 2)), (48, (5, 1, 0, 2)), (52, (0, 0, 0, P - 1)))


def search(key, *, start=40, end=56, memory=ASCENDING):
    return emit(LOWERBOUND_ARRAY, [*reversed(key), start, end], memory=memory)


@pytest.mark.parametrize(
    ("key", "pointer", "found"),
    [
        ((9, 0, 0, 1), 40, 1),
        ((0, 0, 0, 0), 40, 0),
        ((0, 0, 0, 2), 44, 0),
        ((5, 1, 0, 2), 48, 1),
        ((6, 1, 0, 2), 52, 0),
        ((0, 0, 0, P - 1), 52, 1),
        ((1, 0, 0, P - 1), 56, 0),
    ],
)
def test_lowerbound_array_pushes_the_pointer_above_the_flag(key, pointer, found):
    assert search(key) == [pointer, found]


def test_the_first_of_equal_entries_is_found():
    assert search((1, 0, 0, 0), memory=[(address, (1, 0, 0, 0)) for address in (40, 44, 48, 52)]) == [40, 1]


def test_an_empty_range_gives_its_end():
    assert search((0, 0, 0, 0), start=44, end=44) == [44, 0]


def test_absent_words_count_as_zero_words():
    assert search((0, 0, 0, 0), memory=ASCENDING[2:]) == [40, 1]
    assert "entry at 44" in event_error(LOWERBOUND_ARRAY, [0, 0, 0, 0, 40, 48], memory=ASCENDING[:1])


def test_the_order_is_checked_behind_a_hit():
    memory = [*ASCENDING[:3], (52, (4, 1, 0, 2))]
    assert "entry at 52" in event_error(LOWERBOUND_ARRAY, [1, 0, 0, 9, 40, 56], memory=memory)


def test_range_failures_of_sorted_arrays_in_order():
    key = [0, 0, 0, 0]
    assert "AddressOutOfBounds: address 4294967296" in event_error(LOWERBOUND_ARRAY, [*key, 2**32, 2**32 + 1])
    assert "InvalidMemoryRange" in event_error(LOWERBOUND_ARRAY, [*key, 41, 40])
    assert "size 5" in event_error(LOWERBOUND_ARRAY, [*key, 40, 45])
    assert "size 4" in event_error(LOWERBOUND_KEY_VALUE, [*key, 40, 44, 1])


@pytest.mark.parametrize("event_id", [LOWERBOUND_ARRAY, LOWERBOUND_KEY_VALUE])
def test_an_unaligned_start_is_the_one_event_error_with_a_clock(event_id):
    failure = failure_of(event_id, [0, 0, 0, 0, 41, 46, 1])
    assert (failure.name, failure.clk) == ("EventError", CLK)


PAIRS = ((40, (1, 1, 0, 3)), (44, (9, 9, 9, 9)), (48, (2, 0, 1, 3)), (52, (0, 0, 0, 0)))


def test_key_value_search_skips_the_values():
    assert emit(LOWERBOUND_KEY_VALUE, [3, 1, 0, 2, 40, 56, 1], memory=PAIRS) == [48, 1]
    assert emit(LOWERBOUND_KEY_VALUE, [3, 0, 1, 2, 40, 56, 1], memory=PAIRS) == [48, 0]


def test_a_half_key_ignores_two_elements_in_memory_but_not_in_the_key():
    assert emit(LOWERBOUND_KEY_VALUE, [3, 0, 0, 0, 40, 56, 0], memory=PAIRS) == [40, 1]
    assert emit(LOWERBOUND_KEY_VALUE, [3, 0, 1, 1, 40, 56, 0], memory=PAIRS) == [48, 0]


def test_the_kind_of_key_is_checked_first():
    assert event_error(LOWERBOUND_KEY_VALUE, [0, 0, 0, 0, 41, 40, 2]).startswith("use_full_key")
