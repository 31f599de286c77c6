"""The states of a session, the phases of its work, and which follows which (spec 09, section B4)."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class State(StrEnum):
    """Where a session is."""

    NEW = "NEW"
    UPLOADED = "UPLOADED"
    COUNTED = "COUNTED"
    ASSIGNED = "ASSIGNED"
    COMMITTED = "COMMITTED"
    PROVING = "PROVING"
    OPENED = "OPENED"
    POISONED = "POISONED"
    RELEASED = "RELEASED"


class Phase(StrEnum):
    """What a regeneration is for."""

    ASSIGN = "assign"
    COMMIT = "commit"
    PROOF = "proof"
    OPENING = "opening"


class Cache(StrEnum):
    """What stays on the device between uses of a chip (spec 09, section A4)."""

    NONE = "none"
    """Nothing: every use regenerates."""
    TRACE = "trace"
    """The columns."""
    FULL = "full"
    """The columns and the commitment's data."""


ALLOWED: Final[dict[Phase, tuple[State, ...]]] = {
    Phase.COMMIT: (State.ASSIGNED,),
    Phase.PROOF: (State.COMMITTED, State.PROVING),
    Phase.OPENING: (State.COMMITTED, State.PROVING, State.OPENED),
}
"""In which states each phase may regenerate."""

AFTER: Final = {Phase.COMMIT: State.COMMITTED, Phase.PROOF: State.PROVING, Phase.OPENING: State.OPENED}
"""The state when a round of a phase is finished."""
