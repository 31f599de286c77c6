"""The permutation, compiled: campaigns spend three quarters of their time on it where it is plain Python.

This is a writing of its own: it shares constants with :mod:`reference.definition.rpo` and nothing with the parallel engine,
so that an engine with a wrong permutation still differs. One permutation in :data:`CHECKED_SHARE` is made both ways.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any, Final

import numpy as np

from harness.audit.field import add, mul, power_7
from harness.audit.jit import jit, jit_part
from reference.definition.rpo import MDS, ROUNDS, STATE_WIDTH, State, plain_permutation_states, served_by
from reference.definition.rpo_constants import ARK1, ARK2

CHECKED_SHARE: Final = 256
"""Of this many permutations one is made in plain Python too: that costs 4 us a permutation, the compiled one 16 us."""

_MDS = np.array(MDS, np.uint64)
_ARK1 = np.array(ARK1, np.uint64)
_ARK2 = np.array(ARK2, np.uint64)
_calls = count()


class WrongHash(Exception):  # noqa: N818 - names what was found
    """The compiled permutation is not the plain one."""


@jit_part
def _mix(state: Any, constants: Any) -> None:
    """state = MDS * state + constants."""
    mixed = constants.copy()
    for row in range(STATE_WIDTH):
        for column in range(STATE_WIDTH):
            mixed[row] = add(mixed[row], mul(_MDS[row, column], state[column]))
    state[:] = mixed


@jit_part
def _raise(state: Any, squarings: int, factor: Any) -> Any:
    """state^(2^squarings) * factor, lane by lane; the lanes take each step together, so that products need not wait."""
    raised = state.copy()
    for _ in range(squarings):
        for lane in range(STATE_WIDTH):
            raised[lane] = mul(raised[lane], raised[lane])
    for lane in range(STATE_WIDTH):
        raised[lane] = mul(raised[lane], factor[lane])
    return raised


@jit_part
def _inverse_power(state: Any) -> Any:
    """state^10540996611094048183, the seventh root, by an addition chain; names are exponents in binary."""
    one = np.ones(STATE_WIDTH, np.uint64)
    b10 = _raise(state, 1, one)
    b100 = _raise(b10, 1, one)
    b100100 = _raise(b100, 3, b100)
    twice = _raise(b100100, 6, b100100)
    four_times = _raise(twice, 12, twice)
    five_times = _raise(four_times, 6, b100100)
    ten_times = _raise(five_times, 31, five_times)
    return _raise(_raise(_raise(ten_times, 1, five_times), 2, state), 0, _raise(b10, 0, b100))


@jit
def _states(found: Any) -> None:
    """Fills rows 1..7 of ``found``, (8, 12) uint64, from row 0."""
    state = found[0].copy()
    for number in range(ROUNDS):
        _mix(state, _ARK1[number])
        for lane in range(STATE_WIDTH):
            state[lane] = power_7(state[lane])
        _mix(state, _ARK2[number])
        state = _inverse_power(state)
        found[number + 1] = state


def compiled_permutation_states(state: State) -> tuple[State, ...]:
    """The input state, twelve canonical elements, followed by the state after each of the 7 rounds.

    Raises WrongHash when it was made both ways and they differ.
    """
    found = np.empty((ROUNDS + 1, STATE_WIDTH), np.uint64)
    found[0] = state
    _states(found)
    states = tuple(map(tuple, found.tolist()))
    if next(_calls) % CHECKED_SHARE == 0 and states != plain_permutation_states(state):
        raise WrongHash(f"the compiled permutation of {state} is not the plain one")
    return states


@contextmanager
def compiled_hash() -> Iterator[None]:
    """While this is open, all hashing by the definition (the reference, the generator, the formats) is compiled."""
    with served_by(compiled_permutation_states):
        yield
