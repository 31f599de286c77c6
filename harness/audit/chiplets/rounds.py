"""The rounds of the hasher's permutation (12 section 5.2): (H')^7 = MDS (MDS H + ARK1)^7 + ARK2, elementwise powers.

The inverse seventh power of a round is never computed: both sides are compared before it. Rows are judged in batches,
one state element after another, because the matrix is then plain vector arithmetic.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from harness.audit.field import EPSILON, SHIFT_32, ZERO, P, add, power_7
from harness.audit.jit import jit, jit_inline, jit_part
from harness.audit.rule import APPLIED, FIRST_ROW, RowRules, Rule, note
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
"""Rows of a batch; their states in two halves are 12 KiB, a third of the first-level cache."""

_SELECTOR: Final = COLUMN["chip_0"]
_STATE: Final = COLUMN["chip_4"]
_ARK1: Final = np.array(ARK1, dtype=np.uint64)
_ARK2: Final = np.array(ARK2, dtype=np.uint64)
_MDS: Final = np.array(MDS, dtype=np.uint64)
_CYCLE: Final = 8


@jit_inline
def _joined(low: Any, high: Any) -> Any:
    """low + 2^32 high mod p, canonical; both below 2^44."""
    small = low + (high >> SHIFT_32) * EPSILON
    total = (high << SHIFT_32) + small
    if total < small:
        total += EPSILON
    return total - P if total >= P else total


@jit_part
def _multiply_mds(state: Any, low: Any, high: Any, count: Any) -> None:
    """Every column of ``state`` ((12, BATCH)) by the matrix; ``low`` and ``high`` are scratch of (2, 12, BATCH)."""
    for element in range(STATE_WIDTH):
        for n in range(count):
            low[0, element, n] = state[element, n] & EPSILON
            high[0, element, n] = state[element, n] >> SHIFT_32
    for element in range(STATE_WIDTH):
        for n in range(count):
            low[1, element, n] = ZERO
            high[1, element, n] = ZERO
        for source in range(STATE_WIDTH):
            factor = _MDS[element, source]
            for n in range(count):
                low[1, element, n] += factor * low[0, source, n]
                high[1, element, n] += factor * high[0, source, n]
    for element in range(STATE_WIDTH):
        for n in range(count):
            state[element, n] = _joined(low[1, element, n], high[1, element, n])


@jit_part
def _check_batch(
    rows: Any, batch: Any, count: Any, state: Any, low: Any, high: Any, first_row: Any, found: Any
) -> None:
    """Rows ``batch[:count]`` of the tile."""
    for n in range(count):
        for element in range(STATE_WIDTH):
            state[element, n] = rows[batch[n], _STATE + element]
    _multiply_mds(state, low, high, count)
    for n in range(count):
        k = (first_row + batch[n]) % _CYCLE
        for element in range(STATE_WIDTH):
            state[element, n] = power_7(add(state[element, n], _ARK1[k, element]))
    _multiply_mds(state, low, high, count)
    for n in range(count):
        k = (first_row + batch[n]) % _CYCLE
        for element in range(STATE_WIDTH):
            if add(state[element, n], _ARK2[k, element]) != power_7(rows[batch[n] + 1, _STATE + element]):
                note(found, element, first_row + batch[n])


@jit
def check_rounds(rows: Any, _: Any, facts: Any, found: Any) -> None:
    """Compiled, a ``RowKernel``: rounds on every hasher row but the last of a cycle."""
    first_row = facts[FIRST_ROW]
    batch = np.empty(BATCH, np.int64)
    state = np.empty((STATE_WIDTH, BATCH), np.uint64)
    low = np.empty((2, STATE_WIDTH, BATCH), np.uint64)
    high = np.empty((2, STATE_WIDTH, BATCH), np.uint64)
    count = 0
    applied = 0
    for i in range(rows.shape[0] - 1):
        if rows[i, _SELECTOR] != ZERO or (first_row + i) % _CYCLE >= ROUNDS:
            continue
        batch[count] = i
        count += 1
        applied += 1
        if count == BATCH:
            _check_batch(rows, batch, count, state, low, high, first_row, found)
            count = 0
    _check_batch(rows, batch, count, state, low, high, first_row, found)
    for element in range(STATE_WIDTH):
        found[element, APPLIED] += applied


HASHER_ROUNDS: Final = RowRules(ROUND_RULES, check_rounds)
