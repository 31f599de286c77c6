"""All rules on row pairs."""

from __future__ import annotations

from harness.audit.chiplets.rules import CHIPLET_ROW_RULES
from harness.audit.core.rules import CORE_RULES
from harness.audit.rule import RowRules

ROW_RULES: tuple[RowRules, ...] = (CORE_RULES, *CHIPLET_ROW_RULES)
