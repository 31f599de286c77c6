"""Columns of the chiplet chips against traces of the real VM: every cell, whatever the order of threads."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from chiplet_cases import DATA, expected, folder_of, shown_counts, vm_column_digests
from chiplet_plans import CHIPS, Resident, expected_tile, first_difference, tile_of, whole_program

from gpu.arena import Tag
from gpu.chiplet_chips import HasherChip, RangeChip
from gpu.chips import allocate, drop, trace_bytes
from gpu.digest import check_cells, poison
from gpu.host_device import ORDERS, HostDevice
from reference.chiplets.memory import Memory
from reference.chiplets.range_checker import RangeChecker
from reference.definition.columns import CHIPLETS, STACK, WIDTH
from reference.definition.rpo import Coin

CASES = (
    "merkle_verify_1_1", "merkle_verify_2_2", "merkle_verify_63_603", "merkle_update_3_5", "permute", "bitwise",
    "ace_two_circuits", "ace_wrapped_no_gate", "ace_wrapped_two_words", "ace_at_the_end", "memory_deltas", "kernel_rom",
    "op_logprecompile_700750", "op_evalcircuit_700771", "op_hperm_700700", "op_mrupdate_700781", "ctl_sys_many_703280",
    "ctl_sys_unused_703290", "ctl_mem_contexts_703520", "ctl_mem_edges_703530", "ctl_batches_mixed_703470",
    "ctl_dyncall_kinds_703340", "ctl_tiny_703580", "shape_core_63_705590", "shape_core_64_705600", "shape_range_709000",
    "shape_chiplets_merkle_709040", "shape_chiplets_ace_709050", "shape_chiplets_bitwise_709060",
    "shape_chiplets_memory_709030", "shape_chiplets_HPERM_709090", "mix_720050", "mix_720090",
)  # fmt: skip
EVERY_CHIP = ("mix_720090", "op_evalcircuit_700771", "merkle_update_3_5", "op_logprecompile_700750")
"""Between them, rows of every chip and every kind of hasher request."""


@pytest.fixture(params=[(order, block) for order in range(len(ORDERS)) for block in (1, 96)], scope="module")
def ordered(request: pytest.FixtureRequest, device: HostDevice) -> Iterator[HostDevice]:
    """Thread orders and block sizes; the fixture ``device`` says when there is no compiler."""
    order, block = request.param
    with HostDevice(order=order, block=block) as host:
        yield host


def assert_chips_are_the_trace(resident: Resident, name: str) -> int:
    """Every chiplet chip's cells; gives their number."""
    columns, compared = expected(name).columns, 0
    for chip in CHIPS:
        with resident.generated(chip) as tiles:
            assert resident.reported() is None, chip
            assert check_cells(resident.device, resident.device.lane(0), tiles) is None, chip
            for cells in tiles:
                if cells.buffer is not None:
                    found, wanted = tile_of(resident, cells), expected_tile(resident, cells, columns)
                    assert first_difference(found, wanted, cells) is None, (
                        chip,
                        first_difference(found, wanted, cells),
                    )
                    compared += wanted.size
    return compared


@pytest.mark.parametrize("name", CASES)
def test_every_cell_is_the_real_vms(name: str, device: HostDevice) -> None:
    with whole_program(device, name) as resident:
        extent = resident.extent
        core = 30 * extent.core_rows + 19 * min(extent.core_rows + 1, extent.rows - 1)
        assert assert_chips_are_the_trace(resident, name) == WIDTH * extent.rows - core


@pytest.mark.parametrize("name", [name for name in CASES if folder_of(name) == "vm"])
def test_what_the_chips_are_compared_with_are_the_real_vms_columns(name: str) -> None:
    columns = expected(name).columns
    digests = [hashlib.sha256(column.astype("<u8").tobytes()).hexdigest()[:32] for column in columns]
    assert digests == vm_column_digests(name)


@pytest.mark.parametrize("name", EVERY_CHIP)
def test_neither_the_order_of_threads_nor_the_block_shows(name: str, ordered: HostDevice) -> None:
    with whole_program(ordered, name) as resident:
        assert_chips_are_the_trace(resident, name)


