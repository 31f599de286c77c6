"""Signatures: what findings have in common that have, most likely, one cause, whatever else is in their programs.

A signature names no row, no value and no fragment, so that it survives the removal of everything that has nothing to do with
the cause. A shrinker asks for it once per candidate: a candidate without any difference costs one comparison, one with a
difference two or three more runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

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


class Signer:
    """Gives signatures of cases on the same engines."""

    def __init__(self, engines: Sequence[Engine]) -> None:
        self.observer = Observer(engines)

    def signature(self, case: Case) -> Signature | None:
        """The signature of a case with one cut plan; None when nothing differs."""
        look = self.observer.look(case)
        return self.signature_of_look(look)[0] if look.cause is not None else None

    def has(self, case: Case, wanted: Signature) -> bool:
        """Whether the case has this signature; no more is run than is needed to say no."""
        look = self.observer.look(case)
        if look.cause is None:
            return False
        known = _named(look.cause, wanted.dependence)
        # A wrong state at a boundary may turn out to be a wrong cell that shows without the boundary.
        if known != wanted and look.cause.kind is not Kind.BOUNDARY:
            return False
        return self.signature_of_look(look)[0] == wanted

    def signature_of_look(self, look: Look) -> tuple[Signature, Cause]:
        """The signature, and the cause that it names.

        The two differ from what was seen first where a boundary state is wrong because the program's state is: then the
        cell that is wrong without any cut is the cause.
        """
        assert look.cause is not None, "nothing differs"
        cause = look.cause
        if not _is_cut(look):
            return _named(cause, ANY_CUTS), cause
        plain = self.observer.look(without_cuts(look.case)).cause
        if plain is None:
            return _named(cause, WITH_CUTS), cause
        if cause.kind is Kind.BOUNDARY:
            earlier = plain.row is not None and cause.row is not None and plain.row <= cause.row
            return (_named(plain, ANY_CUTS), plain) if earlier else (_named(cause, WITH_CUTS), cause)
        return _named(cause, ANY_CUTS if plain.likeness == cause.likeness else WITH_CUTS), cause


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
