"""The checks by themselves: each holds on right values and breaks, with its number, on every wrong one."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpu.arena import Arena, Tag
from gpu.byte_table import ByteTable
from gpu.cell_checks import check_opened, check_whole, rows_to_open
from gpu.chips import CHIP_ORDER
from gpu.count_checks import (
    Recorded,
    bridges,
    check_buses,
    check_capacities,
    check_cursors,
    check_memory_counts,
    check_multiplicities,
    check_operations,
    check_range_rows,
    closed_range_rows,
)
from gpu.digest import ColumnDigests, host_digest
from gpu.errors import CapacityExceeded, InvariantBroken
from gpu.host_device import HostDevice
from gpu.invariants import INVARIANTS, STATEMENTS, demand
from gpu.lanes import LaneEvent, LaneReport
from gpu.launching import Event, Launch
from gpu.layout import ShardCounts, extents
from gpu.regeneration import Generated
from gpu.run_checks import (
    COUNTERS,
    check_bookings,
    check_bytes,
    check_completion,
    check_estimates,
    check_fallbacks,
    check_generations,
    check_live,
    check_replays,
    check_strict,
)
from gpu.runs import SortedAccesses
from gpu.sides import BUS_SHAPE, REQUEST, RESPONSE, Label, Sides
from gpu.source import load
from gpu.states import Cache, Phase
from reference.definition.isa import opcode

NO_DIGEST = ColumnDigests({})


def broken(number: int) -> pytest.RaisesExc[InvariantBroken]:
    return pytest.raises(InvariantBroken, match=f"^INV-{number:02d}: ")


def test_the_table_has_24_lines_in_order():
    assert [invariant.id for invariant in INVARIANTS] == [f"INV-{number:02d}" for number in range(1, 25)]
    assert all(invariant.statement and invariant.where for invariant in INVARIANTS)
    assert len(set(STATEMENTS.values())) == 24


def test_demand():
    demand(True, "INV-01", "")
    with broken(1):
        demand(False, "INV-01", "reason")


# ---- what happened --------------------------------------------------------------------------------------------------


def test_bytes():
    arena = Arena()
    table = ByteTable(arena)
    held = arena.take(Tag.RAW, "x", 8)
    table.observe("right", {Tag.RAW: 8}, {Tag.RAW: 8, Tag.TRACE: 0})
    check_bytes(table.steps)
    arena.take(Tag.TRACE, "y", 5).release()
    table.observe("too much", {Tag.RAW: 8}, {Tag.TRACE: 4})
    with pytest.raises(InvariantBroken, match="INV-03: shard 0, too much: TRACE had 5 bytes, at most 4"):
        check_bytes(table.steps)
    table.observe("peaks begin again", {}, {Tag.TRACE: 0})
    assert table.steps[2].wrong == ()
    held.release()
    table.observe("too little", {Tag.RAW: 8}, {})
    assert table.steps[3].wrong == ("RAW 0 bytes, 8 expected",)
    assert table.lines()[2].endswith("!")
    assert table.peaks[Tag.TRACE] == 5


def test_live_chips():
    check_live(3, 3)
    with broken(4):
        check_live(2, 1)


@pytest.mark.parametrize(
    ("peak", "verified", "holds"),
    [(70, True, True), (69, True, False), (71, True, False), (69, False, True), (71, False, False)],
)
def test_estimates(peak, verified, holds):
    one = Generated("mem", Phase.PROOF, 0, 20, peak, 50, NO_DIGEST if verified else None)
    if holds:
        check_estimates([one])
    else:
        with broken(5):
            check_estimates([one])


def test_bookings():
    check_bookings(LaneReport([], peak_booked=10), 10)
    check_bookings(LaneReport([], peak_booked=10), None)
    with broken(20):
        check_bookings(LaneReport([], peak_booked=11), 10)


def report_of(*kinds: str) -> LaneReport:
    return LaneReport([LaneEvent(kind, "mem", 2, 0) for kind in kinds])


COMPLETE = report_of("started", "done", "finished", "released")


def launches(*lanes: int | None) -> list[Launch]:
    return [Launch("k", 1, lane, "shard 0 proof", ()) for lane in lanes]


def event(kind: str, at: int, lane: int | None = None, name: str = "") -> Event:
    return Event(kind, name, 0, lane, "shard 0 proof", at)


@pytest.mark.parametrize(
    "events",
    [
        [event("finish", 2, 2), event("free", 2, name="mem.0")],
        [event("synchronise", 2), event("free", 2, name="mem.0")],
        [event("free", 1, name="mem.0"), event("finish", 2, 2)],  # before its lane's only launch
        [event("free", 2, name="digest sums")],  # not a column
        [event("free", 2, name="sys.0"), event("finish", 2, 2)],  # of a chip that is not worked on
    ],
)
def test_columns_that_are_freed_after_their_lane(events):
    check_completion(COMPLETE, launches(1, 2), events, 0)


@pytest.mark.parametrize(
    "events",
    [
        [event("free", 2, name="mem.0"), event("finish", 2, 2)],
        [event("finish", 2, 1), event("free", 2, name="mem.0")],
        [event("finish", 1, 2), event("free", 2, name="mem.0")],
    ],
)
def test_columns_that_are_freed_too_early(events):
    with broken(21):
        check_completion(COMPLETE, launches(1, 2), events, 0)


@pytest.mark.parametrize(
    "kinds",
    [("started", "done", "released", "finished"), ("started", "finished", "released"), ("started", "done", "finished")],
)
def test_tasks_in_another_order(kinds):
    with broken(21):
        check_completion(report_of(*kinds), [], [], 0)


@pytest.mark.parametrize("which", ["launch", "copy"])
def test_work_of_a_later_shard_comes_later(which):
    phases = ["", "shard 0 assign", "shard 0 proof", "shard 1 upload", "shard 1 opening", "shard 10 upload"]

    def check(found: list[str]) -> None:
        log = [Launch("k", 1, 0, phase, ()) for phase in found] if which == "launch" else []
        events = [Event("upload", "x", 1, 0, phase, 0) for phase in found] if which == "copy" else []
        check_strict(log, events)

    check(phases)
    with broken(22):
        check([*phases, "shard 2 proof"])


def rounds(proofs: int, openings: int) -> Counter[Phase]:
    return Counter({Phase.COMMIT: 1, Phase.PROOF: proofs, Phase.OPENING: openings})


def generations(**of_phase: int) -> Counter[tuple[str, Phase]]:
    return Counter({(chip, Phase(phase)): count for chip in CHIP_ORDER for phase, count in of_phase.items()})


def test_generations_by_cache_level():
    check_generations(generations(assign=1, commit=1, proof=3, opening=2), rounds(3, 2), Cache.NONE)
    check_generations(generations(assign=1, commit=1, proof=3, opening=1), rounds(3, 2), Cache.NONE)
    for cache in (Cache.TRACE, Cache.FULL):
        check_generations(generations(assign=1), rounds(3, 2), cache)


@pytest.mark.parametrize("cache", Cache)
@pytest.mark.parametrize("phase", Phase)
@pytest.mark.parametrize("change", [1, -1])
def test_a_generation_more_or_less(cache, phase, change):
    right = generations(assign=1, commit=1, proof=3, opening=2) if cache is Cache.NONE else generations(assign=1)
    right["ace", phase] += change
    if cache is Cache.NONE and phase is Phase.OPENING and change < 0:
        check_generations(right, rounds(3, 2), cache)  # none of the rows was the chip's
        return
    with broken(23):
        check_generations(right, rounds(3, 2), cache)


def test_replays_have_no_counters():
    signatures = load().signatures
    counting = [
        name
        for name, signature in signatures.items()
        if any(each.pointer and not each.const and each.name in COUNTERS for each in signature.parameters)
    ]
    assert {"mem_count", "hsh_bus", "bit_bus", "mem_bus", "ace_bus", "krm_bus", "bus_reduce"} <= set(counting)
    for name in counting:
        used = [each.name for each in signatures[name].parameters if each.name in COUNTERS and not each.const]
        check_replays([Launch(name, 1, 0, "shard 0 assign", ())], signatures)
        check_replays([Launch(name, 1, 0, "shard 3 proof", tuple(used))], signatures)
        with broken(8):
            check_replays([Launch(name, 1, 0, "shard 3 proof", tuple(used[1:]))], signatures)
    check_replays([Launch("rng_rows", 1, 0, "shard 0 proof", ())], signatures)  # it reads the plan's


def test_fallbacks():
    check_fallbacks(("mem", "sys"), ["sys", "mem", "sys"])
    check_fallbacks((), [])
    for wanted, reported in ((("mem",), []), ((), ["mem"]), (("mem",), ["sys"])):
        with broken(24):
            check_fallbacks(wanted, reported)


# ---- what was counted -----------------------------------------------------------------------------------------------


def by_strides(gap: int) -> int:
    """Rows between two values, stride by stride: always the largest power of three that leaves something (spec 05)."""
    rows = 0
    while gap > 0:
        stride = max(3**k for k in range(8) if 3**k <= gap)
        gap -= stride
        rows += gap > 0
    return rows


@given(st.integers(0, 65535))
def test_bridges(gap):
    assert bridges(gap) == by_strides(gap)


def hist_of(*values: int, count: int = 1) -> np.ndarray:
    hist = np.zeros(65536, np.uint64)
    hist[list(values)] = count
    return hist


@given(st.sets(st.integers(0, 65535), max_size=30))
def test_rows_of_the_range_table(values):
    present = sorted({0, 65535, *values})
    expected = len(present) + 1 + sum(by_strides(high - low) for low, high in pairwise(present))
    assert closed_range_rows(hist_of(*values)) == expected
    check_range_rows(expected, hist_of(*values))
    for wrong in (expected - 1, expected + 1):
        with broken(13):
            check_range_rows(wrong, hist_of(*values))


def test_the_empty_range_table_has_39_rows():
    assert closed_range_rows(hist_of()) == 39


def recorded(**changed: int) -> Recorded:
    plain = {"core_rows": 10, "hasher_rows": 16, "bitwise": 3, "accesses": 4, "circuits": 1}
    return Recorded(**(plain | changed))


def sides(hist: np.ndarray | None = None, *, u32: int = 0, calls: tuple[int, ...] = ()) -> Sides:
    bus = np.zeros(BUS_SHAPE, np.uint64)
    return Sides(hist_of() if hist is None else hist, bus, np.array(calls, np.uint64), u32)


def test_multiplicities():
    right = sides(hist_of(1, 2, 3, 4, count=5), u32=3)  # 20 lookups: 3 rows and 4 accesses
    check_multiplicities(right, recorded())
    check_multiplicities(right, recorded(), 20)
    for wrong in (replace(right, u32_operations=2), replace(right, hist=hist_of(1, 2, 3, count=5))):
        with broken(12):
            check_multiplicities(wrong, recorded())
    with broken(12):
        check_multiplicities(right, recorded(accesses=5))
    with broken(12):
        check_multiplicities(right, recorded(), 21)


def test_memorys_part_of_the_multiplicities():
    accesses = SortedAccesses(np.array([0, 0, 4 << 32], np.uint64), np.array([1, 7, 9], np.uint64))
    before, after = sides(hist_of(9)), hist_of(9)
    for limb in (1, 0, 6, 0, 4, 0):  # deltas 1, 7 - 1, and from context 0 to 4
        after[limb] += np.uint64(1)
    check_memory_counts(before, sides(after), [accesses])
    after[6] -= np.uint64(1)
    with broken(12):
        check_memory_counts(before, sides(after), [accesses])


def opcodes(*names: str) -> np.ndarray:
    return np.array([opcode(name) for name in names], np.int64)


U32 = ("U32ADD", "U32SUB", "U32MUL", "U32DIV", "U32SPLIT", "U32ASSERT2", "U32ADD3", "U32MADD")


def test_operations_that_the_decoder_shows():
    shown = opcodes(*U32, "NOOP", "U32AND", "U32XOR", "U32AND", "SYSCALL", "EQ")
    check_operations(sides(u32=8, calls=(0, 1)), shown, recorded())
    for wrong, number in ((sides(u32=7, calls=(1,)), 12), (sides(u32=8, calls=(1, 1)), 14)):
        with broken(number):
            check_operations(wrong, shown, recorded())
    with broken(16):
        check_operations(sides(u32=8, calls=(1,)), shown, recorded(bitwise=2))


@pytest.mark.parametrize("label", Label)
@pytest.mark.parametrize("word", [0, 1], ids=["count", "fingerprint"])
def test_every_bus_is_compared(label, word):
    balanced = sides()
    balanced.bus[:, :] = (2, 9)
    check_buses(balanced)
    balanced.bus[RESPONSE, label, word] += np.uint64(1)
    with pytest.raises(InvariantBroken, match=f"INV-14: bus {label.name}:"):
        check_buses(balanced)


def test_made_up_digests_are_compared_in_number_alone():
    made_up = sides()
    made_up.bus[:, Label.HASH_OUT] = (4, 9)
    made_up.bus[REQUEST, Label.HASH_OUT, 1] = 10
    check_buses(made_up, digests_hold=False)
    with broken(14):
        check_buses(made_up)
    made_up.bus[REQUEST, Label.HASH_OUT, 0] = 5
    with broken(14):
        check_buses(made_up, digests_hold=False)


def test_cursors():
    check_cursors({"pops": (0, 5), "ends": (0, 0)}, {"pops": 5, "ends": 0})
    for wrong in ((1, 5), (0, 4), (0, 6)):
        with broken(16):
            check_cursors({"pops": wrong}, {"pops": 5})


CAPACITIES = {
    Label.HASH_IN: (2, 2), Label.ABSORB: (20, 2), Label.HASH_OUT: (20, 2), Label.STATE_OUT: (2, 2), Label.MERKLE_IN: (2, 2),
    Label.BITWISE: (3, 3), Label.MEMORY: (4, 4), Label.KERNEL: (20, 20), Label.ACE: (1, 1), Label.OVERFLOW: (20, 20),
    Label.BLOCK: (20, 20), Label.CALL: (20, 20),
}  # fmt: skip
"""Of 10 rows, 2 permutations, 3 bitwise operations, 4 accesses, a circuit: most requests, most responses."""


@pytest.mark.parametrize("label", Label)
@pytest.mark.parametrize("side", [REQUEST, RESPONSE])
def test_message_counters_stay_within_what_was_recorded(label, side):
    full = sides()
    full.bus[side, label, 0] = CAPACITIES[label][side]
    check_capacities(full, recorded())
    full.bus[side, label, 0] += np.uint64(1)
    with pytest.raises(CapacityExceeded, match=f"bus {label.name}"):
        check_capacities(full, recorded())


def test_lookup_counters_stay_within_what_was_recorded():
    check_capacities(sides(hist_of(1, count=48), u32=10), recorded())
    for wrong in (sides(hist_of(1, count=49), u32=10), sides(u32=11)):
        with pytest.raises(CapacityExceeded, match="range-checked"):
            check_capacities(wrong, recorded())


def test_what_shards_recorded_adds_up():
    assert recorded() + recorded(bitwise=5) == Recorded(20, 32, 8, 8, 2)
    counts = {"first_row": 5, "end_row": 9, "hasher_rows": 8, "bitwise": 1, "accesses": 2, "circuits": 3, "more": 4}
    assert Recorded.of(counts) == Recorded(4, 8, 1, 2, 3)


# ---- cells ----------------------------------------------------------------------------------------------------------


def trace_of(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 1 << 63, (72, 64)).astype(np.uint64)


def test_the_digest_of_a_whole_trace():
    trace = trace_of(1)
    total = host_digest(trace)
    check_whole(trace, total)
    trace[5, 63] += np.uint64(1)
    with pytest.raises(InvariantBroken, match="INV-17: columns 5 have"):
        check_whole(trace, total)
    with broken(17):
        check_whole(trace_of(1), ColumnDigests({column: total.columns[column] for column in range(71)}))


def test_opened_rows():
    trace, rows = trace_of(2), np.array([0, 63, 5], np.int64)
    opened = trace[:, rows]
    check_opened(rows, opened, trace)
    opened[70, 2] ^= np.uint64(1)
    with pytest.raises(InvariantBroken, match="INV-18: row 5, column 70"):
        check_opened(rows, opened, trace)


def test_rows_to_open_are_both_sides_of_every_border():
    (extent,) = extents([ShardCounts(1, 0, 35, 24, 3, 4, 6)], kernel_rows=3, range_rows=50)
    # L 64; range 13; bitwise 24, memory 48, kernel 58, padding 61
    assert rows_to_open(extent, [7]) == (0, 7, 12, 13, 23, 24, 34, 35, 47, 48, 57, 58, 60, 61, 62, 63)


def test_rows_to_open_of_a_program_that_fills_its_trace():
    (extent,) = extents([ShardCounts(1, 0, 63, 0, 0, 0, 0)], kernel_rows=0, range_rows=39)
    assert rows_to_open(extent) == (0, 23, 24, 62, 63)


@pytest.mark.usefixtures("device")
def test_phases_that_devices_log_are_those_that_the_checks_read():
    with HostDevice() as device:
        device.phase = "shard 12 proof"
        device.upload(Tag.SCRATCH, "x", np.zeros(1, np.uint64)).free()
        assert {each.phase for each in device.events} == {"shard 12 proof"}
        with broken(22):
            check_strict([], [*device.events, Event("copy", "x", 1, None, "shard 11 proof", 0)])
