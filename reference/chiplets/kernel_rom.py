"""The kernel ROM: the kernel's procedures and how often SYSCALL went to each (spec 05, section 6)."""

from __future__ import annotations

from array import array

import numpy as np
from numpy.typing import NDArray

from reference.definition.errors import ExecutionFailure
from reference.definition.field import Word, word_to_hex
from reference.definition.program import Kernel

WIDTH = 5
"""Payload columns: s_first, r0..r3."""


class KernelRom:
    """Accesses counted per procedure."""

    def __init__(self, kernel: Kernel) -> None:
        self._accesses = dict.fromkeys(kernel.procedures, 0)

    def access(self, digest: Word) -> None:
        """Count one SYSCALL to ``digest``. Raises ExecutionFailure ``SyscallTargetNotInKernel``."""
        if digest not in self._accesses:
            raise ExecutionFailure("SyscallTargetNotInKernel", detail=f"no kernel procedure {word_to_hex(digest)}")
        self._accesses[digest] += 1

    def table(self) -> NDArray[np.uint64]:
        """All rows, shape (procedures + accesses, 5), dtype uint64: s_first, r0..r3.

        Procedures stand in kernel order, each with one first row, then one row per access.
        """
        rows = array("Q")
        for digest, accesses in self._accesses.items():
            rows.extend((1, *digest))
            rows.extend((0, *digest) * accesses)
        return np.array(rows, dtype=np.uint64).reshape(-1, WIDTH)
