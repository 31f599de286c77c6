"""The public coins of proofs: what is committed to goes in, challenges and query positions come out (spec 11, section 6)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

import numpy as np

from harness.audit.commitment.extension import Extended
from harness.audit.commitment.field_arrays import Elements
from harness.audit.commitment.hashing import Hash, SpongeHash, elements_of, hash_of_elements
from reference.definition.field import P

_RATE_START: Final = 4
_STATE_WIDTH: Final = 12
_MOST_TRIES: Final = 1000


class Coin(Protocol):
    """A coin of either kind."""

    def reseed(self, digest: bytes) -> None:
        """Something more is committed to."""

    def draw(self, degree: int) -> Extended:
        """An element of the extension of this degree."""

    def trailing_zeros(self, nonce: int) -> int:
        """How much grinding a nonce shows; changes nothing."""

    def positions(self, count: int, size: int, nonce: int) -> list[int]:
        """So many numbers below ``size``, a power of two, in the order of drawing."""


def new_coin(function: Hash, seed: Sequence[int]) -> Coin:
    """The coin of a hash function, from field elements."""
    digest = hash_of_elements(function, np.array(seed, dtype=np.uint64))
    if isinstance(function, SpongeHash) and function.name in _FIRST_DRAWN:
        return SpongeCoin(function, digest)
    return ChainCoin(function, digest)


def _zeros(value: int) -> int:
    return 64 if value == 0 else (value & -value).bit_length() - 1


class ChainCoin:
    """Hashes a seed with a counter."""

    def __init__(self, function: Hash, seed: bytes) -> None:
        self._hash = function
        self._seed = seed
        self._counter = 0

    def reseed(self, digest: bytes) -> None:
        """The seed becomes its hash with the digest."""
        pair = (np.frombuffer(each, dtype=np.uint8)[np.newaxis] for each in (self._seed, digest))
        self._seed = self._hash.merge(*pair).tobytes()
        self._counter = 0

    def _next(self) -> bytes:
        self._counter += 1
        return self._hash.merge_integer(self._seed, self._counter)

    def draw(self, degree: int) -> Extended:
        """The first draw all of whose coefficients are canonical."""
        for _ in range(_MOST_TRIES):
            drawn = self._next()
            values = tuple(int.from_bytes(drawn[8 * i : 8 * i + 8], "little") for i in range(degree))
            if max(values) < P:
                return values
        raise AssertionError("a thousand draws in a row are not canonical")

    def trailing_zeros(self, nonce: int) -> int:
        """Of the first 8 bytes of the seed hashed with the nonce."""
        return _zeros(int.from_bytes(self._hash.merge_integer(self._seed, nonce)[:8], "little"))

    def positions(self, count: int, size: int, nonce: int) -> list[int]:
        """Drawn after the nonce has gone into the seed."""
        self._seed = self._hash.merge_integer(self._seed, nonce)
        self._counter = 0
        return [int.from_bytes(self._next()[:8], "little") & (size - 1) for _ in range(count)]


_FIRST_DRAWN: Final = {"rpo": 5, "rpx": 4}
"""By hash with a sponge coin: the element that positions are drawn from first."""


class SpongeCoin:
    """A permutation's state, whose rate is read element by element."""

    def __init__(self, function: SpongeHash, seed: bytes) -> None:
        self._function = function
        self._state: Elements = np.zeros((_STATE_WIDTH, 1), dtype=np.uint64)
        self._cursor = _RATE_START
        self.reseed(seed)

    def reseed(self, digest: bytes) -> None:
        """The digest is added to the first half of the rate."""
        words = elements_of(np.frombuffer(digest, dtype=np.uint8)[np.newaxis])[0].tolist()
        self._state = self._permuted(words)
        self._cursor = _RATE_START

    def _permuted(self, added: Sequence[int]) -> Elements:
        """The state with these values added from the rate's start on, permuted."""
        state = self._state.copy()
        for at, value in enumerate(added, _RATE_START):
            state[at, 0] = (int(state[at, 0]) + value) % P
        return self._function.permutation(state)

    def _draw_base(self) -> int:
        if self._cursor == _STATE_WIDTH:
            self._state = self._permuted(())
            self._cursor = _RATE_START
        self._cursor += 1
        return int(self._state[self._cursor - 1, 0])

    def draw(self, degree: int) -> Extended:
        """As many base draws as coefficients."""
        return tuple(self._draw_base() for _ in range(degree))

    def trailing_zeros(self, nonce: int) -> int:
        """Of the first rate element after the nonce has been added to it."""
        return _zeros(int(self._permuted((nonce,))[_RATE_START, 0]))

    def positions(self, count: int, size: int, nonce: int) -> list[int]:
        """Base draws after the nonce has been added."""
        self._state = self._permuted((nonce,))
        self._cursor = _FIRST_DRAWN[self._function.name]
        return [self._draw_base() & (size - 1) for _ in range(count)]
