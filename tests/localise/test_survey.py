"""Where two traces differ, for each part of the trace."""

import numpy as np
from altered_engines import Altered, case_of, wrong

from harness.backends.reference import ReferenceEngine
from harness.localise.observer import Observer
from harness.localise.survey import survey

CASE = case_of("block SWAP PUSH(8) MSTORE PUSH(4) MSTORE U32AND MUL SWAP")


def spots(alter, case=CASE, first_row=0):
    engine, reference = Altered(alter=alter), ReferenceEngine()
    rows = Observer([reference, engine]).rows(case)
    left, right = reference.run(case), engine.run(case)
    found = survey(("reference", "altered"), (left, left.summary), (right, right.summary), rows, first_row)
    return {spot.group: spot for spot in found}, rows


def test_each_group_has_its_first_row_its_extent_and_its_cells():
    def alter(cells, starts, core):
        for column, row in (("ctx", 3), ("stack_4", 5), ("stack_b1", 5), ("stack_4", 8), ("dec_h3", 6), ("pad_0", 2)):
            wrong(cells, column, row)

    found, _ = spots(alter)
    assert set(found) == {"system", "stack", "decoder", "pad"}
    stack = found["stack"]
    assert (stack.row, stack.wrong_rows, stack.last_wrong_row, stack.maker) == (5, 2, 8, 4)
    assert [cell.name for cell in stack.cells] == ["stack_4", "stack_b1"]
    assert (found["decoder"].maker, found["system"].maker, found["pad"].maker) == (6, 2, None)
    assert all(cell.left ^ 1 == cell.right for spot in found.values() for cell in spot.cells)


def test_spots_stand_in_the_order_of_the_program():
    def alter(cells, starts, core):
        wrong(cells, "stack_4", 9)
        wrong(cells, "dec_h3", 8)
        wrong(cells, "range_m", 60)
        wrong(cells, "dec_h3", 4)

    engine, reference = Altered(alter=alter), ReferenceEngine()
    rows = Observer([reference, engine]).rows(CASE)
    left, right = reference.run(CASE), engine.run(CASE)
    found = survey(("reference", "altered"), (left, left.summary), (right, right.summary), rows)
    assert [spot.group for spot in found] == ["decoder", "stack", "range"]
    assert [spot.time for spot in found] == [4, 8.5, float("inf")]


def test_sections_of_the_chiplets_are_told_apart():
    def alter(cells, starts, core):
        for row in range(2, 20):
            wrong(cells, "chip_13", row)

    found, rows = spots(alter)
    assert set(found) == {"hasher", "bitwise", "memory", "chiplet padding"}
    assert found["bitwise"].row == rows.trace.lengths.hasher
    assert rows.operation(found["bitwise"].maker) == "U32AND"
    assert found["memory"].part == "memory"


def test_the_earliest_access_is_first_in_the_memory():
    """Address 4 is written after address 8 and stands before it."""

    def alter(cells, starts, core):
        first = int(np.flatnonzero((cells[51] == 1) & (cells[52] == 1) & (cells[53] == 0))[0])
        wrong(cells, "chip_10", first)
        wrong(cells, "chip_10", first + 1)

    found, rows = spots(alter)
    memory = found["memory"]
    first = rows.trace.lengths.hasher + rows.trace.lengths.bitwise
    assert (memory.row, memory.wrong_rows, memory.last_wrong_row) == (first + 1, 2, first + 1)
    assert memory.maker == int(rows.memory[0, 9])


def test_the_last_row_is_a_part_of_its_own():
    found, _ = spots(lambda cells, starts, core: wrong(cells, "stack_3", cells.shape[1] - 1))
    assert set(found) == {"random row"}
    assert (found["random row"].part, found["random row"].maker) == ("random row", None)


def test_rows_before_the_first_one_asked_for_are_left_out():
    def alter(cells, starts, core):
        wrong(cells, "stack_4", 3)
        wrong(cells, "stack_4", 7)

    found, _ = spots(alter, first_row=4)
    assert (found["stack"].row, found["stack"].wrong_rows) == (7, 1)
