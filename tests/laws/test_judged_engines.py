"""The same laws through the interface of installed engines: cells, boundary states and cuts anywhere."""

from dataclasses import replace

import numpy as np
import pytest
from judged import SMALL

from harness.backend import Availability, EngineFailure, NotComparable, column_digest
from harness.backends.reference import ReferenceEngine
from harness.laws.build import Refused
from harness.laws.engine_subject import EngineSubject
from harness.laws.judge import judge
from harness.laws.plans import WHOLE, law_plans, nested_pairs
from harness.laws.violation import Kind, Law
from reference.definition.columns import COLUMN
from reference.definition.cuts import ONE_FRAGMENT, At, Every
from reference.definition.formats.case_json import read_case

CASE = read_case(
    '{"name": "two blocks", "program": {"nodes": ["block SWAP MUL", "block DUP0 DROP", "join 0 1"], "roots": [2], "entry": 2},'
    '"stack": [3, 4, 5]}'
)
"""JOIN SPAN SWAP MUL END SPAN DUP0 DROP END END: 10 rows."""


class CuttingRun:
    """The reference's run, seen as one that was built in fragments."""

    built_with_cuts = True
    lie = None

    def __init__(self, run):
        self._run = run

    def __getattr__(self, name):
        return getattr(self._run, name)

    def windows(self):
        for window in self._run.windows():
            yield window if self.lie is None else window._replace(cells=self.lie(window))

    def column_digests(self):
        columns = np.concatenate([window.cells for window in self.windows()], axis=1)
        return [column_digest(column) for column in columns]


class CuttingEngine:
    """Right, unless ``spoil`` changes a run; it is told the case."""

    name = "cutting"

    def __init__(self, spoil=lambda case, run: run):
        self._spoil = spoil
        self.asked = []

    def probe(self):
        return Availability(True, "made")

    def run(self, case):
        self.asked.append(case)
        return self._spoil(case, CuttingRun(ReferenceEngine().run(case)))

    def close(self):
        pass


def wrong_at_row(row, column="stack_0"):
    """Wrong in a row that begins a fragment other than the first."""

    def spoil(case, run):
        def lie(window):
            cells = window.cells.copy()
            if window.first_row == row:
                cells[COLUMN[column], 0] += np.uint64(1)
            return cells

        run.lie = lie
        return run

    return spoil


def of(judgement, law):
    return [item for item in judgement.violations if item.law is law]


def judged(spoil=lambda case, run: run, plans=None):
    return judge(EngineSubject(CuttingEngine(spoil)), CASE, plans or law_plans(CASE, bound=12, free=True))


def test_a_right_engine_keeps_the_laws():
    judgement = judged()
    assert judgement.violations == ()
    assert min(judgement.judged[law] for law in (Law.CUTS, Law.AGAIN, Law.STATES, Law.TWICE)) > 0


def test_a_seam_that_is_wrong_is_named_by_cut_row_and_column():
    judgement = judged(wrong_at_row(6))
    (violation,) = of(judgement, Law.CUTS)
    assert violation.kind is Kind.WRONG_CELLS
    # Every plan that cuts at row 6, one of each kind that cuts alike.
    assert {plan for plan in violation.plans if isinstance(plan, Every)} == {Every(1), Every(2), Every(3), Every(6)}
    assert At((6,)) not in violation.plans, "it cuts where fragments of 6 rows do"
    assert violation.measure == WHOLE
    assert violation.place.row == 6
    assert [(item.name, item.wrong - item.right) for item in violation.place.columns] == [("stack_0", 1)]


def test_cutting_again_names_the_cut_that_makes_the_difference():
    plans = [WHOLE, At((2,)), At((2, 6)), At((2, 4))]
    (violation,) = of(judged(wrong_at_row(6), plans), Law.AGAIN)
    assert (violation.measure, violation.plans) == (At((2,)), (At((2, 6)),))


