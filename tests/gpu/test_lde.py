"""The low-degree extension against polynomials evaluated in Python, and against rows of reference proofs."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from commitment_data import VECTORS, trace_of

from gpu.arena import Tag
from gpu.errors import BudgetExceeded, ShapeMismatch
from gpu.host_device import HostDevice
from gpu.lde import Domain, Extender, extension_bytes, root_of_unity
from reference.definition.field import P

pytestmark = pytest.mark.usefixtures("device")  # where no device can be built, every test is skipped with the reason


def extended(device: HostDevice, columns: np.ndarray, blowup: int) -> np.ndarray:
    """Natural order, (columns, N)."""
    count, rows = columns.shape
    values = device.upload(Tag.SCRATCH, "values", columns.reshape(-1))
    out = device.empty(Tag.SCRATCH, "extended", count * rows * blowup, "u8")
    with Extender(device, Domain(rows, blowup)) as extender:
        extender.interpolate(values, count)
        extender.extend(values, out, count)
    result = device.download(out).reshape(count, blowup, rows).transpose(0, 2, 1).reshape(count, rows * blowup)
    values.free()
    out.free()
    return result


def lagrange(values: list[int], root: int, x: int) -> int:
    """The polynomial through (root^i, values[i]) at x, by the definition."""
    points = [pow(root, i, P) for i in range(len(values))]
    total = 0
    for i, value in enumerate(values):
        term = value
        for k, other in enumerate(points):
            if k != i:
                term = term * (x - other) * pow(points[i] - other, -1, P) % P
        total += term
    return total % P


def awkward(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    pool = np.array([0, 1, P - 1, P - 2, 2**32 - 1, 2**32, 2**63], np.uint64)
    return np.where(rng.random(shape) < 0.5, rng.choice(pool, shape), rng.integers(0, P, shape, np.uint64))


@pytest.mark.parametrize(("order", "root"), [(1, P - 1), (2, 2**48), (3, 2**24), (6, 8), (10, 4255134452441852017)])
def test_roots_of_unity_are_those_of_the_spec(order, root):
    assert root_of_unity(order) == root


@pytest.mark.parametrize(("rows", "blowup"), [(1, 1), (1, 4), (2, 1), (2, 8), (4, 2), (8, 4), (16, 1), (16, 8)])
def test_an_extension_is_the_polynomial_evaluated_on_the_shifted_domain(device, rows, blowup):
    columns = awkward(np.random.default_rng(rows * 100 + blowup), (3, rows))
    got = extended(device, columns, blowup)
    big = pow(7277203076849721926, 2**32 // (rows * blowup), P)
    small = pow(big, blowup, P)
    for row in range(rows * blowup):
        x = 7 * pow(big, row, P) % P
        assert Domain(rows, blowup).point(row) == x
        for column in range(3):
            assert int(got[column, row]) == lagrange(columns[column].tolist(), small, x)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["file"])
def test_rows_are_those_of_the_reference_proofs(device, vector):
    trace = trace_of(vector["golden_case"])
    trace[71, -1] = 0
    got = extended(device, trace, vector["lde_length"] // vector["trace_length"])
    assert got.shape == (72, vector["lde_length"])
    for row in vector["lde_rows"]:
        assert Domain(64, vector["lde_length"] // 64).point(row["row"]) == row["x"]
        assert got[:6, row["row"]].tolist() == row["cols_0_to_5"]
        assert got[66:, row["row"]].tolist() == row["cols_66_to_71"]


def test_the_order_of_threads_and_the_size_of_blocks_do_not_show():
    columns = awkward(np.random.default_rng(5), (5, 32))
    results = []
    for order, block in itertools.product(range(3), (32, 100)):
        with HostDevice(order=order, block=block) as device:
            results.append(extended(device, columns, 4))
    assert all(np.array_equal(results[0], other) for other in results[1:])


def test_tables_take_the_bytes_that_are_estimated_and_give_them_back(device):
    before = device.arena.live[Tag.SCRATCH]
    with Extender(device, Domain(64, 8)):
        assert device.arena.live[Tag.SCRATCH] - before == extension_bytes(Domain(64, 8)) == 8 * (32 + 32 + 512)
    assert device.arena.live[Tag.SCRATCH] == before


def test_tables_that_do_not_fit_leave_nothing():
    with HostDevice(budget=extension_bytes(Domain(64, 8)) - 1) as device:
        with pytest.raises(BudgetExceeded):
            Extender(device, Domain(64, 8))
        assert device.arena.total == 0


@pytest.mark.parametrize(("rows", "blowup"), [(0, 8), (48, 8), (64, 0), (64, 3), (-64, 8), (1 << 30, 8)])
def test_sizes_without_a_domain_are_refused(rows, blowup):
    with pytest.raises(ShapeMismatch):
        Domain(rows, blowup)


def test_buffers_that_are_too_small_are_refused_before_a_launch(device):
    small = device.empty(Tag.SCRATCH, "small", 127, "u8")
    with Extender(device, Domain(64, 2)) as extender:
        launches = len(device.log)
        with pytest.raises(ShapeMismatch):
            extender.interpolate(small, 2)
        with pytest.raises(ShapeMismatch):
            extender.interpolate(small.offset(64), 1)
        with pytest.raises(ShapeMismatch):
            extender.extend(small, small, 1)
        assert len(device.log) == launches
    small.free()
