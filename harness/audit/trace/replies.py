"""What the host told the program: popped values and Merkle siblings are the case's replies (spec 12, section 8.2).

Nothing else in a trace binds the values that ADVPOP and ADVPOPW pop.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from harness.audit.known import Known
from harness.audit.rule import Rule
from harness.audit.tile import Tile, Tiles
from harness.audit.violation import NotChecked, Violation
from reference.definition.case import Replies
from reference.definition.columns import COLUMN
from reference.definition.isa import BY_NAME

Values = NDArray[np.uint64]

_SOURCE: Final = "12 section 8.2"
_STACK: Final = COLUMN["stack_0"]
_CHIP: Final = COLUMN["chip_0"]
_NODE_INDEX: Final = _CHIP + 16
_LEFT_HALF: Final = slice(_CHIP + 8, _CHIP + 12)
_RIGHT_HALF: Final = slice(_CHIP + 12, _CHIP + 16)
_ROWS_PER_LEVEL: Final = 8
_ASKS: Final = np.zeros(256, dtype=bool)
"""By opcode: whether the operation takes something from the host."""
for _name in ("ADVPOP", "ADVPOPW", "PIPE", "MPVERIFY", "MRUPDATE"):
    _ASKS[BY_NAME[_name].opcode] = True


def _rule(name: str, zero: str) -> Rule:
    return Rule(f"replies.{name}", "trace", zero, _SOURCE)


ELEMENTS: Final = _rule("elements", "ADVPOP puts the host's next element on the stack")
WORDS: Final = _rule("words", "ADVPOPW puts the host's next word on the stack")
DWORDS: Final = _rule("dwords", "PIPE puts the host's next two words on the stack")
DEPTHS: Final = _rule("path depths", "MPVERIFY and MRUPDATE walk as many levels as the host's next path has")
SIBLINGS: Final = _rule("paths", "the half of each level's first row that does not hold the node is the host's sibling")


@dataclass(frozen=True, slots=True)
class Taken:
    """What the program took in one tile: (n,) rows of the trace and (n, width) values."""

    rows: NDArray[np.int64]
    values: Values


class _Queue:
    """One kind of replies: compares what is taken with what was told, in order."""

    def __init__(self, rule: Rule, told: Values) -> None:
        self._rule = rule
        self._told = told
        self._taken = 0
        self._wrong = 0
        self._violation: Violation | None = None

    def take(self, taken: Taken) -> None:
        told = self._told[self._taken : self._taken + len(taken.rows)]
        wrong = np.flatnonzero((taken.values[: len(told)] != told).any(axis=1))
        self._wrong += len(wrong)
        if self._violation is None and len(wrong):
            at = int(wrong[0])
            found, expected = (", ".join(map(str, values[at].tolist())) for values in (taken.values, told))
            details = (f"reply {self._taken + at}: {found} where the host told {expected}",)
            self._violation = Violation(self._rule, int(taken.rows[at]), details=details)
        self._taken += len(taken.rows)

    def verdict(self) -> Violation | None:
        if self._violation is not None:
            return Violation(self._rule, self._violation.row, self._wrong, details=self._violation.details)
        if self._taken != len(self._told):
            return Violation(
                self._rule, None, details=(f"{self._taken} were taken of {len(self._told)} that were told",)
            )
        return None


class HostReplies:
    """Compares everything that the program took from its host with the case's replies."""

    rules: Sequence[Rule] = (ELEMENTS, WORDS, DWORDS, DEPTHS, SIBLINGS)

    def __init__(self, known: Known) -> None:
        self._queues = None if known.replies is None else _queues_of(known.replies)
        self._asked = False

    def partial(self, tile: Tile) -> tuple[Taken, ...] | bool:
        """What was taken in this tile, one entry per rule; only whether anything was when nothing is known of it."""
        if self._queues is None:
            return bool(_ASKS[tile.opcodes[:-1]].any())
        return (
            _popped(tile, "ADVPOP", 1),
            _popped(tile, "ADVPOPW", 4),
            _popped(tile, "PIPE", 8),
            _depths(tile),
            _siblings(tile),
        )

    def add(self, partial: tuple[Taken, ...] | bool) -> None:
        """Compares the next tile's."""
        if isinstance(partial, bool):
            self._asked |= partial
        elif self._queues is not None:
            for queue, taken in zip(self._queues, partial, strict=True):
                queue.take(taken)

    def finish(self, tiles: Tiles) -> Sequence[Violation | NotChecked]:  # noqa: ARG002 - values were compared
        """What differs, or that the replies are not known; a program that asks its host nothing needs none."""
        if self._queues is None:
            unknown = self.rules if self._asked else ()
            return tuple(NotChecked(rule, "the host's replies are not known") for rule in unknown)
        return tuple(verdict for queue in self._queues if (verdict := queue.verdict()) is not None)


def _queues_of(replies: Replies) -> tuple[_Queue, ...]:
    depths = [[len(path)] for path in replies.paths]
    siblings = [sibling for path in replies.paths for sibling in path]
    return (
        _Queue(ELEMENTS, _array([[element] for element in replies.elements], 1)),
        _Queue(WORDS, _array(replies.words, 4)),
        _Queue(DWORDS, _array(replies.dwords, 8)),
        _Queue(DEPTHS, _array(depths, 1)),
        _Queue(SIBLINGS, _array(siblings, 4)),
    )


def _array(values: Sequence[Sequence[int]], width: int) -> Values:
    return np.array(values, dtype=np.uint64).reshape(len(values), width)


def _popped(tile: Tile, operation: str, width: int) -> Taken:
    """The values that the operation leaves on the stack, first popped first: deepest item first."""
    at = np.flatnonzero(tile.opcodes[:-1] == BY_NAME[operation].opcode)
    values = tile.rows[at + 1, _STACK : _STACK + width][:, ::-1]
    return Taken(at + tile.first_row, values)


def _depths(tile: Tile) -> Taken:
    codes = [BY_NAME[operation].opcode for operation in ("MPVERIFY", "MRUPDATE")]
    at = np.flatnonzero(np.isin(tile.opcodes[:-1], codes))
    return Taken(at + tile.first_row, tile.rows[at, _STACK + 4 : _STACK + 5])


def _siblings(tile: Tile) -> Taken:
    """Of every level of a path to verify and of an old path to update; the new one has the same siblings.

    The index loses its lowest bit behind a path's first row and behind every last row of a level but the path's last.
    """
    starts = _path_rows(tile, 0)
    continued = _path_rows(tile, _ROWS_PER_LEVEL - 1)
    at = np.concatenate((starts, continued))
    legs = tile.rows[np.concatenate((starts, continued + 1))]
    is_odd = (tile.rows[at, _NODE_INDEX] & 1).astype(bool)[:, None]
    values = np.where(is_odd, legs[:, _LEFT_HALF], legs[:, _RIGHT_HALF])
    order = np.argsort(at)
    return Taken(tile.first_row + at[order], values[order])


def _path_rows(tile: Tile, row_in_level: int) -> NDArray[np.int64]:
    """Positions in the tile of the rows of this number in a level that have a path's selectors: (1, 0, 1) or (1, 1, 0)."""
    start = (row_in_level - tile.first_row) % _ROWS_PER_LEVEL
    selectors = tile.rows[start:-1:_ROWS_PER_LEVEL, _CHIP : _CHIP + 4]
    one_of_two = (selectors[:, 2] <= 1) & (selectors[:, 2] == 1 - selectors[:, 3])
    return np.flatnonzero((selectors[:, 0] == 0) & (selectors[:, 1] == 1) & one_of_two) * _ROWS_PER_LEVEL + start
