"""The class of a difference, for mistakes whose dependence on cuts is known."""

import pytest
from altered_engines import (
    Sometimes,
    after_operation,
    behind_cut,
    captured,
    case_of,
    first_operation_behind_cut,
    where_fragment_begins_with,
    with_fragments,
)

from harness.backends.reference import ReferenceEngine
from harness.localise.experiments import FaultClass
from harness.localise.localisation import localise
from reference.definition.cuts import At, Every

OPERATIONS = "block SWAP INCR MUL NEG SWAP INCR SWAPW DUP3 DROP NEG SWAP INCR SWAPW DUP3 DROP NEG"


def dependence(engine, cut, nodes=OPERATIONS):
    found = localise(case_of(nodes, cut), [ReferenceEngine(), engine], audit=False)
    assert found is not None
    return found.dependence


def test_what_an_operation_does_wrong_does_not_depend_on_cuts():
    found = dependence(after_operation("MUL"), Every(2))
    assert (found.fault_class, found.cuts, found.fragments) == (FaultClass.INDEPENDENT, (), None)


@pytest.mark.parametrize("distance", [0, 1, 3])
def test_what_a_fragment_does_wrong_behind_its_first_row_moves_with_the_cut(distance):
    found = dependence(behind_cut(distance), At((6,)))
    assert (found.fault_class, found.cuts, found.rows_later) == (FaultClass.MOVES, (6,), distance)
    moved = [each for each in found.experiments if each.change.startswith("the cut moved")]
    assert {each.distance for each in moved} == {distance}
    assert len(moved) == 4


@pytest.mark.parametrize(("cut", "later"), [(4, 6), (6, 4), (8, 2)])
def test_what_a_context_holds_for_later_appears_rows_later(cut, later):
    """DROP stands on row 9."""
    found = dependence(first_operation_behind_cut("DROP"), At((cut,)))
    assert (found.fault_class, found.cuts, found.rows_later) == (FaultClass.LATER, (cut,), later)
    assert found.text == f"appears {later} rows later than the cut and stays there when the cut moves"


def test_what_a_fragment_does_wrong_at_one_kind_of_row_vanishes_without_the_cut_there():
    """SWAPW stands on rows 7 and 13, its neighbours are other operations."""
    found = dependence(where_fragment_begins_with("SWAPW"), At((7,)))
    assert (found.fault_class, found.cuts, found.rows_later) == (FaultClass.VANISHES, (7,), 1)


@pytest.mark.parametrize("fragments", [3, 4])
def test_what_needs_several_fragments_is_given_as_few_as_show_it(fragments):
    found = dependence(with_fragments(fragments, row=11), Every(1))
    assert found.fault_class is FaultClass.SEVERAL
    assert found.fragments == fragments
    assert found.text == f"needs {fragments} fragments"


def test_one_cut_of_many_is_enough_for_two_fragments():
    found = dependence(with_fragments(2, row=11), Every(1))
    assert len(found.cuts) == 1
    assert found.fragments == 2


@pytest.mark.parametrize("runs", [(1, 2), (1, 2, 4)])
def test_what_shows_on_some_runs_only_is_not_stable(runs):
    found = dependence(Sometimes("MUL", runs), At((3,)))
    assert (found.fault_class, found.cuts) == (FaultClass.UNSTABLE, ())


def test_a_field_that_is_captured_wrongly_everywhere_moves_with_the_cut():
    found = dependence(captured("depth", lambda depth: depth + 1), At((5,)))
    assert (found.fault_class, found.cuts, found.rows_later) == (FaultClass.MOVES, (5,), 0)


def test_cuts_are_moved_by_one_and_two_and_doubled():
    found = dependence(behind_cut(0), Every(5))
    changes = {each.change: each.plan for each in found.experiments}
    assert changes["the cut moved by -2"] == At((3,))
    assert changes["the cut moved by +2"] == At((7,))
    assert changes["the cut doubled: a fragment of one row"] == At((5, 6))
    assert changes["fragments twice as long"] == Every(10)


def test_a_cut_is_not_moved_out_of_the_program():
    """Rows 0 to 2; only row 1 and 2 can begin a fragment."""
    found = dependence(behind_cut(0), At((1,)), "block SWAP")
    moved = [each.plan for each in found.experiments if each.change.startswith("the cut moved")]
    assert moved == [At((2,))]


def test_whether_a_cut_heals_it_is_said():
    found = dependence(after_operation("MUL"), Every(20))
    (healed,) = [each for each in found.experiments if each.change == "a cut right before the wrong row"]
    assert (healed.plan, healed.shows, healed.row) == (At((4,)), True, 4)


class CutsAtMultiples:
    """Like the real VM's builder: free plans are built as one fragment."""

    name = "at-multiples"

    def __init__(self):
        self._inner = behind_cut(1)

    def probe(self):
        return self._inner.probe()

    def run(self, case):
        if isinstance(case.cut, Every):
            return self._inner.run(case)
        run = self._inner.run(case)
        run.cells = run.inner.execution.trace.columns.copy()
        run.built_with_cuts = False
        return run

    def close(self):
        self._inner.close()


def test_an_engine_that_cuts_at_multiples_only_is_asked_with_fragment_sizes():
    found = dependence(CutsAtMultiples(), Every(9))
    assert (found.fault_class, found.cuts, found.rows_later) == (FaultClass.MOVES, (9,), 1)
    assert {each.plan for each in found.experiments if each.change.startswith("the cut moved")} == {
        Every(size) for size in (7, 8, 10, 11)
    }
