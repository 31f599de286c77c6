"""What an event is: an id that a program emits, and what the live host does then.

The id stands at s0, so an event's operands start at s1. A handler reads the machine, overflow items included, and
changes the advice; it leaves no row in any chiplet. Source: spec 06, section 2.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reference.definition.errors import ExecutionFailure
from reference.definition.field import U32_LIMIT

if TYPE_CHECKING:
    from reference.host.advice import AdviceHost
    from reference.machine import Machine


@dataclass(frozen=True, slots=True)
class Event:
    """One line of an event table."""

    id: int
    """The first 8 bytes of BLAKE3-256 of the name, little-endian, modulo p."""
    name: str
    handle: Callable[[Machine, AdviceHost], None]


def address_range(machine: Machine, start_at: int, end_at: int) -> range:
    """The half-open address range whose ends are at two stack positions (spec 06, section 2.2).

    Raises ExecutionFailure ``MemoryError.AddressOutOfBounds`` for the start, then the end, and
    ``MemoryError.InvalidMemoryRange`` for a start behind the end.
    """
    start, end = machine.item(start_at), machine.item(end_at)
    for address in (start, end):
        if address >= U32_LIMIT:
            raise ExecutionFailure("MemoryError.AddressOutOfBounds", detail=f"address {address}")
    if start > end:
        raise ExecutionFailure("MemoryError.InvalidMemoryRange", detail=f"start {start}, end {end}")
    return range(start, end)
