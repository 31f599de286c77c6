"""Which numbers are next."""

import math

import pytest

from harness.campaign.numbers import Numbers, Pace


def test_the_lowest_that_are_not_done():
    numbers = Numbers([(10, 5), (0, 3), (20, 1)], 0, 25)
    assert numbers.left == 25 - 9
    taken = []
    while (part := numbers.take(4)) is not None:
        taken.append(part)
    assert taken == [(3, 4), (7, 3), (15, 4), (19, 1), (21, 4)]
    assert numbers.left == 0


def test_what_was_given_back_comes_first():
    numbers = Numbers([], 5, None)
    assert numbers.left == math.inf
    assert [numbers.take(10), numbers.take(10)] == [(5, 10), (15, 10)]
    numbers.give_back(8, 2)
    numbers.give_back(20, 0)
    assert [numbers.take(10), numbers.take(10)] == [(8, 2), (25, 10)]


def test_a_campaign_that_has_more_cases_than_are_asked_for_has_nothing_left():
    assert Numbers([(0, 30)], 0, 20).take(1) is None


@pytest.mark.parametrize("done", [[(0, 4), (4, 4)], [(0, 8)], []])
def test_no_number_is_given_twice(done):
    numbers = Numbers(done, 0, 40)
    given = [number for _ in range(50) for part in [numbers.take(3)] if part for number in range(part[0], sum(part))]
    assert given == [number for number in range(40) if number >= sum(count for _, count in done)]


def test_batches_take_about_the_same_time():
    pace = Pace(2)
    assert pace.size(0.0, math.inf) == 4
    pace.learn(4, 0.1)
    assert pace.size(0.0, math.inf) == 40
    # A night's batches are longer, up to ten seconds; the rest is shared.
    assert pace.size(3600.0, math.inf) == 400
    assert pace.size(0.0, 7) == 4
    for _ in range(20):
        pace.learn(10, 10.0)
    assert pace.size(0.0, math.inf) == 1
