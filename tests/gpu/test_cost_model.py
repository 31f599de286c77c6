"""The cost model against figures worked out by hand, and against the sense of its bounds."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gpu.chips import CHIP_ORDER
from gpu.compile_report import Usage
from gpu.cost_model import ESTIMATES, REFERENCE, DeviceFigures, Load, Model
from gpu.layout import Extent, ShardCounts, extents

ROWS = 2**20


def load_of(
    fragment: int, rows: int = ROWS, *, hasher: int = 0, permutations: int = 0, bitwise: int = 0, memory: int = 0
) -> Load:
    """A program that fills a trace of so many rows, without a circuit or a kernel."""
    counts = ShardCounts(
        fragments=-(-rows // fragment), first_row=0, end_row=rows - 200, hasher_rows=hasher, bitwise_operations=bitwise,
        accesses=memory, ace_rows=0, permutations=permutations,
    )  # fmt: skip
    (extent,) = extents([counts], kernel_rows=0, range_rows=39)
    return Load(extent)


def milliseconds(load: Load, chip: str, model: Model | None = None) -> float:
    return 1000 * (model or Model()).chip(chip, load).seconds


def bound(load: Load, chip: str) -> str:
    (term,) = [term for term in Model().chip(chip, load).terms if term.what == "replay"]
    return term.bound


def test_a_copy_reads_and_writes() -> None:
    # 72 columns of 8 bytes, read and written, at 4.3 TB/s.
    assert 1000 * Model().copy_s(ROWS * 576) == pytest.approx(0.281, abs=0.001)


def test_a_replay_of_few_long_fragments_is_bound_by_latency_and_of_many_short_ones_by_stores() -> None:
    assert [bound(load_of(fragment), "stk") for fragment in (16, 64, 256, 4096)] == [
        "stores",
        "stores",
        "latency",
        "latency",
    ]
    # 19 stores a row, one a clock and multiprocessor: 2^20 * 19 / (132 * 1.98e9) s, and two launches of 3 us.
    assert milliseconds(load_of(64), "stk") == pytest.approx(0.0762 + 0.006, abs=0.0005)
    # 4,096 steps of 700 instructions at 0.4 a clock.
    assert milliseconds(load_of(4096), "stk") == pytest.approx(4096 * 700 / (0.4 * 1.98e9) * 1000 + 0.006, rel=0.001)


def test_permutations_are_what_hashing_programs_cost() -> None:
    plain, hashing = load_of(64, hasher=ROWS // 2), load_of(64, hasher=ROWS // 2, permutations=58_240)
    # 58,240 at 1.6e8 a second.
    difference = milliseconds(hashing, "hsh") - milliseconds(plain, "hsh")
    assert difference == pytest.approx(0.364 + 1000 * 768 * 58_240 / 4.3e12 + 0.003, abs=0.002)


def test_columns_take_their_bytes() -> None:
    load = load_of(64, bitwise=ROWS // 16)
    bytes_moved = (20 * 8 + 2) * (ROWS // 2)
    assert milliseconds(load, "bit") == pytest.approx(1000 * bytes_moved / 4.3e12 + 0.003, rel=0.01)


def test_ordinary_programs_are_predicted_within_twice_a_copy_and_hash_within_three_times() -> None:
    """The targets, at fragments that keep about 16,000 threads busy (spec 10, section 4.4)."""
    for rows, fragment in ((2**20, 64), (2**22, 256)):
        for load, factor in (
            (load_of(fragment, rows, hasher=rows // 2), 2),
            (load_of(fragment, rows, hasher=rows // 2, permutations=rows // 18), 3),
        ):
            total = sum(Model().chip(chip, load).seconds for chip in CHIP_ORDER)
            copy = Model().copy_s(load.extent.rows * 576)
            assert copy < total < factor * copy


def test_a_chip_without_rows_costs_nothing() -> None:
    for chip in ("bit", "mem", "ace", "krm"):
        cost = Model().chip(chip, load_of(64))
        assert (cost.seconds, cost.launches) == (0.0, 0)
    earlier = Load(replace(load_of(64).extent, is_last=False))
    assert [Model().chip(chip, earlier).launches for chip in ("rng", "krm", "pad")] == [0, 0, 0]
    with pytest.raises(KeyError):
        Model().chip("none", earlier)


def test_circuits_are_a_chain_for_each_of_them() -> None:
    extent: Extent = replace(load_of(64).extent, ace_rows=10_000)
    one, many = Load(extent, circuits=1), Load(extent, circuits=100)
    assert milliseconds(one, "ace") > 50 * milliseconds(many, "ace")


def test_registers_bound_how_many_fragments_run_at_once() -> None:
    """With 190 registers a multiprocessor holds 10 warps: 42,240 fragments of 132 of them."""
    few, many = load_of(256, rows=256 * 42_240), load_of(256, rows=256 * 42_242)
    (shorter,) = [term for term in Model().chip("sys", few).terms if term.what == "replay"]
    (longer,) = [term for term in Model().chip("sys", many).terms if term.what == "replay"]
    # All warps at once issue 700 instructions a step on 4 schedulers at 0.7; one after the other would be 0.4 each.
    assert shorter.bound == "issue"
    assert shorter.seconds == pytest.approx(256 * 10 * 700 / (4 * 0.7 * 1.98e9), rel=0.001)
    # Two fragments more are a second wave, as long as the first however few they are.
    assert longer.bound == "latency"
    assert longer.seconds == pytest.approx(2 * 256 * 700 / (0.4 * 1.98e9), rel=0.001)
    small = Model(uses={"replay": Usage(64, 0, 0, 0, 100_000)})
    (fitting,) = [term for term in small.chip("sys", many).terms if term.what == "replay"]
    assert fitting.seconds < longer.seconds


def test_the_compilers_code_size_is_what_an_expansion_executes() -> None:
    heavy = Model(uses={"dec_expand": Usage(40, 0, 0, 0, 16 * 20_000)})
    (term,) = [term for term in heavy.chip("dec", load_of(64)).terms if term.what == "dec_expand"]
    assert term.bound == "issue"
    assert term.seconds == pytest.approx((ROWS - 200) / 32 * 20_000 / (132 * 4 * 0.7 * 1.98e9))


def test_another_device_has_other_figures() -> None:
    slow = Model(DeviceFigures("half", REFERENCE.bandwidth / 2, 66, REFERENCE.clock / 2))
    for chip in ("sys", "dec", "stk", "pad"):
        assert milliseconds(load_of(64), chip, slow) > 1.2 * milliseconds(load_of(64), chip)
    assert len(ESTIMATES) == len(set(ESTIMATES)) >= 6
