"""RPO-256: the permutation, the sponge, two-to-one hashing and the coin that fills the last row.

State of 12 elements: capacity 0-3, rate 4-11; the digest is elements 4-7. Source: spec 01 section 11, 04 section 7.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache

from reference.definition.field import ZERO_WORD, P, Word
from reference.definition.rpo_constants import ARK1, ARK2, MDS_FIRST_ROW

STATE_WIDTH = 12
ROUNDS = 7
ALPHA = 7
INVERSE_ALPHA = 10540996611094048183

State = tuple[int, ...]
"""Twelve field elements."""

MDS = tuple(
    tuple(MDS_FIRST_ROW[(column - row) % STATE_WIDTH] for column in range(STATE_WIDTH)) for row in range(STATE_WIDTH)
)


def _multiply_mds(state: Sequence[int]) -> list[int]:
    return [sum(a * b for a, b in zip(row, state, strict=True)) for row in MDS]


def apply_round(state: Sequence[int], index: int) -> State:
    """One round, index 0..6: MDS, ARK1, power 7, MDS, ARK2, inverse power (spec 04, section 7.1)."""
    half = [pow(x + k, ALPHA, P) for x, k in zip(_multiply_mds(state), ARK1[index], strict=True)]
    return tuple(pow(x + k, INVERSE_ALPHA, P) for x, k in zip(_multiply_mds(half), ARK2[index], strict=True))


def plain_permutation_states(state: State) -> tuple[State, ...]:
    """What :func:`permutation_states` gives, always made here: about a millisecond."""
    states = [state]
    for index in range(ROUNDS):
        states.append(apply_round(states[-1], index))
    return tuple(states)


# Programs hash the same nodes again and again; 2^16 entries of eight states are about 100 MB, twice that many would not
# make a usual campaign faster.
@lru_cache(maxsize=1 << 16)
def permutation_states(state: State) -> tuple[State, ...]:
    """The input state followed by the state after each of the 7 rounds: the 8 hasher rows of one permutation."""
    return _writings[-1](state)


_writings: list[Callable[[State], tuple[State, ...]]] = [plain_permutation_states]


@contextmanager
def served_by(permutation: Callable[[State], tuple[State, ...]]) -> Iterator[None]:
    """While this is open, :func:`permutation_states` asks another writing, for who hashes a lot and has a faster one."""
    _writings.append(permutation)
    try:
        yield
    finally:
        _writings.remove(permutation)


def permute(state: State) -> State:
    """The state after all 7 rounds."""
    return permutation_states(state)[ROUNDS]


def digest_of(state: State) -> Word:
    """Elements 4-7 of a state."""
    return state[4], state[5], state[6], state[7]


def merge(left: Word, right: Word, domain: int = 0) -> Word:
    """Two-to-one hash; the domain goes into capacity element 1 (spec 02, section 3)."""
    return digest_of(permute((0, domain, 0, 0, *left, *right)))


def hash_elements(elements: Sequence[int]) -> Word:
    """The sponge in overwrite mode: capacity element 0 is the length modulo 8; no elements hash to the zero word."""
    if not elements:
        return ZERO_WORD
    state: State = (len(elements) % 8, *(0,) * 11)
    for start in range(0, len(elements), 8):
        block = tuple(elements[start : start + 8])
        state = permute(state[:4] + block + (0,) * (8 - len(block)))
    return digest_of(state)


class Coin:
    """The pseudo-random coin whose draws fill the last row of a trace (spec 04, section 7.2)."""

    def __init__(self, seed: Word) -> None:
        self._state = permute((0, 0, 0, 0, *seed, 0, 0, 0, 0))
        self._next = 4

    def draw(self) -> int:
        """The next base element."""
        if self._next == STATE_WIDTH:
            self._state = permute(self._state)
            self._next = 4
        value = self._state[self._next]
        self._next += 1
        return value


@lru_cache(maxsize=1)
def empty_subtree_roots() -> tuple[Word, ...]:
    """Roots of the empty Merkle trees of depth 0..255; depth 0 is the zero word (spec 06, section 1.4)."""
    roots = [ZERO_WORD]
    for _ in range(255):
        roots.append(merge(roots[-1], roots[-1]))
    return tuple(roots)
