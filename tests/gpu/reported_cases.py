"""A bundle of a few recorded cases, whole or altered, and what the device report says of it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from gpu.report import bundle
from gpu.report.bundle import Bundle
from harness import device_bundle

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests" / "data"
WANTED = (
    "ctl_sys_many_703280 walk 0", "op_u32and_700370 walk 1", "mix_720090 walk 3", "op_pipe_700722 walk 5", "case_13 every:7",
    "case_13 every:64", "case_13 commitment", "kernel_rom",
)  # fmt: skip


def write_cases(path: Path) -> None:
    """A few recorded cases and two bench programs of 2^10 rows."""
    small = [one for one in device_bundle.bench([2**10]) if one.name.startswith(("fib", "hash"))]
    asked = [one for one in device_bundle.suite(DATA) if one.name in WANTED]
    # A case has one commitment for each blow-up.
    assert device_bundle.write(path, iter([*asked, *small]), lambda line: None) == len(WANTED) + 1 + 2


def report(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "report.json").read_text())
    return found


def altered(cases: Path, path: Path, **changes: Any) -> Path:
    """The bundle with one case's expectations changed."""
    with Bundle(cases) as found:
        items = [
            replace(item, expected=replace(item.expected, **changes)) if item.name == WANTED[0] else item
            for item in found.items
        ]
        bundle.write(path, items, {item.member: found._read(item.member) for item in items})
    return path
