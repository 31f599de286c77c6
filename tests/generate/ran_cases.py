"""A generated case run once on the reference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.cuts import Situation, row_situations
from harness.generate import COMPLETES, Generated
from reference.definition.outcome import Completed
from reference.processor import execute


@dataclass(frozen=True)
class Ran:
    """A generated case and what the reference made of it."""

    number: int
    generated: Generated
    ended: str
    core_rows: int
    situations: Sequence[tuple[Situation, ...]]


def run(generated: Generated, number: int = 0) -> Ran:
    execution = execute(generated.case)
    ended = COMPLETES if isinstance(execution.outcome, Completed) else execution.outcome.error
    situations = row_situations(execution) if ended == COMPLETES else []
    return Ran(number, generated, ended, execution.core_rows, situations)
