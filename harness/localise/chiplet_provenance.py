"""What fed a wrong cell of the chiplets, the range table, the pad column or the last row.

Their rows answer requests of the program's rows, and stand where the number of requests before them puts them; so the source
of such a cell is a request, and what that request took from a queue.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from harness.localise.feeds import Entry
from harness.localise.parts import RANDOM_ROW, section_of
from harness.localise.queues import ExpectedQueues
from harness.localise.rows import ProgramRows
from harness.localise.source import CellAt, From, Side, Source, Style
from harness.localise.values import Values
from reference.definition.columns import COLUMN
from reference.definition.registers import HELPER_NAMES

_DELTA_COLUMNS: Final = ("chip_14", "chip_15", "chip_16", "chip_17")
"""Of a memory row: the limbs of its distance to the row before, their inverse, and whether the word is the same."""
_SELECTORS: Final = {"bitwise": 2, "memory": 3, "circuits": 4, "kernel ROM": 5}
_LIMBS: Final = ("dec_h2", "dec_h3", "dec_h4", "dec_h5")
_U32: Final = tuple(name for name in HELPER_NAMES if name.startswith("U32"))
LOOKUPS_NAMED: Final = 6


class ChipletProvenance:
    """Sources of the cells outside the core columns on one side."""

    def __init__(self, rows: ProgramRows, queues: ExpectedQueues, side: Side) -> None:
        self._rows = rows
        self._queues = queues
        self._side = side
        self._values = Values(rows, queues, side)

    def of(self, row: int, column: str) -> Source:
        """What fed a cell of the range, chiplet or pad columns, or any cell of the last row."""
        if row >= self._rows.trace.lengths.rows - 1:
            return Source(From.WHOLE, RANDOM_ROW, "the last row is drawn from a coin seeded with the program's hash")
        if column in ("range_m", "range_v"):
            return self._range(row, column)
        if column == "pad_0":
            return Source(From.WHOLE, "pad", "the pad column is 0 on every row but the last")
        section = section_of(self._rows, row)
        if section.name == "chiplet padding":
            return Source(From.WHOLE, "chiplet padding", "padding behind the chiplets' rows: selectors 1, the rest 0")
        if COLUMN[column] - COLUMN["chip_0"] < _SELECTORS.get(section.name, 1):
            text = f"a selector: rows {section.first} to {section.end - 1} belong to the {section.name}"
            return Source(From.WHOLE, f"{section.name} selector", text)
        within = row - section.first
        match section.name:
            case "hasher":
                return self._hasher(within)
            case "bitwise":
                return self._bitwise(within)
            case "memory":
                return self._memory(row, within, column)
            case "circuits":
                return self._circuit(within)
            case _:
                return self._kernel(within)

    def _request(self, name: str, text: str, row: int, cells: tuple[CellAt, ...] = ()) -> Source:
        fragment = None if self._side.style is Style.SEQUENTIAL else self._side.fragment(row)
        operation = self._rows.operation(row)
        return Source(From.REQUEST, name, text, fragment, row=row, operation=operation, cells=cells)

    def _hasher(self, within: int) -> Source:
        number, line = divmod(within, 8)
        row = self._rows.row_of_entry("hasher", number)
        assert row is not None, "the hasher's section has as many permutations as the rows ask for"
        operation = self._rows.operation(row)
        own = number - int(self._rows.taken["hasher"][row])
        what = f"row {line} of permutation {own} of the request of row {row} ({operation}), hasher address {1 + 8 * number}"
        if not self._rows.takes["permutations"][row]:
            return self._request("hasher rows", f"{what}: the hash of a node of the program", row)
        index = int(self._rows.taken["permutations"][row]) + own
        return self._queued("permutations", index, row, what)

    def _bitwise(self, within: int) -> Source:
        number, line = divmod(within, 8)
        row = self._rows.row_of_entry("bitwise", number)
        assert row is not None, "the bitwise section has as many requests as the rows make"
        text = (
            f"row {line} of bitwise request {number}, of the two top items of row {row} ({self._rows.operation(row)})"
        )
        return self._request("bitwise rows", text, row, (CellAt(row, "stack_0"), CellAt(row, "stack_1")))

    def _memory(self, row: int, within: int, column: str) -> Source:
        clk = int(self._rows.trace.columns[COLUMN["chip_9"], row])
        entries = self._queues.accesses
        index = int(np.argsort(entries["key"], kind="stable")[within])
        what = f"row {within} of the memory's rows sorted by context, word and time: the access of row {clk}"
        what += f" ({self._rows.operation(clk)})"
        if column in _DELTA_COLUMNS:
            before = (CellAt(row - 1, "chip_9"),) if within else ()
            return self._request("memory deltas", f"{what}, as far from the row before it in the table", clk, before)
        return self._queued("accesses", index, clk, what)

    def _queued(self, queue: str, index: int, row: int, what: str) -> Source:
        if self._side.style is Style.SEQUENTIAL:
            return self._request(f"{queue} rows", what, row)
        fragment = self._side.fragment(row)
        start = self._side.starts[fragment]
        within = index - int(self._rows.taken[queue][start])
        text = f"{what}; entry {index} of {queue} (entry {within} of fragment {fragment})"
        source = replace(self._request(queue, text, row), index=index, index_in_fragment=within)
        if queue == "permutations":
            # A permutation is 96 elements: the wrong cell says more.
            return source
        entry = Entry(queue, 0, "word")
        return replace(
            source,
            expected=self._values.expected(entry, index),
            recorded=self._values.recorded_entry(entry, fragment, within),
        )

    def _circuit(self, within: int) -> Source:
        row = int(self._rows.ace[within, 8])
        return self._request("circuit rows", f"row {within} of the circuits, of row {row} (EVALCIRCUIT)", row)

    def _kernel(self, within: int) -> Source:
        flags = self._rows.trace.columns[COLUMN["chip_5"]]
        lengths = self._rows.trace.lengths
        first = lengths.hasher + lengths.bitwise + lengths.memory
        procedure = int(flags[first : first + within + 1].sum()) - 1
        is_first = bool(flags[first + within])
        what = "its own row" if is_first else "one of its calls"
        return Source(From.WHOLE, "kernel ROM", f"kernel procedure {procedure}: {what}")

    # ---- range table ------------------------------------------------------------------------------------------------

    def _range(self, row: int, column: str) -> Source:
        value = int(self._rows.trace.columns[COLUMN["range_v"], row])
        if column == "range_v":
            return Source(From.WHOLE, "range table", f"the range table goes through its values in steps; here {value}")
        operations, memory = self._lookups(value)
        named = ", ".join(f"{each} ({self._rows.operation(each)})" for each in operations[:LOOKUPS_NAMED])
        more = f" and {len(operations) - LOOKUPS_NAMED} more" if len(operations) > LOOKUPS_NAMED else ""
        rows = f" by rows {named}{more}" if named else " by no u32 operation"
        text = f"the number of lookups of {value}:{rows}; {memory} by distances of memory rows"
        first = operations[0] if operations else None
        operation = "" if first is None else self._rows.operation(first)
        return Source(From.WHOLE, "range lookups", text, row=first, operation=operation)

    def _lookups(self, value: int) -> tuple[list[int], int]:
        """Executed rows whose u32 operation looks the value up, one for each lookup, and how often memory rows do."""
        core = self._rows.execution.core
        wanted = np.uint64(value)
        is_u32 = self._rows.is_operation(*_U32)
        times = sum((core[:, COLUMN[name]] == wanted).astype(np.int64) for name in _LIMBS)
        # The third and fourth helper of U32SUB are the zeros that it looks up.
        operations = np.repeat(np.arange(self._rows.count), np.where(is_u32, times, 0)).tolist()
        limbs = self._rows.memory[:, 14:16]
        return operations, int((limbs == wanted).sum())
