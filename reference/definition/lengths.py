"""How long a trace and its segments are, counted as the real VM counts them (spec 04, section 5)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Lengths:
    """Rows of the trace and of its segments."""

    rows: int
    """The whole trace, a power of two."""
    core: int
    """Executed rows N, without HALT."""
    range: int
    chiplets: int
    """All chiplet rows and one padding row."""
    hasher: int
    bitwise: int
    memory: int
    """Memory rows and ACE rows together."""
    kernel_rom: int
