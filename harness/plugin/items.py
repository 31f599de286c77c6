"""Case files as pytest nodes: file, cut plan, pair of engines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.compare import VacuousComparison, compare
from harness.guarded import GuardedEngine
from harness.known import known_divergences
from harness.plugin.account import NOT_COMPARED, known_texts, properties
from harness.plugin.expected import expected_entry
from harness.plugin.failure import failure_text
from harness.plugin.names import distinct, pair_names, plan_name
from harness.plugin.settings import DEVICE_ENGINES
from harness.pytest_plugin import SESSION
from harness.verdict import Comparison, Counts, Verdict
from reference.definition.case import Case
from reference.definition.cuts import CutPlan
from reference.definition.errors import InputError
from reference.definition.formats.load import load_cases


class Red(Exception):  # noqa: N818 - a colour, as in a test run
    """The item fails, with a text that says everything."""


class CaseFile(pytest.File):
    """A case file; its children are the cut plans."""

    def collect(self) -> Iterator[Plan]:
        """One node for each cut plan."""
        try:
            (case,) = load_cases(self.path)
            expected = expected_entry(self.path)
        except InputError as refusal:
            raise self.CollectError(str(refusal)) from None
        if self.config.stash[SESSION].settings.is_slow(self.path):
            self.add_marker("fragdiff_slow")
        for name, plan in zip(distinct(map(plan_name, case.cuts)), case.cuts, strict=True):
            yield Plan.from_parent(
                self, name=name, case=replace(case, cuts=(plan,)), plans=case.cuts, expected=expected
            )


class Plan(pytest.Collector):
    """A case at one cut plan; its children are the pairs of engines."""

    def __init__(self, *, case: Case, plans: Sequence[CutPlan], expected: str, **given: Any) -> None:
        super().__init__(**given)
        self._case = case
        self._plans = plans
        self._expected = expected

    def collect(self) -> Iterator[PairItem]:
        """One item for each pair of engines."""
        pairs = self.config.stash[SESSION].settings.pairs
        for name, pair in zip(pair_names(pairs), pairs, strict=True):
            item: PairItem = PairItem.from_parent(
                self, name=name, case=self._case, plans=self._plans, pair=pair, expected=self._expected
            )
            if DEVICE_ENGINES.intersection(pair):
                item.add_marker("fragdiff_device")
            yield item


class PairItem(pytest.Item):
    """Two engines on a case at one cut plan: passes when they agree, fails when they differ, else is skipped."""

    def __init__(
        self, *, case: Case, plans: Sequence[CutPlan], pair: tuple[str, str], expected: str, **given: Any
    ) -> None:
        super().__init__(**given)
        self._case = case
        self._plans = plans
        self._pair = pair
        self._expected = expected

    def runtest(self) -> None:
        """Compare; :class:`Red` for a difference and for a known one that is gone, a skip for what is not comparable."""
        session = self.config.stash[SESSION]
        for name in self._pair:
            available = session.engines.availability(name)
            if not available.usable:
                self._skip(f"{name} is not usable here: {available.reason}")
        engines = session.engines.get(self._pair)
        try:
            comparison = compare(self._case, engines, audit=True)
        except VacuousComparison as refusal:
            self.user_properties += properties(Counts())
            raise Red(f"{self.nodeid}: less was compared than there is: {refusal}") from None
        self.user_properties += properties(comparison.counts)
        if comparison.excused:
            self.add_report_section("call", "known divergences", "\n".join(known_texts(comparison)))
        if comparison.verdict is Verdict.DIFFER:
            session.localised += 1
            raise Red(failure_text(self._case, self.path, comparison, engines, session.localised))
        self._require_expected(comparison, engines)
        if comparison.counts.not_comparable:
            self._skip("; ".join(sorted(comparison.counts.not_comparable)))
        if comparison.counts.nothing and not comparison.excused:
            raise Red(f"{self._case.name}: nothing was compared, and nobody said why")

    def _require_expected(self, comparison: Comparison, engines: Sequence[GuardedEngine]) -> None:
        """Strict: the entry that the case is kept for must be met, as long as an engine that it belongs to is there."""
        identities = {engine.identity for engine in engines}
        belongs = any(entry.id == self._expected and entry.engine in identities for entry in known_divergences())
        if not belongs or self._expected in comparison.counts.excused:
            return
        # It may show at some of the case's cuts only.
        for plan in self._plans:
            other = compare(replace(self._case, cuts=(plan,)), engines)
            if self._expected in other.counts.excused:
                return
        raise Red(
            f"{self._case.name}: {' and '.join(self._pair)} agree, but the case is kept for the known divergence "
            f"{self._expected}, which is not there at any of its cut plans.\nWhen it has been fixed, take what is said of the "
            f"real VM from the case, and the entry from the list of known divergences."
        )

    def _skip(self, reason: str) -> None:
        self.user_properties.append((NOT_COMPARED, reason))
        pytest.skip(reason)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], *given: Any) -> Any:
        """The report of a difference; a traceback for anything else."""
        return str(excinfo.value) if isinstance(excinfo.value, Red) else super().repr_failure(excinfo, *given)

    def reportinfo(self) -> tuple[Path, int, str]:
        """The case file, and the end of the node id."""
        return self.path, 0, f"{self.parent.name if self.parent else ''}::{self.name}"
