"""What one run of the reference leaves behind: outcome, trace, and the boundary state entering any row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from reference.definition.boundary import BoundaryState, Continuation, Position
from reference.definition.columns import COLUMN, CORE_WIDTH
from reference.definition.field import Word, as_word
from reference.definition.mast import Forest
from reference.definition.outcome import Outcome
from reference.trace import Trace


class Frame(NamedTuple):
    """The top of a continuation stack; the stack below it is shared with every earlier row that had it."""

    kind: str
    node: int
    forest: Forest
    """For EnterForest the forest to return to, else the forest of ``node``."""
    below: Frame | None


class BlockEntry(NamedTuple):
    """The top of a block stack (spec 03, section 2); shared like :class:`Frame`."""

    address: int
    parent_address: int
    is_loop: bool
    is_loop_body: bool
    loop_entered: bool
    saved_context: SavedContext | None
    below: BlockEntry | None


class SavedContext(NamedTuple):
    """What the END of a CALL, SYSCALL or DYNCALL restores."""

    ctx: int
    fn_hash: Word
    overflow: list[tuple[int, int]]


class RowMark(NamedTuple):
    """Where the program stands when a row begins."""

    position: Position
    frames: Frame | None
    blocks: BlockEntry | None
    transcript_state: Word


@dataclass(frozen=True)
class Execution:
    """One finished run.

    ``trace`` is None when the program failed. ``core`` holds the executed rows (without HALT), shape (core_rows, 49),
    uint64, row-major; ``marks`` has one entry per executed row. Both are empty when the program failed.
    """

    program_hash: Word
    outcome: Outcome
    trace: Trace | None
    core: NDArray[np.uint64]
    marks: list[RowMark]

    @property
    def core_rows(self) -> int:
        """Executed rows N."""
        return len(self.marks)

    def boundary(self, row: int) -> BoundaryState:
        """The boundary state entering ``row``, 0 <= row < core_rows (spec 07, sections 4 and 5).

        Raises IndexError for other rows.
        """
        if not 0 <= row < len(self.marks):
            raise IndexError(f"the run has rows 0..{len(self.marks) - 1}, asked for {row}")
        mark = self.marks[row]
        cells = [int(cell) for cell in self.core[row]]
        assert len(cells) == CORE_WIDTH
        fn_hash = COLUMN["fn_hash_0"]
        top = COLUMN["stack_0"]
        return BoundaryState(
            clk=row,
            ctx=cells[COLUMN["ctx"]],
            fn_hash=as_word(cells[fn_hash : fn_hash + 4]),
            transcript_state=mark.transcript_state,
            current_addr=mark.blocks.address if mark.blocks else 0,
            parent_addr=mark.blocks.parent_address if mark.blocks else 0,
            stack=tuple(cells[top : top + 16]),
            depth=cells[COLUMN["stack_b0"]],
            overflow_addr=cells[COLUMN["stack_b1"]],
            position=mark.position,
            continuations=_continuations(mark.frames),
        )


def _continuations(frames: Frame | None) -> tuple[Continuation, ...]:
    found: list[Continuation] = []
    while frames is not None:
        found.append(Continuation(frames.kind, -1 if frames.kind == "EnterForest" else frames.node))
        frames = frames.below
    return tuple(found)
