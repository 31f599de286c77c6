"""All rules of the audit that are not the same for every trace: whole-trace rules, and rules about a known program."""

from __future__ import annotations

from harness.audit.chiplet_checks import chiplet_checks
from harness.audit.field_cells import FieldCells
from harness.audit.known import Known
from harness.audit.row_rules import ROW_RULES
from harness.audit.rule import RowRules, Variant
from harness.audit.tile import TraceCheck
from harness.audit.trace.ends import Ends
from harness.audit.trace.program import PROGRAM_RULES, program_rules
from harness.audit.trace.random_row import RandomRow
from harness.audit.trace.replies import HostReplies
from harness.audit.violation import NotChecked


def row_rules(known: Known) -> tuple[RowRules, ...]:
    """Every rule on row pairs that can be checked."""
    return ROW_RULES if known.forests is None else (*ROW_RULES, program_rules(known.forests))


def unknown_row_rules(known: Known) -> tuple[NotChecked, ...]:
    """Rules on row pairs that need to know more."""
    if known.forests is not None:
        return ()
    return tuple(NotChecked(rule, "the program is not known") for rule in PROGRAM_RULES)


def trace_checks(known: Known, variant: Variant) -> tuple[TraceCheck, ...]:
    """Fresh objects that judge one trace."""
    return (FieldCells(), Ends(known), RandomRow(known, variant), HostReplies(known), *chiplet_checks(known))
