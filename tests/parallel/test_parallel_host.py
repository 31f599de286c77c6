"""The parallel engine's host answers as the real VM's does: expected values are spec 06 section 14, or the VM's own."""

from __future__ import annotations

import pytest
from parallel_hosts import (
    EMPTY,
    EXT2_INV,
    HAS_MAP_KEY,
    HDWORD_TO_MAP,
    HDWORD_TO_MAP_WITH_DOMAIN,
    HPERM_TO_MAP,
    HQWORD_TO_MAP,
    ILOG2,
    KEY,
    KEY_BOTTOM_UP,
    MAP_VALUE_TO_STACK,
    MAP_VALUE_TO_STACK_N,
    MEM_TO_MAP,
    U32_CLO,
    U32_CLZ,
    U32_CTO,
    U32_CTZ,
    A,
    B,
    C,
    D,
    Machine,
    assert_fails,
    live,
    on_stack,
    pushed_by,
)

from parallel.host import ScriptedHost
from parallel.host.hashing import empty_trees, hash_elements, merge
from reference.definition.case import Replies
from reference.definition.field import ZERO_WORD, Word

# Hashing


def test_roots_of_empty_trees_are_those_of_the_spec() -> None:
    roots = [ZERO_WORD, *empty_trees()]
    assert len(roots) == 256
    assert {height: roots[height] for height in EMPTY} == EMPTY
    assert [empty_trees()[root] for root in roots[1:]] == roots[:-1]


def test_hashes_are_those_of_the_spec() -> None:
    assert merge(A, B) == (15975159621759139720, 15720844923951376941, 16013969809933496273, 13608701685256682132)
    assert merge(A, B, 9) == (13430772694770011730, 8236398963995740039, 7382461323038702456, 14704640736813324321)
    assert hash_elements([1, 2, 3]) == (
        13393362555633290230,
        14548287556244952505,
        16084401406015601950,
        15008126983287838060,
    )
    assert hash_elements([]) == ZERO_WORD


# Advice stack


def test_pops_take_from_the_top_in_order() -> None:
    host = live(stack=tuple(range(1, 15)))
    assert list(host.pop(1, 0)) == [1]
    assert list(host.pop(4, 0)) == [2, 3, 4, 5]
    assert list(host.pop(8, 0)) == [6, 7, 8, 9, 10, 11, 12, 13]
    assert list(host.pop(1, 0)) == [14]


@pytest.mark.parametrize("count", [1, 4, 8])
def test_a_pop_of_more_than_there_is_fails_with_its_clk(count: int) -> None:
    host = live(stack=tuple(range(count - 1)))
    assert_fails(lambda: host.pop(count, 31), "AdviceError.StackReadFailed", 31)


def test_a_live_host_has_no_leftovers() -> None:
    assert live(stack=(1,)).leftover() is None


# Advice map


def test_map_values_are_pushed_with_element_0_on_top() -> None:
    entries = {KEY: (7, 8, 9)}
    assert pushed_by(MAP_VALUE_TO_STACK, KEY_BOTTOM_UP, live((1,), entries)) == [7, 8, 9, 1]
    assert pushed_by(MAP_VALUE_TO_STACK_N, KEY_BOTTOM_UP, live((1,), entries)) == [3, 7, 8, 9, 1]
    assert pushed_by(MAP_VALUE_TO_STACK_N, KEY_BOTTOM_UP, live(entries={KEY: ()})) == [0]
    assert pushed_by(HAS_MAP_KEY, KEY_BOTTOM_UP, live(entries={KEY: ()})) == [1]
    assert pushed_by(HAS_MAP_KEY, KEY_BOTTOM_UP) == [0]


@pytest.mark.parametrize("event", [MAP_VALUE_TO_STACK, MAP_VALUE_TO_STACK_N])
def test_a_missing_key_fails(event: int) -> None:
    assert_fails(lambda: live().emit(Machine(event, clk=67)), "AdviceError.MapKeyNotFound", 67)


