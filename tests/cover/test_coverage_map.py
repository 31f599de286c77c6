"""The map counts cuts, keeps the smallest case, adds up, and says what it lacks; files of it are merged, not overwritten."""

from __future__ import annotations

import json

import numpy as np
import pytest
from made_runs import block, run

from harness.coverage import NO_ROWS, CoverageMap, Smallest, cell, number, parse, row_cells
from harness.coverage.listing import as_json, groups, listing
from harness.coverage.saved import read_map, write_map
from reference.definition.cuts import ONE_FRAGMENT, At, Every
from reference.definition.errors import InputError
from reference.definition.mast import Join

SHORT = row_cells(run(block("SWAP NEG")))
LONG = row_cells(run(block("SWAP NEG"), block("INCR"), Join(0, 1)))


def covered(coverage):
    return {cell(each).text for each in np.flatnonzero(coverage.counts).tolist()}


def test_only_cuts_count():
    coverage = CoverageMap()
    assert coverage.add(SHORT, ONE_FRAGMENT, "one") == 0
    assert coverage.add(NO_ROWS, Every(1), "failed") == 0
    assert coverage.covered == 0
    assert coverage.add(SHORT, At((2,)), "cut") == 2
    assert covered(coverage) == {"NEG/inside/16/shallow/untouched/0", "SWAP/before/16/any/any/0"}


def test_a_cut_that_repeats_is_counted_and_not_new():
    coverage = CoverageMap()
    coverage.add(SHORT, At((2,)), "first")
    assert coverage.add(SHORT, At((2, 2, 9)), "again") == 0
    assert coverage.counts[number(parse("SWAP/before/16/any/any/0"))] == 2


def test_a_cell_met_twice_in_one_case_counts_twice():
    coverage = CoverageMap()
    coverage.add(row_cells(run(block("SWAP SWAP SWAP"))), Every(1), "swaps")
    assert coverage.counts[number(parse("SWAP/inside/16/shallow/untouched/0"))] == 2


def test_the_smallest_case_of_a_cell_is_kept():
    coverage = CoverageMap()
    at = number(parse("SWAP/first/16/shallow/taken/0"))
    coverage.add(LONG, At((2,)), "long")
    assert coverage.smallest[at] == Smallest("long", 9, 2)
    coverage.add(SHORT, At((1,)), "short")
    coverage.add(LONG, At((2,)), "long again")
    assert coverage.smallest[at] == Smallest("short", 4, 1)


def test_maps_add_up():
    one, other, both = CoverageMap(), CoverageMap(), CoverageMap()
    for each in (one, both):
        each.add(LONG, Every(1), "long")
    for each in (other, both):
        each.add(SHORT, Every(1), "short")
    one.merge(other)
    assert np.array_equal(one.counts, both.counts)
    assert one.smallest == both.smallest


def test_empty_cells_are_wanted_once_each_and_covered_ones_never():
    coverage = CoverageMap()
    swaps = row_cells(run(block("SWAP SWAP SWAP SWAP NEG")))
    # Rows 3 and 4 have the cells of row 2 behind them and before them, but row 2 follows the first operation all the same.
    assert coverage.rows_with_empty_cells(swaps) == [1, 2, 5, 6]
    coverage.add(swaps, At((1, 2, 5)), "some")
    assert coverage.rows_with_empty_cells(swaps) == [6]
    coverage.add(swaps, At((6,)), "rest")
    assert coverage.rows_with_empty_cells(swaps) == []


def test_an_impossible_cell_is_a_contradiction_and_no_coverage():
    coverage = CoverageMap()
    coverage.put(number(parse("INV/first/16/shallow/taken/0")), 3, Smallest("wrong", 9, 1))
    assert coverage.covered == 0
    assert [cell(each).operation for each in coverage.contradictions] == ["INV"]
    assert any("0 has no inverse; wrong, 9 rows, cut at 1" in line for line in listing(coverage, gaps=0, cells=False))


# ---- files ----------------------------------------------------------------------------------------------------------


