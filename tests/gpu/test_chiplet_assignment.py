"""What assignment makes of a shard's memory and of the range counters, and shards: the same trace, whoever writes its rows."""

from __future__ import annotations

import numpy as np
import pytest
from chiplet_cases import core_lookups, expected, shown_counts
from chiplet_plans import CHIPS, expected_tile, first_difference, shards_of, sorted_positions, tile_of, whole_program

from gpu.arena import Tag
from gpu.chiplet_assignment import count_memory, range_rows, sort_memory
from gpu.host_device import HostDevice
from gpu.raw import pack
from gpu.tables import ProgramTables
from reference.definition.columns import RANGE
from reference.definition.cuts import Every

NAMES = (
    "memory_deltas", "ace_two_circuits", "ctl_mem_contexts_703520", "ctl_mem_edges_703530", "shape_range_709000",
    "shape_chiplets_memory_709030", "mix_720090", "permute", "op_evalcircuit_700771",
)  # fmt: skip
SHARDED = (
    ("op_evalcircuit_700771", Every(20), (5,)),
    ("op_evalcircuit_700771", Every(1), (2, 3, 50, 200)),
    ("mix_720090", Every(16), (4, 9, 10, 20)),
    ("op_mrupdate_700781", Every(7), (3, 6)),
    ("ctl_mem_contexts_703520", Every(3), (1, 12, 20, 30)),
    ("shape_chiplets_memory_709030", Every(5), (4, 8, 12, 16)),
    ("ctl_sys_many_703280", Every(10), (1, 2, 3, 4)),
)


@pytest.mark.parametrize("name", NAMES)
def test_memory_is_sorted_as_python_sorts_it(name: str, device: HostDevice) -> None:
    wanted = expected(name)
    order = sorted_positions(pack(wanted.recording, ProgramTables.of(wanted.recording.lowered)))
    with whole_program(device, name) as resident:
        before = device.arena.live[Tag.PLAN]
        found = sort_memory(resident.generation())
        assert device.arena.live[Tag.PLAN] - before == 4 * len(order)
        assert device.arena.live[Tag.SCRATCH] == 0
        assert device.download(found).tolist() == order.tolist()
        found.free()


@pytest.mark.parametrize("name", NAMES)
def test_lookups_of_core_and_memory_are_the_range_table(name: str, device: HostDevice) -> None:
    wanted = expected(name)
    with whole_program(device, name) as resident:
        device.write(resident.side["hist"], core_lookups(wanted.columns, wanted.lengths))
        g = resident.generation(counting=True)
        count_memory(g)
        assert resident.reported() is None
        assert np.array_equal(device.download(resident.side["hist"]), shown_counts(wanted.columns))
        assert range_rows(g) == wanted.lengths.range
        assert device.arena.live[Tag.SCRATCH] == 0


@pytest.mark.parametrize(("name", "cut", "ends"), SHARDED)
def test_shards_write_the_rows_of_one_trace(name: str, cut: Every, ends: tuple[int, ...], device: HostDevice) -> None:
    columns = expected(name).columns
    covered = np.zeros(columns.shape, np.uint8)
    with shards_of(device, name, cut, ends) as shards:
        for resident in shards:
            for chip in CHIPS:
                with resident.generated(chip) as tiles:
                    assert resident.reported() is None, chip
                    for cells in tiles:
                        if cells.buffer is None:
                            continue
                        found, wanted = tile_of(resident, cells), expected_tile(resident, cells, columns)
                        assert first_difference(found, wanted, cells) is None, chip
                        rows = expected_tile(resident, cells, np.tile(np.arange(columns.shape[1]), (72, 1)))[0]
                        first = cells.tile.first_column
                        covered[first : first + cells.tile.columns, rows] += 1
    assert (covered[RANGE.start :] == 1).all()


@pytest.mark.parametrize(("name", "cut", "ends"), SHARDED)
def test_lookups_of_shards_add_up(name: str, cut: Every, ends: tuple[int, ...], device: HostDevice) -> None:
    wanted = expected(name)
    counts = core_lookups(wanted.columns, wanted.lengths).astype(np.int64)
    with shards_of(device, name, cut, ends) as shards:
        for resident in shards:
            count_memory(resident.generation(counting=True))
            assert resident.reported() is None
            counts += device.download(resident.side["hist"])
    assert np.array_equal(counts, shown_counts(wanted.columns))


def test_the_sharded_cases_have_runs_that_begin_and_runs_that_continue_a_word(device: HostDevice) -> None:
    begins = continues = 0
    for name, cut, ends in SHARDED:
        with shards_of(device, name, cut, ends) as shards:
            for resident in shards[1:]:
                download = device.download
                order, keys = download(resident.plan["order"]), download(resident.raw["acc_key"])
                if len(order):
                    first_keys = keys[order[download(resident.plan["run_start"])]]
                    same = first_keys == download(resident.plan["run_key"])
                    continues += int(same.sum())
                    begins += int((~same).sum())
    assert begins > 15
    assert continues > 10
