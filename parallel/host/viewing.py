"""How handlers read operands and memory ranges of a view (spec 06, sections 0 and 2.2)."""

from __future__ import annotations

from parallel.host.protocol import View
from reference.definition.errors import ExecutionFailure
from reference.definition.field import U32_LIMIT, Word


def word_at(view: View, position: int) -> Word:
    """The word whose element 3 is the stack item at ``position``."""
    return view.item(position + 3), view.item(position + 2), view.item(position + 1), view.item(position)


def address_range(view: View, start_position: int, end_position: int) -> tuple[int, int]:
    """Half-open range given by two stack items.

    Raises MemoryError.AddressOutOfBounds (start first) and MemoryError.InvalidMemoryRange, without clk.
    """
    start, end = view.item(start_position), view.item(end_position)
    for address in (start, end):
        if address >= U32_LIMIT:
            raise ExecutionFailure("MemoryError.AddressOutOfBounds", detail=f"address {address}")
    if start > end:
        raise ExecutionFailure("MemoryError.InvalidMemoryRange", detail=f"{start} is after {end}")
    return start, end
