"""How a difference depends on cuts, found out by running the case again: without the cut, with it moved, with it doubled.

The class names the kind of mistake: a fault that no cut changes lies in what an operation does; one that moves with the cut,
in what a fragment does first; one that stays while the cut moves, in what a context holds for later; one that needs the cut at
one row, in the resumption at just that position.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, NamedTuple

from harness.backend import Engine, EngineFailure, NotComparable
from harness.localise.observer import Cause, Look, Observer, without_cuts
from harness.localise.signature import is_same_without_cuts
from harness.verdict import Kind
from reference.definition.case import Case
from reference.definition.cuts import At, CutPlan, Every

SHIFTS: Final = (-2, -1, 1, 2)
SINGLE_CUTS_TRIED: Final = 6
"""The cuts next to the wrong row; one that is further away is found by taking others away."""
REDUCTIONS: Final = 60
"""Runs for finding out which of several cuts are needed."""
REPETITIONS: Final = 2


class FaultClass(StrEnum):
    """How a difference depends on cuts."""

    INDEPENDENT = "does not depend on cuts"
    VANISHES = "vanishes without the cut"
    """And with the cut at any other row near, or it cannot be told where it is then."""
    MOVES = "moves with the cut"
    LATER = "appears rows later"
    """The wrong row stays where it is when the cut moves; it may lie before the cut, too."""
    SEVERAL = "needs several fragments"
    UNSTABLE = "not stable"


class Experiment(NamedTuple):
    """One more run of the case at other cuts."""

    change: str
    """What was changed."""
    plan: CutPlan
    shows: bool
    """Whether the difference is still there."""
    row: int | None
    """Its first wrong row then."""
    distance: int | None
    """That row minus the cut that was moved."""


@dataclass(frozen=True, slots=True)
class Dependence:
    """The class of a difference, and what it was concluded from."""

    fault_class: FaultClass
    cuts: tuple[int, ...]
    """The cuts that are needed; empty when none is, or when it is not stable."""
    rows_later: int | None
    """From the last cut that is needed to the first wrong row."""
    experiments: tuple[Experiment, ...]

    @property
    def fragments(self) -> int | None:
        """How many fragments it takes."""
        return len(self.cuts) + 1 if self.cuts else None

    @property
    def text(self) -> str:
        """The class in words, with its numbers."""
        match self.fault_class:
            case FaultClass.LATER if self.rows_later is not None and self.rows_later < 0:
                return f"shows {_rows(-self.rows_later)} before the cut and stays there when the cut moves"
            case FaultClass.LATER:
                return f"appears {_rows(self.rows_later)} later than the cut and stays there when the cut moves"
            case FaultClass.VANISHES if self.cuts:
                return f"vanishes without the cut{self._behind()}"
            case FaultClass.SEVERAL:
                return f"needs {self.fragments} fragments"
            case FaultClass.MOVES:
                return f"moves with the cut{self._behind()}"
            case _:
                return self.fault_class.value

    def _behind(self) -> str:
        if not self.rows_later:
            return ""
        return f", {_rows(abs(self.rows_later))} {'behind' if self.rows_later > 0 else 'before'} it"


def _rows(count: int | None) -> str:
    return "rows" if count is None else f"{count} row{'s'[: abs(count) != 1]}"


def dependence_on_cuts(observer: Observer, look: Look, cause: Cause, *, near: int | None = None) -> Dependence:
    """Find out. ``cause`` is what was seen of the look's case; a few dozen runs at most.

    ``near`` is where to look for the cut when the cause has no row.
    """
    return _Trial(observer, look, cause, near if cause.row is None else cause.row).conclude()


class _Trial:
    def __init__(self, observer: Observer, look: Look, cause: Cause, near: int | None) -> None:
        self._observer = observer
        self._case = look.case
        self._cause = cause
        self._near = near
        self._count = look.rows.count if look.rows is not None else _largest_cut(look.case.cut)
        self._done: list[Experiment] = []

    def conclude(self) -> Dependence:
        if not all(self._happens_again() for _ in range(REPETITIONS)):
            return self._found(FaultClass.UNSTABLE)
        if self._shows_without_cuts():
            if self._cause.kind is Kind.CELL and self._cause.row and self._cause.row < self._count:
                self._try("a cut right before the wrong row", At((self._cause.row,)), cut=self._cause.row)
            return self._found(FaultClass.INDEPENDENT)
        cuts, plan = self._needed()
        if len(cuts) != 1:
            return self._found(FaultClass.SEVERAL, cuts) if cuts else self._found(FaultClass.VANISHES)
        shifted = list(self._shifted(cuts[0], plan))
        self._doubled(cuts[0])
        return self._found(self._class_of(shifted, cuts[0]), cuts)

    def _found(self, fault_class: FaultClass, cuts: Sequence[int] = ()) -> Dependence:
        row = self._cause.row
        later = row - cuts[-1] if cuts and row is not None else None
        return Dependence(fault_class, tuple(cuts), later, tuple(self._done))

    def _happens_again(self) -> bool:
        cause = self._observer.look(self._case).cause
        again = cause is not None and cause.likeness == self._cause.likeness and cause.row == self._cause.row
        same = again and cause is not None and cause.cells == self._cause.cells
        row = None if cause is None else cause.row
        self._done.append(Experiment("run again", self._case.cut, same, row, None))
        return same

    def _shows_without_cuts(self) -> bool:
        plain = without_cuts(self._case)
        cause = self._observer.look(plain).cause
        shows = cause is not None and is_same_without_cuts(self._cause, cause)
        row = cause.row if shows and cause is not None else None
        self._done.append(Experiment("the cuts removed", plain.cut, shows, row, None))
        return shows

    # ---- one run ----------------------------------------------------------------------------------------------------

    def _try(self, change: str, plan: CutPlan, *, cut: int | None = None) -> Experiment:
        """Run the case with this plan."""
        cause = self._observer.look(replace(self._case, cuts=(plan,))).cause
        like = cause is not None and self._is_like(cause)
        # A context that gives wrong cells at one cut may break the engine at another, and the other way round.
        shows = like or (cause is not None and Kind.ENGINE_FAILURE in (cause.kind, self._cause.kind))
        row = cause.row if like and cause is not None else None
        distance = row - cut if row is not None and cut is not None else None
        done = Experiment(change, plan, shows, row, distance)
        self._done.append(done)
        return done

    def _is_like(self, cause: Cause) -> bool:
        """The operation is another one where the cut has moved."""
        return (cause.kind, cause.part) == (self._cause.kind, self._cause.part)

    def _is_there(self, done: Experiment) -> bool:
        return done.shows and (done.row is None or self._cause.row is None or done.row == self._cause.row)

    # ---- which cuts are needed --------------------------------------------------------------------------------------

    def _needed(self) -> tuple[list[int], Callable[[int], CutPlan]]:
        """The cuts without which nothing shows at the same row, and the kind of plan that a single one was given with."""
        cuts = [start for start in self._case.cut.starts(self._count) if start]
        for cut in self._nearest(cuts):
            for plan, text in ((_at, "only the cut"), (Every, "only a fragment size: that of the cut")):
                if self._is_there(self._try(f"{text} at row {cut}", plan(cut), cut=cut)):
                    return [cut], plan
                if _is_built(self._observer, replace(self._case, cuts=(plan(cut),))):
                    break
        return self._reduced(cuts), _at

    def _nearest(self, cuts: Sequence[int]) -> list[int]:
        """The last cut that is not behind the wrong row, the first one behind it, and so on."""
        row = self._near
        if row is None:
            return list(cuts[-SINGLE_CUTS_TRIED:][::-1])
        return sorted(cuts, key=lambda cut: (abs(cut - row), cut > row))[:SINGLE_CUTS_TRIED]

    def _reduced(self, cuts: list[int]) -> list[int]:
        """Fewer cuts with which it still shows at the same row; none when only the plan as it was shows it."""
        left = REDUCTIONS
        if not cuts or not self._is_there(self._try("the same cuts as a list", At(tuple(cuts)))):
            return []
        size = max(1, len(cuts) // 2)
        while size and left:
            end = len(cuts)
            while end > 0 and left:
                fewer = [*cuts[: max(0, end - size)], *cuts[end:]]
                left -= 1
                if fewer and self._is_there(self._try(f"{len(fewer)} of the cuts", At(tuple(fewer)))):
                    cuts = fewer
                end -= size
            size //= 2
        return cuts

    # ---- moved and doubled ------------------------------------------------------------------------------------------

    def _shifted(self, cut: int, plan: Callable[[int], CutPlan]) -> Iterator[Experiment]:
        for shift in SHIFTS:
            if 0 < cut + shift < self._count:
                yield self._try(f"the cut moved by {shift:+d}", plan(cut + shift), cut=cut + shift)

    def _doubled(self, cut: int) -> None:
        if cut + 1 < self._count:
            self._try("the cut doubled: a fragment of one row", At((cut, cut + 1)), cut=cut)
        plan = self._case.cut
        if isinstance(plan, Every) and 2 * plan.size < self._count:
            self._try("fragments twice as long", Every(2 * plan.size))

    def _class_of(self, shifted: Sequence[Experiment], cut: int) -> FaultClass:
        row = self._cause.row
        shown = [each for each in shifted if each.shows and each.row is not None]
        if row is None:
            return FaultClass.VANISHES
        moving = sum(each.distance == row - cut for each in shown)
        staying = sum(each.row == row for each in shown)
        if not moving and not staying:
            return FaultClass.VANISHES
        return FaultClass.MOVES if moving >= staying else FaultClass.LATER


def _at(cut: int) -> CutPlan:
    return At((cut,))


def _largest_cut(plan: CutPlan) -> int:
    """A bound on the rows for plans of programs that nobody completed: all of the plan's own cuts lie below it."""
    return plan.size * 2 if isinstance(plan, Every) else max(plan.rows, default=0) + 1


def _is_built(observer: Observer, case: Case) -> bool:
    """Whether every engine really cuts its build there; one that cannot is asked with a fragment size instead."""
    return all(engine.inner is observer.reference or _cuts(engine, case) for engine in observer.engines)


def _cuts(engine: Engine, case: Case) -> bool:
    try:
        return engine.run(case).built_with_cuts
    except (EngineFailure, NotComparable):
        return True
