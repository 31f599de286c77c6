"""The comparison sees every wrong cell, names it, and never takes missing rows for equal ones."""

from dataclasses import replace

import numpy as np
import pytest
from made_engines import CASE, CORE, ROWS, STARTS, SUMMARY, MadeEngine, MadeRun, made_cells, with_cell

from harness.backend import EngineFailure, Window
from harness.compare import compare
from harness.lockstep import BLOCK_ROWS, SMALL_WINDOWS, RowStream
from harness.verdict import Kind, Verdict, describe
from reference.definition.columns import COLUMN, COLUMN_NAMES
from reference.definition.field import P


def against(run, case=CASE, **options):
    return compare(case, [MadeEngine("one"), MadeEngine("other", run)], **options)


def only_divergence(comparison):
    (divergence,) = comparison.divergences
    assert comparison.verdict is Verdict.DIFFER
    return divergence


def test_equal_runs_agree_and_everything_is_counted():
    comparison = against(MadeRun())
    assert comparison.verdict is Verdict.AGREE
    assert not comparison.divergences
    counts = comparison.counts
    assert (counts.rows, counts.cells, counts.boundaries) == (ROWS, 72 * ROWS, len(STARTS))
    assert (counts.seams, counts.seams_not_exercised) == (2, 0)


@pytest.mark.parametrize("row", [0, 1, 4, CORE - 1, CORE, ROWS - 1])
@pytest.mark.parametrize("column", ["clk", "dec_h0", "stack_h0", "range_m", "chip_19", "pad_0"])
def test_one_wrong_cell_is_found_wherever_it_is(column, row):
    divergence = only_divergence(against(with_cell(column, row, 5)))
    assert divergence.kind is Kind.CELL
    assert divergence.row == row
    assert divergence.last_equal_row == (row - 1 if row else None)
    assert divergence.columns == ((column, int(made_cells()[COLUMN[column], row]), 5),)


def test_the_first_wrong_row_is_reported_with_all_its_wrong_columns():
    cells = made_cells()
    cells[3, 7] = cells[71, 6] = cells[30, 6] = 1
    divergence = only_divergence(against(MadeRun(cells=cells)))
    assert divergence.row == 6
    assert [item.name for item in divergence.columns] == [COLUMN_NAMES[30], COLUMN_NAMES[71]]


def test_rows_after_the_first_wrong_one_are_not_counted():
    counts = against(with_cell("ctx", 6, 1)).counts
    assert (counts.rows, counts.cells) == (7, 7 * 72)


def test_a_divergence_names_the_operations_the_fragment_and_the_cut():
    divergence = only_divergence(against(with_cell("stack_0", 5, 1)))
    assert (divergence.operation, divergence.previous_operation) == ("DROP", "MUL")
    assert divergence.place == (1, 4, 4)
    assert divergence.cut_distance == 1
    assert divergence.signature == "cell one|other MUL stack"
    text = describe(divergence)
    assert "first wrong row 5 (DROP, after MUL), last equal row 4" in text
    assert "in fragment 1, which begins at row 4; 1 rows after the nearest cut at row 4" in text
    assert "stack_0  " in text


def test_the_nearest_cut_may_lie_ahead():
    divergence = only_divergence(against(with_cell("dec_h0", 7, 1)))
    assert (divergence.place, divergence.cut_distance) == ((1, 4, 8), -1)
    assert divergence.signature == "cell one|other INCR decoder"


def test_the_row_before_is_known_across_windows():
    small = MadeRun(cells=with_cell("stack_0", 4, 1).cells)
    assert only_divergence(against(small)).previous_operation == "ADD"


def test_padding_belongs_to_no_fragment():
    assert only_divergence(against(with_cell("chip_0", 40, 1))).place == (None, None, 8)


@pytest.mark.parametrize("edges", [(0, 64), (0, 1, 2, 3, 63, 64), tuple(range(65)), (0, 33, 64)])
def test_engines_may_window_as_they_like(edges):
    comparison = against(MadeRun(edges=edges))
    assert comparison.verdict is Verdict.AGREE
    assert comparison.counts.rows == ROWS


def failure_of(run):
    divergence = only_divergence(against(run))
    assert divergence.kind is Kind.ENGINE_FAILURE
    assert divergence.left == "other"
    return divergence.detail


def test_no_windows_at_all_is_not_agreement():
    assert failure_of(MadeRun(made_windows=[])) == "its windows end at row 0, its summary says 64 rows"


def test_one_row_short_is_not_agreement():
    assert failure_of(MadeRun(edges=(0, 4, 8, 10, 63))) == "its windows end at row 63, its summary says 64 rows"


