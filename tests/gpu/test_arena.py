"""The byte accounts: tags, peaks, budget, bookings, threads."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from gpu.arena import Arena, Tag
from gpu.errors import BudgetExceeded, LeakDetected, WrongState
from gpu.host_device import HostDevice


def test_live_and_peak_are_counted_per_tag_and_together() -> None:
    arena = Arena()
    raw = arena.take(Tag.RAW, "raw", 100)
    trace = arena.take(Tag.TRACE, "trace", 40)
    raw.release()
    seed = arena.take(Tag.SEED, "seed", 30)
    assert {tag: n for tag, n in arena.live.items() if n} == {Tag.TRACE: 40, Tag.SEED: 30}
    assert {tag: n for tag, n in arena.peak.items() if n} == {Tag.RAW: 100, Tag.TRACE: 40, Tag.SEED: 30}
    assert (arena.total, arena.total_peak) == (70, 140)
    arena.reset_peaks()
    seed.release()
    assert (arena.peak[Tag.RAW], arena.peak[Tag.SEED], arena.total_peak) == (0, 30, 70)
    trace.release()
    assert arena.total == 0


def test_bytes_are_given_back_once() -> None:
    arena = Arena()
    first, second = arena.take(Tag.RAW, "first", 10), arena.take(Tag.RAW, "second", 10)
    first.release()
    first.release()
    assert arena.total == 10
    second.release()


def test_the_budget_is_exact_and_refuses_before_anything_is_taken() -> None:
    arena = Arena(budget=100)
    arena.take(Tag.RAW, "raw", 60)
    with pytest.raises(BudgetExceeded, match="more: 41 bytes do not fit, 60 of the budget of 100"):
        arena.take(Tag.PLAN, "more", 41)
    assert (arena.total, arena.peak[Tag.PLAN]) == (60, 0)
    arena.take(Tag.PLAN, "more", 40)
    assert arena.total_peak == 100


def test_a_refused_buffer_is_not_allocated(monkeypatch: pytest.MonkeyPatch, device: HostDevice) -> None:
    small = HostDevice(budget=79)
    monkeypatch.setattr(np, "empty", None)
    with pytest.raises(BudgetExceeded):
        small.empty(Tag.RAW, "raw", 10, np.uint64)


def test_an_allocation_that_fails_leaves_no_bytes_behind(monkeypatch: pytest.MonkeyPatch, device: HostDevice) -> None:
    def no_room(*_: object) -> None:
        raise MemoryError

    fresh = HostDevice()
    monkeypatch.setattr(np, "empty", no_room)
    with pytest.raises(BudgetExceeded):
        fresh.empty(Tag.RAW, "raw", 10, np.uint64)
    assert fresh.arena.total == 0


def test_a_booking_reserves_room_that_others_do_not_get() -> None:
    arena = Arena(budget=100)
    arena.take(Tag.RAW, "raw", 20)
    booking = arena.book("dec", 50)
    assert (arena.booked, arena.committed) == (50, 70)
    with pytest.raises(BudgetExceeded, match="stk: 31 bytes"):
        arena.book("stk", 31)
    with pytest.raises(BudgetExceeded, match="other: 31 bytes"):
        arena.take(Tag.PLAN, "other", 31)
    booking.close()
    booking.close()
    assert (arena.booked, arena.committed) == (0, 20)


def test_buffers_inside_a_booking_are_charged_to_it_and_cannot_exceed_it() -> None:
    arena = Arena(budget=100)
    with arena.book("dec", 50) as booking:
        trace = arena.take(Tag.TRACE, "columns", 30)
        assert (booking.used, arena.committed) == (30, 50)
        with pytest.raises(BudgetExceeded, match="booking dec: 30 of its 50 bytes are in use"):
            arena.take(Tag.SEED, "seeds", 21)
        trace.release()
        arena.take(Tag.SEED, "seeds", 50).release()
    assert (booking.used, booking.peak, arena.booked, arena.total) == (0, 50, 0, 0)


def test_what_outlives_its_booking_stays_live_outside_of_it() -> None:
    arena = Arena(budget=100)
    with arena.book("dec", 50):
        kept = arena.take(Tag.TRACE, "columns", 30)
    assert (arena.booked, arena.total, arena.committed) == (0, 30, 30)
    kept.release()
    assert (arena.total, arena.committed) == (0, 0)


def test_bookings_nest_and_an_error_closes_them() -> None:
    arena = Arena()
    with pytest.raises(KeyError), arena.book("outer", 50) as outer:
        with arena.book("inner", 10) as inner:
            arena.take(Tag.SEED, "seeds", 10).release()
        arena.take(Tag.TRACE, "columns", 50).release()
        assert (inner.peak, outer.peak) == (10, 50)
        raise KeyError
    assert arena.booked == 0


def test_a_closed_booking_is_not_entered() -> None:
    booking = Arena().book("dec", 1)
    booking.close()
    with pytest.raises(WrongState, match="booking dec is closed"), booking:
        pass


def test_a_booking_charges_only_the_thread_inside_it() -> None:
    arena = Arena()
    with arena.book("dec", 10) as booking:
        thread = threading.Thread(target=lambda: arena.take(Tag.RAW, "elsewhere", 25))
        thread.start()
        thread.join()
        assert (booking.used, arena.committed) == (0, 35)


def test_all_bookings_can_be_given_up_at_once() -> None:
    arena = Arena(budget=10)
    arena.book("a", 4)
    arena.book("b", 6)
    arena.reset_bookings()
    assert (arena.booked, arena.committed) == (0, 0)


def test_many_threads_leave_exact_accounts() -> None:
    arena = Arena(budget=1 << 40)

    def work(seed: int) -> int:
        held = []
        for index in range(400):
            with arena.book(f"lane {seed}", 64):
                held.append(arena.take(Tag.SEED, "seeds", index % 60))
            if index % 3:
                held.pop(0).release()
        return sum(holding.nbytes for holding in held)

    with ThreadPoolExecutor(max_workers=8) as pool:
        left = sum(pool.map(work, range(8)))
    assert left > 0
    assert (arena.total, arena.live[Tag.SEED], arena.booked, arena.committed) == (left, left, 0, left)


def test_a_leak_names_tag_bytes_and_buffers() -> None:
    arena = Arena()
    arena.take(Tag.RAW, "raw state", 10)
    arena.expect({Tag.RAW: 10})
    arena.take(Tag.TRACE, "columns of dec", 32)
    with pytest.raises(LeakDetected, match=r"^TRACE: 32 bytes live, 0 expected \(columns of dec 32\)$"):
        arena.expect({Tag.RAW: 10})


@pytest.mark.parametrize("wrong", [lambda: Arena(-1), lambda: Arena().take(Tag.RAW, "raw", -1)])
def test_negative_bytes_are_refused(wrong: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match="-1"):
        wrong()