def test_a_file_holds_the_whole_map(tmp_path):
    coverage = CoverageMap()
    coverage.add(LONG, Every(1), 'a name with "quotes"')
    write_map(coverage, tmp_path / "coverage.json")
    found = read_map(tmp_path / "coverage.json")
    assert np.array_equal(found.counts, coverage.counts)
    assert found.smallest == coverage.smallest


def test_an_empty_map_is_a_file_too(tmp_path):
    write_map(CoverageMap(), tmp_path / "coverage.json")
    assert read_map(tmp_path / "coverage.json").covered == 0


NO_ENTRIES = [[0, 2, 1, "a"], [1, 2, 2, "a"], [1, 2, 0, "a"], [True, 2, 1, "a"], [1, 2.0, 1, "a"], [2**62, 2, 1, ""], 7]
CELL = "SWAP/first/16/shallow/taken/0"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("", "expected JSON"),
        ("[" * 100_000, "expected JSON"),
        ("[]", "expected a coverage map of format fragdiff-coverage/1"),
        ('{"format": "fragdiff-coverage/2", "cells": {}}', "format fragdiff-coverage/1"),
        ('{"format": "fragdiff-coverage/1", "cells": []}', "format fragdiff-coverage/1"),
        ('{"format": "fragdiff-coverage/1", "cells": {"SWAP": [1, 2, 1, "a"]}}', "expected a cell of the map"),
        *(
            (json.dumps({"format": "fragdiff-coverage/1", "cells": {CELL: entry}}), "expected [times, rows, row, case]")
            for entry in NO_ENTRIES
        ),
    ],
)
def test_a_file_that_is_no_map_is_refused(tmp_path, text, place):
    path = tmp_path / "coverage.json"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        read_map(path)
    assert place in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_file_that_is_missing_or_no_text_is_refused(tmp_path):
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    for name in ("missing", "binary"):
        with pytest.raises(InputError, match="cannot be read"):
            read_map(tmp_path / name)


# ---- lists ----------------------------------------------------------------------------------------------------------


def test_gaps_come_first_and_what_is_complete_is_none():
    coverage = CoverageMap()
    coverage.add(SHORT, At((1,)), "short")
    found = groups(coverage)
    assert [len(group.missing) for group in found] == sorted((len(group.missing) for group in found), reverse=True)
    assert sum(group.possible for group in found) == coverage.possible
    assert sum(len(group.covered) for group in found) == coverage.covered == 2
    lines = list(listing(coverage, gaps=3, cells=True))
    assert lines[0].startswith(f"2 of {coverage.possible:,} cells covered")
    assert lines[0].endswith("1 cuts")
    assert sum(line.startswith("  ") and " missing " in line for line in lines) == 3
    assert lines[-1].split()[:2] == ["SPAN/before/16/any/any/0", "1"]


def test_a_gap_names_what_all_its_missing_cells_share():
    coverage = CoverageMap()
    for words in ("16/1", "17/1", "18+/1"):
        depth, item = words.split("/")
        for queue in ("taken",):
            for nest in ("shallow", "deep", "called"):
                coverage.put(number(parse(f"ASSERT/first/{depth}/{nest}/{queue}/{item}")), 1, Smallest("a", 9, 1))
    (group,) = [each for each in groups(coverage) if (each.operation, each.phase) == ("ASSERT", "first")]
    assert (len(group.covered), group.possible) == (9, 12)
    line = next(line for line in listing(coverage, gaps=None, cells=False) if "ASSERT first" in line)
    assert line.endswith("missing 3: nest called twice")


def test_json_has_every_cell_once():
    coverage = CoverageMap()
    coverage.add(LONG, Every(1), "long")
    value = as_json(coverage)
    assert value["covered"] == len(value["cells"])
    assert value["possible"] == value["covered"] + sum(len(gap["missing"]) for gap in value["gaps"])
    assert value["cells"]["SPAN/before/16/any/any/0"] == {"cuts": 2, "case": "long", "rows": 9, "row": 2}
    json.dumps(value)
