"""Who is the odd one out, and which step of it: by vote, by the reference, by the audit; nobody when nothing decides."""

import pytest
from altered_engines import Altered, after_operation, captured, case_of

from harness.backend import EngineFailure, NotComparable
from harness.backends.parallel import ParallelEngine
from harness.backends.reference import ReferenceEngine
from harness.localise.blame import Step
from harness.localise.localisation import localise
from harness.verdict import Kind
from reference.definition.cuts import At, Every

CASE = case_of("block SWAP MUL NEG", At((2,)))


def named(engine, name):
    engine.name = name
    return engine


def vote(engines, case=CASE, *, audit=False):
    return localise(case, engines, audit=audit).vote


@pytest.mark.parametrize("position", [0, 1, 2])
def test_of_three_the_one_that_differs_is_odd_wherever_it_stands(position):
    engines = [named(Altered(), "one"), named(Altered(), "two")]
    engines.insert(position, named(after_operation("MUL"), "wrong"))
    found = vote(engines)
    assert found.odd == ("wrong",)
    assert found.groups == (("one", "two"), ("wrong",))
    assert found.text == "2 of 3 engines agree: one, two"


def test_the_reference_can_be_outvoted():
    engines = [ReferenceEngine(), named(after_operation("MUL"), "two"), named(after_operation("MUL"), "three")]
    found = vote(engines)
    assert (found.odd, found.text) == (("reference",), "2 of 3 engines agree: two, three")


def test_two_engines_have_no_vote():
    found = vote([ReferenceEngine(), after_operation("MUL")])
    assert (found.odd, found.text) == ((), "two engines: no vote")


def test_four_engines_without_a_majority_decide_nothing():
    engines = [named(Altered(), "one"), ReferenceEngine()]
    engines += [named(after_operation("MUL"), "three"), named(after_operation("MUL"), "four")]
    found = vote(engines)
    assert (found.odd, found.text) == ((), "4 engines, no majority")


def test_the_reference_is_asked_when_it_is_neither_of_two():
    found = vote([named(after_operation("MUL"), "wrong"), named(Altered(), "right")])
    assert found.odd == ("wrong",)
    assert found.text == "two engines: no vote; the reference, asked besides, agrees with right"


def test_the_audit_tells_two_engines_apart():
    found = vote([ReferenceEngine(), after_operation("MUL")], audit=True)
    assert found.odd == ("after-operation",)
    assert "the audit rejects the trace of after-operation and not the other" in found.text


def test_boundary_states_are_voted_on():
    engines = [named(Altered(), "one"), named(captured("depth", lambda depth: depth + 1), "wrong"), ReferenceEngine()]
    found = localise(CASE, engines, audit=False)
    assert (found.cause.kind, found.vote.odd) == (Kind.BOUNDARY, ("wrong",))


class Silent(Altered):
    def run(self, case):
        raise NotComparable(self.name, "no such programs")


def test_an_engine_that_says_nothing_has_no_vote():
    found = vote([ReferenceEngine(), after_operation("MUL"), Silent("silent")])
    assert (found.silent, found.text) == (("silent",), "two engines: no vote")


class Broken(Altered):
    def run(self, case):
        raise EngineFailure(self.name, "made for tests")


def test_an_engine_that_breaks_is_odd_by_itself():
    found = localise(CASE, [ReferenceEngine(), Broken("broken")], audit=False)
    assert (found.vote.odd, found.cause.kind) == (("broken",), Kind.ENGINE_FAILURE)
    assert found.blames[0].at is Step.UNKNOWN


def test_engines_that_agree_give_nothing():
    assert localise(CASE, [ReferenceEngine(), Altered(), ParallelEngine()]) is None


# ---- the step at fault of an engine that shows no queues ------------------------------------------------------------


def blame(engine, case=CASE):
    (found,) = localise(case, [ReferenceEngine(), engine], audit=False).blames
    return found


def test_wrong_boundary_states_are_a_wrong_recording():
    found = blame(captured("depth", lambda depth: depth + 1))
    assert (found.at, found.wrong[0].name, found.wrong[0].row) == (Step.RECORDING, "snapshot 1: depth", 2)


def test_right_boundary_states_without_queues_decide_nothing():
    found = blame(after_operation("MUL"))
    assert found.at is Step.UNKNOWN
    assert "it shows no queues" in found.text


def test_a_case_that_the_reference_does_not_complete_is_localised_as_far_as_it_goes():
    """The reference fails, the other engine says that it completed."""

    class Completing(Altered):
        def run(self, case):
            return super().run(case_of("block SWAP"))

    found = localise(case_of("block PAD", Every(1)), [ReferenceEngine(), Completing("completing")], audit=False)
    assert (found.cause.kind, found.blames[0].at) == (Kind.OUTCOME, Step.RUN)
    assert found.site is None
    assert found.windows is None or found.windows.cells[0] is None
