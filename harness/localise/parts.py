"""The parts of a trace: which columns one piece of a trace generator makes together, and which executed row asked for a cell.

System, decoder and stack cells of a row are made by the program's rows; a chiplet's row answers a request of some earlier
row; the range table counts lookups of all of them. So the first wrong row of the trace need not be the first mistake in the
order of the program.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from harness.localise.rows import ProgramRows
from reference.definition.columns import CHIPLETS, COLUMN, COLUMN_NAMES, GROUP_OF_COLUMN
from reference.definition.registers import meaning

Part = str
"""A name of :data:`PART_OF_COLUMN`, or of a :class:`Section`."""

_PARTS: Final = {
    "clk": ("clk",),
    "context": ("ctx", *(f"fn_hash_{i}" for i in range(4))),
    "block address": ("dec_addr",),
    "opcode": (*(f"dec_op_bit_{i}" for i in range(7)), "dec_bit_extra_0", "dec_bit_extra_1"),
    "registers": tuple(f"dec_h{i}" for i in range(8)),
    "block counters": ("dec_in_span", "dec_group_count", "dec_op_index", *(f"dec_batch_flag_{i}" for i in range(3))),
    "stack items": tuple(f"stack_{i}" for i in range(16)),
    "stack depth": ("stack_b0", "stack_b1", "stack_h0"),
    "range table": ("range_m", "range_v"),
    "pad": ("pad_0",),
}

_WORD_OF_SECTION: Final = {
    "hasher": "hasher",
    "bitwise": "bitwise",
    "memory": "memory",
    "circuits": "ACE",
    "kernel ROM": "kernel ROM",
}

PART_OF_COLUMN: Final[dict[str, Part]] = {name: part for part, names in _PARTS.items() for name in names}
"""Part of each column but those of the chiplets, whose parts are sections of rows."""

RANDOM_ROW: Final = "random row"
STATE_GROUPS: Final = ("system", "stack")
"""Columns that show what the row before left behind."""


class Section(NamedTuple):
    """Rows ``first .. end - 1`` of the chiplet columns."""

    name: Part
    first: int
    end: int


def sections(rows: ProgramRows) -> list[Section]:
    """The chiplets' sections of a trace without its last row, in order; empty ones too."""
    lengths = rows.trace.lengths
    circuits = len(rows.ace)
    sizes = {
        "hasher": lengths.hasher,
        "bitwise": lengths.bitwise,
        "memory": lengths.memory - circuits,
        "circuits": circuits,
        "kernel ROM": lengths.kernel_rom,
    }
    found: list[Section] = []
    first = 0
    for name, size in sizes.items():
        found.append(Section(name, first, first + size))
        first += size
    return [*found, Section("chiplet padding", first, lengths.rows - 1)]


def section_of(rows: ProgramRows, row: int) -> Section:
    """The section of a trace row; IndexError for the last row and beyond."""
    for section in sections(rows):
        if section.first <= row < section.end:
            return section
    raise IndexError(f"row {row} is in no section of the chiplets")


def part_of(rows: ProgramRows, row: int, column: str) -> Part:
    """The part of a cell."""
    if row >= rows.trace.lengths.rows - 1:
        return RANDOM_ROW
    if CHIPLETS.start <= COLUMN[column] < CHIPLETS.stop:
        return section_of(rows, row).name
    return PART_OF_COLUMN[column]


def requesting_row(rows: ProgramRows, row: int) -> int | None:
    """The executed row whose request a chiplet row answers; None for rows of the whole program: kernel ROM, padding."""
    section = section_of(rows, row)
    match section.name:
        case "hasher":
            return rows.row_of_entry("hasher", row // 8)
        case "bitwise":
            return rows.row_of_entry("bitwise", (row - section.first) // 8)
        case "memory":
            return int(rows.trace.columns[COLUMN["chip_9"], row])
        case "circuits":
            return int(rows.trace.columns[COLUMN["chip_8"], row])
        case _:
            return None


def maker_of(rows: ProgramRows, row: int, column: str) -> int | None:
    """The executed row that makes a cell; None for what is made once for the whole program.

    State cells are made by the row before, and by nobody on row 0; decoder cells by the row itself; chiplet cells by the
    row whose request they answer.
    """
    group = GROUP_OF_COLUMN[COLUMN[column]]
    if row >= rows.trace.lengths.rows - 1 or group in ("range", "pad"):
        return None
    if group == "chiplets":
        return requesting_row(rows, row)
    if group in STATE_GROUPS:
        # The row behind the program shows the state that its last row left, under a number that padding gives it.
        last = rows.count if column != "clk" else rows.count - 1
        return row - 1 if 0 < row <= last else None
    return row if row < rows.count else None


def cell_meaning(column: str, part: Part, operation: str) -> str:
    """What stands in a cell of a part of the trace, on a row of an operation."""
    text = meaning(column, operation)
    word = _WORD_OF_SECTION.get(part)
    if word is None:
        return text
    # "hasher h6, bitwise b1, memory v0, ACE id0": what the column is for each chiplet.
    own = [each for each in re.split("[,;] ", text) if each.startswith(word)]
    return own[0] if own else text


def columns_of(part: Part) -> tuple[str, ...]:
    """The columns of a part, in trace order."""
    names = _PARTS.get(part)
    if names is not None:
        return names
    return COLUMN_NAMES[CHIPLETS] if part != RANDOM_ROW else COLUMN_NAMES


assert set(PART_OF_COLUMN) == {
    name for name, group in zip(COLUMN_NAMES, GROUP_OF_COLUMN, strict=True) if group != "chiplets"
}
