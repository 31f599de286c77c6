"""Lengths, padding and the random row of a trace: the rules of spec 04, and one trace of the real VM put together."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from reference.definition.case import Advice
from reference.definition.columns import CHIPLETS, COLUMN, CORE_WIDTH, RANGE, STACK
from reference.definition.program import Kernel
from reference.host import AdviceHost
from reference.machine import Machine
from reference.trace import ChipletTables, assemble, trace_lengths

GOLDEN = Path(__file__).parent.parent / "data" / "fragment_boundaries"
SWAP_BLOCK = (10995436151082118190, 776663942277617877, 3177713792132750309, 10407898805173442467)


def idle_machine():
    return Machine((), Kernel(), AdviceHost(Advice(), stdlib=False))


def tables(hasher=0, bitwise=0, memory=0, ace=0, kernel_rom=0):
    widths = {"hasher": 16, "bitwise": 13, "memory": 15, "ace": 16, "kernel_rom": 5}
    counts = {"hasher": hasher, "bitwise": bitwise, "memory": memory, "ace": ace, "kernel_rom": kernel_rom}
    return ChipletTables(**{name: np.zeros((counts[name], width), np.uint64) for name, width in widths.items()})


@pytest.mark.parametrize(
    ("core", "range_rows", "hasher", "rows"),
    [
        (2, 39, 8, 64),
        (62, 39, 8, 64),
        (63, 39, 8, 64),
        (64, 39, 8, 128),
        (127, 39, 8, 128),
        (128, 39, 8, 256),
        (2, 63, 8, 64),
        (2, 64, 8, 128),
        (2, 39, 56, 64),
        (2, 39, 64, 128),
        (2, 39, 120, 128),
        (2, 39, 128, 256),
    ],
)
def test_the_longest_segment_and_the_random_row_decide_the_length(core, range_rows, hasher, rows):
    assert trace_lengths(core, range_rows, tables(hasher)).rows == rows


def test_segment_lengths_are_counted_as_the_real_vm_does():
    lengths = trace_lengths(17, 41, tables(hasher=24, bitwise=16, memory=5, ace=6, kernel_rom=2))
    assert (lengths.core, lengths.range, lengths.hasher, lengths.bitwise) == (17, 41, 24, 16)
    assert (lengths.memory, lengths.kernel_rom, lengths.chiplets) == (11, 2, 54)


def golden_24():
    with np.load(GOLDEN / "case_24.npz") as archive:
        return archive["trace"].T, tuple(int(element) for element in archive["program_hash"])


def machine_of_golden_24(columns):
    machine = idle_machine()
    machine.memory.write_word(0, 40, SWAP_BLOCK, 3)
    machine.memory.read_word(0, 40, 12)
    machine.memory.write_element(13, 2**32 - 2, 2**31, 12)
    for row in (0, 8, 16, 24):
        rate = columns[COLUMN["chip_8"] : COLUMN["chip_16"], row].tolist()
        domain = int(columns[COLUMN["chip_5"], row])
        if domain:
            machine.hasher.control_block(tuple(rate[:4]), tuple(rate[4:]), domain)
        else:
            machine.hasher.basic_block([rate])
    return machine


def test_golden_case_24_put_together_from_its_core_rows():
    expected, program_hash = golden_24()
    core = np.ascontiguousarray(expected[:CORE_WIDTH, :18].T)
    trace = assemble(core, expected[STACK, 18].tolist(), machine_of_golden_24(expected), program_hash)
    assert trace.columns.dtype == np.uint64
    assert trace.columns.flags.c_contiguous
    np.testing.assert_array_equal(trace.columns, expected)
    assert (trace.lengths.range, trace.lengths.chiplets, trace.lengths.memory) == (49, 36, 3)


def test_assembling_changes_nothing_in_the_machine():
    expected, program_hash = golden_24()
    machine = machine_of_golden_24(expected)
    core = np.ascontiguousarray(expected[:CORE_WIDTH, :18].T)
    first, second = (assemble(core, expected[STACK, 18].tolist(), machine, program_hash) for _ in range(2))
    np.testing.assert_array_equal(first.columns, second.columns)


@pytest.mark.parametrize(("core_rows", "halt_rows"), [(62, 1), (63, 0), (64, 63)])
def test_no_room_is_kept_for_halt(core_rows, halt_rows):
    """Spec 08, A5: with 63 executed rows, row 62 is the last END and row 63 the random one."""
    core = np.full((core_rows, CORE_WIDTH), 5, np.uint64)
    columns = assemble(core, [9] * 19, idle_machine(), (1, 2, 3, 4)).columns
    body = columns[:, :-1]
    assert body.shape[1] == core_rows + halt_rows
    assert (body[:CORE_WIDTH, :core_rows] == 5).all()
    assert (body[STACK, core_rows:] == 9).all()
    halt_bits = body[COLUMN["dec_op_bit_0"] : COLUMN["dec_h0"], core_rows:]
    assert (halt_bits == np.array([[0], [0], [1], [1], [1], [1], [1]])).all()
    assert (body[COLUMN["clk"], core_rows:] == np.arange(core_rows, core_rows + halt_rows)).all()


def test_unused_rows_of_range_and_chiplet_segments():
    columns = assemble(np.zeros((1, CORE_WIDTH), np.uint64), [0] * 19, idle_machine(), (1, 2, 3, 4)).columns
    body = columns[:, :-1]
    assert not body[RANGE, : 63 - 39].any()
    assert body[RANGE, -1].tolist() == [0, 65535]
    assert (body[CHIPLETS] == np.array([1] * 5 + [0] * 15)[:, np.newaxis]).all()


def test_the_last_row_draws_every_column_from_the_program_hash():
    """Spec 04, section 7.4: the first ten draws, and draw 71 for golden case 1."""
    seed = (3597132565408622630, 1466877683371826591, 9838838035223844160, 3640601379372070578)
    columns = assemble(np.zeros((1, CORE_WIDTH), np.uint64), [0] * 19, idle_machine(), seed).columns
    assert columns[:10, -1].tolist() == [
        18278610454106277227,
        11966935257785128576,
        7919283017427245686,
        13914561289145986531,
        6783489601093516202,
        5463247672830517763,
        11424449254680049548,
        8901139688862934551,
        18355366378612156119,
        9809666929075081321,
    ]
    assert columns[71, -1] == 2642674399002419783
