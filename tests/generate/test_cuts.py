"""Cut plans: random ones are legal, aimed ones find what has not been covered, exhaustive ones leave nothing out."""

from __future__ import annotations

import numpy as np

from harness.coverage import CoverageMap, cell, number, parse, row_cells, row_operations
from harness.cuts import (
    MOST_FRAGMENTS,
    MOST_PAIRS,
    Situation,
    every_size,
    filling_cut,
    pairs_around,
    random_cut,
    row_situations,
    single_cuts,
)
from harness.generate import SeededChoices
from reference.definition.case import Case
from reference.definition.cuts import ONE_FRAGMENT, At, Every
from reference.definition.isa import Operation, opcode
from reference.definition.mast import Block, Call, Forest, Join, Loop
from reference.definition.program import Program
from reference.processor import execute


def block(text):
    return Block(tuple(Operation(opcode(name)) for name in text.split()))


def execution_of(*nodes, stack=()):
    return execute(Case("cut", Program(Forest(nodes, (len(nodes) - 1,)), len(nodes) - 1), stack=stack))


# ---- situations -----------------------------------------------------------------------------------------------------


def test_situations_are_the_row_the_row_before_and_the_last_row():
    rows = row_situations(execution_of(block("SWAP NEG")))
    assert rows[0] == ()
    assert rows[1] == (Situation("SWAP", "first"), Situation("SPAN", "before"))
    assert rows[-1] == (Situation("END block", "end"), Situation("NEG", "before"), Situation("END block", "last_row"))


def test_a_call_at_the_end_returns_there():
    assert row_situations(execution_of(block("SWAP"), Call(0)))[-1][0] == Situation("END call", "return")


# ---- aimed ----------------------------------------------------------------------------------------------------------


def long_run():
    """200 SWAPs and one INCR: 12 rows of a batch, RESPANs, and a single rare row."""
    return row_cells(execution_of(block("SWAP " * 150 + "INCR " + "SWAP " * 50)))


INCR = "INCR/inside/16/shallow/untouched/0"


def hit(cells, rows):
    return {cell(int(numbers[row])).text for row in rows for numbers in cells}


def all_but(cells, operation):
    """A map that has often met everything in the run but this operation."""
    coverage = CoverageMap()
    numbers = np.unique(np.concatenate((cells.behind[1:], cells.before[1:])))
    coverage.counts[[each for each in numbers.tolist() if cell(each).operation != operation]] = 100
    return coverage


def test_multiples_only_gives_the_size_that_reaches_the_rare_row():
    cells = long_run()
    plan = filling_cut(cells, all_but(cells, "INCR"), multiples_only=True)
    assert isinstance(plan, Every)
    assert any("INCR" in text for text in hit(cells, plan.starts(cells.rows)[1:]))


def test_a_filling_cut_leaves_nothing_to_fill():
    cells = long_run()
    coverage = CoverageMap()
    plan = filling_cut(cells, coverage)
    assert isinstance(plan, At)
    assert len(plan.rows) < 30
    coverage.add(cells, plan, "filled")
    assert hit(cells, plan.rows) == hit(cells, range(1, cells.rows))
    assert filling_cut(cells, coverage) is None


def test_a_filling_cut_leaves_covered_cells_alone():
    cells = long_run()
    row = row_operations(cells).index("INCR")
    assert filling_cut(cells, all_but(cells, "INCR")) == At((row, row + 1))
    coverage = all_but(cells, "INCR")
    coverage.counts[number(parse(INCR))] = 1
    assert filling_cut(cells, coverage) == At((row + 1,))


# ---- exhaustive -----------------------------------------------------------------------------------------------------


def test_single_cuts_are_all_plans_with_one_cut():
    assert [plan.starts(5) for plan in single_cuts(5)] == [(0, 1), (0, 2), (0, 3), (0, 4)]


def test_every_size_goes_from_one_row_past_the_end():
    plans = every_size(5)
    assert [plan.size for plan in plans] == [1, 2, 3, 4, 5, 6]
    assert plans[-1].starts(5) == plans[-2].starts(5) == (0,)


def test_pairs_stand_around_a_call():
    # 0 JOIN, 1 CALL, 2 SPAN, 3 SWAP, 4 END, 5 END of the call, 6 SPAN, 7 NEG, 8 END, 9 END
    cells = row_cells(execution_of(block("SWAP"), Call(0), block("NEG"), Join(1, 2)))
    assert [plan.rows for plan in pairs_around(cells)] == [(1, 5), (2, 5), (1, 6), (2, 6)]


def test_pairs_stand_around_each_run_of_a_loop():
    # 0 LOOP, 1 SPAN, 2 SWAP, 3 END, 4 REPEAT, 5 SPAN, 6 SWAP, 7 END, 8 END of the loop
    cells = row_cells(execution_of(block("SWAP"), Loop(0), stack=(1, 0, 1)))
    assert [plan.rows for plan in pairs_around(cells)] == [(1, 4), (1, 5), (4, 8), (5, 8)]


def test_a_program_without_calls_and_loops_has_no_pairs():
    assert pairs_around(row_cells(execution_of(block("SWAP")))) == ()


def test_a_long_loop_has_not_more_pairs_than_a_campaign_runs():
    flags = "PAD " + "PAD NOT " * 40
    cells = row_cells(execution_of(block(flags), block("NOOP"), Loop(1), Join(0, 2)))
    plans = pairs_around(cells)
    assert MOST_PAIRS // 2 < len(plans) <= MOST_PAIRS
    assert len(set(plans)) == len(plans)
    repeats = [row for row, name in enumerate(row_operations(cells)) if name == "REPEAT"]
    assert {plan.rows[0] for plan in plans} & set(repeats[-8:])


# ---- random ---------------------------------------------------------------------------------------------------------


def test_random_plans_are_of_all_kinds_and_legal():
    choices = SeededChoices("cuts")
    plans = [random_cut(choices, 50) for _ in range(300)]
    assert ONE_FRAGMENT in plans
    assert Every(1) in plans
    assert Every(50) in plans
    assert any(isinstance(plan, At) and len(plan.rows) > 1 for plan in plans)
    assert all(plan.starts(50)[0] == 0 for plan in plans)


def test_multiples_only_has_no_free_cuts():
    choices = SeededChoices("multiples")
    assert all(isinstance(random_cut(choices, rows, multiples_only=True), Every) for rows in range(1, 200))


def test_a_long_program_is_not_cut_at_every_row():
    choices = SeededChoices("long")
    rows = 2**17
    assert max(len(random_cut(choices, rows).starts(rows)) for _ in range(200)) <= MOST_FRAGMENTS