def test_a_state_that_depends_on_other_cuts():
    def spoil(case, run):
        if case.cut == Every(2):
            states = [replace(state, depth=state.depth + (state.clk == 4)) for state in run.boundaries()]
            run.boundaries = lambda: states
        return run

    (violation,) = judged(spoil).violations
    assert (violation.law, violation.plans) == (Law.STATES, (Every(2),))
    assert violation.said.splitlines() == ["boundary state of row 4", "  depth: 16  |  17"]


def test_an_engine_that_raises_at_one_cut_breaks_law_1():
    def spoil(case, run):
        if case.cut == At((5,)):
            raise KeyError("queue")
        return run

    violation = judged(spoil).violations[0]
    assert (violation.law, violation.kind, violation.plans) == (Law.CUTS, Kind.BREAKS, (At((5,)),))
    assert "KeyError" in violation.said


def test_what_an_engine_says_against_itself_is_told():
    def spoil(case, run):
        run.contradictions = lambda: ("the build differs",) if case.cut == Every(4) else ()
        return run

    (violation,) = judged(spoil).violations
    assert (violation.kind, violation.plans, violation.said) == (Kind.CONTRADICTS, (Every(4),), "the build differs")


def test_the_second_build_goes_another_way_and_a_difference_breaks_law_4():
    engine = CuttingEngine()
    judge(EngineSubject(engine), CASE, [Every(3), Every(5)])
    assert [case.cut for case in engine.asked] == [Every(3), Every(5), Every(3)]
    assert [case.parallel.twice for case in engine.asked] == [False, False, True]

    def spoil(case, run):
        return wrong_at_row(3)(case, run) if case.parallel.twice else run

    (violation,) = judged(spoil, [Every(3), Every(5)]).violations
    assert (violation.law, violation.plans) == (Law.TWICE, (Every(3),))


def test_an_engine_that_never_cuts_is_not_judged():
    judgement = judge(EngineSubject(ReferenceEngine()), CASE, law_plans(CASE, free=True))
    assert judgement.nothing
    assert judgement.not_judged[Law.CUTS] == "it builds its trace without cutting"


def test_an_engine_that_refuses_everything_is_not_judged():
    class Refusing(CuttingEngine):
        def run(self, case):
            raise NotComparable("cutting", "too long for it")

    with pytest.raises(Refused, match="too long for it"):
        EngineSubject(Refusing()).builds(CASE, [WHOLE])
    assert judge(EngineSubject(Refusing()), CASE, [WHOLE]).nothing


def test_an_engine_that_breaks_at_every_cut():
    class Breaking(CuttingEngine):
        def run(self, case):
            raise EngineFailure("cutting", "lost its device")

    (violation,) = judge(EngineSubject(Breaking()), CASE, [WHOLE, Every(1)]).violations
    assert (violation.law, violation.said) == (Law.ANSWER, "lost its device")


def test_the_plans_have_every_size_every_single_cut_and_the_cuts_of_the_case():
    plans = law_plans(replace(CASE, cuts=(At((3, 7)), ONE_FRAGMENT)), bound=12, free=True)
    assert {Every(size) for size in range(1, 13)} | {At((row,)) for row in range(1, 10)} <= set(plans)
    assert {WHOLE, At((3, 7))} <= set(plans)
    assert ONE_FRAGMENT not in plans
    assert len(plans) == len(set(plans))
    assert all(isinstance(plan, Every) for plan in law_plans(SMALL, bound=4))


def test_nested_plans_are_paired_with_the_nearest_coarser_one():
    plans = [WHOLE, Every(2), Every(3), Every(4), Every(12), At((5,)), At((5, 9)), Every(1)]
    pairs = set(nested_pairs(plans))
    assert {(Every(4), Every(2)), (Every(12), Every(4)), (Every(12), Every(3)), (WHOLE, Every(12))} <= pairs
    assert {(At((5,)), At((5, 9))), (WHOLE, At((5,))), (At((5, 9)), Every(1))} <= pairs
    assert all(set(coarse.starts(100)) <= set(fine.starts(100)) for coarse, fine in pairs)
