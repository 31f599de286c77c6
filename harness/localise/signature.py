"""Signatures: what findings have in common that have, most likely, one cause, whatever else is in their programs.

A signature names no row, no value and no fragment, so that it survives the removal of everything that has nothing to do with
the cause. A shrinker asks for it once per candidate: a candidate without any difference costs one comparison, one with a
difference two or three more runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from harness.backend import Engine
from harness.localise.observer import Cause, Look, Observer, without_cuts
from harness.verdict import Kind, engine_label
from reference.definition.case import Case

ANY_CUTS: Final = "any cuts"
WITH_CUTS: Final = "with cuts"


@dataclass(frozen=True, slots=True)
class Signature:
    """Engines, kind, dependence on cuts, operation, phase and part of the trace. ``text`` is the same for equal ones."""

    kind: Kind
    engines: tuple[str, ...]
    """Labels of the pair that differs, in order; one for an engine with itself."""
    dependence: str
    """Whether it shows without any cut: :data:`ANY_CUTS` or :data:`WITH_CUTS`."""
    operation: str
    """The operation that makes the wrong cell; empty where a boundary state or no cell is wrong, and for sorted tables."""
    phase: str
    """The position tag of that operation's row (``return`` for the END of a call), or of the row behind the boundary."""
    part: str
    """Part of the trace, field of the boundary state, or the reason of other divergences."""

    @property
    def text(self) -> str:
        """One line."""
        words = (self.kind.value, "|".join(self.engines), self.dependence, self.operation, self.phase, self.part)
        return " ".join(word for word in words if word)

    def as_json(self) -> dict[str, Any]:
        """All parts by name, and the text."""
        return {
            "kind": self.kind.value,
            "engines": list(self.engines),
            "dependence": self.dependence,
            "operation": self.operation,
            "phase": self.phase,
            "part": self.part,
            "text": self.text,
        }


class Signed(NamedTuple):
    """A signature, the cause that it names, and the look that shows this cause."""

    signature: Signature
    cause: Cause
    look: Look


class Signer:
    """Gives signatures of cases on the same engines; with ``audit`` also of those that only the audit rejects."""

    def __init__(self, engines: Sequence[Engine], *, audit: bool = False) -> None:
        self.observer = Observer(engines, audit=audit)

    def signature(self, case: Case) -> Signature | None:
        """The signature of a case with one cut plan; None when nothing differs."""
        look = self.observer.look(case)
        return None if look.cause is None else self.sign(look).signature

    def has(self, case: Case, wanted: Signature) -> bool:
        """Whether the case has this signature; no more is run than is needed to say no."""
        look = self.observer.look(case)
        if look.cause is None:
            return False
        known = _named(look.cause, wanted.dependence)
        # A wrong state at a boundary may turn out to be a wrong cell that shows without the boundary.
        if known != wanted and look.cause.kind is not Kind.BOUNDARY:
            return False
        return self.sign(look).signature == wanted

    def sign(self, look: Look) -> Signed:
        """The signature of a look that shows a difference.

        Where a boundary state is wrong because the program's own state is, the cause is the cell that is wrong without any
        cut, and the look is the one without cuts.
        """
        assert look.cause is not None, "nothing differs"
        cause = look.cause
        if not _is_cut(look):
            return Signed(_named(cause, ANY_CUTS), cause, look)
        plain = self.observer.look(without_cuts(look.case))
        if plain.cause is None:
            return Signed(_named(cause, WITH_CUTS), cause, look)
        if cause.kind is Kind.BOUNDARY and _is_before(plain.cause, cause):
            return Signed(_named(plain.cause, ANY_CUTS), plain.cause, plain)
        dependence = ANY_CUTS if is_same_without_cuts(cause, plain.cause) else WITH_CUTS
        return Signed(_named(cause, dependence), cause, look)


def is_same_without_cuts(cause: Cause, plain: Cause) -> bool:
    """Whether what shows without any cut is the same mistake.

    Without cuts there is no boundary to be wrong; but a state that was wrong there because the run is wrong leaves wrong
    outputs or lengths behind.
    """
    if cause.kind is Kind.BOUNDARY and plain.kind in (Kind.OUTCOME, Kind.SUMMARY):
        return True
    return plain.likeness == cause.likeness


def _is_before(plain: Cause, boundary: Cause) -> bool:
    """Whether a cell that is wrong without cuts explains a wrong boundary state: the state on its row, or something earlier."""
    return plain.kind is Kind.CELL and plain.row is not None and boundary.row is not None and plain.row <= boundary.row


def signature_of(case: Case, engines: Sequence[Engine]) -> Signature | None:
    """The signature of a case with one cut plan on these engines; None when they agree.

    For many cases on the same engines a :class:`Signer` keeps the reference's runs.
    """
    return Signer(engines).signature(case)


def _is_cut(look: Look) -> bool:
    """Whether the plan cuts the program; a plan for a program that nobody completed is taken to."""
    return look.rows is None or len(look.case.cut.starts(look.rows.count)) > 1


def _named(cause: Cause, dependence: str) -> Signature:
    left, right = cause.pair
    engines = tuple(dict.fromkeys((engine_label(left), engine_label(right))))
    # What stands next to a cut, and which access a sorted table shows first, is chance.
    by_operation = cause.kind is Kind.CELL and cause.part not in ("memory", "circuits")
    operation = cause.operation if by_operation else ""
    phase = "" if cause.part in ("memory", "circuits") else cause.tag
    return Signature(cause.kind, engines, dependence, operation, phase, cause.part)
