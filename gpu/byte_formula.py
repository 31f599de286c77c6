"""What spec 09, B5 says about bytes, from shapes alone: recorded counts, plans' tiles and plan arrays."""

from __future__ import annotations

from collections.abc import Mapping

from gpu.byte_table import RESIDENT_TAGS, WORKING_TAGS
from gpu.device import Tag
from gpu.plans import Plan
from gpu.regeneration import Generator
from gpu.resident import plan_shapes, shape_bytes


def expected_bytes(generator: Generator | None, plans: Mapping[str, Plan]) -> dict[Tag, int]:
    """Bytes that have to be live while no chip is being processed, of every tag but COMMIT; None is a released session.

    At level none TRACE is 0; at the others the kept columns stay from their first generation on. PLAN is left out while an
    assignment is adding to it.
    """
    if generator is None:
        return dict.fromkeys((*RESIDENT_TAGS, *WORKING_TAGS), 0)
    resident = generator.resident
    expected = {
        Tag.RAW: resident.raw_bytes if resident.raw else 0,
        Tag.SIDE: resident.side_bytes if resident.side else 0,
        Tag.TRACE: sum(plans[name].trace_bytes for name in generator.kept),
        Tag.SEED: 0,
        Tag.SCRATCH: 0,
    }
    if plans:
        is_last = next(iter(plans.values())).extent.is_last
        shapes = plan_shapes(resident.host.counts, resident.plan["run_start"].size, is_last=is_last)
        expected[Tag.PLAN] = shape_bytes(shapes)
    elif not resident.plan:
        expected[Tag.PLAN] = 0
    return expected


def chip_bounds(generator: Generator, plans: Mapping[str, Plan], plan: Plan) -> dict[Tag, int]:
    """Most bytes of TRACE and SEED while one chip is processed: its own columns beside the kept ones, its own seeds."""
    kept = sum(plans[name].trace_bytes for name in generator.kept if name != plan.chip)
    return {Tag.TRACE: kept + plan.trace_bytes, Tag.SEED: dict(plan.extra).get(Tag.SEED, 0)}
