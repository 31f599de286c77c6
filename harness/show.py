"""A trace decoded for a person: one line a row, with the operation, the stack, and what the row changes.

The state of a row is the state *entering* it; what the row changes is read off the next row, so rows are decoded with one
row of lookahead and any number of rows in constant memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np

from harness.backend import Cells, Window, short_value
from harness.lockstep import operation_name
from reference.definition.boundary import BoundaryState
from reference.definition.columns import COLUMN

VISIBLE: Final = 16
_STACK: Final = COLUMN["stack_0"]
_FN_HASH: Final = COLUMN["fn_hash_0"]


class RowState(NamedTuple):
    """What stands on one row: the state entering it, and its operation."""

    row: int
    clk: int
    ctx: int
    fn_hash: tuple[int, ...]
    operation: str
    depth: int
    stack: tuple[int | str, ...]
    """The 16 visible items, top first; a question mark for one whose value the engine does not give."""


class DecodedRow(NamedTuple):
    """A row and what it changes."""

    state: RowState
    text: str
    """The operation, with the immediate of a PUSH."""
    changed: str
    """What the row changes; empty when it changes nothing that is shown here."""


def row_state(row: int, cells: Cells) -> RowState:
    """The state on a row; cells is (72,) uint64."""
    values = [int(cell) for cell in cells]
    return RowState(
        row,
        clk=values[COLUMN["clk"]],
        ctx=values[COLUMN["ctx"]],
        fn_hash=tuple(values[_FN_HASH : _FN_HASH + 4]),
        operation=operation_name(cells),
        depth=values[COLUMN["stack_b0"]],
        stack=tuple(map(short_value, values[_STACK : _STACK + VISIBLE])),
    )


def decode(windows: Iterable[Window], first: int, end: int) -> Iterator[DecodedRow]:
    """The rows ``first .. end - 1`` of a trace, as far as it goes; what the very last row changes stays unknown."""
    previous: RowState | None = None
    for row, cells in _rows(windows, first, end + 1):
        state = row_state(row, cells)
        if previous is not None:
            yield decoded(previous, state)
        previous = state
    if previous is not None and previous.row < end:
        yield DecodedRow(previous, previous.operation, "")


def _rows(windows: Iterable[Window], first: int, end: int) -> Iterator[tuple[int, Cells]]:
    for window in windows:
        if window.first_row >= end:
            return
        count = window.cells.shape[1]
        begin = max(0, first - window.first_row)
        # One copy of the rows wanted, row-major: walking down columns touches 72 pages a row.
        rows = np.ascontiguousarray(window.cells[:, begin : min(count, end - window.first_row)].T)
        yield from enumerate(rows, window.first_row + begin)


def decoded(state: RowState, after: RowState) -> DecodedRow:
    """A row, given the one after it."""
    # The value of a PUSH stands in no cell of its own row, only on the stack it leaves.
    text = f"PUSH({after.stack[0]})" if state.operation == "PUSH" else state.operation
    changes = [_stack_change(state, after)]
    if after.ctx != state.ctx:
        changes.append(f"ctx {state.ctx} -> {after.ctx}")
    if after.fn_hash != state.fn_hash:
        changes.append("fn_hash")
    if after.clk != state.clk + 1:
        changes.append(f"clk {state.clk} -> {after.clk}")
    return DecodedRow(state, text, ", ".join(change for change in changes if change))


def _stack_change(before: RowState, after: RowState) -> str:
    """The shift, and the items that are not what the shift alone gives."""
    if before.stack == after.stack and before.depth == after.depth:
        return ""
    hint = max(-1, min(1, after.depth - before.depth))
    # Dropping at depth 16 leaves the depth alone, so the depth is only the first guess.
    shift = min((hint, 0, -1, 1), key=lambda shift: len(_unexplained(before.stack, after.stack, shift)))
    words = {0: "", 1: "push", -1: "pop"}[shift]
    items = " ".join(f"s{index}={after.stack[index]}" for index in _unexplained(before.stack, after.stack, shift))
    if shift > 0:
        items = f"{after.stack[0]} {items}".rstrip()
    jump = f"depth {before.depth} -> {after.depth}" if abs(after.depth - before.depth) > 1 else ""
    return " ".join(part for part in (words, items, jump) if part)


def _unexplained(before: Sequence[int | str], after: Sequence[int | str], shift: int) -> list[int]:
    """Positions of ``after`` that a shift of ``before`` does not give; what enters from the overflow is not known."""
    known = range(max(0, shift), VISIBLE + min(0, shift))
    return [index for index in known if after[index] != before[index - shift]]


def boundary_line(fragment: int, state: BoundaryState | int) -> str:
    """The line above a row that begins a fragment; only the row is known for an engine without boundary states."""
    if isinstance(state, int):
        return f"--- fragment {fragment} begins at row {state}"
    position = state.position
    place = f"{position.tag} of node {position.node}"
    if position.tag in ("op", "respan"):
        place += f", batch {position.batch}"
    if position.tag == "op":
        place += f", operation {position.operation}"
    waiting = len(state.continuations)
    return f"--- fragment {fragment} begins at row {state.clk}: {place}; {waiting} continuations"


HEADER: Final = f"{'clk':>8}  {'operation':<28} {'depth':>5}  {'changes':<40} stack entering the row, top first"


def row_line(row: DecodedRow, items: int) -> str:
    """The row as one line that shows the top ``items`` items."""
    state = row.state
    shown = " ".join(map(str, state.stack[:items]))
    return f"{state.clk:>8}  {row.text:<28} {state.depth:>5}  {row.changed:<40} {shown}"
