"""Cut plans: random ones are legal, aimed ones find what has not been covered."""

from __future__ import annotations

from harness.cuts import EVERY_ROW_LIMIT, CoverageMap, Situation, aimed_cut, random_cut, row_situations
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


def phases(execution):
    return [row[0].phase if row else None for row in row_situations(execution)]


def test_a_block_has_a_first_operation_others_and_an_end():
    assert phases(execution_of(block("SWAP NEG"))) == [None, "first", "inside", "end"]


def test_a_callee_begins_and_returns():
    run = execution_of(block("SWAP"), Call(0))
    assert phases(run) == [None, "call", "first", "end", "return"]


def test_a_repeated_loop_has_its_own_phase():
    run = execution_of(block("SWAP"), Loop(0), stack=(1, 0, 1))
    assert phases(run) == [None, "start", "first", "end", "repeat", "start", "first", "end", "end"]


def test_the_operation_behind_a_respan_is_a_batch_switch():
    run = execution_of(block("SWAP " * 73))
    found = phases(run)
    assert found.count("batch_switch") == 2
    assert found[73:75] == ["batch_switch", "batch_switch"]


def test_padding_is_told_from_a_noop_of_the_program():
    pushes = Block((Operation(opcode("PUSH"), 7), Operation(opcode("DROP")), Operation(opcode("PUSH"), 8)))
    run = execution_of(pushes, block("NOOP SWAP DROP"), Join(0, 1))
    rows = row_situations(run)
    assert Situation("NOOP", "padding") in {each for row in rows for each in row}
    assert Situation("NOOP", "first") in {each for row in rows for each in row}


def test_the_last_row_and_the_row_before_the_cut_count_too():
    rows = row_situations(execution_of(block("SWAP NEG")))
    assert Situation("END", "last_row") in rows[-1]
    assert Situation("NEG", "before_cut") in rows[-1]
    assert rows[0] == ()


def test_short_programs_are_cut_at_every_row():
    rows = row_situations(execution_of(block("SWAP NEG")))
    assert aimed_cut(rows, CoverageMap()) == Every(1)


def long_run():
    """200 SWAPs and one INCR: 12 rows of a batch, RESPANs, and a single rare row."""
    return row_situations(execution_of(block("SWAP " * 150 + "INCR " + "SWAP " * 50)))


def test_aimed_cuts_of_a_long_program_hit_the_rare_row():
    rows = long_run()
    assert len(rows) > EVERY_ROW_LIMIT
    plan = aimed_cut(rows, CoverageMap(), cuts=8)
    assert isinstance(plan, At)
    hit = {each for row in plan.rows for each in rows[row]}
    assert {Situation("INCR", "inside"), Situation("INCR", "before_cut"), Situation("END", "last_row")} <= hit


def test_what_is_covered_is_not_aimed_at_again():
    rows = long_run()
    coverage = CoverageMap()
    plan = aimed_cut(rows, coverage)
    assert coverage.add(rows, plan) > 0
    assert coverage.add(rows, plan) == 0
    rare = next(row for row in plan.rows if Situation("INCR", "inside") in rows[row])
    coverage.counts.update({each: 100 for row in rows for each in row if each.operation != "INCR"})
    assert aimed_cut(rows, coverage, cuts=1).rows in ((rare,), (rare + 1,))


def test_multiples_only_gives_the_size_that_reaches_the_rare_row():
    rows = long_run()
    coverage = CoverageMap()
    coverage.counts.update({each: 1000 for row in rows for each in row if each.operation != "INCR"})
    plan = aimed_cut(rows, coverage, multiples_only=True)
    assert isinstance(plan, Every)
    assert any(each.operation == "INCR" for row in plan.starts(len(rows)) for each in rows[row])


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
