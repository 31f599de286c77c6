"""Checks all rules on row pairs over the tiles of a trace, and keeps the cells of the first row that violates each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from harness.audit.rule import APPLIED, COUNT, FIRST, NO_ROW, RowRules, Rows, Rule, Variant, nothing_found
from harness.audit.tile import Tile
from harness.audit.violation import CellValue, Violation
from reference.definition.columns import COLUMN
from reference.definition.isa import BY_OPCODE


def operation_of(opcode: int) -> str:
    """Name of the operation, or what stands in its place."""
    return BY_OPCODE[opcode].name if opcode in BY_OPCODE else "no operation"


_CORE_GROUPS: Final = frozenset(("system", "decoder", "stack", "trace"))
_SELECTORS: Final = COLUMN["chip_0"]
_SECTIONS: Final = ("hasher", "bitwise", "memory", "ACE", "kernel ROM", "chiplet padding")


def section_of(row: NDArray[np.uint64]) -> str:
    """The chiplet that a trace row, (72,) uint64, belongs to by its selectors."""
    selectors = row[_SELECTORS : _SELECTORS + len(_SECTIONS) - 1].tolist()
    number = next((at for at, selector in enumerate(selectors) if selector != 1), len(selectors))
    return _SECTIONS[number] if number == len(selectors) or selectors[number] == 0 else "no chiplet"


@dataclass(frozen=True, slots=True)
class RowEvidence:
    """A row pair that violates something: (2, 72) uint64 and the operation of its first row."""

    cells: Rows
    operation: str


@dataclass(frozen=True, slots=True)
class TileFinding:
    """What all kernels found in one tile: (rules, FOUND) int64, and the row pairs that are blamed."""

    found: NDArray[np.int64]
    evidence: dict[int, RowEvidence]


class RowPass:
    """The rules of several :class:`RowRules`, numbered one after another."""

    def __init__(self, groups: Sequence[RowRules], variant: Variant, without: frozenset[str] = frozenset()) -> None:
        self._groups = tuple(groups)
        self._plan = _plan(tuple(group.rules for group in groups), variant, without)
        self._total = nothing_found(len(self._plan.rules))
        self._evidence: dict[int, RowEvidence] = {}
        """By row."""

    @property
    def rules(self) -> tuple[Rule, ...]:
        """All rules, those that are left out too."""
        return self._plan.rules

    def judge(self, tile: Tile) -> TileFinding:
        """Runs all kernels on one tile; changes nothing here, so several threads may do it at once."""
        found = nothing_found(len(self._plan.rules))
        facts = np.array([tile.first_row, tile.trace_rows], dtype=np.int64)
        start = 0
        for group in self._groups:
            end = start + len(group.rules)
            group.kernel(tile.rows, tile.opcodes, facts, found[start:end])
            start = end
        evidence: dict[int, RowEvidence] = {}
        if found[:, COUNT].any():
            for row in np.unique(found[found[:, COUNT] > 0, FIRST]).tolist():
                at = row - tile.first_row
                evidence[row] = RowEvidence(tile.rows[at : at + 2].copy(), operation_of(int(tile.opcodes[at])))
        return TileFinding(found, evidence)

    def add(self, finding: TileFinding) -> None:
        """Takes the finding of the next tile."""
        total, found = self._total, finding.found
        total[:, APPLIED] += found[:, APPLIED]
        if not finding.evidence:
            return
        total[:, COUNT] += found[:, COUNT]
        is_new = (total[:, FIRST] == NO_ROW) & (found[:, FIRST] != NO_ROW)
        total[is_new, FIRST] = found[is_new, FIRST]
        for row in found[is_new, FIRST].tolist():
            self._evidence[row] = finding.evidence[row]

    def applied(self) -> dict[str, int]:
        """By name of each rule that counts here: the number of rows that it applied to."""
        return dict(zip(self._plan.names, self._total[self._plan.active, APPLIED].tolist(), strict=True))

    def violations(self) -> list[Violation]:
        """One per violated rule, at its first row."""
        active = self._plan.active
        violated = active[self._total[active, COUNT] > 0]
        return [self._violation(self.rules[number], *self._total[number].tolist()) for number in violated.tolist()]

    def _violation(self, rule: Rule, first: int, count: int, _: int) -> Violation:
        evidence = self._evidence[first]
        cells = tuple(_cell(column, first, evidence.cells) for column in rule.columns)
        # The chiplets and the range table have nothing to do with the operation that stands in the same row.
        what = evidence.operation if rule.group in _CORE_GROUPS else section_of(evidence.cells[0])
        return Violation(rule, first, count, "" if rule.group == "range" else what, cells)


@dataclass(frozen=True, slots=True)
class _Plan:
    """The rules of one kind of audit; what does not depend on the trace."""

    groups: tuple[tuple[Rule, ...], ...]
    """Kept, because plans are found by the identity of these."""
    rules: tuple[Rule, ...]
    active: NDArray[np.int64]
    """Numbers of the rules that count."""
    names: tuple[str, ...]
    """Their names."""


_plans: dict[tuple[tuple[int, ...], Variant, frozenset[str]], _Plan] = {}


def _plan(rules: tuple[tuple[Rule, ...], ...], variant: Variant, without: frozenset[str]) -> _Plan:
    # Rules are module constants: identity is enough, and comparing hundreds of them would take longer than an audit.
    key = tuple(id(group) for group in rules), variant, without
    if key not in _plans:
        together = tuple(rule for group in rules for rule in group)
        active = [
            number
            for number, rule in enumerate(together)
            if rule.variant in {None, variant} and rule.name not in without
        ]
        _plans[key] = _Plan(
            rules, together, np.array(active, dtype=np.int64), tuple(together[number].name for number in active)
        )
    return _plans[key]


def _cell(column: str, row: int, pair: Rows) -> CellValue:
    """The cell of a column of the row pair; a ' names the next row."""
    if column.endswith("'"):
        name = column.removesuffix("'")
        return CellValue(name, row + 1, int(pair[1, COLUMN[name]]))
    return CellValue(column, row, int(pair[0, COLUMN[column]]))
