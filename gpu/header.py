"""The header of a fragment: the state entering it and where its part of every queue begins (spec 09, B3).

Two arrays, ``hdr`` u32 (20, F + 1) and ``hwords`` u64 (24, F + 1): entry f is the state entering fragment f of a shard, entry
F the state after its last row. ``kernels/layout.cuh`` numbers the same fields.
"""

from __future__ import annotations

from typing import Final

FIELDS: Final = (
    "pc", "clk", "ctx", "current_addr", "parent_addr", "depth", "overflow_addr", "hasher_addr", "ends", "pops", "restores",
    "accesses", "advice", "permutations", "targets", "bitwise", "circuits", "ace_rows", "continuations",
    "continuation_count",
)  # fmt: skip
"""The 32-bit fields, in the order of enum HeaderField. ``ends`` to ``ace_rows`` and ``continuations`` count from the shard's
first entry, ``clk`` and ``hasher_addr`` from the program's."""

FIELD: Final = {name: index for index, name in enumerate(FIELDS)}

WORDS: Final = (
    *(f"stack_{i}" for i in range(16)),
    *(f"fn_hash_{i}" for i in range(4)),
    *(f"transcript_{i}" for i in range(4)),
)
"""The 64-bit words, in the order of enum HeaderWord."""

HALTED: Final = 2**32 - 1
"""pc of the header behind the program's last row."""

_CARRY_WORD: Final = 64
_CARRY_CONTINUATION: Final = 128


def carry_name(detail: int) -> str:
    """What a kernel found different between a fragment's end and the next header, by the detail of its error word."""
    if detail < len(FIELDS):
        return FIELDS[detail]
    if _CARRY_WORD <= detail < _CARRY_WORD + len(WORDS):
        return WORDS[detail - _CARRY_WORD]
    return "continuations" if detail == _CARRY_CONTINUATION else str(detail)
