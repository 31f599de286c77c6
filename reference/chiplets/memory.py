"""The memory chiplet: one row per access, sorted by context, word and time (spec 05, section 4).

The fast engine of the real VM and its trace have two notions of a word that nobody touched: for the trace it reads as
zeros; for a host that peeks it is absent until it is *written*. No operation accesses a word twice in one cycle in a
way that the real VM's trace refuses (a write after any access, a read after a write), so that rule has no code here.
"""

from __future__ import annotations

from array import array
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from reference.definition.errors import ExecutionFailure
from reference.definition.field import U32_LIMIT, ZERO_WORD, Word, inverse_or_zero

WIDTH = 15
"""Payload columns: is_read, is_word, ctx, word_addr, idx0, idx1, clk, v0..v3, d0, d1, d_inv, f_scw."""

WORD_SIZE = 4
_ROW = 11
"""Numbers kept per access: the payload columns before d0."""
_CTX, _WORD_ADDR, _CLK = 2, 3, 6


class Memory:
    """The words written so far, by context and word address, and all accesses in execution order."""

    def __init__(self) -> None:
        self._words: dict[tuple[int, int], Word] = {}
        self._accesses = array("Q")

    def read_element(self, ctx: int, addr: int, clk: int) -> int:
        """The element at ``addr``; 0 when nothing was written there.

        Raises ExecutionFailure ``MemoryError.AddressOutOfBounds``.
        """
        _check_bounds(addr)
        index = addr % WORD_SIZE
        word = self._record_read(ctx, addr - index, clk, is_word=0, index=index)
        return word[index]

    def write_element(self, ctx: int, addr: int, value: int, clk: int) -> None:
        """Write one element; the other three of its word stay.

        Raises ExecutionFailure ``MemoryError.AddressOutOfBounds``.
        """
        _check_bounds(addr)
        index = addr % WORD_SIZE
        word_addr = addr - index
        v0, v1, v2, v3 = self._words.get((ctx, word_addr), ZERO_WORD)
        word = (
            value if index == 0 else v0,
            value if index == 1 else v1,
            value if index == 2 else v2,
            value if index == 3 else v3,
        )
        self._record_write(ctx, word_addr, word, clk, is_word=0, index=index)

    def read_word(self, ctx: int, addr: int, clk: int) -> Word:
        """The word at ``addr``; zeros when nothing was written there.

        Raises ExecutionFailure ``MemoryError.AddressOutOfBounds`` or ``MemoryError.UnalignedWordAccess``.
        """
        check_word_address(addr, clk)
        return self._record_read(ctx, addr, clk, is_word=1, index=0)

    def write_word(self, ctx: int, addr: int, word: Word, clk: int) -> None:
        """Write four elements.

        Raises ExecutionFailure ``MemoryError.AddressOutOfBounds`` or ``MemoryError.UnalignedWordAccess``.
        """
        check_word_address(addr, clk)
        self._record_write(ctx, addr, word, clk, is_word=1, index=0)

    def peek_element(self, ctx: int, addr: int) -> int | None:
        """The element at ``addr``, without a row; None when its word was never written."""
        index = addr % WORD_SIZE
        word = self._words.get((ctx, addr - index))
        return None if word is None else word[index]

    def peek_word(self, ctx: int, addr: int) -> Word | None:
        """The word at ``addr`` (a multiple of 4), without a row; None when it was never written."""
        return self._words.get((ctx, addr))

    def range_values(self) -> list[int]:
        """The range checks of the table: d0 and d1 of each row, in row order."""
        _, limbs, _ = self._sorted()
        values: list[int] = limbs.reshape(-1).tolist()
        return values

    def table(self) -> NDArray[np.uint64]:
        """All rows in the order of section 4.2, shape (accesses, 15), dtype uint64."""
        accesses, limbs, same_word = self._sorted()
        deltas, row_of_delta = np.unique(limbs[:, 0] | limbs[:, 1] << np.uint64(16), return_inverse=True)
        inverses = np.array([_inverse(delta) for delta in deltas.tolist()], dtype=np.uint64)[row_of_delta]
        return np.column_stack((accesses, limbs, inverses, same_word))

    def _record_read(self, ctx: int, word_addr: int, clk: int, *, is_word: int, index: int) -> Word:
        word = self._words.get((ctx, word_addr), ZERO_WORD)
        self._accesses.extend((1, is_word, ctx, word_addr, index & 1, index >> 1, clk, *word))
        return word

    def _record_write(self, ctx: int, word_addr: int, word: Word, clk: int, *, is_word: int, index: int) -> None:
        self._words[ctx, word_addr] = word
        self._accesses.extend((0, is_word, ctx, word_addr, index & 1, index >> 1, clk, *word))

    def _sorted(self) -> tuple[NDArray[np.uint64], NDArray[np.uint64], NDArray[np.uint64]]:
        """Accesses (n, 11) in table order, delta limbs (n, 2), f_scw (n); all uint64 (spec 05, section 4.3).

        The first row has a fictitious predecessor, same context and word, one cycle earlier: its delta is 1.
        """
        accesses = np.array(self._accesses, dtype=np.uint64).reshape(-1, _ROW)
        accesses = accesses[np.lexsort((accesses[:, _WORD_ADDR], accesses[:, _CTX]))]
        ctx, word_addr, clk = accesses[:, _CTX], accesses[:, _WORD_ADDR], accesses[:, _CLK]
        same_ctx = np.ones(len(accesses), dtype=bool)
        same_word = np.ones(len(accesses), dtype=bool)
        delta = np.ones(len(accesses), dtype=np.uint64)
        same_ctx[1:] = ctx[1:] == ctx[:-1]
        same_word[1:] = same_ctx[1:] & (word_addr[1:] == word_addr[:-1])
        by_word = np.where(same_ctx[1:], word_addr[1:] - word_addr[:-1], ctx[1:] - ctx[:-1])
        delta[1:] = np.where(same_word[1:], clk[1:] - clk[:-1], by_word)
        limbs = np.column_stack((delta & np.uint64(0xFFFF), delta >> np.uint64(16)))
        return accesses, limbs, same_word.astype(np.uint64)


@lru_cache(maxsize=2**12)
def _inverse(delta: int) -> int:
    """Most deltas are those of neighbours, in time or in memory."""
    return inverse_or_zero(delta)


def check_word_address(addr: int, clk: int) -> None:
    """The check of every word access: first the bound, then the alignment (spec 01, section 7)."""
    _check_bounds(addr)
    if addr % WORD_SIZE:
        raise ExecutionFailure(
            "MemoryError.UnalignedWordAccess", clk=clk, detail=f"word address {addr} is not a multiple of 4"
        )


def _check_bounds(addr: int) -> None:
    if addr >= U32_LIMIT:
        raise ExecutionFailure("MemoryError.AddressOutOfBounds", detail=f"address {addr} is not below 2^32")
