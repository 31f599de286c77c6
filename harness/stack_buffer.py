"""The stack buffer of the real VM's parallel executor, followed along a trace that another engine built.

The executor keeps the stack in 6850 cells and only moves it when it must, so two defects depend on where in the buffer
the top stands (D02: no room above; D19: nothing below). Neither shows in a trace; both follow from it. Source: spec 01,
section 12.
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.backend import Run
from reference.definition.columns import COLUMN
from reference.definition.isa import OPCODE_BITS, opcode

BUFFER_CELLS = 6850
FIRST_TOP = 250
"""Index of the top at the start, and after a move without overflow."""
VISIBLE = 16

HQWORD_TO_MAP = 11723176702659679401
"""The only system event that reads stack position 16."""

_LEFT = frozenset(
    (*range(32, 48), *(opcode(name) for name in ("U32ADD3", "U32MADD", "SPLIT", "LOOP", "REPEAT", "DYN", "DYNCALL")))
)
_RIGHT = frozenset((*range(48, 64), opcode("U32SPLIT"), opcode("PUSH")))
_CALLS = frozenset(opcode(name) for name in ("CALL", "SYSCALL", "DYNCALL"))
_END = opcode("END")
_EMIT = opcode("EMIT")

_READ = tuple(
    COLUMN[name]
    for name in (
        *(f"dec_op_bit_{bit}" for bit in range(OPCODE_BITS)),
        "dec_h5",
        "dec_h6",
        "dec_h7",
        "stack_0",
        "stack_b0",
    )
)


@dataclass(frozen=True, slots=True)
class BufferLimits:
    """Rows at which the buffer's limits are met; None for a limit that is not."""

    exhausted_at: int | None
    """The first row that pushes while the top has no room above."""
    read_below_at: int | None
    """The first row that emits hqword_to_map while nothing lies below the visible items."""


def follow(run: Run) -> BufferLimits:
    """Where a completed run meets the limits of the buffer; the summary and windows of ``run`` are read.

    Raises ValueError for a run without a summary.
    """
    if run.summary is None:
        raise ValueError("only a completed run has rows to follow")
    buffer = _Buffer()
    previous: tuple[int, ...] | None = None
    for window in run.windows():
        for row, cells in enumerate(window.cells[list(_READ)].T.tolist(), window.first_row):
            if previous is not None:
                buffer.step(row - 1, previous, next_depth=cells[-1])
            if row == run.summary.core or buffer.exhausted_at is not None:
                return BufferLimits(buffer.exhausted_at, buffer.read_below_at)
            previous = tuple(cells)
    return BufferLimits(buffer.exhausted_at, buffer.read_below_at)


class _Buffer:
    """Index of the cell above the top item (``top``) and of the bottom item (``bottom``)."""

    def __init__(self) -> None:
        self.top = FIRST_TOP
        self.bottom = FIRST_TOP - VISIBLE
        self.exhausted_at: int | None = None
        self.read_below_at: int | None = None

    def step(self, row: int, cells: tuple[int, ...], next_depth: int) -> None:
        code = sum(bit << position for position, bit in enumerate(cells[:OPCODE_BITS]))
        loop_entered, call, syscall, top_item, _depth = cells[OPCODE_BITS:]
        if code == _EMIT and top_item == HQWORD_TO_MAP and self.top == VISIBLE and self.read_below_at is None:
            self.read_below_at = row
        if code in _RIGHT:
            if self.top == BUFFER_CELLS - 1:
                self.exhausted_at = row
            self.top += 1
        if code in _LEFT or (code == _END and loop_entered):
            self._shift_left()
        if code in _CALLS:
            self.bottom = self.top - VISIBLE
        if code == _END and (call or syscall):
            self._restore(next_depth - VISIBLE)

    def _shift_left(self) -> None:
        if self.top == VISIBLE:
            self._move(FIRST_TOP)
        self.top -= 1
        self.bottom = min(self.bottom, self.top - VISIBLE)

    def _restore(self, overflow: int) -> None:
        if overflow > self.bottom:
            self._move(min(FIRST_TOP + overflow, BUFFER_CELLS - 1))
        self.bottom -= overflow

    def _move(self, top: int) -> None:
        self.top = top
        self.bottom = top - VISIBLE
