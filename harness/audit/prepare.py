"""Compiles all rules before the first trace comes: about a minute after a change of the rules, then never again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from harness.audit.engine import audit
from harness.audit.known import Known
from harness.audit.row_rules import ROW_RULES
from harness.audit.rule import Rows
from reference.definition.case import Replies
from reference.definition.columns import MIN_TRACE_ROWS, WIDTH
from reference.definition.field import ZERO_WORD


@dataclass(frozen=True, slots=True)
class _Window:
    first_row: int
    cells: Rows


def is_compiled() -> bool:
    """Whether the rules of exactly these sources are in the cache."""
    kernels: list[Any] = [group.kernel for group in ROW_RULES]
    return all(any(Path(kernel.stats.cache_path).glob(f"*{kernel.__name__}-*.nbi")) for kernel in kernels)


def prepare(say: Callable[[str], None]) -> None:
    """Compile what is not compiled yet; ``say`` takes a line for people when it will take long."""
    if is_compiled():
        return
    say("compiling the rules of the audit for this machine: about a minute, once")
    # No trace, but judged by every rule.
    window = _Window(0, np.zeros((WIDTH, MIN_TRACE_ROWS), dtype=np.uint64))
    everything = Known(program_hash=ZERO_WORD, kernel=(), forests=(), replies=Replies())
    audit(lambda: [window], MIN_TRACE_ROWS, everything, threads=1)
