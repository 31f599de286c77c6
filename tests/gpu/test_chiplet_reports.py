"""Altered raw state and plans: the chiplet kernels name what is wrong, and nothing is written outside of a tile."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from chiplet_cases import expected
from chiplet_plans import Resident, tile_of, whole_program

from gpu.chiplet_assignment import count_memory
from gpu.digest import check_cells
from gpu.errors import KernelCode
from gpu.host_device import HostDevice

Alteration = Callable[[Resident], None]
Report = tuple[int | None, KernelCode, int]
"""Row (None: whatever), code, detail."""


def _set(where: str, name: str, index: int | tuple[int, ...], value: int) -> Alteration:
    return lambda resident: resident.replace(where, name, index, value)


def _flip(where: str, name: str, index: int | tuple[int, ...], bits: int) -> Alteration:
    def alter(resident: Resident) -> None:
        held = resident.device.download(getattr(resident, where)[name])
        resident.replace(where, name, index, int(held[index]) ^ bits)

    return alter


def _header(field: int, value: int) -> Alteration:
    return lambda resident: resident.replace("raw", "hdr", (field, resident.counts["fragments"]), value)


def _without_first_row(resident: Resident) -> None:
    """Circuits that fit together, and leave out the first row of all."""
    evals = resident.device.download(resident.plan["sec_evals"])
    resident.replace("plan", "sec_row", 0, 1)
    resident.replace("plan", "sec_evals", 0, int(evals[0]) - 1)


def _without_a_value(resident: Resident) -> None:
    """Range counters without the largest value below 65535 that was looked up."""
    counts = resident.device.download(resident.plan["hist"])
    resident.replace("plan", "hist", int(np.flatnonzero(counts[:65535])[-1]), 0)


DEPTH, OVERFLOW = 5, 6

# merkle_update_3_5: a block, then three legs on the old path and three on the new one. op_evalcircuit: one circuit.
GENERATION: dict[str, tuple[str, str, Alteration, Report]] = {
    "an input that does not give the output": (
        "merkle_update_3_5", "hsh", _flip("raw", "perm_in", (2, 0), 1), (2, KernelCode.PERMUTATION, 0)),
    "an output that is not the input's": (
        "merkle_update_3_5", "hsh", _flip("raw", "perm_out", (4, 11), 1), (4, KernelCode.PERMUTATION, 11)),
    "the smallest of several": (
        "merkle_update_3_5", "hsh",
        lambda resident: [_flip("raw", "perm_out", (q, 3), 1)(resident) for q in (5, 1, 3)] and None,
        (1, KernelCode.PERMUTATION, 3)),
    "a permutation without a source": (
        "merkle_update_3_5", "hsh", _set("plan", "psrc", 3, 2**32 - 1), (24, KernelCode.SCATTER, 0)),
    "a recorded permutation that does not exist": (
        "merkle_update_3_5", "hsh", _set("plan", "psrc", 3, 1 << 31 | 6), (24, KernelCode.SCATTER, 0)),
    "a node's permutation that does not exist": (
        "merkle_update_3_5", "hsh", _set("plan", "psrc", 0, 1), (0, KernelCode.SCATTER, 2)),
    "a permutation that was not described": (
        "merkle_update_3_5", "hsh", _set("plan", "pinfo", 2, 0), (24, KernelCode.SCATTER, 1)),
    "a description that means nothing": (
        "merkle_update_3_5", "hsh", _set("plan", "pinfo", 2, 16), (24, KernelCode.SCATTER, 1)),
    "a permutation with a node index": ("permute", "hsh", _set("plan", "pidx", 0, 1), (8, KernelCode.SCATTER, 1)),
    "a bitwise operation that is neither": ("bitwise", "bit", _set("plan", "bit_op", 1, 2), (8, KernelCode.VALUE, 0)),
    "a sorted access that does not exist": (
        "memory_deltas", "mem", _set("plan", "order", 3, 10_000), (0, KernelCode.ACCESS, 0)),
    "a circuit without variables": ("ace_two_circuits", "ace", _set("plan", "sec_reads", 0, 0), (None, KernelCode.CIRCUIT, 0)),
    "a circuit of too many wires": (
        "ace_two_circuits", "ace", _set("plan", "sec_evals", 1, 2**30), (None, KernelCode.CIRCUIT, 0)),
    "circuits that overlap": ("ace_two_circuits", "ace", _set("plan", "sec_row", 1, 4), (None, KernelCode.CIRCUIT, 1)),
    "a gap before the circuits": ("ace_two_circuits", "ace", _without_first_row, (None, KernelCode.CIRCUIT, 1)),
    "a circuit beyond the rows": ("ace_two_circuits", "ace", _set("plan", "sec_evals", 1, 8), (None, KernelCode.CIRCUIT, 1)),
    "a circuit beyond the accesses": (
        "ace_two_circuits", "ace", _set("plan", "sec_access", 1, 1000), (None, KernelCode.CIRCUIT, 2)),
    "a circuit at no word": ("ace_two_circuits", "ace", _set("plan", "sec_ptr", 0, 401), (None, KernelCode.CIRCUIT, 3)),
    "a circuit beyond memory": (
        "ace_two_circuits", "ace", _set("plan", "sec_ptr", 0, 2**32 - 4), (None, KernelCode.CIRCUIT, 3)),
    "a circuit somewhere else": ("ace_two_circuits", "ace", _set("plan", "sec_ptr", 0, 404), (None, KernelCode.CIRCUIT, 4)),
    "a circuit in another context": ("ace_two_circuits", "ace", _set("plan", "sec_ctx", 1, 1), (None, KernelCode.CIRCUIT, 4)),
    "a circuit at another time": ("ace_two_circuits", "ace", _set("plan", "sec_clk", 1, 1), (1, KernelCode.CIRCUIT, 4)),
    "a kernel call too many": ("ctl_sys_many_703280", "krm", _flip("plan", "kcount", 0, 1), (0, KernelCode.KERNEL_INDEX, 0)),
    "a value more in the range table": (
        "permute", "rng", _set("plan", "hist", 40_000, 1), (None, KernelCode.SCATTER, 0)),
    "a value less in the range table": ("memory_deltas", "rng", _without_a_value, (None, KernelCode.SCATTER, 0)),
    "a final stack of another depth": ("permute", "pad", _header(DEPTH, 17), (None, KernelCode.DEPTH, 0)),
    "a final overflow table that is not empty": ("permute", "pad", _header(OVERFLOW, 5), (None, KernelCode.DEPTH, 1)),
}  # fmt: skip


@pytest.mark.parametrize("alteration", GENERATION)
def test_a_generation_names_what_was_altered(alteration: str, device: HostDevice) -> None:
    name, chip, alter, (row, code, detail) = GENERATION[alteration]
    with whole_program(device, name) as resident:
        alter(resident)
        with resident.generated(chip):
            reported = resident.reported()
    assert reported is not None
    assert reported[1:] == (code, detail)
    assert row is None or reported[0] == row


def _access_of(name: str, *, eval_row: bool) -> int:
    """Index of the first READ or EVAL access of a case's first circuit."""
    accesses = expected(name).recording.queues["accesses"]
    clk = next(int(row[4]) for row in expected(name).recording.ace)
    first = int(np.searchsorted(accesses["clk"], clk))
    kinds = accesses["kind"][first:]
    return first + int(np.argmax((kinds & 2) == 0) if eval_row else np.argmax((kinds & 2) != 0))


