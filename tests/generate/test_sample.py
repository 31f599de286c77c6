"""What a few hundred seeded cases have in common: they do what they are meant to; together they do everything."""

from __future__ import annotations

from collections import Counter

from harness.coverage import cell, possible_numbers, row_operations
from harness.coverage.cells import PHASES
from harness.generate import COMPLETES, FAMILIES, Profile
from harness.generate.families import families_in_use
from harness.generate.forests import block_rows
from harness.generate.generated import SMALLEST_FILLING, filling
from reference.definition.isa import BLOCK_OPERATIONS, NOOP_OPERATION
from reference.definition.mast import NODE_KIND, Block, External


def operations(sample):
    """Executed operations and control rows, decoded from the traces."""
    completed = [ran for ran in sample if ran.cells.rows]
    return Counter(name.partition(" ")[0] for ran in completed for name in row_operations(ran.cells))


def test_every_program_ends_as_its_writer_meant_it_to(sample):
    wrong = [(ran.number, ran.generated.family, ran.generated.intended, ran.ended) for ran in sample]
    assert [each for each in wrong if each[2] != each[3]] == []


def test_about_one_program_in_seven_is_meant_to_fail(sample):
    failing = sum(ran.generated.intended != COMPLETES for ran in sample)
    assert 0.08 < failing / len(sample) < 0.25


def test_every_block_operation_is_executed(sample):
    executed = operations(sample)
    assert [info.name for info in BLOCK_OPERATIONS if not executed[info.name]] == []


def test_every_kind_of_node_is_executed(sample):
    executed = operations(sample)
    rows = ("SPAN", "JOIN", "SPLIT", "LOOP", "REPEAT", "CALL", "SYSCALL", "DYN", "DYNCALL", "RESPAN", "END")
    assert [name for name in rows if not executed[name]] == []
    phases = {cell(each).phase for ran in sample for each in ran.cells.behind[1:].tolist()}
    assert phases == set(PHASES) - {"before"}


def test_no_row_stands_where_none_can(sample):
    wrong = {
        (ran.number, cell(each).text)
        for ran in sample
        for numbers in ran.cells
        for each in numbers[1:][~possible_numbers()[numbers[1:]]].tolist()
    }
    assert wrong == set()


def test_every_kind_of_node_stands_in_some_forest(sample):
    forests = [
        forest for ran in sample for forest in (ran.generated.case.program.forest, *ran.generated.case.libraries)
    ]
    assert {type(node) for forest in forests for node in forest.nodes} == set(NODE_KIND)


def test_every_family_is_drawn(sample):
    in_use = families_in_use((), Profile().max_rows)
    assert {ran.generated.family for ran in sample} == {family.name for family in in_use}
    assert {family.name for family in FAMILIES} - {family.name for family in in_use} == {"long"}


def test_programs_are_small(sample):
    rows = sorted(
        ran.core_rows
        for ran in sample
        if ran.ended == COMPLETES and ran.generated.family not in ("lengths", "deep_stack")
    )
    assert rows[len(rows) // 2] < 200
    assert rows[-1] < 1500


def test_rows_counted_while_writing_are_those_executed_or_more(sample):
    completed = [ran for ran in sample if ran.ended == COMPLETES]
    assert all(ran.core_rows <= ran.generated.rows for ran in completed)
    exact = sum(ran.core_rows == ran.generated.rows for ran in completed)
    assert exact / len(completed) > 0.8


def test_lengths_come_near_powers_of_two(sample):
    rows = [ran.core_rows for ran in sample if ran.generated.family == "lengths" and ran.ended == COMPLETES]
    assert rows
    assert [count for count in rows if min(abs(count - 2**k) for k in range(6, 12)) > 3] == []


def test_a_filling_has_exactly_the_rows_asked_for():
    for rows in range(SMALLEST_FILLING, 1200):
        counts = filling(rows)
        blocks = [Block((NOOP_OPERATION,) * count) for count in counts]
        assert sum(2 + block_rows(block.operations) for block in blocks) == rows


def test_kernels_have_up_to_three_procedures(sample):
    sizes = {len(ran.generated.case.program.kernel.procedures) for ran in sample}
    assert {0, 1, 2, 3} <= sizes


def test_up_to_three_libraries_and_one_names_another(sample):
    libraries = [ran.generated.case.libraries for ran in sample]
    assert {0, 1, 2, 3} <= set(map(len, libraries))
    assert any(isinstance(node, External) for each in libraries for library in each for node in library.nodes)


def test_most_programs_use_the_overflow_table(sample):
    completed = [ran for ran in sample if ran.ended == COMPLETES]
    assert sum(ran.deep_rows > 0 for ran in completed) > 0.7 * len(completed)


def test_contexts_of_calls_use_the_overflow_table_too(sample):
    assert sum(ran.deep_rows_in_calls > 0 for ran in sample) > 20
