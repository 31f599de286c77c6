"""Lanes: admission by booking, order of starts, what an error leaves behind."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from gpu.arena import Tag
from gpu.device import Lane
from gpu.errors import BudgetDeadlock, BudgetExceeded, InvariantBroken, LaneFailed, UnwrittenCells
from gpu.host_device import HostDevice
from gpu.lanes import LaneReport, Task, run_tasks
from gpu.run_checks import check_completion

pytestmark = pytest.mark.usefixtures("device")


@pytest.fixture
def host() -> Iterator[HostDevice]:
    with HostDevice(budget=100) as device:
        yield device
        assert device.arena.total == 0
        assert device.arena.booked == 0


def task(name: str, estimate: int, work: Callable[[Lane], object] = lambda lane: lane.index) -> Task[object]:
    return Task(name, estimate, work)


def started(report: LaneReport) -> list[str]:
    return [event.task for event in report.events if event.kind == "started"]


@pytest.mark.parametrize("lanes", range(1, 9))
def test_results_come_in_the_order_of_the_tasks(host, lanes):
    tasks = [task(f"t{i}", 1 + i % 3, lambda lane, i=i: i) for i in range(20)]
    results, report = run_tasks(host, tasks, lanes)
    assert results == list(range(20))
    assert sorted(started(report)) == sorted(each.name for each in tasks)
    assert report.most_in_flight <= lanes
    assert report.peak_booked <= 100


def test_one_lane_keeps_the_order_given(host):
    _, report = run_tasks(host, [task("small", 1), task("large", 90), task("middle", 50)], 1)
    assert started(report) == ["small", "large", "middle"]


def test_several_lanes_start_the_largest_first(host):
    _, report = run_tasks(host, [task("small", 1), task("large", 90), task("middle", 50)], 2)
    assert started(report)[0] == "large"


def test_what_fits_is_let_in_past_what_does_not(host):
    """90 is in flight, 50 does not fit beside it, 10 does: it starts before 50."""
    both = threading.Barrier(2)

    def meet(lane: Lane) -> None:
        both.wait(timeout=30)

    _, report = run_tasks(host, [task("middle", 50), task("large", 90, meet), task("small", 10, meet)], 3)
    assert started(report) == ["large", "small", "middle"]
    assert report.peak_booked == 100


def test_lanes_work_at_the_same_time(host):
    meeting = threading.Barrier(3)
    lanes, report = run_tasks(
        host, [task(f"t{i}", 1, lambda lane: (meeting.wait(timeout=30), lane.index)[1]) for i in range(3)], 3
    )
    assert sorted(map(str, lanes)) == ["0", "1", "2"]
    assert report.most_in_flight == 3


def test_tasks_that_fit_one_at_a_time_run_one_at_a_time(host):
    _, report = run_tasks(host, [task(f"t{i}", 60) for i in range(4)], 4)
    assert report.most_in_flight == 1
    assert report.peak_booked == 60


def test_a_task_that_can_never_fit_is_a_deadlock_that_lists_what_waits(host):
    with pytest.raises(BudgetDeadlock, match=r"budget 100 bytes, 0 in use.*large 101"):
        run_tasks(host, [task("large", 101), task("small", 1)], 2)


def test_bytes_that_are_resident_count(host):
    resident = host.empty(Tag.RAW, "resident", 30, "u1")
    try:
        run_tasks(host, [task("fits", 70)], 1)
        with pytest.raises(BudgetDeadlock, match="30 in use"):
            run_tasks(host, [task("does not", 71)], 1)
    finally:
        resident.free()


def test_the_others_are_finished_before_a_deadlock_is_raised(host):
    ran: list[str] = []
    with pytest.raises(BudgetDeadlock, match="large 101"):
        run_tasks(host, [task("large", 101), task("small", 1, lambda lane: ran.append("small"))], 2)
    assert ran == ["small"]


@pytest.mark.parametrize("lanes", [1, 3])
def test_an_unknown_error_is_a_failed_lane(host, lanes):
    def fail(lane: Lane) -> None:
        host.empty(Tag.TRACE, "held", 5, "u1").free()
        raise ZeroDivisionError("by hand")

    with pytest.raises(LaneFailed, match=r"lane \d, task broken: ZeroDivisionError: by hand") as caught:
        run_tasks(host, [task("broken", 50, fail), *(task(f"t{i}", 10) for i in range(4))], lanes)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_a_named_error_keeps_its_name_and_says_where(host):
    def fail(lane: Lane) -> None:
        raise UnwrittenCells("chip mem: 3 cells")

    with pytest.raises(UnwrittenCells, match="chip mem") as caught:
        run_tasks(host, [task("mem", 50, fail)], 2)
    assert caught.value.__notes__ == ["lane 0, task mem"]


def test_tasks_in_flight_are_waited_for_and_none_is_started_after_an_error(host):
    running, failed = threading.Event(), threading.Event()
    finished: list[str] = []

    def slow(lane: Lane) -> None:
        running.set()
        assert failed.wait(timeout=30)
        finished.append("slow")

    def fail(lane: Lane) -> None:
        assert running.wait(timeout=30)
        threading.Timer(0.05, failed.set).start()
        raise ZeroDivisionError

    late = [task(f"late{i}", 40, lambda lane: finished.append("late")) for i in range(3)]
    with pytest.raises(LaneFailed):
        run_tasks(host, [task("slow", 50, slow), task("fail", 50, fail), *late], 2)
    assert finished == ["slow"]
    run_tasks(host, [task("after", 100)], 2)


def test_a_task_cannot_take_more_than_it_booked(host):
    def greedy(lane: Lane) -> None:
        host.empty(Tag.TRACE, "too much", 11, "u1")

    with pytest.raises(BudgetExceeded, match="booking greedy"):
        run_tasks(host, [task("greedy", 10, greedy)], 1)


def test_what_a_task_keeps_stays_live_outside_of_its_booking(host):
    kept, _ = run_tasks(host, [Task("keeps", 10, lambda lane: host.empty(Tag.COMMIT, "kept", 10, "u1"))], 1)
    assert host.arena.committed == 10
    kept[0].free()


@pytest.mark.parametrize("lanes", [0, -1, 9])
def test_other_numbers_of_lanes_are_refused(host, lanes):
    with pytest.raises(ValueError, match="1 to 8"):
        run_tasks(host, [], lanes)


def test_no_task_is_no_work(host):
    assert run_tasks(host, [], 3)[0] == []


def test_the_lane_is_finished_before_the_booking_is_released(host):
    _, report = run_tasks(host, [task(f"t{i}", 20) for i in range(6)], 3)
    for name in {event.task for event in report.events}:
        kinds = [event.kind for event in report.events if event.task == name]
        assert kinds == ["started", "done", "finished", "released"]
    check_completion(report, host.log, host.events, 0)


def test_a_release_before_the_completion_is_found(host):
    _, report = run_tasks(host, [task("t", 20)], 1)
    report.events[2], report.events[3] = report.events[3], report.events[2]
    with pytest.raises(InvariantBroken, match="INV-21: task t was started, done, released, finished"):
        check_completion(report, host.log, host.events, 0)


def test_a_booking_that_outlives_the_tasks_is_found(host):
    left = []
    with pytest.raises(InvariantBroken, match="INV-20: 7 bytes are booked"):
        run_tasks(host, [task("t", 20, lambda lane: left.append(host.arena.book("left", 7)))], 1)
    left[0].close()
