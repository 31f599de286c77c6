"""Digests of columns against Python integers: any tiles, any order of threads, one sum."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from chiplet_cases import expected
from chiplet_plans import CHIPS, shards_of, whole_program

from gpu.arena import Tag
from gpu.chips import Cells, Tile
from gpu.device import Buffer
from gpu.digest import (
    CHECK_SCRATCH,
    DIGEST_SCRATCH,
    MAX_LENGTH,
    POISON,
    RHOS,
    Bad,
    ColumnDigests,
    check_cells,
    digest,
    host_digest,
    poison,
)
from gpu.errors import ShapeMismatch
from gpu.host_device import ORDERS, HostDevice
from reference.definition.columns import RANGE
from reference.definition.cuts import Every
from reference.definition.field import P

RANDOM = np.random.default_rng(17)


def elements(*shape: int) -> np.ndarray:
    """Random field elements, many of them at the edges of the field."""
    found = RANDOM.integers(0, P, shape, np.uint64)
    edges = np.array([0, 1, P - 1, 2**32, 2**32 - 1], np.uint64)
    picked = RANDOM.integers(0, 10, shape)
    return np.where(picked < 5, edges[np.minimum(picked, 4)], found)


def tile_cells(device: HostDevice, tile: Tile, values: np.ndarray, gap: int = 3) -> Cells:
    """A tile with these values, (columns, rows); between its columns stands poison."""
    ld = tile.rows + gap
    held = np.full((tile.columns, ld), POISON, np.uint64)
    held[:, : tile.rows] = values
    return Cells(tile, device.upload(Tag.TRACE, "tile", held.reshape(-1)), ld)


def free(cells: Sequence[Cells]) -> None:
    for each in cells:
        if each.buffer is not None:
            each.buffer.free()


def by_definition(tile: Tile, values: np.ndarray, length: int, rows: Sequence[int]) -> dict[int, tuple[int, ...]]:
    """The sum of the specification, term by term."""
    found: dict[int, tuple[int, ...]] = {}
    for column, cells in enumerate(values.tolist(), start=tile.first_column):
        terms = [
            [cell * pow(rho, column * length + row, P) for cell, row in zip(cells, rows, strict=True)] for rho in RHOS
        ]
        found[column] = tuple(sum(each) % P for each in terms)
    return found


def test_the_weights_of_2_to_the_36_cells_differ() -> None:
    for rho in RHOS:
        assert all(pow(rho, (P - 1) // prime, P) != 1 for prime in (2, 3, 5, 17, 257, 65537))
    assert 72 * MAX_LENGTH < 2**36


def test_the_host_digest_is_the_definition() -> None:
    values = elements(72, 8)
    assert host_digest(values).columns == by_definition(Tile(0, 72, 0, 8), values, 8, range(8))


@pytest.mark.parametrize("rows", [1, 2, 63, 64, 65, 127, 128, 129, 1000])
@pytest.mark.parametrize(("order", "block"), [(0, 128), (1, 1), (2, 50)])
def test_a_tile_anywhere_in_a_trace(rows: int, order: int, block: int, device: HostDevice) -> None:
    length, tile = MAX_LENGTH, Tile(70, 2, MAX_LENGTH - 1 - rows, rows)
    values = elements(2, rows)
    with HostDevice(order=order, block=block) as host:
        cells = tile_cells(host, tile, values)
        found = digest(host, host.lane(0), [cells], length)
    wanted = by_definition(tile, values, length, range(tile.first_row, tile.first_row + rows))
    assert found.columns == wanted


def test_more_rows_than_threads_take_at_once(device: HostDevice) -> None:
    rows = 64 * 4096 + 4097
    tile, values = Tile(71, 1, 5, rows), elements(1, rows)
    cells = tile_cells(device, tile, values)
    found = digest(device, device.lane(0), [cells], 1 << 19)
    padded = np.zeros((72, 1 << 19), np.uint64)
    padded[71, 5 : 5 + rows] = values[0]
    weights = [pow(rho, 71 << 19, P) for rho in RHOS]
    sums = [0, 0]
    for cell in reversed(padded[71].tolist()):
        sums = [(total * rho + cell) % P for total, rho in zip(sums, RHOS, strict=True)]
    assert found.columns == {71: tuple(total * weight % P for total, weight in zip(sums, weights, strict=True))}
    free([cells])


def runs_on(device: HostDevice, start: Sequence[int], base: Sequence[int]) -> dict[str, Buffer]:
    return {
        "run_start": device.upload(Tag.PLAN, "run_start", np.array(start, np.uint32)),
        "run_base": device.upload(Tag.PLAN, "run_base", np.array(base, np.uint64)),
    }


RUNS = {
    "one at the beginning": ([0], [0]),
    "one further down": ([0], [77]),
    "every row alone": (list(range(200)), [3 * row for row in range(200)]),
    "borders of the parts": ([0, 63, 64, 65, 128, 199], [1, 64, 70, 1000, 5000, 100_000]),
    "far apart": ([0, 1, 150], [0, 2**27, 2**28]),
}


@pytest.mark.parametrize("kind", RUNS)
@pytest.mark.parametrize(("order", "block"), [(0, 128), (2, 7)])
def test_rows_that_stand_in_runs(kind: str, order: int, block: int, device: HostDevice) -> None:
    start, base = RUNS[kind]
    tile, values, length = Tile(51, 3, 1000, 200, True), elements(3, 200), MAX_LENGTH
    rows = [
        1000 + base[run] + position - start[run]
        for position in range(200)
        for run in [max(run for run, first in enumerate(start) if first <= position)]
    ]
    with HostDevice(order=order, block=block) as host:
        cells = tile_cells(host, tile, values)
        found = digest(host, host.lane(0), [cells], length, runs_on(host, start, base))
    assert found.columns == by_definition(tile, values, length, rows)


def test_digests_of_any_disjoint_tiles_add_up_to_the_traces(device: HostDevice) -> None:
    values = elements(72, 128)
    tiles = [
        Tile(0, 30, 0, 50), Tile(0, 30, 50, 78), Tile(30, 42, 0, 1), Tile(30, 20, 1, 127), Tile(50, 22, 1, 100),
        Tile(50, 22, 101, 27),
    ]  # fmt: skip
    cells = [
        tile_cells(
            device, tile,
            values[tile.first_column : tile.first_column + tile.columns, tile.first_row : tile.first_row + tile.rows],
        )
        for tile in tiles
    ]  # fmt: skip
    whole = host_digest(values)
    together = digest(device, device.lane(0), cells, 128)
    added = ColumnDigests({})
    for each in cells[::-1]:
        added += digest(device, device.lane(0), [each], 128)
    assert together.columns == whole.columns == added.columns
    assert together.total == whole.total
    assert whole.text == "".join(f"{sum(digests) % P:016x}" for digests in zip(*whole.columns.values(), strict=True))
    free(cells)


@pytest.mark.parametrize("change", [(0, 0), (71, 63), (40, 17)])
def test_one_cell_changes_its_columns_digest_and_no_other(change: tuple[int, int], device: HostDevice) -> None:
    values = elements(72, 64)
    before = host_digest(values)
    column, row = change
    values[change] = (int(values[change]) + 1) % P
    cells = tile_cells(device, Tile(0, 72, 0, 64), values)
    after = digest(device, device.lane(0), [cells], 64)
    changed = {index for index in range(72) if before.columns[index] != after.columns[index]}
    assert changed == {column}
    difference = tuple((new - old) % P for new, old in zip(after.columns[column], before.columns[column], strict=True))
    assert difference == tuple(pow(rho, column * 64 + row, P) for rho in RHOS)
    free([cells])


@pytest.mark.parametrize("name", ["mix_720090", "op_evalcircuit_700771", "shape_core_63_705590"])
def test_the_digest_of_a_trace_is_the_sum_over_its_chips(name: str, device: HostDevice) -> None:
    """INV-17, for the columns that belong to the chiplet chips alone; the others only have padding here."""
    columns = expected(name).columns
    length, whole = columns.shape[1], host_digest(columns)
    total = ColumnDigests({})
    with whole_program(device, name) as resident:
        for chip in CHIPS:
            with resident.generated(chip) as cells:
                total += digest(device, device.lane(0), cells, length, resident.plan)
    own = range(RANGE.start, 72)
    assert {column: total.columns[column] for column in own} == {column: whole.columns[column] for column in own}


def test_digests_of_shards_add_up(device: HostDevice) -> None:
    name = "shape_chiplets_memory_709030"
    columns = expected(name).columns
    whole, total = host_digest(columns), ColumnDigests({})
    with shards_of(device, name, Every(5), (4, 8, 12, 16)) as shards:
        assert max(resident.plan["run_start"].size for resident in shards) > 2
        for resident in shards:
            for chip in CHIPS:
                with resident.generated(chip) as cells:
                    total += digest(device, device.lane(0), cells, columns.shape[1], resident.plan)
    own = range(RANGE.start, 72)
    assert {column: total.columns[column] for column in own} == {column: whole.columns[column] for column in own}


def test_no_cells_no_columns(device: HostDevice) -> None:
    empty = Cells(Tile(3, 4, 5, 0), None, 0)
    assert digest(device, device.lane(0), [empty], 64) == ColumnDigests({})
    assert ColumnDigests({}).total == (0, 0)


def test_scratch_is_what_is_said(device: HostDevice) -> None:
    cells = tile_cells(device, Tile(0, 2, 0, 5000), elements(2, 5000))
    for work, scratch in (
        (lambda: digest(device, device.lane(0), [cells], 8192), DIGEST_SCRATCH),
        (lambda: check_cells(device, device.lane(0), [cells]), CHECK_SCRATCH),
    ):
        device.arena.reset_peaks()
        before = device.arena.total
        work()
        assert device.arena.total_peak - before == scratch
        assert device.arena.total == before
    free([cells])


def test_what_is_refused(device: HostDevice) -> None:
    cells = tile_cells(device, Tile(51, 1, 0, 4, True), elements(1, 4))
    with pytest.raises(ShapeMismatch, match="the plan's runs are missing"):
        digest(device, device.lane(0), [cells], 64)
    with pytest.raises(ShapeMismatch, match="at most 536870912 rows"):
        digest(device, device.lane(0), [cells], 2 * MAX_LENGTH)
    assert device.arena.live[Tag.SCRATCH] == 0
    free([cells])


# ---- unwritten cells --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", range(len(ORDERS)))
def test_the_first_bad_cell_and_their_number(order: int, device: HostDevice) -> None:
    first, second = Tile(6, 5, 100, 40), Tile(30, 3, 0, 20)
    values = elements(5, 40)
    values[4, 7], values[1, 9], values[0, 39] = P, 2**64 - 1, P + 1
    with HostDevice(order=order, block=16) as host:
        lane = host.lane(0)
        cells = [tile_cells(host, second, elements(3, 20)), tile_cells(host, first, values)]
        assert check_cells(host, lane, cells[:1]) is None
        assert check_cells(host, lane, cells) == Bad(3, first, 7, 10)


def test_canonical_cells_are_not_bad(device: HostDevice) -> None:
    cells = tile_cells(device, Tile(0, 1, 0, 3), np.array([[0, 1, P - 1]], np.uint64))
    assert check_cells(device, device.lane(0), [cells]) is None
    free([cells])


def test_poison_reaches_every_cell_and_the_gaps(device: HostDevice) -> None:
    cells = tile_cells(device, Tile(0, 4, 0, 30), elements(4, 30), gap=8)
    assert cells.buffer is not None
    poison(device, device.lane(0), [cells, Cells(Tile(3, 4, 5, 0), None, 0)])
    assert (device.download(cells.buffer) == POISON).all()
    assert check_cells(device, device.lane(0), [cells]) == Bad(120, cells.tile, 0, 0)
    free([cells])
