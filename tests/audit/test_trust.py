"""The tables of ``python -m harness.audit.trust`` say what is so: corruptions are what they are called, cells are put back,
and a rule that noticed something alone is one whose corruption escapes without it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from golden_traces import DATA

from harness.audit.trust.__main__ import all_rules, corruptions_of
from harness.audit.trust.corruption import Corruption, Edit, SingleCells, applied
from harness.audit.trust.families import FAMILIES, several_cells
from harness.audit.trust.subject import chiplet_kind, load_subjects
from harness.audit.trust.tally import lines_of, tally_of
from reference.definition.columns import CHIPLETS, STACK
from reference.definition.isa import OPERATIONS

CASES, TRACES, RECORDS = DATA / "vm" / "cases.jsonl", DATA / "vm" / "traces", DATA / "vm" / "records.jsonl"
SUBJECTS = tuple(load_subjects(CASES, TRACES, RECORDS, most_rows=256))


def test_subjects_are_real_traces_that_the_audit_accepts() -> None:
    assert len(SUBJECTS) > 80
    assert all(subject.judge().accepted for subject in SUBJECTS)
    assert all(subject.known.core_rows for subject in SUBJECTS)


def test_a_corruption_lasts_as_long_as_it_is_applied() -> None:
    subject = SUBJECTS[0]
    before = subject.cells.copy()
    corruption = Corruption(subject, "single cell", "any", (Edit(3, 30, 7), Edit(3, 30, 9)))
    with applied(corruption):
        assert subject.cells[30, 3] == 9
    assert (subject.cells == before).all()


def test_single_cells_are_of_every_operation_and_every_kind_of_chiplet_row() -> None:
    kinds = set(SingleCells(SUBJECTS, 1).kinds)
    assert {info.name for info in OPERATIONS} <= kinds
    for subject in SUBJECTS:
        assert {chiplet_kind(subject.cells, row) for row in range(subject.rows - 1)} <= kinds


def test_corruptions_are_the_same_for_the_same_seed_and_change_something() -> None:
    one, two = (list(corruptions_of(SUBJECTS, 50, 5, seed=3)) for _ in range(2))
    assert [c.edits for c in one] == [c.edits for c in two]
    assert [c.edits for c in one] != [c.edits for c in corruptions_of(SUBJECTS, 50, 5, seed=4)]
    for corruption in one:
        before = corruption.subject.cells.copy()
        with applied(corruption):
            assert (corruption.subject.cells != before).any()


def first_of(family: str) -> tuple[Corruption, np.ndarray, np.ndarray]:
    """The first corruption of a family, its subject's cells before and while it is applied."""
    corruption = next(several_cells(SUBJECTS, family, 1, seed=5))
    before = corruption.subject.cells.copy()
    with applied(corruption) as subject:
        return corruption, before, subject.cells.copy()


def test_exchanged_entries_hold_the_same_cells_in_another_order() -> None:
    _, before, after = first_of("exchanged entries")
    rows_before = sorted(map(tuple, before[CHIPLETS].T.tolist()))
    assert rows_before == sorted(map(tuple, after[CHIPLETS].T.tolist()))
    assert (before != after).any()


def test_a_copied_segment_is_that_of_the_row_before() -> None:
    corruption, before, after = first_of("copied segment")
    row = corruption.edits[0].row
    columns = [edit.column for edit in corruption.edits]
    assert (after[columns, row] == before[columns, row - 1]).all()


def test_a_stale_value_ends_where_the_value_changes_again() -> None:
    corruption, before, after = first_of("stale value")
    column, first, last = corruption.edits[0].column, corruption.edits[0].row, corruption.edits[-1].row
    assert (after[column, first : last + 1] == before[column, first - 1]).all()
    assert len(set(before[column, first : last + 1].tolist())) == 1
    assert last == before.shape[1] - 2 or before[column, last + 1] != before[column, last]


def test_nothing_escapes_and_every_part_has_its_share() -> None:
    tally = tally_of(corruptions_of(SUBJECTS, 600, 40, seed=11))
    assert tally.corruptions == 600 + 40 * len(FAMILIES)
    assert tally.escaped == []
    groups = {
        "system",
        "decoder",
        "stack",
        "range",
        "selectors",
        "hasher",
        "bitwise",
        "memory",
        "ace",
        "buses",
        "requests",
    }
    assert groups <= tally.by_group.keys()


@pytest.mark.slow
def test_nothing_escapes_of_very_many() -> None:
    tally = tally_of(corruptions_of(SUBJECTS, 40_000, 3_000, seed=12))
    print("\n".join(lines_of(tally, all_rules(SUBJECTS[0].known))))
    assert tally.escaped == []


def test_what_one_rule_notices_alone_escapes_without_that_rule() -> None:
    tally = tally_of(corruptions_of(SUBJECTS, 300, 10, seed=13))
    assert len(tally.examples) > 20
    for rule, corruptions in tally.examples.items():
        for corruption in corruptions:
            with applied(corruption) as subject:
                assert subject.judge(without=[rule]).accepted
                assert [violation.rule.name for violation in subject.judge().violations] == [rule]


def test_an_escape_is_told() -> None:
    """A cell overwritten with itself stands for a corruption that nothing notices."""
    subject = SUBJECTS[0]
    silent = Corruption(subject, "single cell", "any", (Edit(5, 30, int(subject.cells[30, 5])),))
    tally = tally_of([silent])
    assert tally.escaped == [silent]
    assert lines_of(tally, all_rules(subject.known))[0] == "1 corruptions, 1 escaped"


def test_exchanged_bitwise_answers_are_noticed_by_their_order_alone() -> None:
    found = 0
    for corruption in several_cells(SUBJECTS, "exchanged entries", 200, seed=6):
        if corruption.kind.startswith("bitwise"):
            with applied(corruption) as subject:
                assert [v.rule.name for v in subject.judge().violations] == ["requests.bitwise.order"]
            found += 1
    assert found >= 2


def test_the_command_prints_the_tables(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "harness.audit.trust", CASES, TRACES, "--records", RECORDS]
    numbers = ["--single", "100", "--several", "2", "--most-rows", "64"]
    result = subprocess.run([*command, *numbers], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert lines[0] == "114 corruptions, 0 escaped"
    assert any(line.startswith("buses ") for line in lines)
    assert any("rules never matter alone" in line for line in lines)


def test_the_command_needs_a_trace(tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "harness.audit.trust", CASES, tmp_path], capture_output=True, text=True, check=False
    )
    assert result.returncode == 2
    assert "no case has a trace that the audit accepts" in result.stderr


def test_a_stack_cell_of_a_halt_row_is_a_corruption_too() -> None:
    subject = SUBJECTS[0]
    row = subject.rows - 3
    with applied(Corruption(subject, "single cell", "HALT", (Edit(row, STACK.start, 5),))):
        names = {violation.rule.name for violation in subject.judge().violations}
    assert "stack.keep.0" in names
