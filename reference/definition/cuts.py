"""Cut plans: which rows begin a fragment (DESIGN: *Cuts*).

A plan is independent of the program; :meth:`starts` applies it to a number of core rows. Row 0 always begins a fragment.
Rows past the end are legal and begin nothing.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Every:
    """A fragment of ``size`` rows (>= 1) after another: the real builder's rule."""

    size: int

    def __post_init__(self) -> None:
        if self.size < 1:
            raise ValueError(f"a fragment has at least one row, found size {self.size}")

    def starts(self, core_rows: int) -> tuple[int, ...]:
        """The rows that begin a fragment in a program of ``core_rows`` rows, ascending; row 0 first."""
        return tuple(range(0, core_rows, self.size)) or (0,)


@dataclass(frozen=True, slots=True)
class At:
    """A fragment begins at each of ``rows`` (any order, repetitions allowed), and at row 0."""

    rows: tuple[int, ...]

    def __post_init__(self) -> None:
        for row in self.rows:
            if row < 0:
                raise ValueError(f"a row is not negative, found {row}")

    def starts(self, core_rows: int) -> tuple[int, ...]:
        """The rows that begin a fragment in a program of ``core_rows`` rows, ascending; row 0 first."""
        return tuple(sorted({0, *(row for row in self.rows if row < core_rows)}))


CutPlan = Every | At

ONE_FRAGMENT = Every(2**29)
"""No program is longer (the real VM's cycle limit), so this is one single fragment."""
