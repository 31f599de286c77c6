"""All rules on the whole trace."""

from __future__ import annotations

from harness.audit.field_cells import FieldCells
from harness.audit.known import Known
from harness.audit.rule import Variant
from harness.audit.tile import TraceCheck


def trace_checks(known: Known, variant: Variant) -> tuple[TraceCheck, ...]:
    """Fresh objects that judge one trace."""
    return (FieldCells(),)
