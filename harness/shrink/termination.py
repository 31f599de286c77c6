"""Candidates that do not end: an edit can take away what ends a loop, and such a program must reach no engine."""

from __future__ import annotations

from typing import Final

from harness.shrink.edits import forests_of
from reference.definition.case import Case
from reference.definition.mast import Dyn, Dyncall, Loop
from reference.definition.outcome import Failed
from reference.processor import execute

SPARE_ROWS: Final = 10_000
"""Half a second of the reference; a program that fails has no rows to judge its candidates by."""


def row_limit(case: Case) -> int:
    """Rows that no simpler case needs: twice the rows of the case and some more."""
    execution = execute(case)
    outcome = execution.outcome
    rows = (outcome.clk or 0) if isinstance(outcome, Failed) else execution.core_rows
    return 2 * rows + SPARE_ROWS


def ends(case: Case, limit: int) -> bool:
    """Whether the program ends within ``limit`` rows; only loops and dynamic calls can keep it from doing so."""
    nodes = (node for forest in forests_of(case) for node in forest.nodes)
    if not any(isinstance(node, Loop | Dyn | Dyncall) for node in nodes):
        return True
    outcome = execute(case, max_cycles=limit).outcome
    return not (isinstance(outcome, Failed) and outcome.error == "CycleLimitExceeded")
