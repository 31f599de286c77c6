"""The standard library's events, as the parallel engine's host handles them: expected values are the real VM's."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from parallel_hosts import (
    ECDSA,
    EMPTY,
    FALCON_DIV,
    ILOG2,
    KECCAK256,
    LOWERBOUND_ARRAY,
    LOWERBOUND_KEY_VALUE,
    SMT_PEEK,
    U64_DIV,
    C,
    D,
    Machine,
    assert_fails,
    climbed,
    live,
    on_stack,
    pushed_by,
)

from parallel.host import LiveHost
from reference.definition.errors import BeyondLimits
from reference.definition.field import ZERO_WORD, Word


def test_64_bit_division_pushes_the_quotient_above_the_remainder() -> None:
    assert pushed_by(U64_DIV, [3, 7, 11, 13]) == [3, 0, 4294967288, 1]
    assert pushed_by(FALCON_DIV, [0xFFFFFFFF, 0xFFFFFFF0]) == [349496, 3827689952, 5648]


@pytest.mark.parametrize(
    ("event", "operands"),
    [
        (U64_DIV, [0, 0, 11, 13]),
        (U64_DIV, [2**33, 7, 11, 13]),
        (U64_DIV, [3, 2**32, 11, 13]),
        (U64_DIV, [3, 7, 2**32, 13]),
        (U64_DIV, [3, 7, 11, 2**32]),
        (FALCON_DIV, [2**32, 0]),
        (FALCON_DIV, [0, 2**32]),
    ],
)
def test_division_failures_are_event_errors(event: int, operands: list[int]) -> None:
    assert_fails(lambda: live().emit(Machine(event, operands)), "EventError", None)


SMT_KEY, SMT_VALUE = (1, 2, 3, 6), (21, 22, 23, 24)
SMT_LEAF = (12557137164933241713, 9241023546454794596, 2892652782546851141, 13368302786214967941)
SMT_ROOT = (12389533354341047680, 1075553606822346722, 168731487380695874, 4608388541580435145)
"""The tree of depth 64 whose only leaf, at index 6, is the hash of the pair; the real VM finds the value in it."""


def sparse_tree(entries: Mapping[Word, tuple[int, ...]]) -> LiveHost:
    host = live(entries=entries)
    assert climbed(SMT_LEAF, 6, host.update(EMPTY[64], 64, 6, SMT_LEAF, 0)) == SMT_ROOT
    return host


@pytest.mark.parametrize(
    ("key", "pairs", "value"),
    [
        (SMT_KEY, SMT_KEY + SMT_VALUE, SMT_VALUE),
        (SMT_KEY, C + D + SMT_KEY + SMT_VALUE, SMT_VALUE),
        ((9, 9, 9, 6), SMT_KEY + SMT_VALUE, ZERO_WORD),
        ((1, 2, 3, 7), SMT_KEY + SMT_VALUE, ZERO_WORD),
    ],
)
def test_a_sparse_tree_is_peeked(key: Word, pairs: tuple[int, ...], value: Word) -> None:
    assert pushed_by(SMT_PEEK, on_stack(key, SMT_ROOT), sparse_tree({SMT_LEAF: pairs})) == list(value)


@pytest.mark.parametrize("entries", [{}, {SMT_LEAF: (1, 2, 3)}])
def test_a_leaf_without_its_pairs_is_an_event_error(entries: dict[Word, tuple[int, ...]]) -> None:
    peek = Machine(SMT_PEEK, on_stack(SMT_KEY, SMT_ROOT))
    assert_fails(lambda: sparse_tree(entries).emit(peek), "EventError", None)


def test_an_unknown_sparse_tree_is_an_event_error_without_clk() -> None:
    peek = Machine(SMT_PEEK, on_stack(SMT_KEY, SMT_ROOT))
    assert_fails(lambda: live().emit(peek), "EventError", None)


SORTED = dict(enumerate([*(5, 6, 1, 2), *(5, 7, 1, 2), *(0, 0, 3, 2), *(9, 9, 9, 9)], start=100))


@pytest.mark.parametrize(
    ("key", "start", "end", "pointer", "found"),
    [
        ((5, 7, 1, 2), 100, 116, 104, 1),
        ((6, 7, 1, 2), 100, 116, 108, 0),
        ((9, 9, 9, 10), 100, 116, 116, 0),
        (ZERO_WORD, 100, 116, 100, 0),
        (ZERO_WORD, 100, 100, 100, 0),
        ((0, 0, 0, 1), 1000, 1016, 1016, 0),
        (ZERO_WORD, 1000, 1016, 1000, 1),
    ],
)
def test_lower_bounds_in_an_array(key: Word, start: int, end: int, pointer: int, found: int) -> None:
    assert pushed_by(LOWERBOUND_ARRAY, [*on_stack(key), start, end], memory=SORTED) == [pointer, found]


@pytest.mark.parametrize(
    ("key", "is_full_key", "pointer", "found"),
    [
        ((5, 7, 1, 2), 1, 108, 0),
        ((0, 0, 3, 2), 1, 108, 1),
        ((0, 0, 3, 2), 0, 108, 1),
        ((0, 0, 1, 2), 0, 100, 1),
        ((5, 6, 1, 2), 0, 108, 0),
    ],
)
def test_lower_bounds_among_keys_with_values(key: Word, is_full_key: int, pointer: int, found: int) -> None:
    pushed = pushed_by(LOWERBOUND_KEY_VALUE, [*on_stack(key), 100, 116, is_full_key], memory=SORTED)
    assert pushed == [pointer, found]


@pytest.mark.parametrize(
    ("event", "operands", "clk"),
    [
        pytest.param(LOWERBOUND_ARRAY, [104, 120], None, id="not ascending"),
        pytest.param(LOWERBOUND_ARRAY, [100, 118], None, id="size"),
        pytest.param(LOWERBOUND_ARRAY, [2**32, 118], None, id="start out of bounds"),
        pytest.param(LOWERBOUND_ARRAY, [102, 2**32], None, id="end out of bounds, before alignment"),
        pytest.param(LOWERBOUND_ARRAY, [104, 100], None, id="start after end"),
        pytest.param(LOWERBOUND_ARRAY, [102, 107], 77, id="alignment, before size"),
        pytest.param(LOWERBOUND_KEY_VALUE, [100, 112, 1], None, id="size of pairs"),
        pytest.param(LOWERBOUND_KEY_VALUE, [102, 116, 2], None, id="kind of key, before alignment"),
    ],
)
def test_lower_bound_failures_are_event_errors(event: int, operands: list[int], clk: int | None) -> None:
    # Only a misaligned array has a clk: the memory error inside carries one, and the real VM prints it.
    view = Machine(event, [1, 0, 0, 0, *operands], SORTED)
    assert_fails(lambda: live().emit(view), "EventError", clk)


def test_an_order_broken_after_the_hit_still_fails() -> None:
    view = Machine(LOWERBOUND_ARRAY, [*on_stack((5, 6, 1, 2)), 100, 120], SORTED)
    assert_fails(lambda: live().emit(view), "EventError", None)


def test_precompiles_ask_for_replies() -> None:
    for event in (KECCAK256, ECDSA):
        with pytest.raises(BeyondLimits, match="replies"):
            live().emit(Machine(event))


def test_only_system_events_are_known_without_the_standard_library() -> None:
    host = live(stdlib=False)
    assert pushed_by(ILOG2, [8], host) == [3]
    for event in (U64_DIV, FALCON_DIV, SMT_PEEK, LOWERBOUND_ARRAY, LOWERBOUND_KEY_VALUE, KECCAK256, ECDSA):
        assert_fails(lambda event=event: host.emit(Machine(event, [3, 7, 11, 13])), "EventError", None)


@pytest.mark.parametrize("event", [0, 255, 4888933617986375030])
def test_an_unknown_event_fails_without_clk(event: int) -> None:
    assert_fails(lambda: live().emit(Machine(event)), "EventError", None)