def test_an_extra_row_is_not_agreement():
    cells = np.concatenate([made_cells(), made_cells()[:, :1]], axis=1)
    detail = failure_of(MadeRun(cells=cells, edges=(0, 64, 65)))
    assert detail == "its windows go on to row 65, its summary says 64 rows"


def test_a_skipped_fragment_is_not_agreement():
    windows = [Window(0, made_cells()[:, :4]), Window(8, made_cells()[:, 8:])]
    assert failure_of(MadeRun(made_windows=windows)) == "a window begins at row 8, expected row 4"


def test_a_fragment_given_twice_is_not_agreement():
    windows = [Window(0, made_cells()[:, :4]), Window(0, made_cells()[:, :4])]
    assert "expected row 4" in failure_of(MadeRun(made_windows=windows))


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        (made_cells()[:71], "a window is uint64[71, 64], expected uint64[72, n]"),
        (made_cells().astype(np.int64), "a window is int64[72, 64], expected uint64[72, n]"),
        (made_cells()[:, :0], "the window at row 0 is empty"),
    ],
)
def test_a_window_of_the_wrong_form_is_a_failed_engine(cells, said):
    assert failure_of(MadeRun(made_windows=[Window(0, cells)])) == said


def test_a_cell_that_is_no_field_element_is_a_failed_engine():
    cells = made_cells()
    cells[COLUMN["chip_3"], 17] = P
    run = MadeRun(cells=cells)
    assert failure_of(run) == "the cell chip_3 of row 17 is not below the modulus"
    both = compare(CASE, [MadeEngine("one", run), MadeEngine("other", replace(run))])
    assert both.verdict is Verdict.DIFFER


def test_an_engine_that_breaks_while_giving_windows_is_a_failed_engine():
    assert failure_of(MadeRun(windows_error=EngineFailure("other", "device lost"))) == "device lost"


def test_equal_cells_with_a_wrong_digest_differ():
    digests = MadeRun().column_digests()
    digests[70] = "0" * 32
    divergence = only_divergence(against(MadeRun(digests=digests)))
    assert divergence.kind is Kind.SUMMARY
    assert [item.name for item in divergence.columns] == ["column digest[70]"]


def test_unequal_lengths_are_compared_as_far_as_they_go():
    summary = replace(SUMMARY, rows=32)
    run = MadeRun(summary=summary, edges=(0, 4, 8, 10, 32))
    comparison = against(run)
    divergence = only_divergence(comparison)
    assert divergence.kind is Kind.SUMMARY
    assert divergence.columns == (("rows", 64, 32),)
    assert comparison.counts.rows == 32


def test_three_engines_are_compared_with_the_first_one():
    engines = [MadeEngine("a"), MadeEngine("b", with_cell("ctx", 3, 1)), MadeEngine("c", with_cell("ctx", 60, 1))]
    comparison = compare(CASE, engines)
    assert [(item.left, item.right, item.row) for item in comparison.divergences] == [("a", "b", 3), ("a", "c", 60)]


def test_when_the_first_engine_breaks_the_others_are_still_compared():
    broken = MadeRun(edges=(0, 4))
    engines = [MadeEngine("a", broken), MadeEngine("b"), MadeEngine("c", with_cell("ctx", 60, 1))]
    comparison = compare(CASE, engines)
    assert {(item.kind, item.right) for item in comparison.divergences} == {
        (Kind.CELL, "c"),
        (Kind.ENGINE_FAILURE, "a"),
    }


def test_large_windows_are_taken_in_blocks_and_small_ones_joined():
    rows = BLOCK_ROWS + 5
    cells = np.zeros((72, rows), np.uint64)
    large = RowStream("large", [Window(0, cells)], rows)
    assert large.available() == rows
    small = RowStream("small", (Window(row, cells[:, row : row + 1]) for row in range(rows)), rows)
    assert small.available() == SMALL_WINDOWS


def test_memory_stays_proportional_to_a_window():
    """2^18 rows are 151 MB a trace; the windows of both engines are made on demand and dropped."""
    tracemalloc = pytest.importorskip("tracemalloc")
    rows = 2**18
    summary = replace(SUMMARY, rows=rows)
    window = np.zeros((72, 4096), np.uint64)

    class Streamed(MadeRun):
        def windows(self):
            for first in range(0, rows, 4096):
                yield Window(first, window.copy())

        def column_digests(self):
            return ["same"] * 72

    tracemalloc.start()
    comparison = compare(CASE, [MadeEngine("a", Streamed(summary=summary)), MadeEngine("b", Streamed(summary=summary))])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (comparison.verdict, comparison.counts.rows) == (Verdict.AGREE, rows)
    assert peak < 40_000_000