@pytest.mark.parametrize(
    ("array", "eval_row", "bits", "detail"),
    [("acc_key", False, 4, 4), ("acc_clk", False, 1, 4), ("acc_kind", False, 1, 4), ("acc_kind", False, 4, 4),
     ("acc_key", True, 4, 5), ("acc_clk", True, 1, 5), ("acc_kind", True, 2, 5), ("acc_kind", True, 8, 5)],
)  # fmt: skip
def test_every_field_of_a_circuits_accesses_is_compared(
    array: str, eval_row: bool, bits: int, detail: int, device: HostDevice
) -> None:
    name = "ace_two_circuits"
    with whole_program(device, name) as resident:
        _flip("raw", array, _access_of(name, eval_row=eval_row), bits)(resident)
        with resident.generated("ace"):
            reported = resident.reported()
    assert reported == (int(expected(name).recording.ace[0][4]), KernelCode.CIRCUIT, detail)


@pytest.mark.parametrize(
    ("instruction", "detail"),
    [
        (3 << 60 | 5 << 30 | 5, 6),  # no operation
        (1 << 60 | 5 << 30 | 3, 6),  # a wire that is not made yet
        (1 << 60 | 3 << 30 | 5, 6),
        (1 << 60 | 6 << 30 | 5, 6),  # a wire that does not exist
        (1 << 60 | 5 << 30 | 6, 6),
    ],
)
def test_instructions_are_read_again(instruction: int, detail: int, device: HostDevice) -> None:
    name = "ace_two_circuits"
    access = _access_of(name, eval_row=True)
    # Wires 5 and 4 are variables; the first gate makes wire 3.
    assert int(expected(name).recording.ace[0][6]) == 5
    with whole_program(device, name) as resident:
        element = int(device.download(resident.raw["acc_kind"])[access]) >> 2
        resident.replace("raw", "acc_word", (access, element), instruction)
        with resident.generated("ace"):
            reported = resident.reported()
    assert reported == (int(expected(name).recording.ace[0][4]), KernelCode.CIRCUIT, detail)


def test_a_circuit_has_to_end_in_zero(device: HostDevice) -> None:
    name = "ace_two_circuits"
    last_gate = _access_of(name, eval_row=True) + 3
    with whole_program(device, name) as resident:
        element = int(device.download(resident.raw["acc_kind"])[last_gate]) >> 2
        resident.replace("raw", "acc_word", (last_gate, element), 2 << 60 | 4 << 30 | 5)
        with resident.generated("ace"):
            reported = resident.reported()
    assert reported == (int(expected(name).recording.ace[0][4]), KernelCode.CIRCUIT, 7)


