"""Who writes the findings of a campaign by the laws."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from harness.campaign.crew import Died
from harness.campaign.deaths import divergence_of, keep_number
from harness.campaign.profiles import profile_options
from harness.campaign.protocol import Difference, Json, Setup
from harness.campaign.running import Running, case_in_hand
from harness.laws.keeping import Finding, directory_of, found_after, keep_found
from harness.laws.violation import Kind, Law, Violation, describe, read_violation
from reference.definition.case import Case
from reference.definition.formats.case_json import read_case

SoFar = Callable[[], tuple[int, float]]
"""How many cases of all finished batches were judged, and for how many seconds the campaign has run."""


class LawKeeper:
    """Keeps cases that break a law."""

    def __init__(self, setup: Setup, out: Path, so_far: SoFar) -> None:
        self._setup = setup
        self._out = out
        self._so_far = so_far

    def directory_of(self, difference: Difference) -> Path:
        """As :meth:`harness.campaign.keeper.Keeper.directory_of`."""
        return directory_of(self._found(difference), self._out)

    def keep(self, difference: Difference) -> str:
        """As :meth:`harness.campaign.keeper.Keeper.keep`."""
        finding = self._found(difference)
        keep_found(finding, self._out)
        return "\n".join([found_after(finding), *map(describe, finding.violations)])

    def keep_death(self, died: Died, running: Running) -> Path:
        """As :meth:`harness.campaign.keeper.Keeper.keep_death`."""
        divergence = divergence_of(died)
        case = case_in_hand(running, self._setup)
        if case is None:
            return keep_number(divergence, running, self._setup, self._out)
        violation = Violation(Law.ANSWER, Kind.BREAKS, case.cuts, said=f"{died.reason}\n{died.detail}".rstrip())
        return keep_found(self._finding(divergence.signature, case, (violation,), running.number, {}), self._out)

    def _found(self, difference: Difference) -> Finding:
        violations = tuple(map(read_violation, difference.divergences))
        case = read_case(difference.case)
        return self._finding(difference.signature, case, violations, difference.number, difference.about)

    def _finding(
        self, signature: str, case: Case, violations: tuple[Violation, ...], number: int, about: Json
    ) -> Finding:
        cases, seconds = self._so_far()
        (engine,) = self._setup.engines
        cases, family = cases + about.get("judged", 0), about.get("family", "")
        options = profile_options(self._setup.profile)
        return Finding(signature, case, violations, engine, self._setup.seed, number, cases, seconds, family, options)
