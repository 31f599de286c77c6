"""What fed a wrong cell, on each side: a field of a snapshot, an entry of a replay queue with the step that recorded it, the
program, or the row before.

Engines build in one of three ways. A *sequential* one goes on from row to row. The others begin a fragment with its snapshot;
they differ in who writes the state of a fragment's first row: the fragment itself, from its snapshot, or, as in the real VM,
the fragment before, which leaves it behind (spec 07, section 9). Up to the first wrong row the engines agree on all rows, so
the reference's rows tell how much of each queue a fragment has taken.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from harness.localise.feeds import DECODER, POPPED, PROGRAM, STATE, Entry, Made, item_before, shift_of
from harness.localise.queues import ExpectedQueues
from harness.localise.rows import ProgramRows
from harness.localise.source import CellAt, From, Side, Source, Style
from harness.localise.values import LIVE, Values
from reference.definition.columns import COLUMN, GROUP_OF_COLUMN
from reference.definition.registers import REGISTER_COLUMNS


class Provenance:
    """Sources of core cells on one side."""

    def __init__(self, rows: ProgramRows, queues: ExpectedQueues, side: Side) -> None:
        self._rows = rows
        self._side = side
        self._values = Values(rows, queues, side)
        self._sequential = side.style is Style.SEQUENTIAL

    def of(self, row: int, column: str) -> Source:
        """What fed a cell of the system, decoder or stack columns on a row up to the first one behind the program."""
        group = GROUP_OF_COLUMN[COLUMN[column]]
        if row > self._rows.count or (row == self._rows.count and group == "decoder"):
            return Source(
                From.WHOLE, "padding", "padding: HALT rows with the program's hash and the state it left behind"
            )
        return self._decoder(row, column) if group == "decoder" else self._state(row, column)

    # ---- system and stack -------------------------------------------------------------------------------------------

    def _state(self, row: int, column: str) -> Source:
        if column == "clk":
            return Source(From.WHOLE, "clk", "the row's own number")
        starts_here = row in self._side.starts and row < self._rows.count
        if row == 0 and self._sequential:
            return Source(From.PROGRAM, "inputs", "the inputs of the program", row=0)
        if starts_here and (row == 0 or self._side.style is Style.SNAPSHOT):
            return self._snapshot(row, row, *_field_of(column))
        maker = row - 1
        made: Made = STATE.get(self._key(maker), {}).get(column, "row")
        if self._rows.takes["pops"][maker] and column in POPPED:
            made = POPPED[column]
        source = self._made(made, maker, column)
        if self._side.style is Style.SEAM and maker in self._side.starts and maker and source.kind is From.ROW:
            # The row before shows what the fragment before left there; this fragment knows its snapshot only.
            origin = source.cells[0].column if source.cells else column
            return self._snapshot(maker, row, *_field_of(origin), through=source.operation)
        return source

    def _key(self, row: int) -> str:
        return "END of a call" if self._rows.is_return[row] else self._rows.operation(row)

    # ---- decoder ----------------------------------------------------------------------------------------------------

    def _decoder(self, row: int, column: str) -> Source:
        if column == "dec_addr":
            return self._current_address(row)
        if not column.startswith("dec_h"):
            return self._position(row)
        operation = self._rows.operation(row)
        made = DECODER[operation].get(column)
        if made is None:
            return Source(From.PROGRAM, "0", f"always 0 on a row of {operation}", row=row, operation=operation)
        if isinstance(made, Entry) and made.queue == "pops" and not self._rows.takes["pops"][row]:
            made = "row"
        return self._made(made, row, column)

    def _position(self, row: int) -> Source:
        """Where the row stands in the program, and so what its operation is."""
        operation = self._rows.operation(row)
        if row in self._side.starts and (row or not self._sequential):
            return self._snapshot(row, row, "position", None)
        if row == 0:
            return Source(From.PROGRAM, "entry", "the program's entry point", row=0, operation=operation)
        before = self._rows.operation(row - 1)
        if self._rows.takes["targets"][row - 1]:
            return self._entry(Entry("targets", 0, "pc"), row - 1)
        if before in ("SPLIT", "LOOP"):
            text = f"the condition on the stack of row {row - 1} ({before})"
            return Source(From.ROW, before, text, row=row - 1, operation=before, cells=(CellAt(row - 1, "stack_0"),))
        if before == "END":
            return self._continued(row)
        text = f"the program: what follows row {row - 1} ({before})"
        return Source(From.PROGRAM, "position", text, row=row - 1, operation=before)

    def _continued(self, row: int) -> Source:
        """What the END on the row before went on with: an entry of the continuation stack."""
        marks = self._rows.execution.marks
        frame = marks[row - 1].frames
        start = 0 if self._sequential else self._side.starts[self._side.fragment(row - 1)]
        known = marks[start].frames
        depth = 0
        while known is not None and known is not frame:
            known, depth = known.below, depth + 1
        condition = ""
        if self._rows.operation(row) == "REPEAT" or (frame is not None and frame.kind == "FinishLoop"):
            condition = f", and the condition on the stack of row {row}"
        if known is None or self._sequential or frame is None:
            return Source(
                From.PROGRAM, "continuations", f"what was left to do when row {row - 1} (END) ended{condition}", row=row - 1,
                operation="END",
            )  # fmt: skip
        fragment = self._side.fragment(row - 1)
        text = f"continuation {depth} from the top of the snapshot of fragment {fragment}{condition}"
        return Source(From.SNAPSHOT, "continuations", text, fragment, row=start, operation=self._rows.operation(start))

    def _current_address(self, row: int) -> Source:
        """The address of the block that is current: of the last row that changed it."""
        start = 0 if self._sequential else self._side.starts[self._side.fragment(row)]
        for maker in range(row - 1, start - 1, -1):
            operation = self._rows.operation(maker)
            if operation == "END":
                return self._entry(Entry("ends", 0, "current_addr"), maker)
            if operation == "RESPAN":
                text = f"8 more than the address on row {maker} (RESPAN)"
                return Source(
                    From.ROW, operation, text, row=maker, operation=operation, cells=(CellAt(maker, "dec_addr"),)
                )
            if self._starts_node(maker):
                return self._hasher_address(maker, f"the node that begins on row {maker} ({operation})")
        if self._sequential:
            return Source(From.PROGRAM, "0", "0: no block is open", row=0)
        return self._snapshot(start, row, "current_addr", None)

    def _starts_node(self, row: int) -> bool:
        position = self._rows.position(row)
        return position is not None and position.tag == "start"

    def _hasher_address(self, row: int, of_what: str) -> Source:
        operation = self._rows.operation(row)
        value = self._rows.hasher_address(row)
        if self._sequential:
            text = f"the hasher's next address when row {row} ({operation}) began, for {of_what}"
            return Source(From.STATE, "hasher address", text, row=row, operation=operation, expected=value)
        fragment = self._side.fragment(row)
        start = self._side.starts[fragment]
        since = (value - self._rows.hasher_address(start)) // 8
        text = f"the hasher address of {of_what}: the snapshot's of fragment {fragment}, and {since} permutations since"
        recorded = self._values.recorded_field(fragment, "hasher_addr")
        return Source(
            From.SNAPSHOT, "hasher_addr", text, fragment, row=row, operation=operation,
            expected=self._rows.hasher_address(start), recorded=recorded,
        )  # fmt: skip

    def _parent_address(self, row: int) -> Source:
        position = self._rows.position(row)
        assert position is not None, "an executed row stands somewhere"
        start = 0 if self._sequential else self._side.starts[self._side.fragment(row)]
        for maker in range(row - 1, start - 1, -1):
            if self._starts_node(maker):
                text = f"the address on row {maker} ({self._rows.operation(maker)}), where the block began"
                return Source(
                    From.ROW, "SPAN", text, row=maker, operation=self._rows.operation(maker),
                    cells=(CellAt(maker, "dec_addr"),),
                )  # fmt: skip
        return self._snapshot(start, row, "parent_addr", None)

    def _transcript(self, row: int, column: str) -> Source:
        element = int(column.removeprefix("dec_h")) - 3
        start = 0 if self._sequential else self._side.starts[self._side.fragment(row)]
        earlier = np.flatnonzero(self._rows.is_operation("LOGPRECOMPILE")[start:row])
        if earlier.size:
            return self._entry(Entry("permutations", 0, "", (7, element)), start + int(earlier[-1]))
        if self._sequential:
            return Source(From.STATE, "transcript", "the transcript's initial state", row=0)
        return self._snapshot(start, row, "transcript_state", element)

    # ---- sources ----------------------------------------------------------------------------------------------------

    def _made(self, made: Made, row: int, column: str) -> Source:
        operation = self._rows.operation(row)
        if isinstance(made, Entry):
            return self._entry(made, row)
        match made:
            case ("hasher address",):
                return self._hasher_address(row, f"the permutations of row {row} ({operation})")
            case ("parent address",):
                return self._parent_address(row)
            case ("transcript",):
                return self._transcript(row, column)
            case "program" if column in REGISTER_COLUMNS:
                return self._position(row)
            case "program":
                text = f"the program, at row {row} ({operation})"
                return Source(From.PROGRAM, PROGRAM, text, row=row, operation=operation)
            case _:
                return self._computed(row, column)

    def _computed(self, row: int, column: str) -> Source:
        operation = self._rows.operation(row)
        if column.startswith("stack_") and column[6:].isdecimal():
            shift = shift_of(operation, bool(self._rows.shifts_left[row]))
            before = item_before(operation, int(column[6:]), shift)
            if before is not None:
                text = f"item {before} of row {row}, moved by {operation}"
                return Source(
                    From.ROW, operation, text, row=row, operation=operation, cells=(CellAt(row, f"stack_{before}"),)
                )
        text = f"computed by {operation} from row {row}"
        return Source(From.ROW, operation, text, row=row, operation=operation)

    def _entry(self, entry: Entry, row: int) -> Source:
        """An entry of a queue that the row takes, or the machine's own state for an engine without queues."""
        operation = self._rows.operation(row)
        first, count = int(self._rows.taken[entry.queue][row]), int(self._rows.takes[entry.queue][row])
        index = first + (entry.which if entry.which >= 0 else count - 1)
        origin = self._values.origin(entry.queue, index, row)
        origin_text = f"; it came from row {origin} ({self._rows.operation(origin)})" if origin is not None else ""
        origin_operation = "" if origin is None else self._rows.operation(origin)
        expected = self._values.expected(entry, index)
        if self._sequential:
            text = f"{LIVE[entry.queue]}, by row {row} ({operation}){origin_text}"
            return Source(
                From.STATE, LIVE[entry.queue], text, row=row, operation=operation, origin_row=origin,
                origin_operation=origin_operation, expected=expected,
            )  # fmt: skip
        fragment = self._side.fragment(row)
        start = self._side.starts[fragment]
        within = index - int(self._rows.taken[entry.queue][start])
        element = f"[{entry.element[-1]}]" if entry.element else ""
        name = f"{entry.queue}.{entry.field}{element}" if entry.field else entry.queue + element
        text = (
            f"{name} of entry {index} (entry {within} of fragment {fragment}), which row {row} ({operation}) recorded and takes"
            f"{origin_text}"
        )
        return Source(
            From.QUEUE, name, text, fragment, row=row, operation=operation, index=index, index_in_fragment=within,
            origin_row=origin, origin_operation=origin_operation, expected=expected,
            recorded=self._values.recorded_entry(entry, fragment, within),
        )  # fmt: skip

    def _snapshot(self, start: int, row: int, name: str, element: int | None, through: str = "") -> Source:
        fragment = self._side.starts.index(start)
        label = name if element is None else f"{name}[{element}]"
        state = self._rows.execution.boundary(start)
        expected: Any = getattr(state, name)
        expected = expected if element is None else expected[element]
        recorded = self._values.recorded_field(fragment, name, element)
        behind = "" if row == start else f", carried to row {row}"
        behind = f", through {through}" if through else behind
        text = f"{label} of the snapshot of fragment {fragment}, captured at row {start}{behind}"
        return Source(
            From.SNAPSHOT, label, text, fragment, row=start, operation=self._rows.operation(start), expected=expected,
            recorded=recorded,
        )  # fmt: skip


def _field_of(column: str) -> tuple[str, int | None]:
    """The snapshot's field that stands in a system or stack column, and the element of it."""
    if column.startswith("fn_hash_"):
        return "fn_hash", int(column.removeprefix("fn_hash_"))
    if column.startswith("stack_") and column[6:].isdecimal():
        return "stack", int(column[6:])
    return {"ctx": "ctx", "stack_b0": "depth", "stack_h0": "depth", "stack_b1": "overflow_addr"}[column], None