def test_a_merge_adds_what_is_missing_and_accepts_what_is_equal() -> None:
    host = live(entries={A: (1, 2)})
    host.merge({A: [1, 2], B: [3]}, 0)
    assert pushed_by(MAP_VALUE_TO_STACK, on_stack(B), host) == [3]
    assert pushed_by(MAP_VALUE_TO_STACK, on_stack(A), host) == [1, 2]


def test_a_contradicting_merge_adds_nothing() -> None:
    host = live(entries={A: (1, 2)})
    assert_fails(lambda: host.merge({B: [3], A: [1], C: [4]}, 9), "AdviceError.MapKeyAlreadyPresent", 9)
    assert [pushed_by(HAS_MAP_KEY, on_stack(key), host) for key in (A, B, C)] == [[1], [0], [0]]
    assert pushed_by(MAP_VALUE_TO_STACK, on_stack(A), host) == [1, 2]


def test_a_host_leaves_its_case_as_it_was() -> None:
    entries = {A: (1, 2)}
    live(entries=entries).merge({B: [3]}, 0)
    assert entries == {A: (1, 2)}


KEYS_OF_MAP_EVENTS = [
    (
        HDWORD_TO_MAP,
        on_stack(B, A),
        (15975159621759139720, 15720844923951376941, 16013969809933496273, 13608701685256682132),
        A + B,
    ),
    (
        HDWORD_TO_MAP_WITH_DOMAIN,
        [*on_stack(B, A), 9],
        (13430772694770011730, 8236398963995740039, 7382461323038702456, 14704640736813324321),
        A + B,
    ),
    (
        HPERM_TO_MAP,
        on_stack(B, A, (0, 9, 0, 0)),
        (13430772694770011730, 8236398963995740039, 7382461323038702456, 14704640736813324321),
        A + B,
    ),
    (
        HPERM_TO_MAP,
        on_stack(B, A, (10, 11, 12, 13)),
        (18017871645231105278, 10221447231092625179, 12636475876943806954, 17989581404143297261),
        A + B,
    ),
    (
        HQWORD_TO_MAP,
        on_stack(D, C, B, A),
        (7981037089706296458, 693210443262094005, 10149050286089171417, 9050967122996299175),
        A + B + C + D,
    ),
]


@pytest.mark.parametrize(("event", "operands", "key", "values"), KEYS_OF_MAP_EVENTS)
def test_hashed_entries_have_the_keys_of_the_spec(
    event: int, operands: list[int], key: Word, values: tuple[int, ...]
) -> None:
    host = live()
    host.emit(Machine(event, operands))
    host.emit(Machine(event, operands))  # the same entry again is no contradiction
    assert pushed_by(MAP_VALUE_TO_STACK, on_stack(key), host) == list(values)
    occupied = live(entries={key: (0,)})
    assert_fails(lambda: occupied.emit(Machine(event, operands)), "AdviceError.MapKeyAlreadyPresent", 77)


def test_memory_goes_to_the_map_with_zeros_where_nothing_was_written() -> None:
    host = live()
    host.emit(Machine(MEM_TO_MAP, [*KEY_BOTTOM_UP, 3, 8], {2: 1, 3: 13, 5: 15, 7: 17, 8: 1}))
    assert pushed_by(MAP_VALUE_TO_STACK, KEY_BOTTOM_UP, host) == [13, 0, 15, 0, 17]


def test_an_empty_range_is_an_empty_entry() -> None:
    host = live()
    host.emit(Machine(MEM_TO_MAP, [*KEY_BOTTOM_UP, 3, 3]))
    assert pushed_by(MAP_VALUE_TO_STACK_N, KEY_BOTTOM_UP, host) == [0]


@pytest.mark.parametrize(
    ("start", "end", "name"),
    [
        (2**32, 1, "MemoryError.AddressOutOfBounds"),
        (2, 2**32, "MemoryError.AddressOutOfBounds"),
        (2, 1, "MemoryError.InvalidMemoryRange"),
    ],
)
def test_bad_ranges_fail_without_clk(start: int, end: int, name: str) -> None:
    assert_fails(lambda: live().emit(Machine(MEM_TO_MAP, [*KEY_BOTTOM_UP, start, end])), name, None)


