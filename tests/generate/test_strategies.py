"""The strategies for users: what they draw is valid and as asked for, shrinks, and the example in their documentation runs."""

from __future__ import annotations

import doctest
import random
from typing import Any

import pytest
from hypothesis import HealthCheck, find, given, settings
from ran_cases import run

from harness import strategies
from harness.generate import FAILURES
from harness.strategies import SMALL, Profile, cases, cut_plans, generated, programs, register_profiles
from reference.definition.cuts import ONE_FRAGMENT, At, Every
from reference.definition.formats.case_json import read_case, write_case
from reference.definition.outcome import Completed
from reference.processor import execute

QUIET = settings(
    deadline=None,
    database=None,
    max_examples=25,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)


def drawn(strategy: Any, count: int = 25) -> list[Any]:
    found = []

    @given(strategy)
    @settings(QUIET, max_examples=count)
    def draw(each: Any) -> None:
        found.append(each)

    draw()
    return found


def test_the_example_of_the_documentation_runs() -> None:
    result = doctest.testmod(strategies)
    assert result.failed == 0
    assert result.attempted >= 8


@given(generated())
@settings(QUIET, max_examples=15)
def test_every_case_is_accepted_by_the_reader_and_ends_as_intended(each: Any) -> None:
    text = write_case(each.case)
    assert write_case(read_case(text)) == text
    assert run(each).ended == each.intended


def test_programs_are_in_one_piece_and_complete_when_none_is_to_fail() -> None:
    found = drawn(programs(failing=0))
    assert {case.cuts for case in found} == {(ONE_FRAGMENT,)}
    assert all(isinstance(execute(case).outcome, Completed) for case in found)
    assert len({write_case(case) for case in found}) > 15


def test_failures_are_those_asked_for() -> None:
    errors = {failure.name: failure.error for failure in FAILURES}
    found = drawn(generated(failing=1, failures=("not", "divide_by_0")), 12)
    assert {each.failure for each in found} == {"not", "divide_by_0"}
    for each in found:
        assert run(each).ended == each.intended == errors[each.failure]


def test_families_and_rows_are_those_asked_for() -> None:
    found = drawn(generated(families=("batches",), max_rows=30, failing=0), 12)
    assert {each.family for each in found} == {"batches"}
    longest = max(run(each).core_rows for each in drawn(generated(max_rows=8, failing=0), 20))
    assert longest < 80


def test_the_profile_stands_where_nothing_else_is_said() -> None:
    profile = Profile(families=("nests",), failing_rate=0)
    assert {each.family for each in drawn(generated(profile=profile), 6)} == {"nests"}
    assert {each.family for each in drawn(generated(profile=profile, families=("range_table",)), 6)} == {"range_table"}
    assert SMALL.max_rows < profile.max_rows


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"families": ("nonsense",)}, "there is no family nonsense"),
        ({"failures": ("nonsense",)}, "there is no failure nonsense"),
        ({"max_rows": 0}, "max_rows is at least 1"),
        ({"failing": 2.0}, "failing_rate is a share"),
        ({"families": ("long",)}, "family long needs max_rows"),
    ],
)
def test_wrong_options_are_refused_at_once(options: dict[str, Any], message: str) -> None:
    for strategy in (programs, cases, generated):
        with pytest.raises(ValueError, match=message):
            strategy(**options)


def test_cases_have_the_cuts_of_the_strategy_given() -> None:
    found = drawn(cases(cuts=cut_plans(40)))
    assert all(len(case.cuts) == 1 for case in found)
    assert {type(case.cut) for case in found} == {Every, At}
    assert {type(case.cut) for case in drawn(cases(cuts=cut_plans(40, multiples_only=True)))} == {Every}


def test_cut_plans_are_legal_and_of_all_kinds() -> None:
    found = drawn(cut_plans(40), 200)
    assert ONE_FRAGMENT in found
    assert all(plan.starts(40)[0] == 0 for plan in found)
    assert max(len(plan.rows) for plan in found if isinstance(plan, At)) <= 8
    assert max(row for plan in found if isinstance(plan, At) for row in plan.rows) <= 41
    assert {type(plan) for plan in drawn(cut_plans(40, multiples_only=True), 60)} == {Every}
    with pytest.raises(ValueError, match="at least 1 row"):
        drawn(cut_plans(0), 1)


def test_a_case_shrinks_together_with_its_cuts() -> None:
    def is_cut_at_three(case: Any) -> bool:
        return isinstance(case.cut, At) and 3 in case.cut.rows

    smallest = find(
        cases(failing=0, cuts=cut_plans(20)),
        is_cut_at_three,
        settings=settings(QUIET, max_examples=400),
        random=random.Random(3),
    )
    (block,) = smallest.program.forest.nodes
    assert [operation.name for operation in block.operations] == ["NOOP"]
    assert smallest.cut == At((3,))


def test_profiles_are_registered_without_deadlines() -> None:
    before = settings.get_profile("default")
    try:
        register_profiles()
        found = {name: settings.get_profile(name) for name in ("quick", "default", "nightly")}
        assert {name: each.deadline for name, each in found.items()} == dict.fromkeys(found)
        assert found["quick"].max_examples < found["default"].max_examples < found["nightly"].max_examples
    finally:
        settings.register_profile("default", before)
        settings.load_profile("default")
