"""The rules about impossible cells: the words of each are the map's, each excludes something, and what runs is not excluded."""

from __future__ import annotations

import numpy as np
import pytest
from made_runs import block, run

from harness.coverage import RULES, Cell, all_cells, cell, number, parse, possible_numbers, reason_impossible, row_cells
from harness.coverage.cells import AXES, SIZE
from harness.coverage.impossible import Rule
from reference.definition.mast import Join, Loop


def test_every_cell_has_a_number_of_its_own_and_is_read_back():
    cells = list(all_cells())
    numbers = {number(each) for each in cells}
    assert len(numbers) == len(cells)
    assert min(numbers) >= 0
    assert max(numbers) < SIZE
    assert all(cell(number(each)) == each == parse(each.text) for each in cells[::7])


@pytest.mark.parametrize("text", ["", "SWAP", "SWAP/first/16/shallow/taken/2", "SWAP/first/16/shallow/taken/0/0"])
def test_what_is_no_cell_is_refused(text):
    with pytest.raises(ValueError, match="expected a cell of the map"):
        parse(text)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.reason:.40}")
def test_a_rule_says_words_of_the_map_and_excludes_cells_that_no_other_does(rule: Rule):
    assert all(set(words) <= set(axis) for words, axis in zip(rule.axes, AXES, strict=True))
    others = [other for other in RULES if other is not rule]
    assert any(rule.excludes(each) and not any(other.excludes(each) for other in others) for each in all_cells())


def test_numbers_of_possible_cells_are_those_without_a_reason():
    possible = possible_numbers()
    wanted = [number(each) for each in all_cells() if reason_impossible(each) is None]
    assert sorted(wanted) == np.flatnonzero(possible).tolist()


@pytest.mark.parametrize(
    ("impossible", "possible"),
    [
        ("INV/first/16/shallow/taken/0", "INV/first/16/shallow/taken/1"),
        ("SWAP/first/16/shallow/untouched/0", "SWAP/first/16/shallow/taken/0"),
        ("SPAN/call/17/called/taken/0", "SPAN/call/16/called/taken/0"),
        ("REPEAT/repeat/16/shallow/taken/0", "REPEAT/repeat/16/shallow/taken/1"),
        ("END loop/end/16/deep/taken/1", "END skipped loop/end/16/deep/taken/1"),
        ("END loop/last_row/18+/any/any/0", "END loop/last_row/17/any/any/0"),
        ("PAD/before/16/any/any/0", "PAD/before/17/any/any/0"),
        ("SPAN/body/17/deep/untouched/1", "SPAN/body/16/deep/untouched/1"),
        ("END dyn/last_row/16/any/any/0", "END call/last_row/16/any/any/0"),
        ("END dyn/end/17/shallow/taken/0", "END dyn/end/17/deep/taken/0"),
        ("END skipped loop/end/18+/shallow/taken/1", "END skipped loop/end/16/shallow/taken/1"),
        ("CALL/dynamic/17/shallow/taken/0", "CALL/dynamic/16/shallow/taken/0"),
        ("DYNCALL/foreign/18+/shallow/taken/0", "DYNCALL/foreign/17/shallow/taken/0"),
        ("LOOP/dynamic/18+/shallow/taken/0", "LOOP/dynamic/18+/shallow/taken/1"),
        ("CLK/before/18+/any/any/1", "CLK/before/17/any/any/1"),
    ],
)
def test_a_cell_and_its_neighbour(impossible, possible):
    assert reason_impossible(parse(impossible))
    assert reason_impossible(parse(possible)) is None


def test_rows_of_runs_are_possible():
    for execution in (
        run(block("PAD CLK EQ NOT ASSERT DROP"), stack=(3,)),
        run(block("SWAP"), Loop(0), stack=(1, 0, 1)),
        run(block("PUSH(3) INV DROP " * 20), block("NOOP"), Join(0, 1)),
    ):
        cells = row_cells(execution)
        assert cells.rows
        assert possible_numbers()[cells.behind[1:]].all()
        assert possible_numbers()[cells.before[1:]].all()


def test_cells_are_tuples_of_words():
    assert Cell("SWAP", "first", "16", "shallow", "taken", "0").text == "SWAP/first/16/shallow/taken/0"
