"""The permutation, compiled: campaigns spend three quarters of their time on it where it is plain Python.

This is a writing of its own: it shares constants with :mod:`reference.definition.rpo` and nothing with the parallel engine,
so that an engine with a wrong permutation still differs. One permutation in :data:`CHECKED_SHARE` is made both ways.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from struct import Struct
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from harness.audit.jit import jit, jit_merged, jit_part
from reference.definition.field import P as MODULUS
from reference.definition.rpo import MDS, ROUNDS, STATE_WIDTH, State, plain_permutation_states, served_by
from reference.definition.rpo_constants import ARK1, ARK2

CHECKED_SHARE: Final = 256
"""Of this many permutations one is made in plain Python too: that costs 4 us a permutation, the compiled one 9 us."""

LANES: Final = 16
"""The state and four zeros: loops over them become two registers of the processor, or four."""

_P = np.uint64(MODULUS)
_HALF = np.uint64(2**32 - 1)
"""The lower half of a word; also 2^64 mod p."""
_32 = np.uint64(32)


def _padded(rows: Any) -> NDArray[np.uint64]:
    found = np.zeros((len(rows), LANES), np.uint64)
    found[:, :STATE_WIDTH] = rows
    return found


_MDS_COLUMNS = _padded(np.array(MDS, np.uint64).T)
_ARK1 = _padded(ARK1)
_ARK2 = _padded(ARK2)
_calls = count()
_words = Struct(f"<{STATE_WIDTH}Q")


class WrongHash(Exception):  # noqa: N818 - names what was found
    """The compiled permutation is not the plain one."""


@jit_merged
def _product(a: Any, b: Any) -> Any:
    """a * b modulo p, below 2^64 but not always below p; of 32-bit halves, which is what vectors can multiply."""
    low = (a & _HALF) * (b & _HALF)
    one = (a & _HALF) * (b >> _32)
    other = (a >> _32) * (b & _HALF)
    middle = (low >> _32) + (one & _HALF) + (other & _HALF)
    low = (low & _HALF) | (middle << _32)
    high = (a >> _32) * (b >> _32) + (one >> _32) + (other >> _32) + (middle >> _32)
    # 2^64 = 2^32 - 1 and 2^96 = -1.
    top = high >> _32
    folded = low - top
    folded = folded - _HALF if low < top else folded
    rest = ((high & _HALF) << _32) - (high & _HALF)
    total = folded + rest
    return total + _HALF if total < rest else total


@jit_part
def _mix(state: Any, constants: Any, low: Any, high: Any) -> None:
    """state = MDS * state + constants. The matrix is small: sums of 32-bit halves need no reduction before the end."""
    for lane in range(LANES):
        low[lane] = constants[lane] & _HALF
        high[lane] = constants[lane] >> _32
    for column in range(STATE_WIDTH):
        word = state[column]
        for lane in range(LANES):
            low[lane] += _MDS_COLUMNS[column, lane] * (word & _HALF)
            high[lane] += _MDS_COLUMNS[column, lane] * (word >> _32)
    for lane in range(LANES):
        top = high[lane] >> _32
        rest = low[lane] + (top << _32) - top
        total = ((high[lane] & _HALF) << _32) + rest
        state[lane] = total + _HALF if total < rest else total


@jit_part
def _square(raised: Any, base: Any, times: int) -> None:
    """raised = base^(2^times); the lanes take each step together, so that products need not wait."""
    for lane in range(LANES):
        raised[lane] = base[lane]
    for _ in range(times):
        for lane in range(LANES):
            raised[lane] = _product(raised[lane], raised[lane])


@jit_part
def _multiply(product: Any, factor: Any) -> None:
    for lane in range(LANES):
        product[lane] = _product(product[lane], factor[lane])


@jit_part
def _power_7(state: Any, square: Any, fourth: Any) -> None:
    _square(square, state, 1)
    _square(fourth, square, 1)
    _multiply(state, square)
    _multiply(state, fourth)


@jit_part
def _raise(raised: Any, base: Any, squarings: int, factor: Any) -> None:
    """raised = base^(2^squarings) * factor."""
    _square(raised, base, squarings)
    _multiply(raised, factor)


@jit_part
def _inverse_power(state: Any, powers: Any) -> None:
    """state^10540996611094048183, the seventh root, by an addition chain; names are exponents in binary."""
    b10, b100, b100100, one, other = powers[0], powers[1], powers[2], powers[3], powers[4]
    _square(b10, state, 1)
    _square(b100, b10, 1)
    _raise(b100100, b100, 3, b100)
    # From here on in two rooms by turns.
    _raise(one, b100100, 6, b100100)
    _raise(other, one, 12, one)
    _raise(one, other, 6, b100100)
    _raise(other, one, 31, one)
    _raise(other, other, 1, one)
    _raise(other, other, 2, state)
    _multiply(other, b10)
    _multiply(other, b100)
    _square(state, other, 0)


@jit
def _states(found: Any) -> None:
    """Fills rows 1..7 of ``found``, (8, 12) uint64, from row 0."""
    state = np.zeros(LANES, np.uint64)
    powers = np.empty((5, LANES), np.uint64)
    for lane in range(STATE_WIDTH):
        state[lane] = found[0, lane]
    for number in range(ROUNDS):
        _mix(state, _ARK1[number], powers[0], powers[1])
        _power_7(state, powers[0], powers[1])
        _mix(state, _ARK2[number], powers[0], powers[1])
        _inverse_power(state, powers)
        for lane in range(STATE_WIDTH):
            found[number + 1, lane] = state[lane] - _P if state[lane] >= _P else state[lane]


def compiled_permutation_states(state: State) -> tuple[State, ...]:
    """The input state, twelve canonical elements, followed by the state after each of the 7 rounds.

    Raises WrongHash when it was made both ways and they differ.
    """
    found = np.empty((ROUNDS + 1, STATE_WIDTH), np.uint64)
    _words.pack_into(found.data, 0, *state)
    _states(found)
    states = tuple(_words.iter_unpack(found.data))
    if next(_calls) % CHECKED_SHARE == 0 and states != plain_permutation_states(state):
        raise WrongHash(f"the compiled permutation of {state} is not the plain one")
    return states


@contextmanager
def compiled_hash() -> Iterator[None]:
    """While this is open, all hashing by the definition (the reference, the generator, the formats) is compiled."""
    with served_by(compiled_permutation_states):
        yield