# Arithmetic hints


@pytest.mark.parametrize(
    ("event", "value", "hint"),
    [
        (U32_CLZ, 0, 32),
        (U32_CLZ, 1, 31),
        (U32_CLZ, 2**31, 0),
        (U32_CTZ, 0, 32),
        (U32_CTZ, 1, 0),
        (U32_CTZ, 2**31, 31),
        (U32_CTZ, 12, 2),
        (U32_CLO, 0, 0),
        (U32_CLO, 2**32 - 1, 32),
        (U32_CLO, 3 << 30, 2),
        (U32_CTO, 0, 0),
        (U32_CTO, 2**32 - 1, 32),
        (U32_CTO, 7, 3),
        (ILOG2, 1, 0),
        (ILOG2, 2**32, 32),
        (ILOG2, 2**64 - 2**32, 63),
    ],
)
def test_bit_counts_are_those_of_the_real_vm(event: int, value: int, hint: int) -> None:
    assert pushed_by(event, [value]) == [hint]


@pytest.mark.parametrize("event", [U32_CLZ, U32_CTZ, U32_CLO, U32_CTO])
def test_bit_counts_of_wider_values_fail_without_clk(event: int) -> None:
    assert_fails(lambda: live().emit(Machine(event, [2**32])), "NotU32Values", None)


def test_logarithm_and_inverse_of_zero_fail_with_clk() -> None:
    assert_fails(lambda: live().emit(Machine(ILOG2, [0])), "LogArgumentZero", 77)
    assert_fails(lambda: live().emit(Machine(EXT2_INV, [0, 0])), "DivideByZero", 77)


def test_the_inverse_in_the_extension_is_the_real_vms() -> None:
    assert pushed_by(EXT2_INV, [5, 3]) == [11965455612593243884, 1744962276836514733]


# Replies


def test_replies_come_one_queue_per_kind() -> None:
    host = ScriptedHost(
        Replies(elements=(1, 2), words=(A,), dwords=((9, 8, 7, 6, 5, 4, 3, 2),), paths=((A, B), (C,), ()))
    )
    host.emit(Machine(U32_CLZ, [2**32]))
    host.emit(Machine(12345))
    host.merge({A: [1]}, 0)
    host.merge({A: [2]}, 0)
    assert host.leftover() == "2 elements, 1 words, 1 dwords, 3 paths"
    assert list(host.pop(8, 0)) == [9, 8, 7, 6, 5, 4, 3, 2]
    assert list(host.pop(1, 0)) == [1]
    assert list(host.pop(4, 0)) == list(A)
    assert list(host.pop(1, 0)) == [2]
    assert host.path(D, 2, 0, 0) == [A, B]
    assert host.leftover() == "2 paths"
    assert host.update(D, 1, 0, A, 0) == [C]
    assert host.path(D, 0, 0, 0) == []
    assert host.leftover() is None


@pytest.mark.parametrize("count", [1, 4, 8])
def test_a_script_runs_dry_per_queue(count: int) -> None:
    full = {1: (1,), 4: (A,), 8: (A + B,)}
    others = {size: replies for size, replies in full.items() if size != count}
    host = ScriptedHost(Replies(elements=others.get(1, ()), words=others.get(4, ()), dwords=others.get(8, ())))
    assert_fails(lambda: host.pop(count, 12), "RepliesExhausted", 12)


def test_a_script_without_paths_fails() -> None:
    assert_fails(lambda: ScriptedHost(Replies()).path(A, 1, 0, 13), "RepliesExhausted", 13)
    assert_fails(lambda: ScriptedHost(Replies()).update(A, 1, 0, B, 14), "RepliesExhausted", 14)


def test_a_path_of_another_length_does_not_fit() -> None:
    replies = Replies(paths=((A, B),))
    assert_fails(lambda: ScriptedHost(replies).path(A, 3, 0, 15), "ReplyMismatch", 15)
    assert_fails(lambda: ScriptedHost(replies).update(A, 1, 0, B, 16), "ReplyMismatch", 16)
