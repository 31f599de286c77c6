"""BLAKE3 of many messages of equal length at once, unkeyed, 32 bytes out.

The function: 64-byte blocks are compressed one after another within chunks of 1024 bytes, and chunks are joined in a
binary tree whose left side is the largest power of two of chunks that leaves something for the right one.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
"""(n, length): n messages or digests."""
Words = NDArray[np.uint32]
"""(words, n)."""

_INITIAL: Final = (
    *(0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A),
    *(0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19),
)
_SHUFFLE: Final = [2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8]
_MIXED: Final = (
    *((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15)),
    *((0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14)),
)
_ROUNDS: Final = 7
_BLOCK: Final = 64
_CHUNK: Final = 1024
_CHUNK_START: Final = 1
_CHUNK_END: Final = 2
_PARENT: Final = 4
_ROOT: Final = 8


def blake3(messages: Bytes) -> Bytes:
    """(n, 32): the digest of each message."""
    count, length = messages.shape
    chunks = [messages[:, start : start + _CHUNK] for start in range(0, length, _CHUNK)] or [messages]
    if len(chunks) == 1:
        return _bytes_of(_chunk(chunks[0], 0, _ROOT))
    values = [_chunk(chunk, number, 0) for number, chunk in enumerate(chunks)]
    # Joining neighbours level by level, an odd one moving up alone, makes the same tree.
    while len(values) > 2:
        joined = [_parent(values[i], values[i + 1], 0, count) for i in range(0, len(values) - 1, 2)]
        values = joined + values[len(values) - len(values) % 2 :]
    return _bytes_of(_parent(values[0], values[1], _ROOT, count))


def _chunk(chunk: Bytes, number: int, last_flags: int) -> Words:
    count, length = chunk.shape
    value = np.repeat(np.array(_INITIAL, dtype=np.uint32)[:, np.newaxis], count, axis=1)
    starts = list(range(0, length, _BLOCK)) or [0]
    for start in starts:
        flags = (_CHUNK_START if start == 0 else 0) | ((_CHUNK_END | last_flags) if start == starts[-1] else 0)
        block = chunk[:, start : start + _BLOCK]
        value = _compress(value, _words_of(block), number, block.shape[1], flags)
    return value


def _parent(left: Words, right: Words, flags: int, count: int) -> Words:
    value = np.repeat(np.array(_INITIAL, dtype=np.uint32)[:, np.newaxis], count, axis=1)
    return _compress(value, np.concatenate([left, right]), 0, _BLOCK, _PARENT | flags)


def _compress(value: Words, block: Words, counter: int, length: int, flags: int) -> Words:
    """The first 8 words of the output."""
    count = value.shape[1]
    state = np.empty((16, count), dtype=np.uint32)
    state[:8] = value
    state[8:12] = np.array(_INITIAL[:4], dtype=np.uint32)[:, np.newaxis]
    state[12:] = np.array([counter & 0xFFFFFFFF, counter >> 32, length, flags], dtype=np.uint32)[:, np.newaxis]
    for _ in range(_ROUNDS):
        for number, (a, b, c, d) in enumerate(_MIXED):
            for x, first, second in ((block[2 * number], 16, 12), (block[2 * number + 1], 8, 7)):
                state[a] += state[b] + x
                state[d] = _rotated(state[d] ^ state[a], first)
                state[c] += state[d]
                state[b] = _rotated(state[b] ^ state[c], second)
        block = block[_SHUFFLE]
    return state[:8] ^ state[8:]


def _rotated(words: Words, by: int) -> Words:
    return (words >> np.uint32(by)) | (words << np.uint32(32 - by))


def _words_of(block: Bytes) -> Words:
    padded = np.zeros((block.shape[0], _BLOCK), dtype=np.uint8)
    padded[:, : block.shape[1]] = block
    return np.ascontiguousarray(padded.view("<u4").T).astype(np.uint32)


def _bytes_of(words: Words) -> Bytes:
    return np.ascontiguousarray(words.T).astype("<u4").view(np.uint8)