def _first(name: str, kind: int, *, again: bool) -> int:
    """Index of the first access of this kind (bits 0 and 1) to a word that was, or was not, accessed before."""
    seen: set[int] = set()
    for index, access in enumerate(expected(name).recording.queues["accesses"]):
        if int(access["kind"]) & 3 == kind and (int(access["key"]) in seen) == again:
            return index
        seen.add(int(access["key"]))
    raise AssertionError(f"{name} has no such access")


EDGES, UNTOUCHED = "ctl_mem_edges_703530", "ctl_memory_untouched_703540"
MEMORY: dict[str, tuple[str, str, int, bool, tuple[int | None, int], int]] = {
    "a word address that is none": (EDGES, "acc_key", 1, True, (None, 1), 2),
    "a kind that means nothing": (EDGES, "acc_kind", 1, True, (None, 16), 1),
    "a word access to an element": (EDGES, "acc_kind", 3, True, (None, 4), 1),
    "a read of something never written": (UNTOUCHED, "acc_word", 1, False, (0, 1), 5),
    "a word read of something never written": (UNTOUCHED, "acc_word", 3, False, (3, 1), 5),
    "a read of another value": (EDGES, "acc_word", 3, True, (2, 1), 5),
}
"""Case, array, kind and history of the access, element and bits that change, detail of the report."""


@pytest.mark.parametrize("alteration", MEMORY)
def test_accesses_are_checked_when_they_are_counted(alteration: str, device: HostDevice) -> None:
    name, array, kind, again, (lane, bits), detail = MEMORY[alteration]
    access = _first(name, kind, again=again)
    with whole_program(device, name) as resident:
        count_memory(resident.generation(counting=True))
        assert resident.reported() is None
        _flip("raw", array, access if lane is None else (access, lane), bits)(resident)
        count_memory(resident.generation(counting=True))
        reported = resident.reported()
    clk = int(expected(name).recording.queues["accesses"]["clk"][access])
    assert reported is not None
    assert reported[1:] == (KernelCode.ACCESS, detail)
    assert reported[0] >= clk
    assert detail == 5 or reported[0] == clk


def _exchange(resident: Resident, *, same_word: bool) -> None:
    """Exchange two neighbours of the sorted accesses, of one word or of two words with one access each."""
    order, keys = (resident.device.download(buffer) for buffer in (resident.plan["order"], resident.raw["acc_key"]))
    words = keys[order].tolist()
    for at in range(len(words) - 1):
        pair = words[at : at + 2]
        fits = pair[0] == pair[1] if same_word else words.count(pair[0]) == words.count(pair[1]) == 1
        if fits:
            order[at : at + 2] = order[at : at + 2][::-1]
            resident.device.write(resident.plan["order"], order)
            return
    raise AssertionError("no such neighbours")


@pytest.mark.parametrize(("name", "same_word"), [(EDGES, True), ("mix_720090", False)])
def test_an_order_that_is_not_sorted_is_noticed(name: str, same_word: bool, device: HostDevice) -> None:
    with whole_program(device, name) as resident:
        _exchange(resident, same_word=same_word)
        count_memory(resident.generation(counting=True))
        reported = resident.reported()
    assert reported is not None
    assert reported[1:] == (KernelCode.ACCESS, 3)


def test_a_write_in_the_cycle_of_another_access_is_noticed(device: HostDevice) -> None:
    name = "ace_two_circuits"
    access = _access_of(name, eval_row=True) + 1
    with whole_program(device, name) as resident:
        _flip("raw", "acc_kind", access, 1)(resident)
        count_memory(resident.generation(counting=True))
        reported = resident.reported()
    clk = int(expected(name).recording.queues["accesses"]["clk"][access])
    assert reported == (clk, KernelCode.ACCESS, 4)


def test_a_written_element_leaves_the_others_as_they_were(device: HostDevice) -> None:
    name = EDGES
    access = _first(name, 0, again=False)
    with whole_program(device, name) as resident:
        element = int(device.download(resident.raw["acc_kind"])[access]) >> 2
        _flip("raw", "acc_word", (access, (element + 1) % 4), 1)(resident)
        count_memory(resident.generation(counting=True))
        reported = resident.reported()
    clk = int(expected(name).recording.queues["accesses"]["clk"][access])
    assert reported == (clk, KernelCode.ACCESS, 5)


def test_what_a_kernel_does_not_write_is_found_as_unwritten(device: HostDevice) -> None:
    with whole_program(device, "merkle_update_3_5") as resident:
        resident.replace("plan", "psrc", 3, 2**32 - 1)
        with resident.generated("hsh") as cells:
            bad = check_cells(device, device.lane(0), cells)
            assert bad is not None
            assert (bad.count, bad.row, bad.column) == (8 * 20, 24, 51)
            assert (tile_of(resident, cells[0])[:, :24] < 2**64 - 2**32 + 1).all()
