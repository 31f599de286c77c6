"""The engine's test suite on a device: recorded cases walked through the whole life cycle, every cell compared.

A walk checks every invariant on the way; here its trace is compared column by column with the digests that were recorded, its
lengths and its root with theirs, and its manifest with those of the same trace walked in other ways.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from gpu.device import Device
from gpu.errors import DeviceError, GpuError
from gpu.invariants import INVARIANTS
from gpu.lifecycle import walk
from gpu.report.bundle import Bundle, Expected, Item
from gpu.walk import Walk

Json = dict[str, Any]

SHOWN: Final = 20
"""Differences that are written out; all are counted."""


def column_digest(column: NDArray[np.uint64]) -> str:
    """The first 16 bytes of SHA-256 over a column's values as little-endian bytes, in hexadecimal."""
    return sha256(np.ascontiguousarray(column, dtype="<u8").tobytes()).hexdigest()[:32]


def differences(found: Walk, expected: Expected) -> list[str]:
    """What a walk with a collected trace found otherwise than expected, in words."""
    lengths = {name: getattr(found.lengths, name) for name in expected.lengths}
    wrong = [
        f"{name} {lengths[name]}, expected {rows}" for name, rows in expected.lengths.items() if lengths[name] != rows
    ]
    digests = tuple(map(column_digest, found.trace()))
    columns = [number for number, pair in enumerate(zip(digests, expected.columns, strict=True)) if pair[0] != pair[1]]
    if columns:
        wrong.append(f"columns {', '.join(map(str, columns))}")
    if expected.merkle_root is not None and found.merkle_root != expected.merkle_root:
        wrong.append(f"Merkle root {found.merkle_root}, expected {expected.merkle_root}")
    return wrong


@dataclass
class Suite:
    """What the suite has come to so far."""

    planned: int
    equal: int = 0
    different: list[str] = field(default_factory=list)
    """Cases that found something else, and what."""
    failed: list[str] = field(default_factory=list)
    """Cases that raised, and what."""
    cells: int = 0
    launches: int = 0
    checked: Counter[str] = field(default_factory=Counter)
    by: Counter[str] = field(default_factory=Counter)
    """Cases by whose answer they were compared with."""
    _manifests: dict[tuple[str, ...], tuple[str, str]] = field(default_factory=dict)

    @property
    def walked(self) -> int:
        """Cases that were asked."""
        return self.equal + len(self.different) + len(self.failed)

    def add(self, item: Item, found: Walk) -> None:
        """Compares a finished walk."""
        wrong = differences(found, item.expected)
        name, manifest = self._manifests.setdefault(item.expected.columns, (item.name, found.manifest))
        if manifest != found.manifest:
            wrong.append(f"another manifest than {name}, which has the same trace")
        if wrong:
            self.different.append(f"{item.name}: {'; '.join(wrong)}")
            return
        self.equal += 1
        self.cells += found.trace().size
        self.launches += found.launches
        self.checked.update(found.checked)
        self.by[item.expected.by] += 1

    def told(self) -> Json:
        """For the report."""
        return {
            "planned": self.planned,
            "walked": self.walked,
            "equal": self.equal,
            "different": len(self.different),
            "failed": len(self.failed),
            "first_differences": self.different[:SHOWN],
            "first_failures": self.failed[:SHOWN],
            "cells": self.cells,
            "launches": self.launches,
            "compared_with": dict(self.by),
            "traces": len(self._manifests),
            "invariants": {each.id: self.checked[each.id] for each in INVARIANTS},
        }


def run(
    device: Device,
    bundle: Bundle,
    items: list[Item],
    going_on: Callable[[], bool],
    say: Callable[[Suite], None],
) -> Suite:
    """Walks the cases one after the other while ``going_on``; ``say`` is told after each.

    A case that raises an error of the engine is counted as failed and the next one is walked; DeviceError ends the suite and
    is raised, because nothing works after it. Raises InputError for a bundle that cannot be read.
    """
    suite = Suite(len(items))
    for item in items:
        if not going_on():
            break
        recording = bundle.recording(item)
        try:
            suite.add(item, walk(recording, device, item.options))
        except GpuError as error:
            suite.failed.append(f"{item.name}: {type(error).__name__}: {error}")
            if isinstance(error, DeviceError):
                say(suite)
                raise
        finally:
            device.clear_log()
        say(suite)
    return suite
