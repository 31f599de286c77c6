"""What the supervisor and its workers say to each other: one JSON object a line, so that a worker may be any process anywhere.

A worker is told the :class:`Setup` once and then tasks; it answers each task with messages, the last of which says that the
task is done. Nothing but text, numbers, lists and objects crosses the line.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from harness.generate import Profile

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Setup:
    """What does not change during a campaign."""

    engines: tuple[str, ...]
    seed: int
    profile: Profile
    audit: bool = True
    filling: bool = True
    """Whether cases are cut also where no case was cut before, which depends on what ran earlier."""
    shrink_seconds: float = 20.0
    replaying: bool = True
    """Whether each kept finding is replayed in a new process."""
    laws: bool = False
    """Whether the one engine is judged by the laws of cutting; otherwise the engines are compared."""
    accepted: Json | None = None
    """What the engine accepts, as the first worker of a campaign by the laws has learnt it; None when nobody has."""


# ---- tasks ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class BatchTask:
    """Run the cases ``first .. first + count - 1``."""

    first: int
    count: int
    seconds: float | None = None
    """After which the batch ends with the case in hand."""
    kept: int = 3
    """Of how many cases with one signature the text is wanted."""
    slow: tuple[float, float] = (0.0, 0.0)
    """Seconds of a case, and seconds per row, from which on a case is slow."""
    covered: list[tuple[int, int]] = field(default_factory=list)
    """Cells, and how often each was cut since the last task."""
    afresh: bool = False
    """Whether ``covered`` is all that there is: a worker of a cluster does not know what another one was told."""


@dataclass(frozen=True, slots=True)
class CompleteTask:
    """Replay, shrink, localise and report the finding of a directory."""

    directory: str


@dataclass(frozen=True, slots=True)
class AgainTask:
    """Compare the case of a directory once more: did it really end the worker?"""

    directory: str


Task = BatchTask | CompleteTask | AgainTask


# ---- answers --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ready:
    """The engines are open."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The engines cannot be had; a person has to do something."""

    reason: str


@dataclass(frozen=True, slots=True)
class Learnt:
    """What the engine accepts; comes before :class:`Ready`, from a worker that was not told."""

    accepted: Json
    lines: list[str]
    """What it does not accept, for a person."""
    seconds: float


@dataclass(frozen=True, slots=True)
class Difference:
    """A case in which engines differed, or in which the engine broke a law."""

    number: int
    signature: str
    case: str
    """Its text; empty for a case that is counted only."""
    divergences: list[Json]
    """Or violations."""
    about: Json = field(default_factory=dict)
    """What else is told of a violation: the family of the case, and how many cases of the batch were judged until then."""


@dataclass(frozen=True, slots=True)
class SlowCase:
    """A case that took long. ``rows`` counts all rows compared, over all cut plans of the case."""

    number: int
    seconds: float
    rows: int
    case: str


@dataclass(frozen=True, slots=True)
class BatchDone:
    """The cases ``first .. first + count - 1`` are done; fewer than asked when the batch was ended early."""

    first: int
    count: int
    started: float
    finished: float
    """Both in seconds since 1970, by the clock of the worker."""
    totals: Json
    """What :meth:`Totals.addable` gives."""
    coverage: list[tuple[int, int, str, int, int]]
    """Cell, times, and name, rows and cut row of the smallest case."""
    differences: list[Difference]
    slow: list[SlowCase]


@dataclass(frozen=True, slots=True)
class Replayed:
    """A new process has compared the case of a finding, or has not."""

    directory: str
    again: str
    reason: str
    text: str


@dataclass(frozen=True, slots=True)
class Shrunk:
    """The smallest case is on disk."""

    directory: str
    happens_again: bool
    finished: bool
    seconds: float
    nodes: int
    text: str = ""
    """What else there is to say of the smallest case, for a person."""


@dataclass(frozen=True, slots=True)
class Completed:
    """The directory is complete, or the worker was told to stop and it is as complete as it got."""

    directory: str
    state: str
    full_signature: str | None
    localised: bool
    cut_short: bool


@dataclass(frozen=True, slots=True)
class Survived:
    """A case that had ended a worker did not end this one."""

    directory: str
    verdict: str


@dataclass(frozen=True, slots=True)
class Death:
    """Where a worker is watched on another machine: how it ended, and what it had in hand."""

    reason: str
    detail: str
    running: Json | None


Message = Ready | Refused | Learnt | Difference | BatchDone | Replayed | Shrunk | Completed | Survived | Death

_KINDS: Final = {
    kind.__name__: kind
    for kind in (
        BatchTask,
        CompleteTask,
        AgainTask,
        Ready,
        Refused,
        Learnt,
        Difference,
        BatchDone,
        Replayed,
        Shrunk,
        Completed,
        Survived,
        Death,
    )
}


def ends_task(message: Message) -> bool:
    """Whether a worker that has said this is free."""
    return isinstance(message, BatchDone | Completed | Survived)


# ---- lines ----------------------------------------------------------------------------------------------------------


def line(item: Task | Message | Setup) -> str:
    """The item as one line of JSON, without line end."""
    return json.dumps({"is": type(item).__name__, **asdict(item)}, separators=(",", ":"))


def read_line(text: str | bytes) -> Any:
    """The task or message of a line; ValueError for anything else."""
    document = json.loads(text)
    if not isinstance(document, dict) or document.get("is") not in _KINDS:
        raise ValueError(f"expected a task or a message, found {text!r:.80}")
    kind = document.pop("is")
    if kind == "BatchTask":
        document["slow"] = tuple(document["slow"])
        document["covered"] = [tuple(each) for each in document["covered"]]
    if kind == "BatchDone":
        document["coverage"] = [tuple(each) for each in document["coverage"]]
        document["differences"] = [Difference(**each) for each in document["differences"]]
        document["slow"] = [SlowCase(**each) for each in document["slow"]]
    return _KINDS[kind](**document)


def read_setup(text: str | bytes) -> Setup:
    """The setup of a line."""
    document = json.loads(text)
    document.pop("is")
    document["engines"] = tuple(document["engines"])
    document["profile"] = read_profile(document["profile"])
    return Setup(**document)


def read_profile(document: Json) -> Profile:
    """The profile as :func:`dataclasses.asdict` gives it."""
    values: Json = {name: tuple(value) if isinstance(value, list) else value for name, value in document.items()}
    return Profile(**values)
