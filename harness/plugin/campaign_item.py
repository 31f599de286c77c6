"""``--fragdiff-fuzz``: a campaign as one test."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest

from harness.campaign import Event, FindingKept, Totals
from harness.campaign.end_report import end_report
from harness.campaign.here import run_campaign
from harness.campaign.keeping import REPORT
from harness.plugin.account import NOT_COMPARED, properties
from harness.plugin.items import Red
from harness.pytest_plugin import SESSION

SHRINK_SECONDS: Final = 10.0
MOST_REPORTS: Final = 3


class CampaignItem(pytest.Item):
    """Fails on a difference, when an engine is not usable, and when nothing was compared."""

    NAME: Final = "fragdiff-fuzz"

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.add_marker("fragdiff_fuzz")

    def runtest(self) -> None:
        """Run the campaign; :class:`Red` when it is not one that agrees."""
        session = self.config.stash[SESSION]
        asked = session.settings
        for name in asked.engines:
            available = session.engines.availability(name)
            if not available.usable:
                self.user_properties.append((NOT_COMPARED, f"{name} is not usable here: {available.reason}"))
                raise Red(f"{name} is not usable here: {available.reason}")
        kept: list[FindingKept] = []
        totals = run_campaign(
            session.engines.get(asked.engines),
            asked.out,
            seed=asked.seed,
            seconds=asked.fuzz_seconds,
            kept_per_signature=1,
            shrink_seconds=SHRINK_SECONDS,
            listeners=[lambda event: _keep(event, kept)],
        )
        self.user_properties += properties(totals.counts)
        self.add_report_section("call", "campaign", "\n".join(end_report(totals)))
        if totals.differences or totals.is_vacuous:
            raise Red(_text(totals, [event.directory for event in kept]))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], *given: Any) -> Any:
        """The end report and the reports of findings; a traceback for anything else."""
        return str(excinfo.value) if isinstance(excinfo.value, Red) else super().repr_failure(excinfo, *given)

    def reportinfo(self) -> tuple[Path, int, str]:
        """No file."""
        return self.path, 0, self.NAME


def _keep(event: Event, kept: list[FindingKept]) -> None:
    if isinstance(event, FindingKept):
        kept.append(event)


def _text(totals: Totals, directories: list[Path]) -> str:
    reports = [(directory / REPORT).read_text("utf-8") for directory in directories[:MOST_REPORTS]]
    more = len(directories) - MOST_REPORTS
    return "\n".join(
        (
            f"seed {totals.seed}, engines {', '.join(totals.engines)}",
            *end_report(totals),
            *reports,
            *(f"finding: {directory}" for directory in directories),
            *([f"the reports of {more} more are there"] if more > 0 else []),
        )
    )
