"""The permutation in the kernels: every state of it against Python integers, its vectors, the coin's draws."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gpu.arena import Tag
from gpu.errors import KernelCode
from gpu.host_device import HostDevice
from reference.definition.field import P
from reference.definition.rpo import MDS, Coin, permutation_states
from reference.definition.rpo_constants import ARK1

VECTORS: dict[str, list[dict[str, Any]]] = json.loads(
    (Path(__file__).parent.parent / "data" / "rpo_vectors.json").read_text()
)
EDGES = (0, 1, 2, P - 1, P - 2, 2**32 - 1, 2**32, 2**32 + 1, 2**63, P // 2, P - 2**32, 2**64 - 2**33)
NO_ERROR = 2**64 - 1


def states_on(
    device: HostDevice,
    inputs: Sequence[Sequence[int]],
    outputs: Sequence[Sequence[int]],
    first: int = 0,
    count: int | None = None,
) -> tuple[np.ndarray, int]:
    """The eight states of permutations first .. first + count - 1, (count, 8, 12), and the error word."""
    count = len(inputs) - first if count is None else count
    given = device.upload(Tag.RAW, "in", np.array(inputs, np.uint64))
    wanted = device.upload(Tag.RAW, "out", np.array(outputs, np.uint64))
    states = device.full(Tag.SCRATCH, "states", (count, 12, 8), np.uint64, NO_ERROR)
    error = device.full(Tag.SIDE, "error", 1, np.uint64, NO_ERROR)
    device.launch("hsh_states", count, given, wanted, states, error, first, count)
    found = device.download(states).transpose(0, 2, 1), int(device.download(error)[0])
    for buffer in (given, wanted, states, error):
        buffer.free()
    return found


def edge_states() -> list[tuple[int, ...]]:
    random = np.random.default_rng(3)
    mixed = [tuple(int(EDGES[i]) for i in random.integers(0, len(EDGES), 12)) for _ in range(30)]
    free = [tuple(int(x) % P for x in random.integers(0, 2**64, 12, np.uint64)) for _ in range(30)]
    return [*((edge,) * 12 for edge in EDGES), tuple(EDGES), *mixed, *free]


def carrying_states() -> list[tuple[int, ...]]:
    """States whose first mixing carries out of 64 bits, in each of its two sums, in every row: chance finds one in 2^22.

    A row adds small products of the low halves, and of the high halves times 2^32. The high sum is made 2^32 - 1 modulo 2^32;
    with large low halves their sum carries, with zeros the folding of what is above 2^64 does.
    """
    found = []
    for row, factors in enumerate(MDS):
        odd = factors.index(7)
        for low in (0, 2**32 - 1):
            highs = [2**31 + 7 * column for column in range(12)]
            rest = sum(factor * high for factor, high in zip(factors, highs, strict=True)) - 7 * highs[odd]
            highs[odd] = (2**32 - 1 - (ARK1[0][row] >> 32) - rest) * pow(7, -1, 2**32) % 2**32
            found.append(tuple(high << 32 | low for high in highs))
    return [state for state in found if max(state) < P]


def test_most_rows_have_states_that_carry() -> None:
    assert len(carrying_states()) > 20


@pytest.mark.parametrize(("order", "block"), [(0, 128), (1, 1), (2, 7)])
def test_every_state_is_that_of_the_definition(order: int, block: int, device: HostDevice) -> None:
    inputs = [*edge_states(), *carrying_states()]
    wanted = [permutation_states(state) for state in inputs]
    with HostDevice(order=order, block=block) as host:
        found, error = states_on(host, inputs, [states[7] for states in wanted])
    assert error == NO_ERROR
    assert found.tolist() == [[list(state) for state in states] for states in wanted]


def test_a_part_of_the_recorded_permutations(device: HostDevice) -> None:
    inputs = edge_states()[:9]
    wanted = [permutation_states(state) for state in inputs]
    found, error = states_on(device, inputs, [states[7] for states in wanted], first=4, count=3)
    assert error == NO_ERROR
    assert found.tolist() == [[list(state) for state in states] for states in wanted[4:7]]


def test_an_output_that_is_not_the_inputs_is_reported_with_the_smallest_permutation(device: HostDevice) -> None:
    inputs = edge_states()[:9]
    outputs = [list(permutation_states(state)[7]) for state in inputs]
    for permutation, element in ((7, 0), (3, 11), (3, 5)):
        outputs[permutation][element] ^= 1
    _, error = states_on(device, inputs, outputs)
    assert error == 3 << 16 | KernelCode.PERMUTATION << 8 | 5
    _, error = states_on(device, inputs, outputs, first=4)
    assert error == 7 << 16 | KernelCode.PERMUTATION << 8


def _short_sponges() -> list[tuple[tuple[int, ...], list[int]]]:
    """Inputs of one permutation, and the digest that was recorded for them."""
    hashes = VECTORS["hash_elements_0_to_n_minus_1"]
    return [
        ((len(vector["input"]) % 8, 0, 0, 0, *vector["input"], *(0,) * (8 - len(vector["input"]))), vector["digest"])
        for vector in hashes
        if 1 <= len(vector["input"]) <= 8
    ]


def test_recorded_hashes_of_up_to_eight_elements(device: HostDevice) -> None:
    sponges = _short_sponges()
    assert len(sponges) == 8
    found, _ = states_on(device, [state for state, _ in sponges], [(0,) * 12] * 8)
    assert found[:, 7, 4:8].tolist() == [digest for _, digest in sponges]


# spec 04, section 7.4
DRAWS = {
    (0, 0, 0, 0): (
        8635338869442206704, 11671305615285950885, 15253023094703789604, 7398108415970215319, 14084237001781243886,
        1403542540949983059, 16876978449595478787, 4949768242600167471, 4592736551082574311, 2322911144316142939),
    (1, 2, 3, 4): (
        9110946198063587797, 9528254571450122018, 4117273754066098686, 5146545323308375419, 9544048098059317957,
        4221292612040976948, 10964801112567110903, 4888050440362913294, 6897676256960227481, 15786039749688817203),
}  # fmt: skip


@pytest.mark.parametrize("seed", [*DRAWS, (P - 1, 2**32, 5, P - 2)])
@pytest.mark.parametrize(("stride", "ld"), [(1, 1), (5, 9)])
def test_the_coin_draws_what_the_specification_lists(
    seed: tuple[int, ...], stride: int, ld: int, device: HostDevice
) -> None:
    held = np.full(4 * stride, NO_ERROR, np.uint64)
    held[::stride] = seed
    given = device.upload(Tag.RAW, "seed", held)
    out = device.full(Tag.TRACE, "last row", 72 * ld, np.uint64, NO_ERROR)
    device.launch("last_row", 1, given, stride, out, ld)
    found = device.download(out).reshape(72, ld)
    coin = Coin((seed[0], seed[1], seed[2], seed[3]))
    assert found[:, 0].tolist() == [coin.draw() for _ in range(72)]
    assert tuple(found[:10, 0].tolist()) == DRAWS.get(seed, tuple(found[:10, 0].tolist()))
    assert (found[:, 1:] == NO_ERROR).all()
    given.free()
    out.free()
