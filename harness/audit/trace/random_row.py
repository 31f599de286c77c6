"""The random last row: draws of a coin seeded with the program hash (spec 04, section 7)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from harness.audit.field import ONE, ZERO, add, mul, power_7
from harness.audit.jit import jit, jit_part
from harness.audit.known import Known
from harness.audit.rule import Rule, Variant
from harness.audit.tile import Tile, Tiles
from harness.audit.violation import CellValue, NotChecked, Violation
from reference.definition.columns import COLUMN, COLUMN_NAMES, PAD, WIDTH
from reference.definition.rpo import INVERSE_ALPHA, MDS, ROUNDS, STATE_WIDTH
from reference.definition.rpo_constants import ARK1, ARK2

_ROW: Final = "row L - 1 holds the draws of the coin seeded with the program hash"
RANDOM_ROW: Final = Rule("trace.random row", "trace", _ROW, "04 section 7", COLUMN_NAMES[: PAD.start])
RANDOM_PAD: Final = Rule(
    "trace.random pad", "trace", "pad_0 of row L - 1 is draw 71", "04 section 7.3", ("pad_0",), variant=Variant.PARALLEL
)
ZERO_PAD: Final = Rule(
    "trace.zero pad", "trace", "pad_0 of row L - 1 is 0", "04 section 7.3", ("pad_0",), variant=Variant.SEQUENTIAL
)

_MDS = np.array(MDS, dtype=np.uint64)
_ARK1 = np.array(ARK1, dtype=np.uint64)
_ARK2 = np.array(ARK2, dtype=np.uint64)
_INVERSE = np.uint64(INVERSE_ALPHA)
_HASH = slice(COLUMN["dec_h0"], COLUMN["dec_h0"] + 4)
_RATE = 4
"""Draws are taken from element 4 on."""


@jit_part
def mix(state: Any, constants: Any) -> None:
    """Compiled: state = MDS * state + constants."""
    mixed = np.empty(STATE_WIDTH, np.uint64)
    for row in range(STATE_WIDTH):
        total = constants[row]
        for column in range(STATE_WIDTH):
            total = add(total, mul(_MDS[row, column], state[column]))
        mixed[row] = total
    state[:] = mixed


@jit_part
def permute(state: Any) -> None:
    """Compiled: the permutation, in place."""
    base = np.empty(STATE_WIDTH, np.uint64)
    for number in range(ROUNDS):
        mix(state, _ARK1[number])
        for lane in range(STATE_WIDTH):
            state[lane] = power_7(state[lane])
        mix(state, _ARK2[number])
        base[:] = state
        state[:] = ONE
        # All lanes take each step together: their products do not wait for one another.
        for bit in range(63, -1, -1):
            for lane in range(STATE_WIDTH):
                state[lane] = mul(state[lane], state[lane])
            if _INVERSE >> np.uint64(bit) & ONE:
                for lane in range(STATE_WIDTH):
                    state[lane] = mul(state[lane], base[lane])


@jit
def draws(seed: Any, drawn: Any) -> None:
    """Compiled: fills ``drawn`` with the draws of a coin seeded with the word ``seed``."""
    state = np.zeros(STATE_WIDTH, np.uint64)
    for i in range(4):
        state[_RATE + i] = add(seed[i], ZERO)
    position = STATE_WIDTH
    for number in range(len(drawn)):
        if position == STATE_WIDTH:
            permute(state)
            position = _RATE
        drawn[number] = state[position]
        position += 1


@lru_cache(maxsize=1024)
def random_row(seed: tuple[int, ...]) -> NDArray[np.uint64]:
    """The 72 draws for a program hash of four canonical elements."""
    drawn = np.empty(WIDTH, dtype=np.uint64)
    draws(np.array(seed, dtype=np.uint64), drawn)
    drawn.flags.writeable = False
    return drawn


class RandomRow:
    """Compares the last row with the draws."""

    rules: Sequence[Rule] = (RANDOM_ROW, RANDOM_PAD, ZERO_PAD)

    def __init__(self, known: Known, variant: Variant) -> None:
        self._hash: tuple[int, ...] | None = known.program_hash
        self._variant = variant
        self._row: NDArray[np.uint64] | None = None
        self._number = 0

    def partial(self, tile: Tile) -> tuple[int, NDArray[np.uint64], tuple[int, ...]] | None:
        """Number and cells of the random row, which comes with the last tile, and the program hash in the row before."""
        if tile.random_row is None:
            return None
        return tile.trace_rows - 1, tile.random_row, tuple(tile.rows[-2, _HASH].tolist())

    def add(self, partial: tuple[int, NDArray[np.uint64], tuple[int, ...]] | None) -> None:
        """Keeps them. Whether the trace's own program hash is right is another rule's business."""
        if partial is not None:
            self._number, self._row, shown = partial
            self._hash = self._hash or shown

    def finish(self, tiles: Tiles) -> Sequence[Violation | NotChecked]:  # noqa: ARG002 - the row was kept
        """Cells that are not the coin's."""
        assert self._row is not None
        pad_rule = RANDOM_PAD if self._variant is Variant.PARALLEL else ZERO_PAD
        assert self._hash is not None
        expected = random_row(self._hash).copy()
        if self._variant is Variant.SEQUENTIAL:
            expected[PAD] = 0
        wrong = np.flatnonzero(self._row != expected).tolist()
        drawn = [column for column in wrong if column < PAD.start]
        verdicts = [self._violation(RANDOM_ROW, drawn, expected)] if drawn else []
        if len(drawn) < len(wrong):
            verdicts.append(self._violation(pad_rule, wrong[len(drawn) :], expected))
        return verdicts

    def _violation(self, rule: Rule, wrong: Sequence[int], expected: NDArray[np.uint64]) -> Violation:
        assert self._row is not None
        cells = tuple(CellValue(COLUMN_NAMES[column], self._number, int(self._row[column])) for column in wrong)
        details = tuple(f"{COLUMN_NAMES[column]}: expected {int(expected[column])}" for column in wrong)
        return Violation(rule, self._number, cells=cells, details=details)
