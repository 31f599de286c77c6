"""The boundary state: what a fragment knows when its first row begins (spec 07, sections 4 and 5).

The boundary is the instant before anything of its row happens: before a condition is popped, before the context of a CALL
changes, before an END restores its caller.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from reference.definition.field import Word

PositionTag = Literal["start", "op", "respan", "repeat", "end"]


class Position(NamedTuple):
    """Where in the program a row stands.

    ``batch`` and ``operation`` (index within the batch, padding NOOPs counted) matter for tag ``op``; ``batch`` also for
    ``respan``, where it is the batch about to begin. They are 0 otherwise.
    """

    tag: PositionTag
    node: int
    batch: int = 0
    operation: int = 0


class Continuation(NamedTuple):
    """What remains to be done after the current node: StartNode, FinishJoin, FinishSplit, FinishLoop, FinishCall,
    FinishDyn, FinishExternal (``node``: id in the forest current at that time) or EnterForest (``node`` is -1)."""

    kind: str
    node: int


@dataclass(frozen=True, slots=True)
class BoundaryState:
    """The state entering row ``clk``; all values canonical integers, words element 0 first."""

    clk: int
    ctx: int
    fn_hash: Word
    transcript_state: Word
    current_addr: int
    parent_addr: int
    stack: tuple[int, ...]
    """The 16 top items, top first."""
    depth: int
    overflow_addr: int
    position: Position
    continuations: tuple[Continuation, ...]
    """Top first."""
