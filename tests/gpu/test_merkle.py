"""The commitment against reference proofs: root, leaves, opened rows and the batch proof of their paths."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pytest
from commitment_data import RPO, batch_proof, read_proof, trace_of

from gpu.arena import Tag
from gpu.chips import Cells, Tile
from gpu.errors import BudgetExceeded, CapacityExceeded, ShapeMismatch, WrongState
from gpu.host_device import HostDevice
from gpu.lde import Domain, Extender
from gpu.merkle import MerkleTree, TraceMatrix, build_tree, check_size, matrix_bytes, scratch_bytes, tree_bytes
from reference.definition.rpo import hash_elements, merge

pytestmark = pytest.mark.usefixtures("device")  # where no device can be built, every test is skipped with the reason

LAYOUT = (Tile(0, 49, 0, 40), Tile(0, 49, 40, 24), Tile(49, 2, 0, 64), Tile(51, 21, 0, 64))
"""Four tiles that cover a trace of 64 rows."""


def cells_of(device: HostDevice, trace: np.ndarray, tile: Tile, rows: Sequence[int] | None = None) -> Cells:
    """A tile of the trace on the device; the rows past its end hold a value that is no field element."""
    ld = tile.rows + 3
    held = np.full((tile.columns, ld), 2**64 - 1, np.uint64)
    taken = trace[tile.first_column : tile.first_column + tile.columns]
    wanted = range(tile.first_row, tile.first_row + tile.rows) if rows is None else rows
    held[:, : tile.rows] = taken[:, list(wanted)]
    return Cells(tile, device.upload(Tag.TRACE, "tile", held.reshape(-1)), ld)


def collected(device: HostDevice, trace: np.ndarray) -> TraceMatrix:
    matrix = TraceMatrix(device, trace.shape[1])
    for number, tile in enumerate(LAYOUT):
        cells = cells_of(device, trace, tile)
        matrix.place(str(number), [cells], {}, 0)
        assert cells.buffer is not None
        cells.buffer.free()
    return matrix


def committed(device: HostDevice, trace: np.ndarray, blowup: int) -> MerkleTree:
    return build_tree(collected(device, trace), blowup)


@pytest.mark.parametrize("vector", RPO, ids=lambda vector: vector["file"])
def test_root_and_leaves_are_those_of_the_reference_proof(device, vector):
    trace = trace_of(vector["golden_case"])
    assert trace[71, -1] != 0, "the commitment has to set this cell to 0 itself"
    tree = committed(device, trace, vector["lde_length"] // 64)
    nodes = tree.host()
    proof = read_proof(vector)
    assert tree.root == tuple(vector["main_trace_root"]) == proof.root
    for row in vector["lde_rows"]:
        assert nodes[tree.leaves + row["row"]].tolist() == row["leaf"]
    assert batch_proof(nodes, vector["query_positions"]) == proof.paths
    for position, opened in zip(vector["query_positions"], proof.opened, strict=True):
        assert hash_elements(opened.tolist()) == tuple(nodes[tree.leaves + position].tolist())
    tree.free()


@pytest.mark.parametrize("vector", RPO, ids=lambda vector: vector["file"])
def test_opened_rows_of_the_reference_proof_are_rows_of_the_extension(device, vector):
    trace, blowup = trace_of(vector["golden_case"]), vector["lde_length"] // 64
    trace[71, -1] = 0
    values = device.upload(Tag.SCRATCH, "values", trace.reshape(-1))
    out = device.empty(Tag.SCRATCH, "extended", trace.size * blowup, "u8")
    with Extender(device, Domain(64, blowup)) as extender:
        extender.interpolate(values, 72)
        extender.extend(values, out, 72)
    rows = device.download(out).reshape(72, blowup, 64).transpose(2, 1, 0).reshape(-1, 72)
    values.free()
    out.free()
    assert np.array_equal(rows[vector["query_positions"]], read_proof(vector).opened)


def test_a_path_leads_from_every_leaf_to_the_root(device):
    tree = committed(device, trace_of(13), 1)
    nodes = tree.host()
    for leaf in range(tree.leaves):
        digest, index = tuple(nodes[tree.leaves + leaf].tolist()), leaf
        for sibling in tree.path(leaf):
            digest = merge(digest, sibling) if index % 2 == 0 else merge(sibling, digest)
            index //= 2
        assert digest == tree.root
    for leaf in (-1, tree.leaves):
        with pytest.raises(ShapeMismatch):
            tree.path(leaf)
    tree.free()


@pytest.mark.parametrize(("column", "row"), [(0, 0), (8, 63), (71, 62), (49, 31)])
def test_one_cell_changes_the_root(device, column, row):
    trace = trace_of(24)
    trace[column, row] ^= np.uint64(1)
    tree = committed(device, trace, 8)
    assert tree.root != tuple(next(vector for vector in RPO if vector["golden_case"] == 24)["main_trace_root"])
    tree.free()


def test_the_order_of_threads_and_the_size_of_blocks_do_not_show():
    results = []
    for order, block in itertools.product(range(3), (32, 100)):
        with HostDevice(order=order, block=block) as device:
            results.append(committed(device, trace_of(13), 2).host()[1:])
    assert all(np.array_equal(results[0], other) for other in results[1:])


def test_rows_in_runs_go_where_the_runs_put_them(device):
    trace = np.arange(72 * 64, dtype=np.uint64).reshape(72, 64)
    rows = [20, 21, 25, 30, 31, 32]
    tile = Tile(51, 20, 18, len(rows), runs=True)
    plan = {
        "run_start": device.upload(Tag.PLAN, "run_start", np.array([0, 2, 3], np.uint32)),
        "run_base": device.upload(Tag.PLAN, "run_base", np.array([2, 7, 12], np.uint64)),
    }
    matrix = TraceMatrix(device, 64)
    device.write(matrix.buffer, np.full(72 * 64, 7, np.uint64))
    cells = cells_of(device, trace, tile, rows)
    matrix.place("mem", [cells], plan, 3)
    expected = np.full((72, 64), 7, np.uint64)
    expected[51:71, rows] = trace[51:71, rows]
    assert np.array_equal(device.download(matrix.buffer).reshape(72, 64), expected)
    for buffer in (matrix.buffer, cells.buffer, *plan.values()):
        buffer.free()


def test_bytes_are_those_of_the_formulas(device):
    domain, live = Domain(64, 8), device.arena.live
    matrix = collected(device, trace_of(13))
    assert device.arena.live[Tag.COMMIT] - live[Tag.COMMIT] == matrix_bytes(domain) == 72 * 64 * 8
    device.arena.reset_peaks()
    tree = build_tree(matrix, 8)
    assert device.arena.live[Tag.COMMIT] - live[Tag.COMMIT] == tree_bytes(domain) == 64 * 512
    assert device.arena.peak[Tag.SCRATCH] - live[Tag.SCRATCH] == scratch_bytes(domain)
    assert device.arena.live[Tag.SCRATCH] == live[Tag.SCRATCH]
    tree.free()
    assert device.arena.live == live


@pytest.mark.parametrize("short_by", [1, scratch_bytes(Domain(64, 8)), scratch_bytes(Domain(64, 8)) + 1])
def test_a_budget_that_is_too_small_leaves_nothing(short_by):
    enough = matrix_bytes(Domain(64, 8)) + tree_bytes(Domain(64, 8)) + scratch_bytes(Domain(64, 8))
    with HostDevice(budget=enough - short_by) as device:
        matrix = collected(device, trace_of(13))
        with pytest.raises(BudgetExceeded):
            build_tree(matrix, 8)
        assert device.arena.total == 0


def test_a_commitment_beyond_the_limit_is_refused_with_the_sizes():
    check_size(Domain(64, 8), 72 * 512)
    with pytest.raises(CapacityExceeded, match="64 rows with blow-up 8 extends to 36864 cells; the limit is 36863"):
        check_size(Domain(64, 8), 72 * 512 - 1)
    with HostDevice() as device:
        with pytest.raises(CapacityExceeded):
            build_tree(collected(device, trace_of(13)), 8, limit=72 * 511)
        with pytest.raises(ShapeMismatch):
            build_tree(collected(device, trace_of(13)), 3)
        assert device.arena.total == 0


def test_a_matrix_with_a_hole_is_refused_and_freed():
    with HostDevice() as device:
        matrix = TraceMatrix(device, 64)
        with pytest.raises(WrongState, match=r"0 of 4608 cells .*chips: none"):
            build_tree(matrix, 8)
        matrix = TraceMatrix(device, 64)
        first = cells_of(device, trace_of(13), LAYOUT[0])
        matrix.place("sys", [first], {}, 0)
        with pytest.raises(WrongState, match="already"):
            matrix.place("sys", [first], {}, 0)
        with pytest.raises(WrongState, match=r"1960 of 4608 cells .*chips: sys"):
            build_tree(matrix, 8)
        assert device.arena.live[Tag.COMMIT] == device.arena.live[Tag.SCRATCH] == 0


@pytest.mark.parametrize("tile", [Tile(0, 73, 0, 1), Tile(70, 3, 0, 2), Tile(0, 1, 60, 5)])
def test_a_tile_outside_the_trace_is_refused_before_a_launch(device, tile):
    matrix = TraceMatrix(device, 64)
    cells = Cells(tile, device.empty(Tag.TRACE, "tile", tile.cells, "u8"), tile.rows)
    launches = len(device.log)
    with pytest.raises(ShapeMismatch):
        matrix.place("sys", [cells], {}, 0)
    assert len(device.log) == launches
    matrix.free()
    cells.buffer.free()
