"""All rules on row pairs of the core columns, compiled."""

from __future__ import annotations

from harness.audit.compiled import compile_row_rules
from harness.audit.core.control import CONTROL_RULES
from harness.audit.core.decoder import BLOCK_RULES
from harness.audit.core.stack_depth import DEPTH
from harness.audit.core.stack_moves import MOVES
from harness.audit.core.stack_operations import HELPER_RULES, RESULT_RULES
from harness.audit.core.stark import FRI, HORNER
from harness.audit.core.words import CORE, CORE_KINDS

CORE_RULES = compile_row_rules(
    "core",
    (*CONTROL_RULES, *BLOCK_RULES, *DEPTH, *MOVES, *RESULT_RULES, *HELPER_RULES, *HORNER, *FRI),
    CORE,
    CORE_KINDS,
)
"""Spec 12, sections 4.2 to 4.5 and the core lines of 8.1."""
