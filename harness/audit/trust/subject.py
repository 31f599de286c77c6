"""A real trace that corruptions are tried on, with what is known of its run."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from harness.audit.engine import audit
from harness.audit.known import Known
from harness.audit.violation import AuditResult
from reference.definition.columns import CHIPLETS, COLUMN, WIDTH
from reference.definition.errors import InputError
from reference.definition.formats.load import load_cases
from reference.definition.isa import BY_OPCODE, OPCODE_BITS

Cells = NDArray[np.uint64]


class _Whole(NamedTuple):
    """A trace as one window."""

    first_row: int
    cells: Cells


@dataclass(frozen=True)
class Subject:
    """A trace ((72, rows) uint64) that the audit accepts."""

    name: str
    cells: Cells
    known: Known

    @property
    def rows(self) -> int:
        """Rows of the trace, the random one included."""
        return int(self.cells.shape[1])

    def judge(self, without: Sequence[str] = ()) -> AuditResult:
        """What the audit says of the cells as they are now."""
        return audit(lambda: [_Whole(0, self.cells)], self.rows, self.known, threads=1, without=without)


def load_subjects(cases: Path, traces: Path, records: Path | None = None, most_rows: int = 2**62) -> Iterator[Subject]:
    """Cases of a file that have a trace ``NAME.npz`` (array ``trace``) in a folder, of at most ``most_rows`` rows.

    ``records``, one JSON record a line, tells the outputs of the runs and how many rows they executed. Raises InputError for
    files that are not what they should be.
    """
    completed = {} if records is None else dict(_completed(records))
    for case in load_cases(cases):
        file = traces / f"{case.name}.npz"
        if not file.exists():
            continue
        with np.load(file) as arrays:
            cells = np.ascontiguousarray(arrays["trace"], dtype=np.uint64)
        if cells.shape[0] != WIDTH:
            raise InputError(f"expected {WIDTH} columns, found an array of {cells.shape}", place=str(file))
        if cells.shape[1] <= most_rows:
            known = Known.of(case)
            if case.name in completed:
                stack, core_rows = completed[case.name]
                known = replace(known, stack_outputs=stack, core_rows=core_rows)
            yield Subject(case.name, cells, known)


def _completed(records: Path) -> Iterator[tuple[str, tuple[tuple[int, ...], int]]]:
    """Outputs and executed rows of each completed run, by name."""
    for line in records.read_text().splitlines():
        record = json.loads(line)
        if record.get("outcome", {}).get("status") == "completed":
            yield record["name"], (tuple(record["outcome"]["stack"]), record["lengths"]["core"])


_FIRST_BIT: Final = COLUMN["dec_op_bit_0"]
_CYCLE: Final = 8


def operations(cells: Cells) -> NDArray[np.int64]:
    """(rows,) opcode of each row; 128 where the bits are not bits, as they are not on the random row."""
    bits = cells[_FIRST_BIT : _FIRST_BIT + OPCODE_BITS]
    codes = (np.minimum(bits, np.uint64(1)) << np.arange(OPCODE_BITS, dtype=np.uint64)[:, None]).sum(axis=0)
    return np.where((bits > 1).any(axis=0), 128, codes.astype(np.int64))


def operation_kind(code: int) -> str:
    """The operation's name."""
    return BY_OPCODE[code].name if code in BY_OPCODE else f"opcode {code}"


def chiplet_kind(cells: Cells, row: int) -> str:
    """What a row of the chiplet columns is: section, row in the cycle, selectors."""
    chip = [int(cell) for cell in cells[CHIPLETS, row]]
    k = row % _CYCLE
    if chip[0] == 0:
        selectors = "".join(str(bit) for bit in chip[1:4])
        return f"hasher {k}, {selectors}" if k in {0, _CYCLE - 1} else "hasher 1-6"
    if chip[1] == 0:
        return f"bitwise {k if k in {0, _CYCLE - 1} else '1-6'}"
    if chip[2] == 0:
        return f"memory {'read' if chip[3] else 'write'} {'word' if chip[4] else 'element'}"
    if chip[3] == 0:
        return f"ACE {'eval' if chip[5] else 'start' if chip[4] else 'read'}"
    if chip[4] == 0:
        return f"kernel ROM {'procedure' if chip[5] else 'call'}"
    return "chiplet padding"
