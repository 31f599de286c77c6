"""The rounds of the hasher's permutation (12 section 5.2): (H')^7 = MDS (MDS H + ARK1)^7 + ARK2, elementwise powers.

The inverse seventh power of a round is never computed: both sides are compared before it. Rows with the same round are
judged in batches, one state element after another, in loops that the compiler turns into vector arithmetic: a round takes
some 60 ns that way and ten times as long one row at a time.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from harness.audit.field import EPSILON, SHIFT_32, ZERO, P
from harness.audit.found import note
from harness.audit.jit import jit, jit_merged, jit_part
from harness.audit.rule import APPLIED, FIRST_ROW, RowRules, Rule
from reference.definition.columns import COLUMN
from reference.definition.rpo import MDS, ROUNDS, STATE_WIDTH
from reference.definition.rpo_constants import ARK1, ARK2

ROUND_RULES: Final = tuple(
    Rule(
        f"hasher.round.{element}",
        "hasher",
        f"H{element}'^7 - [MDS (MDS H + ARK1)^7 + ARK2]_{element}",
        "12 section 5.2",
        columns=(*(f"chip_{4 + j}" for j in range(STATE_WIDTH)), f"chip_{4 + element}'"),
        on=("hasher 0", "hasher 1-5", "hasher 6"),
    )
    for element in range(STATE_WIDTH)
)

BATCH: Final = 64
"""Rows of a batch; its four (12, BATCH) arrays are 24 KiB, half of the first-level cache."""

_SELECTOR: Final = COLUMN["chip_0"]
_STATE: Final = COLUMN["chip_4"]
_ARK1: Final = np.array(ARK1, dtype=np.uint64)
_ARK2: Final = np.array(ARK2, dtype=np.uint64)
_MDS: Final = np.array(MDS, dtype=np.uint64)
_CYCLE: Final = 8


# Field arithmetic once more, from 32-bit halves and with results that are congruent but not canonical: the 128-bit products
# of ``field`` keep a loop from being vectorised.


@jit_merged
def _product(a: Any, b: Any) -> Any:
    a_low, a_high, b_low, b_high = a & EPSILON, a >> SHIFT_32, b & EPSILON, b >> SHIFT_32
    low = a_low * b_low
    across = a_low * b_high + (low >> SHIFT_32)
    middle = a_high * b_low + (across & EPSILON)
    lower = (middle << SHIFT_32) | (low & EPSILON)
    upper = a_high * b_high + (across >> SHIFT_32) + (middle >> SHIFT_32)
    top = upper >> SHIFT_32
    folded = lower - top
    folded = folded - (EPSILON if lower < top else ZERO)
    return _sum(folded, (upper & EPSILON) * EPSILON)


@jit_merged
def _sum(a: Any, b: Any) -> Any:
    """b is canonical, or at most 2^64 - 2^33: so one carry is all there is."""
    total = a + b
    return total + (EPSILON if total < b else ZERO)


@jit_merged
def _power_7(a: Any) -> Any:
    square = _product(a, a)
    return _product(_product(square, square), _product(square, a))


@jit_merged
def _canonical(a: Any) -> Any:
    return a - P if a >= P else a


@jit_part
def _multiply_mds(state: Any, low: Any, high: Any, count: Any) -> None:
    """The first ``count`` columns of ``state`` by the matrix, whose entries are so small that halves do not overflow."""
    for element in range(STATE_WIDTH):
        for n in range(count):
            low[element, n] = state[element, n] & EPSILON
            high[element, n] = state[element, n] >> SHIFT_32
    for element in range(STATE_WIDTH):
        for n in range(count):
            low_sum = ZERO
            high_sum = ZERO
            for source in range(STATE_WIDTH):
                low_sum += _MDS[element, source] * low[source, n]
                high_sum += _MDS[element, source] * high[source, n]
            state[element, n] = _sum(high_sum << SHIFT_32, low_sum + (high_sum >> SHIFT_32) * EPSILON)


@jit_part
def _add_and_power(state: Any, constants: Any, count: Any) -> None:
    for element in range(STATE_WIDTH):
        constant = constants[element]
        for n in range(count):
            state[element, n] = _power_7(_sum(state[element, n], constant))


@jit_part
def _compare(state: Any, after: Any, constants: Any, count: Any) -> Any:
    """0 when state + constants = after^7; what it leaves in ``after`` is 0 where that holds."""
    wrong = ZERO
    for element in range(STATE_WIDTH):
        constant = constants[element]
        for n in range(count):
            wanted = _canonical(_sum(state[element, n], constant))
            after[element, n] = _canonical(_power_7(after[element, n])) ^ wanted
            wrong |= after[element, n]
    return wrong


@jit_part
def _check_batch(
    rows: Any, batch: Any, count: Any, k: Any, state: Any, after: Any, low: Any, high: Any, first_row: Any, found: Any
) -> None:
    """Rows ``batch[:count]`` of the tile, all of round k."""
    for n in range(count):
        for element in range(STATE_WIDTH):
            state[element, n] = rows[batch[n], _STATE + element]
            after[element, n] = rows[batch[n] + 1, _STATE + element]
    _multiply_mds(state, low, high, count)
    _add_and_power(state, _ARK1[k], count)
    _multiply_mds(state, low, high, count)
    if _compare(state, after, _ARK2[k], count) != ZERO:
        for element in range(STATE_WIDTH):
            for n in range(count):
                if after[element, n] != ZERO:
                    note(found, element, first_row + batch[n])


@jit
def check_rounds(rows: Any, _: Any, facts: Any, found: Any) -> None:
    """Compiled, a ``RowKernel``: rounds on every hasher row but the last of a cycle."""
    first_row = facts[FIRST_ROW]
    batch = np.empty(BATCH, np.int64)
    state = np.empty((STATE_WIDTH, BATCH), np.uint64)
    after = np.empty((STATE_WIDTH, BATCH), np.uint64)
    low = np.empty((STATE_WIDTH, BATCH), np.uint64)
    high = np.empty((STATE_WIDTH, BATCH), np.uint64)
    applied = 0
    for k in range(ROUNDS):
        count = 0
        for i in range((k - first_row) % _CYCLE, rows.shape[0] - 1, _CYCLE):
            if rows[i, _SELECTOR] != ZERO:
                continue
            batch[count] = i
            count += 1
            if count == BATCH:
                _check_batch(rows, batch, count, k, state, after, low, high, first_row, found)
                applied += count
                count = 0
        _check_batch(rows, batch, count, k, state, after, low, high, first_row, found)
        applied += count
    for element in range(STATE_WIDTH):
        found[element, APPLIED] += applied


HASHER_ROUNDS: Final = RowRules(ROUND_RULES, check_rounds)
