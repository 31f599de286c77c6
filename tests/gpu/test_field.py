"""The field functions of the kernels against Python's integers, at the edges and everywhere, whatever the order of threads."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from gpu.device import Device, Tag
from gpu.host_device import ORDERS, HostDevice

P = 2**64 - 2**32 + 1
EPS = 2**32 - 1
KERNELS = Path(__file__).parent / "field_kernels.cuh"

# 2^32 * 2^32 and 2^33 * 2^63 leave a low half of 0 in the product's high word, 2^31 * 2^33 leaves only that word; EPS and its
# neighbours sit on both sides of every carry of the reduction.
CANONICAL = (0, 1, 2, 3, 7, EPS - 1, EPS, EPS + 1, EPS + 2, 2**31, 2**33, 2**48, 2**63 - 1, 2**63, P // 2, P // 2 + 1)
CANONICAL += (P - 2**32, P - 2**31, P - 3, P - 2, P - 1)
BEYOND = (P, P + 1, P + EPS // 2, 2**64 - 2, 2**64 - 1)


@pytest.fixture(params=list(itertools.product(range(len(ORDERS)), (64, 7))), ids=lambda p: f"{ORDERS[p[0]]}-{p[1]}")
def shuffled(request: pytest.FixtureRequest, device: HostDevice) -> HostDevice:
    order, block = request.param
    return HostDevice(order=order, block=block, extra=(KERNELS,))


def pairs(edges: Sequence[int], limit: int) -> tuple[list[int], list[int]]:
    chosen = random.Random(limit)
    drawn = [(chosen.randrange(limit), chosen.randrange(limit)) for _ in range(500)]
    both = [*itertools.product(edges, edges), *drawn]
    return [a for a, _ in both], [b for _, b in both]


def run(
    device: Device, kernel: str, rows: int, *operands: Sequence[int], scalars: tuple[int, ...] = ()
) -> list[list[int]]:
    n = len(operands[0])
    inputs = [device.upload(Tag.RAW, "in", np.array(values, np.uint64)) for values in operands]
    out = device.full(Tag.SCRATCH, "out", (rows, n), np.uint64, 2**64 - 1)
    device.launch(kernel, n, *inputs, out, n, *scalars)
    return [[int(value) for value in row] for row in device.download(out)]


def test_sums_differences_products_and_powers_are_those_of_integers(shuffled: HostDevice) -> None:
    a, b = pairs(CANONICAL, P)
    sums, differences, products, powers = run(shuffled, "field_binary", 4, a, b)
    assert sums == [(x + y) % P for x, y in zip(a, b, strict=True)]
    assert differences == [(x - y) % P for x, y in zip(a, b, strict=True)]
    assert products == [x * y % P for x, y in zip(a, b, strict=True)]
    assert powers == [pow(x, y, P) for x, y in zip(a, b, strict=True)]


def test_lazy_results_are_representatives_of_any_arguments(shuffled: HostDevice) -> None:
    a, b = pairs((*CANONICAL, *BEYOND), 2**64)
    sums, products, canonical = run(shuffled, "field_lazy", 3, a, b)
    assert [value % P for value in sums] == [(x + y) % P for x, y in zip(a, b, strict=True)]
    assert [value % P for value in products] == [x * y % P for x, y in zip(a, b, strict=True)]
    assert canonical == [x * y % P for x, y in zip(a, b, strict=True)]


@pytest.mark.parametrize("squarings", [0, 1, 5, 64])
def test_one_argument(shuffled: HostDevice, squarings: int) -> None:
    values = [*CANONICAL, *BEYOND, *pairs((), 2**64)[0]]
    canonical, negated, inverses, squared = run(shuffled, "field_unary", 4, values, scalars=(squarings,))
    assert canonical == [value % P for value in values]
    assert negated == [-value % P for value in values]
    assert inverses == [pow(value, P - 2, P) for value in values]
    assert all(value * inverse % P == (value % P != 0) for value, inverse in zip(values, inverses, strict=True))
    assert [value % P for value in squared] == [pow(value, 2**squarings, P) for value in values]
