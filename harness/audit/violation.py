"""What an audit finds: violated rules with the cells that they read, rules that could not be checked, and the sum of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from harness.audit.rule import Rule


class CellValue(NamedTuple):
    """A cell that a violated rule reads."""

    column: str
    row: int
    value: int


@dataclass(frozen=True, slots=True)
class Violation:
    """A rule that the trace violates, at the first row where it does."""

    rule: Rule
    row: int | None
    """None where no single row is to blame."""
    count: int = 1
    """How many rows violate it."""
    operation: str = ""
    """The operation of the row, or the chiplet for a rule on chiplet columns; empty where there is neither."""
    cells: tuple[CellValue, ...] = ()
    details: tuple[str, ...] = ()
    """Lines for people: what was expected, which messages have no partner and which rows sent them."""


@dataclass(frozen=True, slots=True)
class NotChecked:
    """A rule that needs to know what nobody told the audit; never counted as agreement."""

    rule: Rule
    reason: str


@dataclass(frozen=True, slots=True)
class AuditResult:
    """What an audit of one trace found. It holds nothing in favour of a trace when nothing was checked."""

    rows: int
    """Rows of the trace that were judged."""
    violations: tuple[Violation, ...]
    """By first row, those without a row last."""
    checked: dict[str, int]
    """By name of the rule: to how many rows it applied, and 1 for a rule on the whole trace."""
    not_checked: tuple[NotChecked, ...]

    @property
    def accepted(self) -> bool:
        """Whether something was checked and nothing is violated."""
        return not self.violations and self.rows > 0 and bool(self.checked)
