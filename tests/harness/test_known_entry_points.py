"""A6, an EXTERNAL entry point that is resolved again in fragment 0: what the entry excuses, and what it does not."""

from dataclasses import replace

import numpy as np
import pytest
from divergent_cases import case_named, impostor, small_case
from made_engines import MadeRun

from harness.backend import REAL_VM, EngineFailure
from harness.compare import compare
from harness.verdict import Kind, Verdict
from reference.definition.columns import COLUMN
from reference.definition.cuts import ONE_FRAGMENT, At, Every

A6_PANIC = EngineFailure("exec:impostor", "panicked: No block address operations recorded")


def test_a6_needs_an_external_entry(reference):
    case = small_case(
        ["external @0:0", "block SWAP", "join 1 0"], libraries=[{"nodes": ["block SWAP SWAP"], "roots": [0]}]
    )
    assert compare(case, [reference, impostor(A6_PANIC)]).verdict is Verdict.DIFFER


def test_a6_needs_a_second_resolution(reference):
    case = small_case(["external @0:0"], libraries=[{"nodes": ["block SWAP SWAP"], "roots": [0]}])
    assert compare(case, [reference, impostor(A6_PANIC)]).verdict is Verdict.DIFFER


def test_a6_needs_the_second_resolution_in_fragment_0(reference):
    case = case_named("a6_ext_entry_then_ext", Every(5))
    assert compare(case, [reference, impostor(A6_PANIC)]).verdict is Verdict.DIFFER


@pytest.mark.parametrize(
    "panic",
    [
        "No MastForest resolutions recorded",
        "No elements read from memory",
        "attempted to access Noop process state",
        "operation should execute successfully: NotU32Values { values: [9267534372877043192],\n err_code: 0 }",
    ],
)
def test_a6_excuses_every_panic_of_a_fragment_that_runs_the_wrong_node(reference, panic):
    case = case_named("a6_ext_entry_then_ext", ONE_FRAGMENT)
    failure = EngineFailure("exec:impostor", f"panicked: {panic}")
    assert [item.entry for item in compare(case, [reference, impostor(failure)]).excused] == ["A6"]


def as_impostor(reference, case, **lengths):
    """The reference's own run under the real VM's identity, with other lengths in its summary."""
    run = reference.run(case)
    cells = np.concatenate([window.cells for window in run.windows()], axis=1)
    summary = replace(run.summary, **lengths)
    longer = np.zeros((72, max(0, summary.rows - cells.shape[1])), np.uint64)
    cells = np.concatenate([cells, longer], axis=1)
    return impostor(
        MadeRun(outcome=run.outcome, summary=summary, cells=cells, states=run.boundaries(), edges=(0, summary.rows))
    )


def contradicting(reference, case, said):
    """The reference's own run under the real VM's identity, with a word about builds that differ."""
    engine = as_impostor(reference, case)
    return impostor(replace(engine.run(case), said=(said,)))


WRONG_FROM = "the build with fragments of 1 rows differs from the first one in columns {columns}, first in row {row}"


def test_a6_excuses_builds_that_differ_from_the_second_resolution_on(reference):
    case = case_named("a6_ext_entry_then_ext", At((3,)))
    said = WRONG_FROM.format(columns="1, 14, 48", row=5)
    comparison = compare(case, [reference, contradicting(reference, case, said)])
    assert [(item.entry, item.divergence.kind) for item in comparison.excused] == [("A6", Kind.SELF)]
    assert comparison.divergences == ()


def test_a6_excuses_builds_of_different_lengths_in_every_column(reference):
    case = case_named("a6_ext_entry_then_ext", At((3,)))
    said = WRONG_FROM.format(columns="1, 52", row=5) + "; 64 and 128 rows"
    comparison = compare(case, [reference, contradicting(reference, case, said)])
    assert [(item.entry, item.divergence.kind) for item in comparison.excused] == [("A6", Kind.SELF)]
    assert comparison.divergences == ()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("a6_ext_entry_then_ext", WRONG_FROM.format(columns="1, 14", row=4)),
        ("a6_ext_entry_then_ext", WRONG_FROM.format(columns="1, 52", row=5)),
        ("a6_ext_entry_then_ext", WRONG_FROM.format(columns="1, 52", row=4) + "; 64 and 128 rows"),
        ("a6_ext_entry_then_ext", "the build with fragments of 1 rows differs from the first one: panicked"),
        ("a9_pad_column", WRONG_FROM.format(columns="1, 14", row=5)),
    ],
    ids=["before the resolution", "a chiplet column", "another length before it", "no cells", "no external entry"],
)
def test_a6_excuses_no_other_contradiction(reference, name, said):
    case = case_named(name, At((3,)))
    comparison = compare(case, [reference, contradicting(reference, case, said)])
    assert [divergence.kind for divergence in comparison.divergences] == [Kind.SELF]


def test_a6_excuses_another_core_length_of_a_single_fragment(reference):
    case = case_named("a6_ext_entry_then_ext", ONE_FRAGMENT)
    comparison = compare(case, [reference, as_impostor(reference, case, core=8)])
    assert [(item.entry, item.divergence.kind) for item in comparison.excused] == [("A6", Kind.SUMMARY)]
    assert comparison.divergences == ()


def test_a6_compares_no_cells_of_a_trace_of_another_length_and_does_not_call_it_agreement(reference):
    case = case_named("a6_ext_entry_then_ext", ONE_FRAGMENT)
    comparison = compare(case, [reference, as_impostor(reference, case, core=70, rows=128)])
    assert [item.entry for item in comparison.excused] == ["A6"]
    assert comparison.verdict is Verdict.NOT_COMPARABLE
    assert comparison.counts.cells == 0


@pytest.mark.parametrize(
    ("plan", "lengths"),
    [(ONE_FRAGMENT, {"range": 40}), (ONE_FRAGMENT, {"core": 9, "hasher": 16}), (Every(9), {"core": 9})],
)
def test_a6_excuses_no_other_length(reference, plan, lengths):
    case = case_named("a6_ext_entry_then_ext", plan)
    comparison = compare(case, [reference, as_impostor(reference, case, **lengths)])
    assert comparison.verdict is Verdict.DIFFER


def test_a6_excuses_no_other_panic(reference):
    case = case_named("a6_ext_entry_then_ext", ONE_FRAGMENT)
    panic = EngineFailure("exec:impostor", "panicked: index out of bounds")
    assert compare(case, [reference, impostor(panic)]).verdict is Verdict.DIFFER


class Altered:
    """A run of the real VM, identity and all, with one more wrong cell."""

    def __init__(self, engine, column, row):
        self.name, self.identity, self._engine = engine.name, REAL_VM, engine
        self._column, self._row = COLUMN[column], row

    def run(self, case):
        run = self._engine.run(case)
        cells = np.array(run.cells)
        cells[self._column, self._row] ^= np.uint64(1)
        return replace(run, cells=cells)


@pytest.mark.parametrize(
    ("column", "row"), [("clk", 4), ("stack_0", 0), ("chip_0", 5), ("range_m", 6), ("clk", 7), ("pad_0", 63)]
)
def test_a6_hides_no_wrong_cell_outside_the_core_rows_it_explains(reference, real_vm, column, row):
    case = case_named("a6_ext_entry_then_ext", Every(6))
    comparison = compare(case, [reference, Altered(real_vm, column, row)])
    assert comparison.verdict is Verdict.DIFFER
    first = next(item for item in comparison.divergences if item.kind is Kind.CELL)
    assert (first.row, column in [item.name for item in first.columns]) == (row, True)
