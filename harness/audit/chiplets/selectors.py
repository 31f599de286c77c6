"""Which section a row of the chiplet columns belongs to; the order of sections; cells that stay 0 (12 sections 5.1, 8.1)."""

from __future__ import annotations

from typing import Final

from harness.audit.chiplets.names import (
    BITWISE_ROWS,
    HASHER_ROWS,
    KERNEL_ROM_ROWS,
    MEMORY_ROWS,
    PADDING_ROWS,
)
from harness.audit.rule import Rule

_OF_THE_VM: Final = (
    ("c0.binary", "c0^2 - c0"),
    ("c1.binary", "c0*(c1^2 - c1)"),
    ("c2.binary", "c0*c1*(c2^2 - c2)"),
    ("c0.stays", "c0*(c0 - c0')"),
    ("c1.stays", "c0*c1*(c1 - c1')"),
    ("c2.stays", "c0*c1*c2*(c2 - c2')"),
)
_BEYOND: Final = (
    ("c3.binary", "c0*c1*c2*(c3^2 - c3)"),
    ("c4.binary", "c0*c1*c2*c3*(c4^2 - c4)"),
    ("c3.stays", "c0*c1*c2*c3*(c3 - c3')"),
    ("c4.stays", "c0*c1*c2*c3*c4*(c4 - c4')"),
)
_FIRST_ZERO_COLUMN: Final = (
    ("hasher", HASHER_ROWS, 17),
    ("bitwise", BITWISE_ROWS, 15),
    ("memory", MEMORY_ROWS, 18),
    ("kernel_rom", KERNEL_ROM_ROWS, 10),
    ("padding", PADDING_ROWS, 5),
)

SELECTOR_RULES: Final = (
    *(Rule(f"selectors.{name}", "selectors", zero, "12 section 5.1") for name, zero in _OF_THE_VM),
    *(Rule(f"selectors.{name}", "selectors", zero, "12 section 8.1") for name, zero in _BEYOND),
    *(
        Rule(f"selectors.zero.{section}.c{column}", "selectors", f"c{column}", "12 section 8.1", on=rows)
        for section, rows, first in _FIRST_ZERO_COLUMN
        for column in range(first, 20)
    ),
)
