"""Kernel ROM rows: their order and their number."""

from __future__ import annotations

import numpy as np
import pytest

from reference.chiplets.kernel_rom import KernelRom
from reference.definition.errors import ExecutionFailure
from reference.definition.program import Kernel

A, B, C = (1, 0, 0, 0), (0, 1, 0, 0), (256, 0, 0, 0)


def test_one_first_row_per_procedure_and_one_row_per_syscall_grouped():
    rom = KernelRom(Kernel.of((A, B, C)))
    for digest in (A, C, A):
        rom.access(digest)
    # by 32-byte encoding: C = 00 01 .., B = 00 00 .. 01, A = 01 00 ..
    assert rom.table().tolist() == [[1, *B], [1, *C], [0, *C], [1, *A], [0, *A], [0, *A]]


def test_rows_of_a_recorded_program(recorded_chiplets):
    """Three procedures; SYSCALL to the first, the second, the first; the third only by CALL."""
    rows = recorded_chiplets("kernel_rom")
    rom_rows = rows[(rows[:, :5] == [1, 1, 1, 1, 0]).all(axis=1)][:, 5:10]
    firsts = [tuple(row[1:]) for row in rom_rows.tolist() if row[0]]
    counts = {digest: sum(tuple(row[1:]) == digest and not row[0] for row in rom_rows.tolist()) for digest in firsts}
    assert sorted(counts.values()) == [0, 1, 2]
    rom = KernelRom(Kernel.of(reversed(firsts)))
    for digest, count in counts.items():
        for _ in range(count):
            rom.access(digest)
    np.testing.assert_array_equal(rom.table(), rom_rows)


def test_a_target_outside_the_kernel_is_refused():
    rom = KernelRom(Kernel.of((A,)))
    with pytest.raises(ExecutionFailure) as failure:
        rom.access(B)
    assert (failure.value.name, failure.value.clk) == ("SyscallTargetNotInKernel", None)
    assert rom.table().tolist() == [[1, *A]]


def test_no_kernel_no_row():
    assert KernelRom(Kernel()).table().shape == (0, 5)
