"""Memory addresses that code may use freely: near one another, at the edges, and far apart."""

from __future__ import annotations

from typing import Final

from harness.generate.choices import Choices

WORD_ADDRESSES: Final = (0, 4, 8, 40, 2**16 - 4, 2**16, 2**20, 2**31, 2**32 - 8, 2**32 - 4)
"""Deltas of 4, of 2^16 and above, the word of the frame pointer, and the end of the address space."""


def draw_word_address(choices: Choices, words: int = 1) -> int:
    """The address of ``words`` words in a row."""
    return choices.pick([at for at in WORD_ADDRESSES if at + 4 * words <= 2**32])


def draw_address(choices: Choices) -> int:
    """The address of one element."""
    return draw_word_address(choices) + choices.integer(0, 3)
