"""The first and the last rows of a trace: public data, and the length (spec 12, sections 6 and 8.2; spec 04, section 5)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from harness.audit.field import ONE, ZERO
from harness.audit.jit import jit
from harness.audit.known import Known
from harness.audit.row_pass import operation_of
from harness.audit.rule import Rule
from harness.audit.tile import Tile, Tiles
from harness.audit.violation import CellValue, NotChecked, Violation
from reference.definition.columns import COLUMN, MIN_TRACE_ROWS, RANDOM_ROWS
from reference.definition.isa import BY_NAME

Row = NDArray[np.uint64]

_BOUNDARY: Final = "12 section 6"
_PUBLIC: Final = "12 section 8.2"
_STACK: Final = tuple(f"stack_{i}" for i in range(16))
_HASH: Final = tuple(f"dec_h{i}" for i in range(4))

FIRST_ROW_VALUES: Final[dict[str, tuple[str, int]]] = {
    "clk": (_BOUNDARY, 0),
    "ctx": (_PUBLIC, 0),
    **{f"fn_hash_{i}": (_PUBLIC, 0) for i in range(4)},
    "dec_addr": (_PUBLIC, 0),
    "stack_b0": (_BOUNDARY, 16),
    "stack_b1": (_BOUNDARY, 0),
    "stack_h0": (_PUBLIC, 0),
    "range_v": (_BOUNDARY, 0),
}
"""By column: the source, and what stands in row 0."""


def _rule(name: str, zero: str, source: str, columns: tuple[str, ...]) -> Rule:
    return Rule(f"ends.{name}", "trace", zero, source, columns)


_FIRST_ROW: Final = {
    column: _rule(f"first.{column}", f"{column} of row 0 is {value}", source, (column,))
    for column, (source, value) in FIRST_ROW_VALUES.items()
}
STACK_INPUTS: Final = _rule("stack inputs", "stack_0..15 of row 0 are the stack inputs", _BOUNDARY, _STACK)
STACK_OUTPUTS: Final = _rule("stack outputs", "the stack after the last operation is the outputs", _BOUNDARY, _STACK)
LAST_RANGE: Final = _rule("last.range_v", "range_v of the last row but one is 65535", _BOUNDARY, ("range_v",))
END: Final = _rule("program end", "the last executed row is an END", _PUBLIC, ())
PROGRAM_HASH: Final = _rule("program hash", "dec_h0..3 of the last executed row are the program hash", _PUBLIC, _HASH)
CORE_ROWS: Final = _rule("executed rows", "as many rows are executed as the engine says", "04 section 8", ())
LENGTH: Final = _rule("length", "L = max(64, next power of two >= max(N, R, C) + 1)", "04 section 5", ())

_HALT: Final = BY_NAME["HALT"].opcode
_END: Final = BY_NAME["END"].opcode
_RANGE_V: Final = COLUMN["range_v"]
_SELECTORS: Final = COLUMN["chip_0"]
_SELECTOR_COUNT: Final = 5


@dataclass(frozen=True, slots=True)
class _Measured:
    """Of one tile."""

    first_row: int
    count: int
    halt: int
    """The first HALT row, -1 without one."""
    chiplet_rows: int
    last_zero: int
    """The last row whose range value is 0, -1 without one."""
    first: Row
    before_halt: Row | None
    """The row before the first HALT, if that is in the tile."""
    last: Row
    before_halt_opcode: int
    last_opcode: int
    successor: Row | None
    """The row after the last judged one, with the last tile only."""


@jit
def measure(rows: Any, opcodes: Any) -> Any:
    """Compiled: the first HALT row or -1, the number of rows of any chiplet, the last row with range value 0 or -1."""
    halt, chiplet_rows, last_zero = -1, 0, -1
    for i in range(rows.shape[0] - 1):
        if halt < 0 and opcodes[i] == _HALT:
            halt = i
        padding = True
        for selector in range(_SELECTOR_COUNT):
            padding &= rows[i, _SELECTORS + selector] == ONE
        chiplet_rows += not padding
        if rows[i, _RANGE_V] == ZERO:
            last_zero = i
    return halt, chiplet_rows, last_zero


class Ends:
    """Judges the first row, the last executed row, the state after it and the number of rows."""

    rules: Sequence[Rule] = (
        *_FIRST_ROW.values(),
        STACK_INPUTS,
        STACK_OUTPUTS,
        LAST_RANGE,
        END,
        PROGRAM_HASH,
        CORE_ROWS,
        LENGTH,
    )

    def __init__(self, known: Known) -> None:
        self._known = known
        self._first: Row | None = None
        self._executed: tuple[int, int, Row] | None = None
        """Number, opcode and cells of the row before the first HALT."""
        self._halted = False
        self._before: tuple[int, int, Row] | None = None
        """The same of the last row seen."""
        self._successor: Row | None = None
        self._chiplet_rows = 0
        self._last_zero = -1
        self._trace_rows = 0

    def partial(self, tile: Tile) -> _Measured:
        """The tile's ends and counts."""
        halt, chiplet_rows, last_zero = (int(number) for number in measure(tile.rows, tile.opcodes))
        last = tile.count - 1
        return _Measured(
            tile.first_row,
            tile.count,
            tile.first_row + halt if halt >= 0 else -1,
            chiplet_rows,
            tile.first_row + last_zero if last_zero >= 0 else -1,
            tile.rows[0].copy(),
            tile.rows[halt - 1].copy() if halt > 0 else None,
            tile.rows[last].copy(),
            int(tile.opcodes[halt - 1]) if halt > 0 else -1,
            int(tile.opcodes[last]),
            tile.rows[last + 1].copy() if tile.is_last else None,
        )

    def add(self, partial: _Measured) -> None:
        """Takes the next tile's."""
        if self._first is None:
            self._first = partial.first
        if not self._halted and partial.halt >= 0:
            self._halted = True
            if partial.before_halt is not None:
                self._executed = partial.halt - 1, partial.before_halt_opcode, partial.before_halt
            else:
                self._executed = self._before
        self._chiplet_rows += partial.chiplet_rows
        self._last_zero = max(self._last_zero, partial.last_zero)
        self._before = partial.first_row + partial.count - 1, partial.last_opcode, partial.last
        self._successor = partial.successor
        self._trace_rows = partial.first_row + partial.count + RANDOM_ROWS

    def finish(self, tiles: Tiles) -> Sequence[Violation | NotChecked]:  # noqa: ARG002 - the rows were kept
        """What is wrong at the ends."""
        return tuple(self._verdicts())

    def _verdicts(self) -> Iterator[Violation | NotChecked]:
        assert self._first is not None
        assert self._before is not None
        assert self._successor is not None
        for column, rule in _FIRST_ROW.items():
            yield from _compared(rule, 0, self._first, (FIRST_ROW_VALUES[column][1],))
        yield from _compared(LAST_RANGE, self._before[0], self._before[2], (65535,))
        yield from self._known_or_not(STACK_INPUTS, 0, self._first, self._known.stack_inputs, "the stack inputs")
        outputs = self._known.stack_outputs
        yield from self._known_or_not(STACK_OUTPUTS, self._before[0], self._successor, outputs, "the stack outputs")
        executed = self._executed if self._halted else self._before
        if executed is None:
            yield Violation(END, 0, operation="HALT", details=("row 0 is a HALT: nothing was executed",))
        else:
            yield from self._end_verdicts(executed)

    def _end_verdicts(self, executed: tuple[int, int, Row]) -> Iterator[Violation | NotChecked]:
        row, opcode, cells = executed
        if opcode != _END:
            yield Violation(END, row, operation=operation_of(opcode))
        yield from self._known_or_not(PROGRAM_HASH, row, cells, self._known.program_hash, "the program hash")
        core_rows = row + 1
        if self._known.core_rows is None:
            yield NotChecked(CORE_ROWS, "the number of executed rows is not known")
        elif self._known.core_rows != core_rows:
            yield Violation(CORE_ROWS, None, details=(f"{core_rows} rows, not {self._known.core_rows}",))
        yield from self._length_verdicts(core_rows)

    def _length_verdicts(self, core_rows: int) -> Iterator[Violation]:
        range_rows = self._trace_rows - RANDOM_ROWS - self._last_zero
        chiplet_rows = self._chiplet_rows + 1
        longest = max(core_rows, range_rows, chiplet_rows)
        expected = max(MIN_TRACE_ROWS, 1 << (longest + RANDOM_ROWS - 1).bit_length())
        if self._trace_rows != expected:
            lengths = f"N = {core_rows}, R = {range_rows}, C = {chiplet_rows}"
            yield Violation(LENGTH, None, details=(f"{lengths} need {expected} rows, not {self._trace_rows}",))

    @staticmethod
    def _known_or_not(
        rule: Rule, row: int, cells: Row, expected: Sequence[int] | None, what: str
    ) -> Iterator[Violation | NotChecked]:
        if expected is None:
            yield NotChecked(rule, f"{what} are not known" if what.endswith("s") else f"{what} is not known")
            return
        yield from _compared(rule, row, cells, expected)


def _compared(rule: Rule, row: int, cells: Row, expected: Sequence[int]) -> Iterator[Violation]:
    """A violation when the rule's columns do not hold the expected values."""
    found = [int(cells[COLUMN[column]]) for column in rule.columns]
    if found != list(expected):
        values = tuple(CellValue(column, row, value) for column, value in zip(rule.columns, found, strict=True))
        yield Violation(rule, row, cells=values, details=(f"expected {', '.join(map(str, expected))}",))
