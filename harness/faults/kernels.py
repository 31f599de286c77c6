"""The planted copy of the parallel engine: one set of modules with all faults in them, compiled once and cached.

The copies live in the same cache directory as the engine's own kernels, under names of their own that carry a hash of
everything planted: numba's cache sees neither changes in other files nor changes in what it was not given.
"""

from __future__ import annotations

import hashlib
import inspect
import re
import sys
from collections.abc import Mapping
from functools import cache
from types import ModuleType
from typing import Any, Final

from harness.faults import planting, units
from harness.faults.catalogue import KERNEL_FAULTS
from harness.faults.fault import InKernels
from harness.faults.planting import Numbered
from harness.faults.units import EXECUTOR_LOOP, FRAGMENT_TASKS, UNIT, UNITS, without_doubts
from parallel.executor_source import executor_text
from parallel.jit import CACHE
from parallel.source import load_generated

HEALTHY: Final = 0
"""The number of no fault."""

NUMBERS: Final = {fault.name: number for number, fault in enumerate(KERNEL_FAULTS, start=1)}
"""The kernels' number of each fault that is planted in text."""


@cache
def planted_key() -> str:
    """Hash of everything that makes the planted copy differ from the engine."""
    digest = hashlib.sha256()
    for source in (planting, units, sys.modules[__name__]):
        digest.update(inspect.getsource(source).encode())
    for fault in KERNEL_FAULTS:
        digest.update(repr(fault.plant).encode())
    return digest.hexdigest()[:12]


def planted_text(unit: str, text: str) -> str:
    """The text of a unit with every fault of the catalogue in it; NoSuchPlace."""
    changes = [
        Numbered(NUMBERS[fault.name], change)
        for fault in KERNEL_FAULTS
        if isinstance(fault.plant, InKernels)
        for change in fault.plant.changes
        if change.unit == unit
    ]
    planted = UNIT[unit].planted(text, changes)
    if unit == FRAGMENT_TASKS:
        planted = without_doubts(planted)
    return re.sub(
        rf"^from parallel\.({'|'.join(UNIT)}) import",
        lambda found: f"from {_qualified(found[1])} import",
        planted,
        flags=re.MULTILINE,
    )


def is_compiled() -> bool:
    """Whether the kernels are in the cache."""
    return any(CACHE.rglob(f"{_name(FRAGMENT_TASKS)}.some-*.nbi"))


@cache
def planted_modules() -> Mapping[str, Any]:
    """The planted copies of the modules, by unit; each imports the copies of those before it."""
    return {
        unit.name: load_generated(_name(unit.name), planted_text(unit.name, unit.text()))
        for unit in UNITS
        if unit.module is not None
    }


@cache
def load_loop() -> Any:
    """The planted executor loop."""
    return load_generated(_name(EXECUTOR_LOOP), planted_text(EXECUTOR_LOOP, executor_text())).run


@cache
def load_tasks(text: str) -> ModuleType:
    """The planted fragment kernels; ``text`` is that of the engine's own."""
    return load_generated(_name(FRAGMENT_TASKS), planted_text(FRAGMENT_TASKS, text))


def _name(unit: str) -> str:
    return f"faulty_{planted_key()}_{unit}"


def _qualified(unit: str) -> str:
    return f"fragdiff_generated_{_name(unit)}"
