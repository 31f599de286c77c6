"""A law that an engine broke: at which cuts, measured by which, and where it shows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from harness.laws.build import WrongColumn, WrongPlace
from harness.laws.plans import WHOLE
from harness.records import cut_json
from reference.definition.cuts import At, CutPlan, Every

_STDERR_LINES: Final = 12
"""Shown of a program's standard error, the last ones."""


class Law(StrEnum):
    """What is judged."""

    CUTS = "law 1"
    """The trace does not depend on the cuts."""
    AGAIN = "law 2"
    """Cutting a fragment again changes nothing."""
    STATES = "law 3"
    """The boundary state of a row is the same whatever the other cuts are."""
    TWICE = "law 4"
    """A build made twice gives the same twice."""
    CONSTRAINTS = "constraints"
    """The engine's own constraint check accepts its traces."""
    ANSWER = "answer"
    """An engine answers: it does not panic, crash or hang over a program, whatever the cut."""


MEANING = {
    Law.CUTS: "the trace does not depend on the cuts",
    Law.AGAIN: "cutting again changes nothing",
    Law.STATES: "a row's boundary state is its own",
    Law.TWICE: "built twice, the same twice",
    Law.CONSTRAINTS: "its own constraint check accepts its traces",
    Law.ANSWER: "it neither panics nor breaks",
}


class Kind(StrEnum):
    """How a law is broken."""

    WRONG_CELLS = "wrong cells"
    FAILS = "fails"
    FAILS_OTHERWISE = "fails otherwise"
    PANICS = "panics"
    BREAKS = "breaks"
    STATE = "another boundary state"
    NOT_AGAIN = "not the same again"
    REJECTED = "rejected by its own check"
    CONTRADICTS = "contradicts itself"


@dataclass(frozen=True, slots=True)
class Violation:
    """One way in which a case breaks a law."""

    law: Law
    kind: Kind
    plans: tuple[CutPlan, ...]
    """The cuts at which it shows."""
    measure: CutPlan | None = None
    """The cut whose build is taken as the right one; None where none is needed."""
    said: str = ""
    """What the engine said, or what differs."""
    accepted: bool | None = None
    """Of wrong cells: whether the engine's own check accepts them all the same; None when it does not say."""
    place: WrongPlace | None = None
    stderr: str = ""
    """The end of the program's standard error when it broke; no part of the signature."""

    @property
    def signature(self) -> str:
        """A short text that is the same for violations with, most likely, the same cause."""
        parts = [self.law.value, self.kind.value]
        if self.kind is Kind.WRONG_CELLS and self.accepted is not None:
            parts.append("that its own check accepts" if self.accepted else "that its own check rejects")
        text = re.sub(r"0x[0-9a-f]{8,}|[0-9]+", "N", self.said.partition("\n")[0])[:100]
        return ": ".join(part for part in (" ".join(parts), text) if part)


def sizes_text(plans: tuple[CutPlan, ...]) -> str:
    """``1-6, 9, one fragment, at 3 5``."""
    sizes = sorted({plan.size for plan in plans if isinstance(plan, Every) and plan.size < WHOLE.size})
    runs: list[list[int]] = []
    for size in sizes:
        if runs and size == runs[-1][-1] + 1:
            runs[-1].append(size)
        else:
            runs.append([size])
    parts = [str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs]
    parts += ["one fragment"] if any(isinstance(plan, Every) and plan.size >= WHOLE.size for plan in plans) else []
    free = [plan for plan in plans if not isinstance(plan, Every)]
    parts += [f"at {','.join(map(str, plan.rows)) or 0}" for plan in free[:8]]
    return ", ".join([*parts, *([f"and {len(free) - 8} more"] if len(free) > 8 else [])])


def describe(violation: Violation) -> str:
    """In plain lines for a person."""
    lines = [f"{violation.law.value} broken: {MEANING[violation.law]}; {violation.kind.value}"]
    lines.append(f"  at cuts: {sizes_text(violation.plans)}")
    if violation.measure is not None:
        lines.append(f"  measured by: {sizes_text((violation.measure,))}")
    if violation.accepted is not None:
        lines.append(f"  its own check {'accepts' if violation.accepted else 'rejects'} the wrong trace")
    if violation.said:
        lines += [f"  {line}" for line in violation.said.splitlines()]
    last = violation.stderr.splitlines()[-_STDERR_LINES:]
    if last:
        lines += ["  standard error ended with:", *(f"    {line}" for line in last)]
    place = violation.place
    if place is not None:
        columns = ", ".join(
            item.name if item.right is None else f"{item.name} {item.right} | {item.wrong}" for item in place.columns
        )
        lines.append(f"  first wrong row {place.row}: {columns or 'the traces have other lengths'}")
    return "\n".join(lines)


def violation_json(violation: Violation) -> dict[str, Any]:
    """All of it."""
    place = violation.place
    return {
        "law": violation.law.value,
        "kind": violation.kind.value,
        "signature": violation.signature,
        "cuts": [cut_json(plan) for plan in violation.plans],
        "measure": None if violation.measure is None else cut_json(violation.measure),
        "said": violation.said,
        "accepted_by_own_check": violation.accepted,
        "stderr": violation.stderr,
        "row": None if place is None else place.row,
        "columns": [] if place is None else [item._asdict() for item in place.columns],
    }


def read_violation(document: Mapping[str, Any]) -> Violation:
    """What :func:`violation_json` gave; KeyError, TypeError and ValueError for anything else."""
    measure, row = document["measure"], document["row"]
    return Violation(
        Law(document["law"]),
        Kind(document["kind"]),
        tuple(map(_read_cut, document["cuts"])),
        None if measure is None else _read_cut(measure),
        document["said"],
        document["accepted_by_own_check"],
        None if row is None else WrongPlace(row, tuple(WrongColumn(**item) for item in document["columns"])),
        document["stderr"],
    )


def _read_cut(document: Any) -> CutPlan:
    return Every(document) if isinstance(document, int) else At(tuple(document["at"]))
