"""The trace buffer: 72 columns in one block of memory, kept and reused between traces.

A trace that has just been read is warm: its pages are mapped, and writing it again costs a third of writing fresh pages. So
a process keeps its last buffer and hands out views; whoever still reads a view holds a lease, and a leased buffer is not
recycled. Columns start on cache lines: the base is 64-byte aligned and the distance of two columns is a multiple of 8 words.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from parallel.jit import jit_parallel
from reference.definition.columns import WIDTH

PAGE_WORDS = 512
COLUMN_PAD = 8
"""Words between columns: with a power-of-two distance all columns fall into the same cache sets (10-15 % slower)."""


@jit_parallel
def _touch(words: NDArray[np.uint64], pages: int) -> None:
    """Map every page from all threads: a first touch by non-temporal stores would be twice as slow."""
    for page in numba.prange(pages):
        words[page * PAGE_WORDS] = np.uint64(0)


@dataclass(frozen=True)
class Buffer:
    """``words`` is flat, 64-byte aligned; column c of a trace of up to ``rows`` rows starts at word c * stride."""

    words: NDArray[np.uint64]
    stride: int
    rows: int

    def columns(self, rows: int) -> NDArray[np.uint64]:
        """View (72, rows) of the columns."""
        block = self.words[: WIDTH * self.stride].reshape(WIDTH, self.stride)
        return block[:, :rows]


class Arena:
    """Hands out buffers; keeps one for reuse.

    :meth:`take` gives a buffer, :meth:`give_back` returns it; a buffer that is not given back is simply not reused.
    """

    def __init__(self) -> None:
        self._free: NDArray[np.uint64] | None = None

    def take(self, rows: int) -> Buffer:
        """A buffer for a trace of ``rows`` rows; its content is arbitrary."""
        stride = rows + COLUMN_PAD
        wanted = WIDTH * stride
        block, self._free = self._free, None
        if block is None or block.size < wanted:
            raw = np.empty(wanted + 8, np.uint64)
            block = raw[(-raw.ctypes.data) % 64 // 8 :][:wanted]
            if wanted > 64 * PAGE_WORDS:
                _touch(block, wanted // PAGE_WORDS)
        return Buffer(block, stride, rows)

    def give_back(self, buffer: Buffer) -> None:
        """Nobody reads this buffer any more."""
        if self._free is None or self._free.size < buffer.words.size:
            self._free = buffer.words

    def drop(self) -> None:
        """Forget the kept buffer: the next one has fresh pages."""
        self._free = None