def test_the_cases_have_rows_of_every_chiplet() -> None:
    lengths = [expected(name).lengths for name in EVERY_CHIP]
    assert all(any(getattr(each, part) for each in lengths) for part in ("hasher", "bitwise", "memory", "kernel_rom"))
    ace = [expected(name).columns[CHIPLETS.start : CHIPLETS.start + 4].T for name in EVERY_CHIP]
    assert any((rows == [1, 1, 1, 0]).all(axis=1).any() for rows in ace)


@pytest.mark.parametrize("name", CASES)
def test_tiles_of_all_chips_cover_every_cell_once(name: str, device: HostDevice) -> None:
    with whole_program(device, name) as resident:
        extent = resident.extent
        covered = np.zeros((WIDTH, extent.rows), np.uint8)
        covered[: STACK.start, : extent.core_rows] += 1
        covered[STACK, : min(extent.core_rows + 1, extent.rows - 1)] += 1
        for chip in CHIPS.values():
            for tile in chip.tiles(extent):
                columns = slice(tile.first_column, tile.first_column + tile.columns)
                covered[columns, tile.first_row : tile.first_row + tile.rows] += 1
        assert (covered == 1).all()


@pytest.mark.parametrize("name", EVERY_CHIP)
@pytest.mark.parametrize("chip", CHIPS)
def test_a_generation_takes_exactly_what_it_is_estimated_to_take(name: str, chip: str, device: HostDevice) -> None:
    with whole_program(device, name) as resident:
        before = device.arena.total
        device.arena.reset_peaks()
        with resident.generated(chip):
            pass
        made = CHIPS[chip]
        wanted = trace_bytes(made, resident.extent, device) + sum(made.extra_bytes(resident.extent, device).values())
        assert device.arena.total_peak - before == wanted
        assert device.arena.total == before


@pytest.mark.parametrize("at_once", [1, 3, 6, 7])
def test_hasher_states_can_be_made_part_by_part(at_once: int, device: HostDevice) -> None:
    name = "merkle_update_3_5"
    chip = HasherChip(at_once=at_once)
    with whole_program(device, name) as resident:
        assert resident.counts["permutations"] == 6
        cells = allocate(chip, resident.extent, device)
        before = device.arena.total
        device.arena.reset_peaks()
        poison(device, device.lane(0), cells)
        chip.generate(resident.generation(), cells)
        assert device.arena.total_peak - before == 768 * min(at_once, 6)
        assert resident.reported() is None
        found, wanted = tile_of(resident, cells[0]), expected_tile(resident, cells[0], expected(name).columns)
        assert np.array_equal(found, wanted)
        drop(cells)


def test_the_last_row_is_drawn_once_and_then_copied(device: HostDevice) -> None:
    name = "permute"
    with whole_program(device, name) as resident:
        coin = Coin(expected(name).recording.lowered.program_hash)
        assert device.download(resident.plan["last_row"]).tolist() == [coin.draw() for _ in range(WIDTH)]
        device.clear_log()
        with resident.generated("pad") as cells:
            assert np.array_equal(tile_of(resident, cells[-1])[:, 0], expected(name).columns[:, -1])
        assert "last_row" not in {launch.kernel for launch in device.log}


# ---- tables made of chosen values ---------------------------------------------------------------------------------------

EVERY_VALUE = range(65536)
COUNTERS = {
    "nothing": (),
    "neighbours": (0, 1, 2, 65533, 65534, 65535),
    "powers of three": (3**k for k in range(8)),
    "sums of two powers": (3**j + 3**k for j in range(8) for k in range(8)),
    "borders of parts": (value + side for value in range(64, 65536, 2048) for side in (-1, 0, 1)),
    "every value": EVERY_VALUE,
    "random": np.random.default_rng(5).integers(0, 65536, 3000).tolist(),
    "few": np.random.default_rng(6).integers(0, 65536, 20).tolist(),
}


