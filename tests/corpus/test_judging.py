"""One case on engines: held against each other, against what is expected, and against themselves."""

import json
from dataclasses import dataclass, replace

import pytest

from harness.backend import Availability, EngineFailure
from harness.backends.reference import ReferenceEngine
from harness.corpus.expecting import ask
from harness.corpus.judging import judge
from harness.verdict import Verdict
from reference.definition.formats.case_json import read_case
from reference.definition.outcome import Completed

CASE = {
    "program": {"nodes": ["block PUSH(3) MUL DROP SWAP", "block SWAP", "join 1 0"], "roots": [2], "entry": 2},
    "stack": [5, 6, 7],
    "cuts": [3, 1],
}


@dataclass
class Said:
    """A run that contradicts itself."""

    inner: object
    said: tuple[str, ...]

    def __getattr__(self, name):
        return getattr(self.inner, name)

    def contradictions(self):
        return self.said


class WithoutDigests(Said):
    """A run that breaks when it is asked for its digests."""

    def column_digests(self):
        raise EngineFailure("one", "no digests")


class Counting:
    """The reference; counts its runs, and may contradict itself or break at one plan."""

    def __init__(self, name, *, contradiction="", breaks_at=None):
        self.name = name
        self.runs = 0
        self._contradiction = contradiction
        self._breaks_at = breaks_at
        self._reference = ReferenceEngine()

    def probe(self):
        return Availability(True, "")

    def run(self, case):
        self.runs += 1
        if case.cut.size == self._breaks_at:
            raise EngineFailure(self.name, "it broke")
        return Said(self._reference.run(case), (self._contradiction,) if self._contradiction else ())

    def close(self):
        self._reference.close()


@pytest.fixture
def case():
    return read_case(json.dumps(CASE))


@pytest.fixture
def expect(case):
    return ask(ReferenceEngine(), case)


def test_engines_are_asked_once_for_each_plan(case, expect):
    engines = [Counting("one"), Counting("two")]
    judged = judge(case, expect, engines, audit=False)
    assert judged.verdict is Verdict.AGREE
    assert (judged.plans, judged.expected, judged.counts.comparisons) == (2, 4, 2)
    assert [engine.runs for engine in engines] == [2, 2]


def test_one_engine_is_held_against_what_is_expected(case, expect):
    judged = judge(case, expect, [Counting("one")])
    assert (judged.verdict, judged.expected, judged.counts.comparisons) == (Verdict.AGREE, 2, 0)
    other = replace(expect, outcome=Completed((1,) * 16))
    assert judge(case, other, [Counting("one")]).verdict is Verdict.DIFFER


def test_engines_that_agree_with_each_other_and_not_with_what_is_expected_differ(case, expect):
    wrong = replace(expect, columns=("0" * 32, *expect.columns[1:]))
    judged = judge(case, wrong, [Counting("one"), Counting("two")], audit=False)
    assert judged.verdict is Verdict.DIFFER
    assert judged.counts.cells > 0
    assert len(judged.lines) == 4
    assert all("columns of the system: clk differ" in line for line in judged.lines)


@pytest.mark.parametrize("others", [[], [Counting("two")]])
def test_an_engine_that_contradicts_itself_differs(case, expect, others):
    judged = judge(case, expect, [Counting("one", contradiction="two builds differ"), *others], audit=False)
    assert judged.verdict is Verdict.DIFFER
    assert any("two builds differ" in line for line in judged.lines)


@pytest.mark.parametrize("others", [[], [Counting("two")]])
def test_an_engine_that_breaks_at_one_plan_differs(case, expect, others):
    judged = judge(case, expect, [Counting("one", breaks_at=1), *others], audit=False)
    assert judged.verdict is Verdict.DIFFER
    assert sum("it broke" in line for line in judged.lines) == 1


def test_a_break_at_the_first_plan_is_no_agreement_when_nothing_is_expected():
    three = read_case(json.dumps({**CASE, "cuts": [3, 1, 2]}))
    judged = judge(three, None, [Counting("one", breaks_at=3)])
    assert judged.verdict is Verdict.DIFFER
    assert judged.lines == ["every:3: one: it broke"]


@pytest.mark.parametrize("others", [[], [Counting("two")]])
def test_digests_that_an_engine_cannot_give_are_no_agreement(case, expect, others):
    engine = Counting("one")
    engine.run = lambda case: WithoutDigests(ReferenceEngine().run(case), ())
    judged = judge(case, expect, [engine, *others], audit=False)
    assert judged.verdict is Verdict.DIFFER
    assert {line.partition(": ")[0] for line in judged.lines if "no digests" in line} == {"every:3", "every:1"}


def test_a_case_of_which_nothing_is_expected_and_that_one_engine_ran_at_one_plan_is_no_agreement():
    """The run is what the others would be held against; alone it proves nothing."""
    single = read_case(json.dumps({**CASE, "cuts": [3]}))
    assert judge(single, None, [Counting("one")]).verdict is Verdict.NOT_COMPARABLE
