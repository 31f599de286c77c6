"""What the map calls possible can be met: programs aimed at cells of every kind meet them. All cells: the slow tests."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from typing import Final

import pytest
from aimed_programs import ENTERED, WHERE, program_entering, program_with

from harness.coverage import Cell, all_cells, cell, reason_impossible, row_cells
from reference.definition.case import Case
from reference.definition.outcome import Completed
from reference.processor import execute

POSSIBLE: Final = tuple(each for each in all_cells() if reason_impossible(each) is None)
IN_BLOCKS: Final = tuple(each for each in POSSIBLE if each.phase in WHERE and each.operation != "RESPAN")
ENTRIES: Final = tuple(each for each in POSSIBLE if each.phase in ENTERED)

TOGETHER: Final = 12
"""Cells that one program aims at."""


def met(case: Case) -> set[Cell]:
    execution = execute(case)
    assert isinstance(execution.outcome, Completed), execution.outcome
    cells = row_cells(execution)
    return {cell(each) for numbers in cells for each in set(numbers[1:].tolist())}


def missed_in_blocks(cells: Iterable[Cell], rounds: int) -> set[Cell]:
    """Those that no program met, in so many rounds with other choices."""
    missing = set(cells)
    for number in range(rounds):
        for group in _groups(sorted(missing)):
            missing -= met(program_with(group, f"blocks/{number}/{group[0].text}"))
    return missing


def _groups(cells: Sequence[Cell]) -> Iterable[Sequence[Cell]]:
    """Cells of one nest; where nothing is nested there is one first operation that can be chosen."""
    for nest in sorted({each.nest for each in cells}):
        members = [each for each in cells if each.nest == nest]
        alone = [each for each in members if nest == "shallow" and each.phase == "first"]
        yield from ([each] for each in alone)
        rest = [each for each in members if each not in alone]
        yield from (rest[at : at + TOGETHER] for at in range(0, len(rest), TOGETHER))


def missed_entries(cells: Iterable[Cell], rounds: int) -> set[Cell]:
    missing = set(cells)
    for number in range(rounds):
        for each in sorted(missing):
            missing -= met(program_entering(each, f"entries/{number}/{each.text}"))
    return missing


def test_operations_in_blocks_are_met_where_they_are_aimed_at() -> None:
    sample = random.Random(1).sample(IN_BLOCKS, 60)
    assert missed_in_blocks(sample, 3) == set()


def test_entries_are_met_where_they_are_aimed_at() -> None:
    sample = random.Random(1).sample(ENTRIES, 24)
    assert len(missed_entries(sample, 3)) <= 4


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_every_possible_cell_of_an_operation_in_a_block_can_be_met() -> None:
    assert missed_in_blocks(IN_BLOCKS, 6) == set()


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_nearly_every_possible_entry_can_be_met() -> None:
    """The rest takes a program of its own, such as a loop that is the second code of the program and takes three flags."""
    assert len(missed_entries(ENTRIES, 6)) < 0.03 * len(ENTRIES)
