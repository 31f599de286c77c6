"""The campaign: generated cases on several engines, compared, findings kept. Typed events out, listeners in."""

from harness.campaign.events import (
    BatchBegun,
    BatchFinished,
    CampaignFinished,
    CampaignResumed,
    CampaignStarted,
    CaseBegun,
    CaseCompared,
    CaseGenerated,
    CompletingBegun,
    Event,
    FindingKept,
    FindingRepeated,
    FindingReplayed,
    FindingReported,
    FindingShrunk,
    Listener,
    PlanBegun,
    WorkerDied,
)
from harness.campaign.loop import Settings, run_cases
from harness.campaign.totals import Totals

__all__ = [
    "BatchBegun",
    "BatchFinished",
    "CampaignFinished",
    "CampaignResumed",
    "CampaignStarted",
    "CaseBegun",
    "CaseCompared",
    "CaseGenerated",
    "CompletingBegun",
    "Event",
    "FindingKept",
    "FindingRepeated",
    "FindingReplayed",
    "FindingReported",
    "FindingShrunk",
    "Listener",
    "PlanBegun",
    "Settings",
    "Totals",
    "WorkerDied",
    "run_cases",
]
