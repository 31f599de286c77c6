"""What happens in a campaign, as values; terminal, JSON lines and logs are listeners that can be added freely."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from harness.campaign.totals import Totals
from harness.generate import Generated
from harness.verdict import Comparison
from reference.definition.case import Case
from reference.definition.outcome import Outcome

# ---- of a case, where it is run -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CaseBegun:
    """Before anything is done about a case."""

    number: int


@dataclass(frozen=True, slots=True)
class CaseGenerated:
    """There is a program; nothing has run it."""

    case: Case


@dataclass(frozen=True, slots=True)
class PlanBegun:
    """Before the engines run the case at its cut plan."""

    case: Case


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


# ---- of a campaign --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CampaignStarted:
    """Before the first case."""

    engines: tuple[str, ...]
    seed: int
    first: int
    laws: bool = False
    """Whether the one engine is judged by the laws of cutting."""


@dataclass(frozen=True, slots=True)
class CampaignResumed:
    """A campaign goes on."""

    engines: tuple[str, ...]
    seed: int
    first: int
    cases: int
    """That were done."""
    runs: int
    was_killed: bool
    """Whether the run before had no end."""
    laws: bool = False
    """Whether the one engine is judged by the laws of cutting."""


@dataclass(frozen=True, slots=True)
class AcceptanceLearnt:
    """A worker has learnt what the engine accepts; a campaign that goes on knows it."""

    lines: tuple[str, ...]
    """What it does not accept, for a person."""
    seconds: float


@dataclass(frozen=True, slots=True)
class BatchBegun:
    """A worker has been given cases."""

    worker: str
    first: int
    count: int


@dataclass(frozen=True, slots=True)
class BatchFinished:
    """A batch has been committed; ``totals`` are those of the whole campaign, this batch included."""

    worker: str
    first: int
    count: int
    seconds: float
    new_cells: int
    totals: Totals


@dataclass(frozen=True, slots=True)
class CompletingBegun:
    """A worker replays, shrinks and localises a finding."""

    worker: str
    directory: Path


@dataclass(frozen=True, slots=True)
class WorkerDied:
    """A worker crashed, hung or used too much memory, and was replaced."""

    worker: str
    reason: str
    number: int | None
    """Of the case in hand; None when there was none."""


@dataclass(frozen=True, slots=True)
class FindingKept:
    """A difference has been written to ``directory``, before anything else is done about it."""

    number: int
    signature: str
    directory: Path
    text: str
    """What differs, for a person."""


@dataclass(frozen=True, slots=True)
class FindingRepeated:
    """A difference whose signature has been kept often enough; it is counted only."""

    number: int
    signature: str
    times: int


@dataclass(frozen=True, slots=True)
class FindingReplayed:
    """A new process has compared the case; a difference that it does not see is kept and marked as not stable."""

    signature: str
    directory: Path
    again: str
    """A value of :class:`harness.report.again.Again`."""
    reason: str
    text: str


@dataclass(frozen=True, slots=True)
class FindingShrunk:
    """The smallest case has been written next to the one found."""

    signature: str
    directory: Path
    happens_again: bool
    finished: bool
    seconds: float
    nodes: int
    text: str = ""
    """What else there is to say of the smallest case."""


@dataclass(frozen=True, slots=True)
class FindingReported:
    """The finding has been localised, and its directory is complete."""

    signature: str
    directory: Path
    state: str
    full_signature: str | None
    localised: bool


@dataclass(frozen=True, slots=True)
class CampaignFinished:
    """The last event, whatever ended the campaign."""

    totals: Totals
    """Of all runs of the campaign."""
    run: Totals
    """Of this run."""
    stopped: bool
    """Before the cases or the time were used up."""
    failed: bool = False
    """Of an error, which is told besides."""


Event = (
    CaseBegun
    | CaseGenerated
    | PlanBegun
    | CaseCompared
    | CampaignStarted
    | CampaignResumed
    | AcceptanceLearnt
    | BatchBegun
    | BatchFinished
    | CompletingBegun
    | WorkerDied
    | FindingKept
    | FindingRepeated
    | FindingReplayed
    | FindingShrunk
    | FindingReported
    | CampaignFinished
)

Listener = Callable[[Event], None]
