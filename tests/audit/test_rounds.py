"""The rounds of the hasher are judged as the permutation is defined, element by element and wherever a tile begins."""

from __future__ import annotations

import numpy as np
import pytest

from harness.audit.chiplets.rounds import BATCH, HASHER_ROUNDS
from harness.audit.rule import APPLIED, COUNT, FIRST, FIRST_ROW, NO_ROW, nothing_found
from reference.definition.columns import COLUMN, WIDTH
from reference.definition.field import P
from reference.definition.rpo import permutation_states

STATE = COLUMN["chip_4"]
EDGES = (0, 1, 2**32 - 1, 2**32, P - 1, P - 2**32, 2**63)
CYCLES = BATCH + 3


@pytest.fixture(scope="module")
def rows() -> np.ndarray:
    """Permutations of edge values and of random ones, one after another, and a row of padding."""
    random = np.random.default_rng(7)
    rows = np.zeros((8 * CYCLES + 1, WIDTH), dtype=np.uint64)
    rows[-1, COLUMN["chip_0"]] = 1
    for cycle in range(CYCLES):
        state = tuple(
            int(v) for v in (random.choice(EDGES, 12) if cycle < 20 else random.integers(P, size=12, dtype=np.uint64))
        )
        rows[8 * cycle : 8 * cycle + 8, STATE : STATE + 12] = permutation_states(state)
    return rows


def judge(rows: np.ndarray, first_row: int = 0) -> np.ndarray:
    found = nothing_found(12)
    facts = np.zeros(2, dtype=np.int64)
    facts[FIRST_ROW] = first_row
    HASHER_ROUNDS.kernel(rows, np.zeros(len(rows), dtype=np.uint8), facts, found)
    return found


def test_states_of_the_definition_are_accepted(rows: np.ndarray) -> None:
    found = judge(rows)
    assert (found[:, COUNT] == 0).all()
    assert (found[:, APPLIED] == 7 * CYCLES).all()


@pytest.mark.parametrize("start", range(9))
def test_a_tile_may_begin_anywhere_in_a_cycle(rows: np.ndarray, start: int) -> None:
    found = judge(np.ascontiguousarray(rows[start:]), 8000 + start)
    assert (found[:, COUNT] == 0).all()
    assert (found[:, APPLIED] == 7 * CYCLES - min(start, 7) - max(0, start - 8)).all()


@pytest.mark.parametrize("element", range(12))
@pytest.mark.parametrize("k", [1, 4, 7])
def test_a_wrong_result_violates_the_rule_of_its_element(rows: np.ndarray, element: int, k: int) -> None:
    wrong = rows.copy()
    row = 8 * 30 + k
    wrong[row, STATE + element] = (int(wrong[row, STATE + element]) + 1) % P
    found = judge(wrong)
    assert found[element, FIRST] == row - 1
    others = np.delete(found, element, axis=0)
    if k == 7:
        # The last row of a permutation is the start of no round.
        assert found[element, COUNT] == 1
        assert (others[:, FIRST] == NO_ROW).all()
    else:
        assert found[element, COUNT] == 2
        assert (others[:, FIRST] == row).all()


@pytest.mark.parametrize("other_round", range(1, 7))
def test_every_round_has_its_own_constants(rows: np.ndarray, other_round: int) -> None:
    """A permutation whose rounds are those of another place in the cycle is none."""
    found = judge(np.ascontiguousarray(rows[:9]), other_round)
    assert (found[:, COUNT] > 0).all()


def test_cells_beyond_the_field_do_no_harm(rows: np.ndarray) -> None:
    wrong = rows.copy()
    wrong[16:24, STATE : STATE + 12] = 2**64 - 1
    assert (judge(wrong)[:, COUNT] > 0).all()


def test_rows_of_other_chiplets_are_not_judged(rows: np.ndarray) -> None:
    other = rows.copy()
    other[:, COLUMN["chip_0"]] = 1
    other[:, STATE] = 5
    found = judge(other)
    assert (found[:, [COUNT, APPLIED]] == 0).all()
