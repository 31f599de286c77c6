"""A generated case run once on the reference."""

from __future__ import annotations

from dataclasses import dataclass

from harness.coverage import RowCells, row_cells
from harness.generate import COMPLETES, Generated
from reference.definition.columns import COLUMN
from reference.definition.outcome import Completed
from reference.processor import execute


@dataclass(frozen=True)
class Ran:
    """A generated case and what the reference made of it."""

    number: int
    generated: Generated
    ended: str
    core_rows: int
    cells: RowCells
    deep_rows: int
    """Rows with more than 16 items on the stack."""
    deep_rows_in_calls: int
    """Those of them outside context 0."""


def run(generated: Generated, number: int = 0) -> Ran:
    execution = execute(generated.case)
    ended = COMPLETES if isinstance(execution.outcome, Completed) else execution.outcome.error
    deep = execution.core[:, COLUMN["stack_b0"]] > 16
    called = execution.core[:, COLUMN["ctx"]] > 0
    return Ran(
        number, generated, ended, execution.core_rows, row_cells(execution), int(deep.sum()), int((deep & called).sum())
    )