@pytest.mark.parametrize("kind", COUNTERS)
def test_range_tables_of_chosen_counters(kind: str, device: HostDevice) -> None:
    counts = np.zeros(65536, np.uint32)
    checker = RangeChecker()
    for place, value in enumerate(COUNTERS[kind]):
        counts[value] += 1 + place % 3
        checker.add_all([value] * (1 + place % 3))
    table = checker.table()
    with whole_program(device, "permute") as resident:
        device.write(resident.plan["hist"], counts)
        resident.extent = replace(resident.extent, range_rows=len(table), rows=1 << 18)
        with resident.generated("rng") as cells:
            assert resident.reported() is None
            assert np.array_equal(tile_of(resident, cells[0]), table.T)


def _random_memory(seed: int, accesses: int) -> tuple[Memory, list[tuple[int, int, int, tuple[int, ...]]]]:
    """A memory of the reference after accesses with deltas of every size, and the recording of them."""
    random = np.random.default_rng(seed)
    memory, recorded, clk = Memory(), [], 0
    words = [4 * int(random.integers(0, 2 ** int(bits))) for bits in random.integers(1, 31, 8)] + [0, 2**32 - 4]
    contexts = [0, 1, 7, 70_000, 2**29 - 1]
    for _ in range(accesses):
        clk += int(random.choice([1, 2, 65_535, 65_536, 70_000]))
        ctx, word = int(random.choice(contexts)), int(random.choice(words))
        element, value = int(random.integers(4)), tuple(random.integers(0, 2**63, 4).tolist())
        kind = int(random.integers(4))
        if kind == 0:
            memory.write_element(ctx, word + element, value[0], clk)
        elif kind == 1:
            memory.read_element(ctx, word + element, clk)
        elif kind == 2:
            memory.write_word(ctx, word, value, clk)
        else:
            memory.read_word(ctx, word, clk)
        after = memory.peek_word(ctx, word) or (0, 0, 0, 0)
        recorded.append((ctx << 32 | word, clk, kind if kind > 1 else kind | element << 2, tuple(after)))
    return memory, recorded


def test_memory_rows_of_chosen_accesses(device: HostDevice) -> None:
    memory, recorded = _random_memory(11, 400)
    with whole_program(device, "memory_deltas") as resident:
        order = np.array(sorted(range(400), key=lambda at: recorded[at][0]), np.uint32)
        arrays = {
            "acc_key": np.array([entry[0] for entry in recorded], np.uint64),
            "acc_clk": np.array([entry[1] for entry in recorded], np.uint32),
            "acc_kind": np.array([entry[2] for entry in recorded], np.uint8),
            "acc_word": np.array([entry[3] for entry in recorded], np.uint64),
        }
        for name, array in arrays.items():
            resident.raw[name].free()
            resident.raw[name] = device.upload(Tag.RAW, name, array)
        resident.plan["order"].free()
        resident.plan["order"] = device.upload(Tag.PLAN, "order", order)
        resident.extent = replace(resident.extent, memory_rows=400)
        with resident.generated("mem") as cells:
            assert resident.reported() is None
            found = tile_of(resident, cells[0])
        table = memory.table().T
        assert np.array_equal(found[3:18], table)
        assert len(np.unique(table[13])) > 100, "deltas of many sizes"


def test_every_recorded_case_of_up_to_2_to_the_16_rows(device: HostDevice) -> None:
    compared = 0
    for line in (DATA / "vm" / "records.jsonl").read_text().splitlines():
        record = json.loads(line)
        if record["lengths"] and record["lengths"]["rows"] <= 1 << 16:
            with whole_program(device, record["name"]) as resident:
                assert_chips_are_the_trace(resident, record["name"])
            compared += 1
    assert compared > 230


def test_the_range_chip_reads_the_counters_of_the_plan(device: HostDevice) -> None:
    name = "shape_range_709000"
    with whole_program(device, name) as resident:
        device.write(resident.plan["hist"], shown_counts(expected(name).columns))
        resident.side.clear()
        with resident.generated(RangeChip.name) as cells:
            assert np.array_equal(
                tile_of(resident, cells[0]), expected_tile(resident, cells[0], expected(name).columns)
            )
