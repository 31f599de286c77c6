"""Candidates judged several at once: the same answers, the same improvements in the same order, whoever judges."""

import json
import random
from contextlib import suppress

import pytest

from harness.shrink import Budget, PassStatistics, pace, shrink, termination
from harness.shrink.ahead import MOST_AHEAD, Detour, Recorded, ahead
from harness.shrink.judges import Answer
from harness.shrink.line import REACH
from harness.shrink.rows import codes_of
from harness.shrink.termination import ends
from reference.definition.formats.case_json import read_case, write_case
from reference.definition.isa import opcode
from reference.definition.outcome import Completed
from reference.processor import execute


def case_of(nodes, stack=(), **members):
    program = {"nodes": list(nodes), "roots": [len(nodes) - 1], "entry": len(nodes) - 1}
    return read_case(json.dumps({"program": program, "stack": list(stack), **members}))


STRAIGHT = case_of(
    ["block PUSH(5) PUSH(99) DUP3 MUL", "block SWAP DROP DROP INCR DROP", "join 0 1", "block NEG INV", "join 2 3"],
    stack=[1, 2, 3],
    cuts=[3],
)
LOOPED = case_of(
    ["block DUP1 DUP1 MUL DROP INCR DUP0 PUSH(3) EQ NOT", "loop 0", "block PUSH(1)", "join 2 1", "call 3"], cuts=[4]
)
CUT = case_of(["block " + "NOOP " * 10], cuts=[3])


def ran(*names):
    """Whether these operations run, in this order."""

    def is_same(case):
        execution = execute(case)
        codes = iter(codes_of(execution) if isinstance(execution.outcome, Completed) else ())
        return all(opcode(name) in codes for name in names)

    return is_same


def cut_at_six(case):
    rows = execute(case).core_rows
    return rows > 10 and 6 in case.cut.starts(rows)


class Shuffled:
    """Judges that answer in any order, and keep track of how many are at work."""

    def __init__(self, is_same, jobs, lost=lambda _: False):
        self.jobs = jobs
        self.most = 0
        self.given = []
        self._at_work = []
        self._is_same = is_same
        self._lost = lost
        self._random = random.Random(3)

    def has_room(self):
        return len(self._at_work) < self.jobs

    def give(self, ticket, candidate, row_limit):
        assert self.has_room()
        self.given.append(candidate)
        is_same = None if self._lost(candidate) else ends(candidate, row_limit) and self._is_same(candidate)
        self._at_work.append(Answer(ticket, is_same))
        self.most = max(self.most, len(self._at_work))

    def wait(self, seconds):
        if not self._at_work or self._random.random() < 0.2:
            return None
        return self._at_work.pop(self._random.randrange(len(self._at_work)))


@pytest.fixture(autouse=True)
def few_rows(monkeypatch):
    """Candidates that do not end are given up early."""
    monkeypatch.setattr(termination, "SPARE_ROWS", 300)


@pytest.fixture
def slow(monkeypatch):
    """Every search is slow from the first candidate on."""
    monkeypatch.setattr(pace, "SLOW_SEARCH", 0.0)
    monkeypatch.setattr(pace, "SLOW_CANDIDATE", -1.0)


def improvements(case, is_same, **options):
    told = []
    shrunk = shrink(case, is_same, improved=lambda better: told.append(write_case(better)), **options)
    return told, shrunk


def counts(shrunk):
    return {name: (each.tried, each.accepted) for name, each in shrunk.passes.items()}


@pytest.mark.parametrize("jobs", [1, 3])
@pytest.mark.parametrize(
    ("case", "is_same"),
    [(STRAIGHT, ran("MUL", "INV")), (LOOPED, ran("MUL", "MUL")), (LOOPED, ran("REPEAT", "MUL")), (CUT, cut_at_six)],
    ids=["straight", "unrolled", "looped", "cut"],
)
def test_the_improvements_are_those_of_one_by_one(slow, case, is_same, jobs):
    alone, expected = improvements(case, is_same)
    judges = Shuffled(is_same, jobs)
    together, shrunk = improvements(case, is_same, judges=judges)
    assert len(alone) > 2
    assert together == alone
    assert write_case(shrunk.case) == write_case(expected.case)
    assert counts(shrunk) == counts(expected)
    assert shrunk.finished
    assert judges.most == jobs
    speculative = sum(each.speculative for each in shrunk.passes.values())
    # All but the case itself was given to a judge; what was given and not tried was in vain.
    assert len(judges.given) == sum(each.tried for each in shrunk.passes.values()) + speculative
    assert (speculative > 0) == (jobs > 1)


def test_a_budget_of_candidates_ends_at_the_same_one(slow):
    for candidates in (1, 7, 30):
        budget = Budget(candidates=candidates)
        alone, expected = improvements(LOOPED, ran("MUL", "MUL"), budget=budget)
        together, shrunk = improvements(LOOPED, ran("MUL", "MUL"), budget=budget, judges=Shuffled(ran("MUL", "MUL"), 3))
        assert (together, counts(shrunk)) == (alone, counts(expected))
        assert not shrunk.finished


