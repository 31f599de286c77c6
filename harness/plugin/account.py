"""What the items of a run compared, added up from their reports: it works for one process and for many workers alike.

Each item leaves its account in its properties, which travel with its report and stand in a JUnit file. A run in which items
ran and nothing was compared has failed, however many of them were skipped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

import pytest

from harness.verdict import Comparison, Counts

PREFIX: Final = "fragdiff_"

AMOUNTS: Final = ("rows", "cells", "boundaries", "seams", "failures", "audits")
NOT_COMPARED: Final = f"{PREFIX}not_compared"
KNOWN: Final = f"{PREFIX}known"

Properties = list[tuple[str, object]]


def properties(counts: Counts) -> Properties:
    """What an item compared, and the known divergences it met, one property for each entry."""
    found: Properties = [(f"{PREFIX}{name}", getattr(counts, name)) for name in AMOUNTS]
    return found + [(KNOWN, entry) for entry in sorted(counts.excused)]


def known_texts(comparison: Comparison) -> list[str]:
    """The known divergences of a comparison, a line each."""
    return [f"known {item.entry}: {item.divergence.signature}" for item in comparison.excused]


class Account:
    """Adds up reports."""

    def __init__(self) -> None:
        self.items = 0
        self.amounts: Counter[str] = Counter()
        self.not_compared: Counter[str] = Counter()
        self.known: Counter[str] = Counter()

    def add(self, report: pytest.TestReport) -> None:
        """Count the report of an item of ours; all others are left alone."""
        found = [(name, value) for name, value in report.user_properties if name.startswith(PREFIX)]
        if report.when != "call" or not found:
            return
        self.items += 1
        for name, value in found:
            if name == NOT_COMPARED:
                self.not_compared[str(value)] += 1
            elif name == KNOWN:
                self.known[str(value)] += 1
            elif isinstance(value, int):
                self.amounts[name.removeprefix(PREFIX)] += value

    @property
    def is_vacuous(self) -> bool:
        """Whether items ran and not one of them compared anything."""
        return self.items > 0 and not any(self.amounts[name] for name in ("cells", "boundaries", "failures"))

    def lines(self) -> Iterator[str]:
        """For people."""
        amounts = self.amounts
        yield (
            f"compared: {amounts['rows']:,} rows, {amounts['cells']:,} cells, {amounts['boundaries']:,} boundaries, "
            f"{amounts['seams']:,} seams built, {amounts['failures']:,} equal failures, {amounts['audits']:,} traces audited"
        )
        yield from (f"known divergence {entry}: in {times:,} items" for entry, times in sorted(self.known.items()))
        yield from (f"not compared: {times:,} x {reason}" for reason, times in self.not_compared.most_common())
        if self.is_vacuous:
            yield "nothing was compared: this run has failed"
