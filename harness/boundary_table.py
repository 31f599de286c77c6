"""The boundary states of one run as arrays: two tables are compared field by field without making an object of any state.

A campaign compares every boundary of every case, and all but a few are equal. The state itself is made where somebody asks
for it, from the very numbers that were compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple, cast, get_args, overload

import numpy as np
from numpy.typing import NDArray

from reference.definition.boundary import BoundaryState, Continuation, Position, PositionTag
from reference.definition.field import as_word

TAGS: Final[tuple[PositionTag, ...]] = get_args(PositionTag)
KINDS: Final = (
    "StartNode",
    "FinishJoin",
    "FinishSplit",
    "FinishLoop",
    "FinishCall",
    "FinishDyn",
    "FinishExternal",
    "EnterForest",
)
"""Of continuations."""

TAG_NUMBER: Final = {tag: number for number, tag in enumerate(TAGS)}
KIND_NUMBER: Final = {kind: number for number, kind in enumerate(KINDS)}

WORDS: Final = 30
"""clk, ctx, fn_hash (4), transcript_state (4), current_addr, parent_addr, stack (16), depth, overflow_addr: the fields of a
boundary state in their order, up to the position."""

Numbers = NDArray[np.int64]


class BoundaryTable(Sequence[BoundaryState]):
    """n boundary states.

    ``words`` is (n, 30) uint64, see :data:`WORDS`; ``positions`` (n, 4) int64: tag, node, batch, operation; ``counts`` (n,)
    int64: continuations of each state; ``continuations`` (sum of counts, 2) int64: kind and node, the first state's first,
    top first. Tags and kinds are indices into :data:`TAGS` and :data:`KINDS`. Raises ValueError for other shapes.
    """

    def __init__(self, words: NDArray[np.uint64], positions: Numbers, counts: Numbers, continuations: Numbers) -> None:
        n, total = len(words), int(counts.sum())
        shapes = (words.shape, positions.shape, counts.shape, continuations.shape)
        if shapes != ((n, WORDS), (n, 4), (n,), (total, 2)):
            raise ValueError(f"the arrays of {n} boundary states have the shapes {shapes}")
        self.words, self.positions, self.counts, self.continuations = words, positions, counts, continuations
        self._ends: Numbers = np.cumsum(counts)

    def __len__(self) -> int:
        return len(self.words)

    @overload
    def __getitem__(self, at: int) -> BoundaryState: ...
    @overload
    def __getitem__(self, at: slice) -> BoundaryTable: ...
    def __getitem__(self, at: int | slice) -> BoundaryState | BoundaryTable:
        if isinstance(at, slice):
            chosen = range(len(self))[at]
            pieces = [self._continuations(index) for index in chosen]
            joined = np.concatenate(pieces) if pieces else self.continuations[:0]
            return BoundaryTable(self.words[at], self.positions[at], self.counts[at], joined)
        return self._state(range(len(self))[at])

    def __eq__(self, other: object) -> bool:
        """Whether the other sequence, whatever it is made of, has equal states."""
        if isinstance(other, BoundaryTable):
            return len(self) == len(other) and self.first_difference(other) is None
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]  # like a list

    def _continuations(self, index: int) -> Numbers:
        end = int(self._ends[index])
        return self.continuations[end - int(self.counts[index]) : end]

    def _state(self, index: int) -> BoundaryState:
        words = self.words[index].tolist()
        tag, node, batch, operation = self.positions[index].tolist()
        return BoundaryState(
            clk=words[0],
            ctx=words[1],
            fn_hash=as_word(words[2:6]),
            transcript_state=as_word(words[6:10]),
            current_addr=words[10],
            parent_addr=words[11],
            stack=tuple(words[12:28]),
            depth=words[28],
            overflow_addr=words[29],
            position=Position(TAGS[tag], node, batch, operation),
            continuations=tuple(Continuation(KINDS[kind], node) for kind, node in self._continuations(index).tolist()),
        )

    def first_difference(self, other: BoundaryTable) -> int | None:
        """Index of the first state that differs in any field; None when all are equal as far as both have any."""
        n = min(len(self), len(other))
        wrong: NDArray[np.bool_] = (self.words[:n] != other.words[:n]).any(axis=1)
        wrong |= (self.positions[:n] != other.positions[:n]).any(axis=1)
        uneven = self.counts[:n] != other.counts[:n]
        # Up to the first stack of another height the continuations of either table stand at the same places.
        even = int(uneven.argmax()) if uneven.any() else n
        total = int(self._ends[even - 1]) if even else 0
        unequal = (self.continuations[:total] != other.continuations[:total]).any(axis=1)
        found = [np.flatnonzero(wrong)[:1], np.array([even])]
        found.append(np.searchsorted(self._ends[:even], np.flatnonzero(unequal)[:1], side="right"))
        first = int(np.concatenate(found).min())
        return first if first < n else None


class BoundaryCheck(NamedTuple):
    """What comparing the boundary states of two engines gave."""

    compared: int
    """Pairs of states of which every field was compared; the pair that differs is the last of them."""
    first_wrong: int | None
    """Its index; None when all are equal."""


def check_boundaries(left: Sequence[BoundaryState], right: Sequence[BoundaryState]) -> BoundaryCheck:
    """Compare the states of two engines at the same cuts, in order, up to the first that differ or the shorter one's end.

    Runs of different lengths, which their summaries report, have different numbers of states.
    """
    if isinstance(left, BoundaryTable) and isinstance(right, BoundaryTable):
        wrong = left.first_difference(right)
    else:
        pairs = enumerate(zip(left, right, strict=False))
        wrong = next((index for index, (mine, theirs) in pairs if mine != theirs), None)
    return BoundaryCheck(min(len(left), len(right)) if wrong is None else wrong + 1, wrong)


def clks(states: Sequence[BoundaryState]) -> list[int]:
    """The row that each state enters."""
    if isinstance(states, BoundaryTable):
        return cast("list[int]", states.words[:, 0].tolist())
    return [state.clk for state in states]