def test_a_search_that_turns_slow_in_the_middle_of_a_pass_goes_on_where_it_was(monkeypatch):
    asked = []

    def counted(case):
        asked.append(case)
        return ran("MUL", "MUL")(case)

    alone, expected = improvements(LOOPED, counted)
    total = len(asked)
    for begin in (2, total // 3, total // 2, total - 3):
        seen = []
        monkeypatch.setattr(pace.Pace, "is_slow", property(lambda _, seen=seen, begin=begin: len(seen) >= begin))

        def is_same(case, seen=seen):
            seen.append(case)
            return ran("MUL", "MUL")(case)

        judges = Shuffled(ran("MUL", "MUL"), 2)
        together, shrunk = improvements(LOOPED, is_same, judges=judges)
        assert (together, counts(shrunk)) == (alone, counts(expected))
        assert len(judges.given) >= total - begin
        assert len(seen) == begin


def test_judges_are_not_asked_as_long_as_the_search_is_fast(monkeypatch):
    monkeypatch.setattr(pace, "SLOW_CANDIDATE", 3600.0)
    judges = Shuffled(ran("MUL"), 3)
    _, shrunk = improvements(STRAIGHT, ran("MUL"), judges=judges)
    assert shrunk.finished
    assert judges.given == []


def test_a_lost_candidate_is_counted_and_never_taken(slow):
    """Whatever has fewer than two operations ends its judges: the search goes around it."""

    def is_lost(case):
        return sum(each.count(" ") for each in json.loads(write_case(case))["program"]["nodes"]) < 2

    judges = Shuffled(ran("MUL"), 2, is_lost)
    told, shrunk = improvements(STRAIGHT, ran("MUL"), judges=judges)
    assert any(map(is_lost, judges.given))
    assert sum(each.lost for each in shrunk.passes.values()) > 0
    assert told
    assert not any(is_lost(read_case(text)) for text in told)
    # One by one and with nobody lost it is smaller.
    assert is_lost(improvements(STRAIGHT, ran("MUL"))[1].case)


def test_who_stops_the_search_does_not_wait_for_an_answer(slow):
    class Silent(Shuffled):
        def wait(self, seconds):
            return None

    judges = Silent(ran("MUL"), 2)
    shrunk = shrink(STRAIGHT, ran("MUL"), stopped=lambda: bool(judges.given), judges=judges)
    assert (shrunk.case, shrunk.finished) == (STRAIGHT, False)
    assert len(judges.given) == sum(each.speculative for each in shrunk.passes.values()) == 1


def test_what_was_judged_in_vain_or_lost_is_said():
    assert PassStatistics(12, 3).text == "    3 of 12 tried"
    assert PassStatistics(12, 3, 4, 1).text == (
        "    3 of 12 tried, 4 more in vain, 1 ended every process that judged them"
    )


# ---- what a pass proposes next --------------------------------------------------------------------------------------


class Longer:
    """Cases by length: takes what is shorter, but not what ``refused`` says."""

    def __init__(self, best, refused):
        self.best = best
        self.asked = []
        self._refused = refused

    def attempt(self, make):
        made = make(self.best)
        self.asked.append(made)
        if made in self._refused:
            return False
        self.best = made
        return True

    def detour(self, make, passes):
        return self.attempt(make)


def countdown(search):
    """Proposes the numbers below the best, the largest first, begun anew after each that is taken."""
    while any(search.attempt(lambda _, number=number: number) for number in reversed(range(search.best))):
        pass


@pytest.mark.parametrize("refused", [set(), {4}, {9, 7, 5, 3, 1}, set(range(10)), {0}])
def test_a_pass_that_is_run_again_asks_what_it_would_ask(refused):
    alone = Longer(10, refused)
    countdown(alone)
    asked, answers, best = [], [], 10
    while coming := ahead(countdown, 10, answers):
        for make in coming:
            made = make(best)
            asked.append(made)
            answers.append(None if made in refused else made)
            if answers[-1] is not None:
                best = made
                break
    assert (asked, best) == (alone.asked, alone.best)


def test_as_many_as_there_may_be_are_told_ahead():
    def endless(search):
        while True:
            search.attempt(lambda best: best)

    assert len(ahead(endless, 0, [])) == MOST_AHEAD


def test_nothing_is_told_from_behind_a_detour():
    def passing(search):
        search.attempt(lambda _: 1)
        search.detour(lambda _: 2, [countdown])
        search.attempt(lambda _: 3)

    (first,) = ahead(passing, 0, [])
    assert first(0) == 1
    detour = ahead(passing, 0, [None])
    assert isinstance(detour, Detour)
    assert (detour.make(0), detour.passes) == (2, [countdown])
    (last,) = ahead(passing, 0, [None, None])
    assert last(0) == 3
    assert not ahead(passing, 0, [None, None, None])


def test_answers_are_written_down():
    answers = []
    search = Recorded(Longer(3, {2, 0}), answers)
    with suppress(StopIteration):
        countdown(search)
    assert answers == [None, 1, None]
    assert search.best == 1


def test_the_line_is_a_few_candidates_a_judge(slow):
    given = []

    class Counting(Shuffled):
        def wait(self, seconds):
            given.append(len(self._at_work))
            return super().wait(seconds)

    shrink(STRAIGHT, ran("MUL"), judges=Counting(ran("MUL"), 2))
    assert REACH == 2
    assert max(given) == 2
