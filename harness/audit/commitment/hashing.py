"""The five hash functions of proofs: over field elements, over digests, over a digest and a number (spec 11, section 3).

Digests are bytes here, 32 or 24 of them; the algebraic functions' four elements as 8 little-endian bytes each.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from harness.audit.commitment.blake3 import Bytes, blake3
from harness.audit.commitment.field_arrays import Elements
from harness.audit.commitment.permutations import Permutation, poseidon2, rpo, rpx
from reference.definition.field import P

_WIDTH: Final = 12
_RATE: Final = slice(4, 12)
_DIGEST: Final = slice(4, 8)
_INTEGER_CAPACITY: Final = 5
"""Capacity element 0 when a digest is hashed with a number: the number of elements that go in."""


class Hash(Protocol):
    """A hash function of proofs."""

    @property
    def name(self) -> str:
        """As in proofs' options."""

    @property
    def digest_bytes(self) -> int:
        """Length of a digest."""

    def of_rows(self, rows: Elements) -> Bytes:
        """(n, digest_bytes): the digest of each row of (n, k) elements."""

    def merge(self, left: Bytes, right: Bytes) -> Bytes:
        """(n, digest_bytes): of pairs of digests."""

    def merge_integer(self, digest: bytes, number: int) -> bytes:
        """Of a digest and a number below 2^64."""


@dataclass(frozen=True, slots=True)
class Blake3Hash:
    """BLAKE3, cut to ``digest_bytes`` at every call."""

    name: str
    digest_bytes: int

    def of_rows(self, rows: Elements) -> Bytes:
        """Of the elements as 8 little-endian bytes each."""
        return self._hash(_little_endian(rows))

    def merge(self, left: Bytes, right: Bytes) -> Bytes:
        """Of both digests, one behind the other."""
        return self._hash(np.concatenate([left, right], axis=1))

    def merge_integer(self, digest: bytes, number: int) -> bytes:
        """Of the digest and the number as 8 little-endian bytes."""
        message = np.frombuffer(digest + number.to_bytes(8, "little"), dtype=np.uint8)
        return self._hash(message[np.newaxis]).tobytes()

    def _hash(self, messages: Bytes) -> Bytes:
        return blake3(messages)[:, : self.digest_bytes]


@dataclass(frozen=True, slots=True)
class SpongeHash:
    """A sponge over a permutation of 12 elements, which overwrites its rate."""

    name: str
    permutation: Permutation
    digest_bytes: int = 32

    def of_rows(self, rows: Elements) -> Bytes:
        """Capacity element 0 is the number of elements modulo 8; the last block is filled with zeros."""
        count, length = rows.shape
        state = np.zeros((_WIDTH, count), dtype=np.uint64)
        state[0] = length % 8
        for start in range(0, length, 8):
            state[_RATE] = 0
            block = rows[:, start : start + 8].T
            state[4 : 4 + len(block)] = block
            state = self.permutation(state)
        return _little_endian(state[_DIGEST].T)

    def merge(self, left: Bytes, right: Bytes) -> Bytes:
        """Capacity zero, both digests in the rate."""
        state = np.zeros((_WIDTH, len(left)), dtype=np.uint64)
        state[4:8], state[8:12] = elements_of(left).T, elements_of(right).T
        return _little_endian(self.permutation(state)[_DIGEST].T)

    def merge_integer(self, digest: bytes, number: int) -> bytes:
        """The number in one element, or in two when it is no canonical one."""
        state = np.zeros((_WIDTH, 1), dtype=np.uint64)
        state[_DIGEST, 0] = np.frombuffer(digest, dtype="<u8")
        state[0, 0] = _INTEGER_CAPACITY + (number >= P)
        state[8, 0], state[9, 0] = number % P, number // P
        return _little_endian(self.permutation(state)[_DIGEST].T).tobytes()


def _little_endian(rows: Elements) -> Bytes:
    return np.ascontiguousarray(rows).astype("<u8").view(np.uint8)


def elements_of(digests: Bytes) -> NDArray[np.uint64]:
    """(n, 4) elements of algebraic digests."""
    return np.ascontiguousarray(digests).view("<u8").astype(np.uint64)


BLAKE3_192: Final = Blake3Hash("blake3-192", 24)
BLAKE3_256: Final = Blake3Hash("blake3-256", 32)
RPO: Final = SpongeHash("rpo", rpo)
RPX: Final = SpongeHash("rpx", rpx)
POSEIDON2: Final = SpongeHash("poseidon2", poseidon2)

HASHES: Final[tuple[Hash, ...]] = (BLAKE3_192, BLAKE3_256, RPO, RPX, POSEIDON2)
"""By the number that proofs name them with."""


def hash_of_elements(function: Hash, values: Elements) -> bytes:
    """The digest of one list of elements, (k,) uint64."""
    return function.of_rows(values[np.newaxis]).tobytes()
