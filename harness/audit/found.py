"""What compiled loops do when a rule does not hold."""

from __future__ import annotations

from typing import Any

from harness.audit.jit import jit_inline
from harness.audit.rule import COUNT, FIRST


@jit_inline
def note(found: Any, rule: Any, row: Any) -> None:
    """Compiled: the rule with this number does not hold on this row of the trace."""
    found[rule, COUNT] += 1
    found[rule, FIRST] = min(found[rule, FIRST], row)
