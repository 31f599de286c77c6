"""Who writes findings: of campaigns that compare, here; those that judge by the laws have another one."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from harness.campaign.crew import Died
from harness.campaign.deaths import keep_death
from harness.campaign.keeping import Finding, directory_of, keep_found
from harness.campaign.profiles import profile_options
from harness.campaign.protocol import Difference, Setup
from harness.campaign.running import Running
from harness.reporting import read_divergence
from harness.verdict import Comparison, Counts, Verdict, describe
from reference.definition.formats.case_json import read_case


class Keeper(Protocol):
    """Writes findings as they come, before anything else is done about them."""

    def directory_of(self, difference: Difference) -> Path:
        """Where the finding is kept: the same for the same case."""

    def keep(self, difference: Difference) -> str:
        """Write it to its directory; what differs, for a person. InputError when that is impossible."""

    def keep_death(self, died: Died, running: Running) -> Path:
        """Write the case that ended a worker; its directory. InputError when that is impossible."""


class ComparisonKeeper:
    """Keeps cases in which engines differ."""

    def __init__(self, setup: Setup, out: Path) -> None:
        self._setup = setup
        self._out = out

    def directory_of(self, difference: Difference) -> Path:
        """As :meth:`Keeper.directory_of`."""
        return directory_of(self._finding(difference), self._out)

    def keep(self, difference: Difference) -> str:
        """As :meth:`Keeper.keep`."""
        finding = self._finding(difference)
        keep_found(finding, self._out)
        return describe(finding.comparison.divergences[0])

    def keep_death(self, died: Died, running: Running) -> Path:
        """As :meth:`Keeper.keep_death`."""
        return keep_death(died, running, self._setup, self._out)

    def _finding(self, difference: Difference) -> Finding:
        case, setup = read_case(difference.case), self._setup
        divergences = tuple(read_divergence(item) for item in difference.divergences)
        comparison = Comparison(case.name, Verdict.DIFFER, divergences, (), Counts())
        options = profile_options(setup.profile)
        return Finding(difference.signature, case, comparison, setup.engines, setup.seed, difference.number, options)
