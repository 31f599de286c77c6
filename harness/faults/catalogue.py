"""The catalogue of planted faults: everything that the harness has to catch to be trusted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from harness.faults.fault import Fault, InKernels
from harness.faults.in_assembly import ASSEMBLY_FAULTS
from harness.faults.in_both import SHARED_FAULTS
from harness.faults.in_chiplets import CHIPLET_FAULTS
from harness.faults.in_comparison import COMPARISON_FAULTS
from harness.faults.in_contexts import CONTEXT_FAULTS
from harness.faults.in_executor import EXECUTOR_FAULTS
from harness.faults.in_first_rows import FIRST_ROW_FAULTS
from harness.faults.in_generator import GENERATOR_FAULTS
from harness.faults.in_steps import STEP_FAULTS

ENGINE_FAULTS: Final[tuple[Fault, ...]] = (
    *EXECUTOR_FAULTS,
    *SHARED_FAULTS,
    *CONTEXT_FAULTS,
    *FIRST_ROW_FAULTS,
    *STEP_FAULTS,
    *ASSEMBLY_FAULTS,
    *CHIPLET_FAULTS,
)
"""Faults of an engine: wrong whatever the harness does."""

AREAS: Final[Mapping[str, tuple[Fault, ...]]] = {
    "executor": EXECUTOR_FAULTS,
    "contexts": CONTEXT_FAULTS,
    "first rows": FIRST_ROW_FAULTS,
    "builder steps": STEP_FAULTS,
    "chiplets": CHIPLET_FAULTS,
    "assembly": ASSEMBLY_FAULTS,
    "executor and builder alike": SHARED_FAULTS,
    "comparison": COMPARISON_FAULTS,
    "generator": GENERATOR_FAULTS,
}
"""All faults by what they touch, finer than :data:`~harness.faults.fault.PLACES`."""

FAULTS: Final[tuple[Fault, ...]] = (*ENGINE_FAULTS, *COMPARISON_FAULTS, *GENERATOR_FAULTS)

KERNEL_FAULTS: Final = tuple(fault for fault in ENGINE_FAULTS if isinstance(fault.plant, InKernels))
"""Those planted in text; their order is their number in the kernels."""


def find_fault(name: str) -> Fault:
    """The fault called ``name``; KeyError with the names that begin alike when there is none."""
    for fault in FAULTS:
        if fault.name == name:
            return fault
    alike = [fault.name for fault in FAULTS if fault.name[:4] == name[:4]]
    raise KeyError(f"there is no planted fault {name!r}" + (f"; there are {', '.join(alike)}" if alike else ""))
