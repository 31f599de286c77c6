"""One part of the examination: what was asked, what was compared, what failed, what could not be judged."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from harness.reporting import counts_json
from harness.verdict import Counts
from reference.definition.case import Case


class Grade(StrEnum):
    """The verdict about a part."""

    PASS = "pass"
    FAIL = "fail"
    NOT_JUDGED = "not judged"


@dataclass(frozen=True, slots=True)
class Failure:
    """A case on which the engine is wrong."""

    case: Case
    """With the one cut plan that shows it, or with all of them for the laws."""
    signature: str
    text: str
    """For a person, several lines."""


@dataclass(slots=True)
class Part:
    """A part while it is examined, and afterwards."""

    name: str
    asks: str
    cases: int = 0
    runs: int = 0
    """Comparisons, one a cut plan; or builds, for the laws."""
    counts: Counts = field(default_factory=Counts)
    judged: Counter[str] = field(default_factory=Counter)
    """What was judged besides what ``counts`` counts."""
    not_judged: Counter[str] = field(default_factory=Counter)
    """What could not be, by reason."""
    failures: list[Failure] = field(default_factory=list)
    seconds: float = 0.0
    may_lack: bool = False
    """Whether an engine may be without what is asked; the verdict then says so."""

    @property
    def grade(self) -> Grade:
        """A part in which nothing was compared is no pass."""
        if self.failures:
            return Grade.FAIL
        nothing = self.counts.nothing and not self.judged.total()
        return Grade.NOT_JUDGED if nothing else Grade.PASS

    @contextmanager
    def timed(self) -> Iterator[Part]:
        """Measure the time of a block."""
        started = time.monotonic()
        try:
            yield self
        finally:
            self.seconds += time.monotonic() - started

    def compared(self) -> str:
        """What was compared, in a few words."""
        counts = self.counts
        parts = [(self.cases, "cases"), (self.runs, "runs"), (counts.cells, "cells"), (counts.boundaries, "boundaries")]
        parts += [
            (counts.seams, "seams"),
            (counts.failures, "equal failures"),
            *((n, name) for name, n in self.judged.items()),
        ]
        parts.append((counts.excused.total(), "known divergences"))
        return ", ".join(f"{number:,} {name}" for number, name in parts if number)

    def as_json(self) -> dict[str, Any]:
        """All of it; of failures case name and signature."""
        return {
            "part": self.name,
            "asks": self.asks,
            "verdict": self.grade.value,
            "cases": self.cases,
            "runs": self.runs,
            "counts": counts_json(self.counts),
            "judged": dict(self.judged),
            "not_judged": dict(self.not_judged),
            "failures": [{"case": item.case.name, "signature": item.signature} for item in self.failures],
            "seconds": round(self.seconds, 2),
        }
