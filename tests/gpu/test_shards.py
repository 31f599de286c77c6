"""Where a program is cut into shards, what the cuts hand over, and the layout that all shards together have."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from walked_cases import VARIED, recording_of, vm_records

from gpu.errors import CarryMismatch, ShapeMismatch
from gpu.layout import ShardCounts, extents, lengths, trace_rows
from gpu.raw import RawState, pack
from gpu.runs import Runs, SortedAccesses, delta_counts, merge, whole_section
from gpu.shards import (
    MemoryRecords,
    OverflowBalance,
    bounds,
    check_boundaries,
    check_memory,
    check_overflow,
    external_reads,
    external_writes,
    fingerprint,
    overflow_balance,
)
from gpu.sides import BUS_SHAPE, REQUEST, RESPONSE, Label, Sides, imbalances, side_bytes, side_shapes, total
from gpu.tables import ProgramTables
from reference.definition.cuts import Every

# ---- bounds ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fragments", "shards", "expected"),
    [
        (10, 1, [(0, 10)]),
        (10, 3, [(0, 3), (3, 6), (6, 10)]),
        (2, 5, [(0, 1), (1, 2)]),
        (10, (4,), [(0, 4), (4, 10)]),
        (10, (0, 4, 4, 9), [(0, 4), (4, 9), (9, 10)]),
        (10, (4, 10, 11), [(0, 4), (4, 10)]),
        (10, (), [(0, 10)]),
    ],
)
def test_bounds(fragments, shards, expected):
    assert bounds(fragments, shards) == tuple(expected)


@given(st.integers(1, 200), st.integers(1, 70))
def test_equal_shards_differ_by_at_most_one_fragment(fragments, shards):
    found = bounds(fragments, shards)
    sizes = [end - first for first, end in found]
    assert len(found) == min(shards, fragments)
    assert sum(sizes) == fragments
    assert max(sizes) - min(sizes) <= 1
    assert min(sizes) >= 1


@pytest.mark.parametrize("shards", [0, -1, (5, 3), (-1,)])
def test_bounds_that_do_not_ascend(shards):
    with pytest.raises(ValueError, match="shard"):
        bounds(10, shards)


# ---- layout ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("longest", "rows"), [(1, 64), (62, 64), (63, 64), (64, 128), (65, 128), (127, 128), (128, 256)]
)
def test_the_trace_holds_the_longest_segment_and_one_row_more(longest, rows):
    assert trace_rows(longest) == rows


def shards_of(*sizes: tuple[int, int, int, int, int]) -> list[ShardCounts]:
    """Shards of (core rows, hasher rows, bitwise operations, accesses, ACE rows)."""
    found, row = [], 0
    for core, hasher, bitwise, accesses, ace in sizes:
        found.append(ShardCounts(1, row, row + core, hasher, bitwise, accesses, ace))
        row += core
    return found


def test_sections_of_three_shards_by_hand():
    first, second, third = extents(
        shards_of((10, 16, 2, 3, 0), (5, 0, 0, 1, 4), (20, 8, 1, 0, 2)), kernel_rows=3, range_rows=50
    )
    assert (first.rows, first.core_rows, first.range_first) == (64, 35, 13)
    assert [each.hasher_first for each in (first, second, third)] == [0, 16, 16]
    assert [each.bitwise_first for each in (first, second, third)] == [24, 40, 40]
    assert {each.memory_first for each in (first, second, third)} == {48}
    assert [each.ace_first for each in (first, second, third)] == [52, 52, 56]
    assert {(each.kernel_first, each.padding_first) for each in (first, second, third)} == {(58, 61)}
    assert [(each.is_first, each.is_last) for each in (first, second, third)] == [
        (True, False),
        (False, False),
        (False, True),
    ]
    found = lengths(third)
    assert (found.hasher, found.bitwise, found.memory, found.kernel_rom, found.chiplets) == (24, 24, 10, 3, 62)


@given(st.lists(st.tuples(*[st.integers(0, 6)] * 5), min_size=1, max_size=6), st.integers(0, 9), st.integers(39, 300))
def test_chiplet_rows_are_covered_once(sizes, kernel_rows, range_rows):
    shards = shards_of(*((core + 1, 8 * hasher, bitwise, memory, ace) for core, hasher, bitwise, memory, ace in sizes))
    found = extents(shards, kernel_rows=kernel_rows, range_rows=range_rows)
    covered: Counter[int] = Counter()
    for each in found:
        for first, rows in (
            (each.hasher_first, each.hasher_rows),
            (each.bitwise_first, each.bitwise_rows),
            (each.ace_first, each.ace_rows),
        ):
            covered.update(range(first, first + rows))
    last = found[-1]
    covered.update(range(last.memory_first, last.memory_first + sum(each.memory_rows for each in found)))
    covered.update(range(last.kernel_first, last.kernel_first + last.kernel_rows))
    assert covered == Counter(range(last.padding_first))
    assert max(last.padding_first + 1, last.core_rows, range_rows) < last.rows


@pytest.mark.parametrize(
    ("shards", "reason"),
    [
        ([], "at least one"),
        ([ShardCounts(1, 1, 2, 8, 0, 0, 0)], "row 1, not on row 0"),
        ([ShardCounts(1, 0, 5, 8, 0, 0, 0), ShardCounts(1, 6, 9, 8, 0, 0, 0)], "before row 5"),
        ([ShardCounts(1, 0, 0, 8, 0, 0, 0)], "0 core rows"),
        ([ShardCounts(1, 0, 5, 7, 0, 0, 0)], "7 hasher rows"),
    ],
)
def test_shards_that_do_not_fit_are_refused(shards, reason):
    with pytest.raises(ShapeMismatch, match=reason):
        extents(shards, kernel_rows=0, range_rows=39)


# ---- runs of the memory section -------------------------------------------------------------------------------------

ACCESSES = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5), st.integers(0, 3)), max_size=40)
"""(context, word, shard) in the order of time; clks are positions."""


def shards_by_time(accesses: list[tuple[int, int, int]], shards: int) -> list[list[tuple[int, int]]]:
    """(key, clk) by shard: the time line is cut, as shards follow one another."""
    timed = [(ctx << 32 | 4 * word, clk) for clk, (ctx, word, _) in enumerate(accesses)]
    cuts = sorted(shard * len(timed) // 4 for _, _, shard in accesses[: shards - 1])
    borders = [0, *cuts, len(timed)]
    return [timed[first:end] for first, end in pairwise(borders)]


def as_sorted(accesses: list[tuple[int, int]]) -> SortedAccesses:
    ordered = sorted(accesses)
    return SortedAccesses(
        np.array([key for key, _ in ordered], np.uint64), np.array([clk for _, clk in ordered], np.uint64)
    )


@given(ACCESSES, st.integers(1, 4))
def test_runs_put_every_access_where_one_sort_of_all_would(accesses, shards):
    parts = shards_by_time(accesses, shards)
    everything = sorted(access for part in parts for access in part)
    runs = merge([as_sorted(part) for part in parts])
    seen: dict[int, tuple[int, int]] = {}
    for part, found in zip(parts, runs, strict=True):
        ordered = sorted(part)
        rows = found.section_rows(len(ordered)).tolist()
        seen |= dict(zip(rows, ordered, strict=True))
        if not ordered:
            continue
        for start, base, key, clk, first in zip(
            found.start, found.base, found.key, found.clk, found.first, strict=True
        ):
            assert rows[start] == base
            assert first == (base == 0)
            if not first:
                assert everything[int(base) - 1] == (key, clk)
            if start:
                assert rows[start - 1] != base - 1  # else it would be the same run
    assert [seen[row] for row in range(len(everything))] == everything


@given(ACCESSES, st.integers(1, 4))
def test_limbs_of_deltas_row_by_row(accesses, shards):
    parts = shards_by_time(accesses, shards)
    everything = sorted(access for part in parts for access in part)
    expected: Counter[int] = Counter()
    for position, (key, clk) in enumerate(everything):
        delta = 1
        if position:
            before, before_clk = everything[position - 1]
            if key >> 32 != before >> 32:
                delta = (key >> 32) - (before >> 32)
            else:
                delta = key - before if key != before else clk - before_clk
        expected.update((delta & 0xFFFF, delta >> 16))
    found = delta_counts([as_sorted(part) for part in parts])
    assert {value: int(found[value]) for value in np.flatnonzero(found)} == expected


def test_accesses_out_of_order_are_refused():
    with pytest.raises(ShapeMismatch, match="shard 0: the accesses are not sorted"):
        merge([SortedAccesses(np.array([4, 0], np.uint64), np.array([0, 1], np.uint64))])
    with pytest.raises(ShapeMismatch, match="not sorted"):
        merge([SortedAccesses(np.array([4, 4], np.uint64), np.array([2, 1], np.uint64))])


def test_one_shard_is_one_run():
    (found,) = merge([as_sorted([(0, 0), (4, 1)])])
    alone = whole_section()
    for name in Runs.__dataclass_fields__:
        assert getattr(found, name).tolist() == getattr(alone, name).tolist()
        assert getattr(found, name).dtype == getattr(alone, name).dtype


# ---- what a cut hands over ------------------------------------------------------------------------------------------


def packed(name: str, shards: int, cut: int = 7) -> list[RawState]:
    recording = recording_of(name, Every(cut))
    tables = ProgramTables.of(recording.lowered)
    return [pack(recording, tables, first, end) for first, end in bounds(len(recording.snapshots), shards)]


def records_of(raws: list[RawState]) -> tuple[list[MemoryRecords], list[MemoryRecords]]:
    """What every shard needs and leaves; accesses sorted by NumPy."""
    writes = []
    for number, raw in enumerate(raws):
        count = raw.counts["accesses"]
        later = [other.arrays["acc_key"][: other.counts["accesses"]] for other in raws[number + 1 :]]
        keys = np.unique(np.concatenate([np.empty(0, np.uint64), *later]))
        order = np.argsort(raw.arrays["acc_key"][:count], kind="stable").astype(np.int64)
        writes.append(external_writes(raw, order, keys))
    return [external_reads(raw) for raw in raws], writes


@pytest.mark.parametrize("name", VARIED)
@pytest.mark.parametrize("shards", [2, 5, 20])
def test_what_shards_leave_is_what_later_ones_need(name, shards):
    raws = packed(name, shards, cut=3)
    reads, writes = records_of(raws)
    check_memory(reads, writes)
    check_boundaries(raws)
    assert fingerprint(reads) == fingerprint(writes)
    touched_twice = _handed_over(raws)
    assert sum(len(records.key) for records in reads) == touched_twice


def _handed_over(raws: list[RawState]) -> int:
    """How often a word goes from a shard to a later one, counted word by word."""
    seen: set[int] = set()
    crossings = 0
    for raw in raws:
        keys = set(raw.arrays["acc_key"][: raw.counts["accesses"]].tolist())
        crossings += len(keys & seen)
        seen |= keys
    return crossings


@pytest.mark.parametrize("side", [0, 1], ids=["needed", "left"])
@pytest.mark.parametrize("field", ["clk", "word"])
def test_an_altered_memory_record_is_named(side, field):
    raws = packed("op_pipe_700722", 5)
    both = records_of(raws)
    number = next(index for index, records in enumerate(both[side]) if len(records.key))
    records = both[side][number]
    altered = getattr(records, field).copy()
    altered.flat[0] ^= np.uint64(1)
    both[side][number] = replace(records, **{field: altered})
    with pytest.raises(CarryMismatch, match=r"shard memory: .*not.*word"):
        check_memory(*both)


def test_a_memory_record_that_stands_twice_is_found():
    reads, writes = records_of(packed("op_pipe_700722", 5))
    with pytest.raises(CarryMismatch, match="stands twice"):
        check_memory([*reads, *reads], writes)


@pytest.mark.parametrize(
    ("array", "place", "field"),
    [
        ("hdr", (5, -1), "depth"),
        ("hdr", (6, -1), "overflow_addr"),
        ("hwords", (3, -1), "stack_3"),
        ("hwords", (17, -1), "fn_hash_1"),
    ],
)
def test_an_altered_boundary_state_is_named(array, place, field):
    raws = packed("mix_720090", 3)
    altered = raws[0].arrays[array].copy()
    altered[place] += 1
    raws[0] = replace(raws[0], arrays={**raws[0].arrays, array: altered})
    with pytest.raises(CarryMismatch, match=field):
        check_boundaries(raws)


def test_an_altered_continuation_is_named():
    raws = packed("ctl_dyn_lib_703350", 3)
    altered = raws[1].arrays["cont"].copy()
    altered[0] += 1
    raws[1] = replace(raws[1], arrays={**raws[1].arrays, "cont": altered})
    with pytest.raises(CarryMismatch, match="continuations"):
        check_boundaries(raws)


def test_overflow_entries_balance_over_shards():
    check_overflow([OverflowBalance(3, 10), OverflowBalance(-1, 2**64 - 4), OverflowBalance(-2, 2**64 - 6)])
    with pytest.raises(CarryMismatch, match="shard 1 pops 1 entries nobody pushed"):
        check_overflow([OverflowBalance(1, 10), OverflowBalance(-2, 2**64 - 10), OverflowBalance(1, 0)])
    with pytest.raises(CarryMismatch, match="1 entries are left"):
        check_overflow([OverflowBalance(3, 10), OverflowBalance(-2, 2**64 - 10)])
    with pytest.raises(CarryMismatch, match="fingerprint 0000000000000001"):
        check_overflow([OverflowBalance(1, 11), OverflowBalance(-1, 2**64 - 10)])


# ---- side effects ---------------------------------------------------------------------------------------------------


def sides(seed: int) -> Sides:
    draw = np.random.default_rng(seed)
    return Sides(
        draw.integers(0, 9, 65536).astype(np.uint64),
        draw.integers(0, 1 << 63, BUS_SHAPE).astype(np.uint64),
        draw.integers(0, 9, 3).astype(np.uint64),
        seed,
    )


def test_side_effects_add_up_whatever_their_order():
    one, two, three = sides(1), sides(2), sides(3)
    assert total([one, two, three]).same_as(total([three, one, two]))
    assert total([one, two]).lookups == int(one.hist.sum() + two.hist.sum())
    assert not total([one, two]).same_as(one)
    assert one.same_as(sides(1))


@pytest.mark.parametrize("field", ["hist", "bus", "kernel_calls"])
def test_every_counter_is_compared(field):
    altered = getattr(sides(1), field).copy()
    altered.flat[-1] += np.uint64(1)
    assert not sides(1).same_as(replace(sides(1), **{field: altered}))
    assert not sides(1).same_as(replace(sides(1), u32_operations=2))


def test_imbalances_name_the_label_and_the_difference():
    bus = np.zeros(BUS_SHAPE, np.uint64)
    bus[REQUEST, Label.BLOCK] = bus[RESPONSE, Label.BLOCK] = (4, 77)
    even = replace(sides(0), bus=bus)
    assert imbalances(even) == ()
    bus[REQUEST, Label.MEMORY] = (3, 5)
    bus[RESPONSE, Label.MEMORY] = (3, 6)
    bus[REQUEST, Label.ACE] = (1, 0)
    assert [(each.label, each.requests, each.responses) for each in imbalances(even)] == [
        ("MEMORY", 3, 3),
        ("ACE", 1, 0),
    ]
    assert imbalances(even)[0].fingerprint_difference == 2**64 - 1


def test_the_overflow_balance_is_pushes_minus_pops():
    bus = np.zeros(BUS_SHAPE, np.uint64)
    bus[REQUEST, Label.OVERFLOW], bus[RESPONSE, Label.OVERFLOW] = (2, 5), (5, 7)
    assert overflow_balance(replace(sides(0), bus=bus)) == OverflowBalance(-3, 2**64 - 2)


@pytest.mark.parametrize("procedures", [0, 1, 7])
def test_bytes_of_the_side_buffers_are_those_of_their_shapes(procedures):
    shapes = side_shapes(procedures).values()
    assert side_bytes(procedures) == sum(int(np.prod(shape)) * {"u4": 4, "u8": 8}[dtype] for shape, dtype in shapes)


def test_lengths_of_the_recorded_programs_follow_from_counts():
    for name in VARIED:
        recorded = vm_records()[name]["lengths"]
        (raw,) = packed(name, 1)
        counts = raw.counts
        shard = ShardCounts(
            counts["fragments"], 0, counts["end_row"], counts["hasher_rows"], counts["bitwise"], counts["accesses"],
            counts["ace_rows"],
        )  # fmt: skip
        (extent,) = extents([shard], kernel_rows=recorded["kernel_rom"], range_rows=recorded["range"])
        found = lengths(extent)
        assert {field: getattr(found, field) for field in recorded} == recorded
