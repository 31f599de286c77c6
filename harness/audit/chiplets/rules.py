"""All rules on rows of the chiplet and range columns, compiled: what the audit runs on every tile."""

from __future__ import annotations

from typing import Final

from harness.audit.chiplets.ace import ACE_RULES
from harness.audit.chiplets.bitwise import BITWISE_RULES
from harness.audit.chiplets.hasher import HASHER_RULES
from harness.audit.chiplets.kernel_rom import KERNEL_ROM_RULES
from harness.audit.chiplets.memory import MEMORY_RULES
from harness.audit.chiplets.names import CHIPLET_KINDS, CHIPLET_VOCABULARY
from harness.audit.chiplets.rounds import HASHER_ROUNDS
from harness.audit.chiplets.selectors import SELECTOR_RULES
from harness.audit.compiled import compile_row_rules
from harness.audit.range_rules import RANGE_RULES

CHIPLET_ROW_RULES: Final = (
    compile_row_rules(
        "chiplets",
        (
            *SELECTOR_RULES,
            *RANGE_RULES,
            *HASHER_RULES,
            *BITWISE_RULES,
            *MEMORY_RULES,
            *ACE_RULES,
            *KERNEL_ROM_RULES,
        ),
        CHIPLET_VOCABULARY,
        CHIPLET_KINDS,
    ),
    HASHER_ROUNDS,
)
