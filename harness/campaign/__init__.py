"""The campaign: generated cases on several engines, compared, findings kept. Typed events out, listeners in."""

from harness.campaign.events import (
    CampaignFinished,
    CampaignStarted,
    CaseCompared,
    Event,
    FindingKept,
    FindingRepeated,
    FindingReplayed,
    FindingReported,
    FindingShrunk,
    Listener,
)
from harness.campaign.loop import Settings, run_campaign
from harness.campaign.totals import Totals

__all__ = [
    "CampaignFinished",
    "CampaignStarted",
    "CaseCompared",
    "Event",
    "FindingKept",
    "FindingRepeated",
    "FindingReplayed",
    "FindingReported",
    "FindingShrunk",
    "Listener",
    "Settings",
    "Totals",
    "run_campaign",
]
