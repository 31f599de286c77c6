"""The kernel ROM: one row a procedure, then one a SYSCALL to it (12 section 8.1)."""

from __future__ import annotations

from typing import Final

from harness.audit.chiplets.names import KERNEL_ROM_ROWS, KIND_NAMES
from harness.audit.rule import Rule

_OTHERS: Final = tuple(name for name in KIND_NAMES if name not in KERNEL_ROM_ROWS)


def _rule(name: str, zero: str, on: tuple[str, ...] = KERNEL_ROM_ROWS, when: str = "") -> Rule:
    return Rule(f"kernel_rom.{name}", "kernel_rom", zero, "12 section 8.1", on=on, when=when)


KERNEL_ROM_RULES: Final = (
    _rule("first.binary", "s_first^2 - s_first"),
    *(_rule(f"same.digest.{j}", f"(1 - s_first')*(r{j}' - r{j})", when="to_kernel_rom()") for j in range(4)),
    _rule("table.starts", "1 - s_first'", on=_OTHERS, when="to_kernel_rom()"),
)
