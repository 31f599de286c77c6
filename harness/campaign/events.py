"""What happens in a campaign, as values; terminal, JSON lines and reports are listeners that can be added freely."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from harness.campaign.keeping import Progress
from harness.campaign.totals import Totals
from harness.generate import Generated
from harness.report.again import Replayed
from harness.shrink import Shrunk
from harness.verdict import Comparison, Divergence
from reference.definition.case import Case
from reference.definition.outcome import Outcome


@dataclass(frozen=True, slots=True)
class CampaignStarted:
    """Before the first case."""

    engines: tuple[str, ...]
    seed: int
    first: int


@dataclass(frozen=True, slots=True)
class CaseCompared:
    """A case has been compared; ``totals`` includes it."""

    number: int
    generated: Generated
    case: Case
    """With the cut plan that differed, or the first of those compared."""
    outcome: Outcome | None
    """What the reference says; None when it broke."""
    comparison: Comparison
    totals: Totals


@dataclass(frozen=True, slots=True)
class FindingKept:
    """A difference has been written to ``directory``, before anything else is done about it."""

    number: int
    signature: str
    directory: Path
    divergence: Divergence


@dataclass(frozen=True, slots=True)
class FindingRepeated:
    """A difference whose signature has been kept often enough; it is counted only."""

    number: int
    signature: str
    times: int


@dataclass(frozen=True, slots=True)
class FindingShrunk:
    """The smallest case has been written next to the one found."""

    signature: str
    directory: Path
    found: Case
    shrunk: Shrunk


@dataclass(frozen=True, slots=True)
class FindingReplayed:
    """A new process has compared the case; a difference that it does not see is kept and marked as not stable."""

    signature: str
    directory: Path
    replayed: Replayed


@dataclass(frozen=True, slots=True)
class FindingReported:
    """The finding has been localised, and its directory is complete."""

    signature: str
    directory: Path
    progress: Progress


@dataclass(frozen=True, slots=True)
class CampaignFinished:
    """The last event, whatever ended the campaign."""

    totals: Totals
    stopped: bool
    """Whether somebody asked to stop before the cases or the time were used up."""


Event = (
    CampaignStarted
    | CaseCompared
    | FindingKept
    | FindingRepeated
    | FindingReplayed
    | FindingShrunk
    | FindingReported
    | CampaignFinished
)

Listener = Callable[[Event], None]
