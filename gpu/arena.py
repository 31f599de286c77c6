"""The byte accounts: every buffer of the engine is taken from an arena and given back to it.

The arena allocates nothing; it counts, per tag, what is live and what was the most, and it says no before an allocation that
would not fit. Work books its bytes before it begins: a booking reserves room, the buffers that its thread takes inside it
are charged to it, and taking more than was booked is refused. So ``unbooked live + booked <= budget`` holds at every moment
(spec 09, B5, B9 and INV-20).
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from enum import StrEnum
from itertools import count
from types import MappingProxyType, TracebackType
from typing import Self

from gpu.errors import BudgetExceeded, LeakDetected, WrongState


class Tag(StrEnum):
    """What a buffer is for."""

    RAW = "RAW"
    """Recorded state and program tables: resident from upload to release."""
    PLAN = "PLAN"
    """What assignment found out and every replay needs."""
    SIDE = "SIDE"
    """Range counters, bus counts, kernel counts."""
    TRACE = "TRACE"
    """Regenerated columns."""
    SEED = "SEED"
    """Compact records between the two kernel stages."""
    SCRATCH = "SCRATCH"
    """Whatever a step needs only while it runs."""
    COMMIT = "COMMIT"
    """Digests and trees."""


class Holding:
    """Bytes taken from an arena, until released."""

    __slots__ = ("_arena", "_booking", "name", "nbytes", "tag")

    def __init__(self, arena: Arena, booking: Booking | None, tag: Tag, name: str, nbytes: int) -> None:
        self.tag = tag
        self.name = name
        self.nbytes = nbytes
        self._arena = arena
        self._booking = booking

    def release(self) -> None:
        """Gives the bytes back; a second call does nothing."""
        self._arena._release(self)


class Booking:
    """Room reserved for one piece of work; inside ``with booking:`` the thread's buffers are charged to it.

    What is still live when the booking is closed stays live, outside of it. Closing twice does nothing.
    """

    __slots__ = ("_arena", "_outer", "closed", "label", "nbytes", "peak", "used")

    def __init__(self, arena: Arena, label: str, nbytes: int) -> None:
        self.label = label
        self.nbytes = nbytes
        self.used = 0
        self.peak = 0
        self.closed = False
        self._arena = arena
        self._outer: Booking | None = None

    def close(self) -> None:
        """Ends the reservation."""
        self._arena._close(self)

    def __enter__(self) -> Self:
        self._outer = self._arena._enter(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._arena._leave(self, self._outer)
        self.close()


class Arena:
    """Counts bytes by tag; ``budget`` bounds them, None is no bound. Safe for any number of threads."""

    def __init__(self, budget: int | None = None) -> None:
        if budget is not None and budget < 0:
            raise ValueError(f"a budget is a number of bytes, not {budget}")
        self.budget = budget
        self._lock = threading.Lock()
        self._current = threading.local()
        self._live = dict.fromkeys(Tag, 0)
        self._peak = dict.fromkeys(Tag, 0)
        self._total = 0
        self._total_peak = 0
        self._in_bookings = 0
        self._bookings: set[Booking] = set()
        self._holdings: dict[int, Holding] = {}
        self._taken = count()

    @property
    def live(self) -> Mapping[Tag, int]:
        """Live bytes per tag, at this moment."""
        with self._lock:
            return MappingProxyType(dict(self._live))

    @property
    def peak(self) -> Mapping[Tag, int]:
        """Most live bytes per tag since the arena was made or the peaks were reset; tags peak at different moments."""
        with self._lock:
            return MappingProxyType(dict(self._peak))

    @property
    def total(self) -> int:
        """Live bytes of all tags."""
        return self._total

    @property
    def total_peak(self) -> int:
        """Most live bytes of all tags together since the peaks were reset."""
        return self._total_peak

    @property
    def booked(self) -> int:
        """Bytes of all open bookings."""
        with self._lock:
            return self._booked()

    @property
    def committed(self) -> int:
        """Bytes that no one else can have: all open bookings, and what is live outside of them."""
        with self._lock:
            return self._committed()

    def take(self, tag: Tag, name: str, nbytes: int) -> Holding:
        """Bytes for a buffer, charged to the thread's current booking if it is inside one.

        Raises BudgetExceeded, with nothing taken, when they do not fit into the booking or, outside of one, the budget.
        """
        with self._lock:
            booking: Booking | None = getattr(self._current, "booking", None)
            if booking is None:
                self._admit(name, nbytes)
            else:
                self._charge(booking, name, nbytes)
            holding = Holding(self, booking, tag, name, nbytes)
            self._holdings[id(holding)] = holding
            self._live[tag] += nbytes
            self._peak[tag] = max(self._peak[tag], self._live[tag])
            self._total += nbytes
            self._total_peak = max(self._total_peak, self._total)
            return holding

    def book(self, label: str, nbytes: int) -> Booking:
        """Reserves bytes for one piece of work; use as a context manager on the thread that does the work.

        Raises BudgetExceeded, with nothing reserved, when they do not fit.
        """
        with self._lock:
            self._admit(label, nbytes)
            booking = Booking(self, label, nbytes)
            self._bookings.add(booking)
            return booking

    def reset_peaks(self) -> None:
        """Starts the peaks again from what is live now."""
        with self._lock:
            self._peak = dict(self._live)
            self._total_peak = self._total

    def reset_bookings(self) -> None:
        """Closes all bookings: what follows after an error in a lane."""
        with self._lock:
            for booking in list(self._bookings):
                self._end(booking)

    def expect(self, live: Mapping[Tag, int]) -> None:
        """Raises LeakDetected that lists the live buffers of every tag whose bytes are not those of ``live``.

        A tag that ``live`` does not name has to have none.
        """
        with self._lock:
            wrong = [tag for tag in Tag if self._live[tag] != live.get(tag, 0)]
            if wrong:
                raise LeakDetected("; ".join(self._described(tag, live.get(tag, 0)) for tag in wrong))

    def _described(self, tag: Tag, expected: int) -> str:
        held = [f"{each.name} {each.nbytes}" for each in self._holdings.values() if each.tag == tag]
        return f"{tag}: {self._live[tag]} bytes live, {expected} expected ({', '.join(held) or 'no buffer'})"

    def _booked(self) -> int:
        return sum(booking.nbytes for booking in self._bookings)

    def _committed(self) -> int:
        return self._total - self._in_bookings + self._booked()

    def _admit(self, name: str, nbytes: int) -> None:
        if nbytes < 0:
            raise ValueError(f"{name}: {nbytes} bytes")
        if self.budget is not None and self._committed() + nbytes > self.budget:
            raise BudgetExceeded(
                f"{name}: {nbytes} bytes do not fit, {self._committed()} of the budget of {self.budget} bytes are in use"
            )

    def _charge(self, booking: Booking, name: str, nbytes: int) -> None:
        if booking.used + nbytes > booking.nbytes:
            raise BudgetExceeded(
                f"{name}: {nbytes} bytes do not fit into the booking {booking.label}: "
                f"{booking.used} of its {booking.nbytes} bytes are in use"
            )
        booking.used += nbytes
        booking.peak = max(booking.peak, booking.used)
        self._in_bookings += nbytes

    def _release(self, holding: Holding) -> None:
        with self._lock:
            if self._holdings.pop(id(holding), None) is None:
                return
            self._live[holding.tag] -= holding.nbytes
            self._total -= holding.nbytes
            booking = holding._booking
            if booking is not None and not booking.closed:
                booking.used -= holding.nbytes
                self._in_bookings -= holding.nbytes

    def _close(self, booking: Booking) -> None:
        with self._lock:
            self._end(booking)

    def _end(self, booking: Booking) -> None:
        if not booking.closed:
            booking.closed = True
            self._in_bookings -= booking.used
            self._bookings.discard(booking)

    def _enter(self, booking: Booking) -> Booking | None:
        if booking.closed:
            raise WrongState(f"the booking {booking.label} is closed")
        outer: Booking | None = getattr(self._current, "booking", None)
        self._current.booking = booking
        return outer

    def _leave(self, booking: Booking, outer: Booking | None) -> None:
        if getattr(self._current, "booking", None) is not booking:
            raise WrongState(f"the booking {booking.label} is left by a thread that is not inside it")
        self._current.booking = outer
