"""Which cases a corpus keeps: pinned ones, and enough others to reach everything."""

from pathlib import Path

from harness.corpus.covered import Candidate, Reach, alone, worth_keeping


def candidate(name, rows, cells, *, pinned=False):
    return Candidate(Path(name), Reach(rows, frozenset(cells)), pinned)


def kept(*candidates):
    return [item.path.name for item, keep in zip(candidates, worth_keeping(candidates), strict=True) if keep]


def test_the_smallest_case_of_a_cell_is_kept():
    assert kept(candidate("large", 20, "a"), candidate("small", 10, "a")) == ["small"]


def test_a_pinned_case_is_kept_and_what_it_reaches_needs_nobody_else():
    assert kept(candidate("pinned", 50, "ab", pinned=True), candidate("small", 10, "a")) == ["pinned"]
    assert kept(candidate("pinned", 50, "", pinned=True)) == ["pinned"]


def test_everything_that_all_reach_is_still_reached():
    cases = [
        candidate("one", 5, "ab"),
        candidate("two", 6, "bc"),
        candidate("three", 7, "cd"),
        candidate("four", 8, "da"),
    ]
    chosen = [item for item, keep in zip(cases, worth_keeping(cases), strict=True) if keep]
    assert set().union(*(item.reach.cells for item in chosen)) == set("abcd")


def test_a_small_case_goes_when_larger_ones_had_to_be_kept_anyway():
    assert kept(candidate("small", 5, "ab"), candidate("two", 6, "ac"), candidate("three", 7, "bd")) == ["two", "three"]


def test_a_case_that_reaches_nothing_goes():
    assert kept(candidate("nothing", 5, "")) == []


def test_which_of_two_equal_cases_stays_does_not_depend_on_their_order():
    assert kept(candidate("b", 5, "a"), candidate("a", 5, "a")) == ["a"]
    assert kept(candidate("a", 5, "a"), candidate("b", 5, "a")) == ["a"]


def test_cells_that_only_one_case_reaches_are_counted():
    assert alone([Reach(1, frozenset("abc")), Reach(1, frozenset("bcd"))]) == [1, 1]
    assert alone([Reach(1, frozenset("ab")), Reach(1, frozenset("ab"))]) == [0, 0]
