"""The range table's steps (12 section 4.6); what its rows must be exactly is in ``range_table.py``."""

from __future__ import annotations

from typing import Final

from harness.audit.rule import Rule

STEPS: Final = (0, *(3**exponent for exponent in range(8)))
"""From one row of the range table to the next."""

RANGE_RULES: Final = (
    Rule("range.step", "range", f"range_v' - range_v in ({', '.join(map(str, STEPS))})", "12 section 4.6"),
)
