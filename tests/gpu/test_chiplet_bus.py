"""Answers of the chiplets on the buses, read from their columns, against the requests that the core rows of the same trace make
(spec 12, section 7.7): counts and fingerprints per label, computed here from the specification's messages.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np
import pytest
from chiplet_cases import NODE_STARTS, expected, opcodes
from chiplet_plans import CHIPS, Resident, shards_of, whole_program

from gpu.chiplet_assignment import bus_responses
from gpu.host_device import HostDevice
from gpu.sides import REQUEST, RESPONSE, Label
from reference.definition.columns import COLUMN
from reference.definition.cuts import Every
from reference.definition.isa import opcode
from reference.definition.lengths import Lengths

CASES = (
    "merkle_verify_1_1", "merkle_verify_63_603", "merkle_update_3_5", "permute", "bitwise", "ace_two_circuits",
    "ace_wrapped_no_gate", "ace_wrapped_two_words", "ace_at_the_end",
    "memory_deltas", "kernel_rom", "op_logprecompile_700750", "op_hperm_700700", "op_mrupdate_700781",
    "op_mstream_700730", "op_pipe_700722", "op_hornerbase_700790", "op_hornerext_700740", "ctl_sys_many_703280",
    "ctl_mem_contexts_703520",
    "ctl_batches_mixed_703470", "ctl_dyncall_kinds_703340", "ctl_dyn_lib_703350", "shape_chiplets_ace_709100", "mix_720090",
    "mix_720050",
)  # fmt: skip
ANSWERED = tuple(label for label in Label if label not in (Label.OVERFLOW, Label.BLOCK, Label.CALL))
MASK = 2**64 - 1

Message = tuple[Label, tuple[int, ...]]


def fingerprint(label: Label, elements: tuple[int, ...]) -> int:
    """The message's hash, written again from its description: SplitMix64's finalizer after each exclusive or."""
    state = 0x243F6A8885A308D3
    for element in (int(label), *elements):
        state ^= element
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
            state = (state ^ state >> shift) * factor & MASK
        state = (state ^ state >> 31) + 0x9E3779B97F4A7C15 & MASK
    return state


def requests(columns: np.ndarray, lengths: Lengths) -> Iterator[Message]:
    """Messages that the core rows ask the chiplets for."""
    names = opcodes(columns, lengths.core)
    calls = {"CALL", "DYNCALL"}
    for row, name in enumerate(names):
        cell = {column: int(columns[index, row]) for column, index in COLUMN.items()}
        # A program of L - 1 rows has no row after its last operation; none of the cases has that length.
        after = {column: int(columns[index, row + 1]) for column, index in COLUMN.items()}
        s = [cell[f"stack_{i}"] for i in range(16)]
        t = [after[f"stack_{i}"] for i in range(16)]
        h = [cell[f"dec_h{i}"] for i in range(8)]
        ctx = cell["ctx"]

        def word(items: list[int], first: int) -> tuple[int, ...]:
            return tuple(items[first : first + 4][::-1])

        if name in NODE_STARTS or name == "SPAN":
            domain = 0 if name == "SPAN" else opcode(name)
            rate = [0] * 8 if name.startswith("DYN") else h
            yield Label.HASH_IN, (after["dec_addr"], 0, domain, 0, 0, *rate)
        if name in calls:
            yield Label.MEMORY, (0, after["ctx"], 2**32 - 2, row, 2**31)
        if name == "SYSCALL":
            yield Label.KERNEL, tuple(h[:4])
        if name.startswith("DYN"):
            yield Label.MEMORY, (3, ctx, s[0], row, *h[:4])
        if name == "RESPAN":
            yield Label.ABSORB, (after["dec_addr"], *h)
        if name == "END":
            yield Label.HASH_OUT, (cell["dec_addr"] + 7, *h[:4])
        if name in ("U32AND", "U32XOR"):
            yield Label.BITWISE, (int(name == "U32XOR"), s[1], s[0], t[0])
        if name in ("MLOAD", "MSTORE"):
            yield Label.MEMORY, (int(name == "MLOAD"), ctx, s[0], row, t[0])
        if name in ("MLOADW", "MSTOREW"):
            yield Label.MEMORY, (2 + (name == "MLOADW"), ctx, s[0], row, *word(t, 0))
        if name in ("MSTREAM", "PIPE"):
            for step, first in enumerate((4, 0)):
                yield Label.MEMORY, (2 + (name == "MSTREAM"), ctx, s[12] + 4 * step, row, *word(t, first))
        if name in ("HORNERBASE", "HORNEREXT"):
            yield Label.MEMORY, (3, ctx, s[13], row, *h[2:6])
        if name in ("HPERM", "LOGPRECOMPILE"):
            capacity = tuple(h[3:7]) if name == "LOGPRECOMPILE" else word(s, 8)
            yield Label.HASH_IN, (h[2], *capacity, *word(s, 4), *word(s, 0))
            yield Label.STATE_OUT, (h[2] + 7, *word(t, 8), *word(t, 4), *word(t, 0))
        if name == "MPVERIFY":
            yield Label.MERKLE_IN, (1, h[2], s[5], *word(s, 0))
            yield Label.HASH_OUT, (h[2] + 8 * s[4] - 1, *word(s, 6))
        if name == "MRUPDATE":
            yield Label.MERKLE_IN, (2, h[2], s[5], *word(s, 0))
            yield Label.HASH_OUT, (h[2] + 8 * s[4] - 1, *word(s, 6))
            yield Label.MERKLE_IN, (3, h[2] + 8 * s[4], s[5], *word(s, 10))
            yield Label.HASH_OUT, (h[2] + 16 * s[4] - 1, *word(t, 0))
        if name == "EVALCIRCUIT":
            yield Label.ACE, (ctx, s[0], row, s[1] % 2**32 // 2, s[2] % 2**32)


def asked_by_core(name: str) -> np.ndarray:
    """(12, 2) uint64: count and sum of the requests per label."""
    totals: dict[Label, list[int]] = {label: [0, 0] for label in Label}
    for label, elements in requests(expected(name).columns, expected(name).lengths):
        totals[label][0] += 1
        totals[label][1] = (totals[label][1] + fingerprint(label, elements)) & MASK
    return np.array([totals[label] for label in Label], np.uint64)


def answers(resident: Resident) -> np.ndarray:
    for chip in CHIPS:
        with resident.generated(chip) as cells:
            bus_responses(resident.generation(counting=True), chip, cells)
    assert resident.reported() is None
    return resident.device.download(resident.side["bus"])


@pytest.mark.parametrize("name", CASES)
def test_every_request_of_the_core_is_answered(name: str, device: HostDevice) -> None:
    with whole_program(device, name) as resident:
        bus = answers(resident)
    asked = asked_by_core(name) + bus[REQUEST]
    assert {label.name for label in ANSWERED if (bus[RESPONSE, label] != asked[label]).any()} == set()


@pytest.mark.parametrize(
    ("name", "cut", "ends"),
    [("op_mrupdate_700781", Every(7), (3, 6)), ("shape_chiplets_ace_709100", Every(9), (2, 9)),
     ("mix_720090", Every(16), (4, 9, 10, 20)), ("ctl_batches_mixed_703470", Every(6), (1, 2, 3))],
)  # fmt: skip
def test_answers_of_shards_add_up(name: str, cut: Every, ends: tuple[int, ...], device: HostDevice) -> None:
    with shards_of(device, name, cut, ends) as shards:
        bus = sum((answers(resident) for resident in shards), np.zeros((2, len(Label), 2), np.uint64))
    asked = asked_by_core(name) + bus[REQUEST]
    assert {label.name for label in ANSWERED if (bus[RESPONSE, label] != asked[label]).any()} == set()


def test_every_label_is_answered_by_some_case() -> None:
    answered = Counter(label for name in CASES for label, _ in requests(expected(name).columns, expected(name).lengths))
    assert set(answered) == set(ANSWERED)


@pytest.mark.parametrize("order", [1, 2])
def test_fingerprints_do_not_depend_on_the_order_of_threads(order: int, device: HostDevice) -> None:
    name = "mix_720090"
    with whole_program(device, name) as resident:
        forward = answers(resident)
    with HostDevice(order=order, block=32) as other, whole_program(other, name) as resident:
        assert np.array_equal(answers(resident), forward)


# Of each chiplet a column that its answers are read from.
READ = {"hsh": 8, "bit": 14, "mem": 10, "ace": 11, "krm": 6}


@pytest.mark.parametrize("chip", READ)
def test_answers_are_read_from_the_columns(chip: str, device: HostDevice) -> None:
    name = {"bit": "bitwise", "ace": "ace_two_circuits", "krm": "kernel_rom"}.get(chip, "ctl_mem_contexts_703520")
    with whole_program(device, name) as resident, resident.generated(chip) as cells:
        g, bus = resident.generation(counting=True), resident.side["bus"]
        bus_responses(g, chip, cells)
        once = device.download(bus)
        tile, buffer = cells[0], cells[0].buffer
        assert buffer is not None
        held = device.download(buffer)
        # The last row of the first cycle; a READ row of a circuit; the first call of a kernel procedure.
        first_call = int(np.argmax(held[5 * tile.ld : 5 * tile.ld + tile.tile.rows] == 0))
        row = {"hsh": 7, "bit": 7, "mem": 0, "ace": 0, "krm": first_call}[chip]
        held[READ[chip] * tile.ld + row] ^= np.uint64(1)
        device.write(buffer, held)
        bus_responses(g, chip, cells)
        twice = device.download(bus)
    assert np.array_equal(twice[:, :, 0], 2 * once[:, :, 0])
    assert not np.array_equal(twice[:, :, 1], once[:, :, 1] * np.uint64(2))
