"""All rules of the chiplets, the range table and the buses on the whole trace."""

from __future__ import annotations

from harness.audit.buses.closing import BusCheck
from harness.audit.known import Known
from harness.audit.range_table import RangeCheck
from harness.audit.requests.bitwise_order import BitwiseOrder
from harness.audit.requests.hasher_order import HasherOrder
from harness.audit.requests.sections import SectionEnds
from harness.audit.requests.transcript import TranscriptOrder
from harness.audit.tile import TraceCheck


def chiplet_checks(known: Known) -> tuple[TraceCheck, ...]:
    """Fresh objects that judge one trace."""
    return BusCheck(known), RangeCheck(), HasherOrder(), BitwiseOrder(), TranscriptOrder(), SectionEnds(known)
