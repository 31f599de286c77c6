"""Where each cell comes from, as a table: operation x column -> queue entry, program, counter, or a row's own state.

The table is about fragments (spec 07, sections 6 and 7): what a fragment cannot compute from its snapshot it takes from a
queue. There are two tables, because a row's decoder cells are made by the row itself and its system and stack cells by the
row before.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

from harness.localise.rows import LEFT_SHIFTS, RIGHT_SHIFTS
from reference.definition.isa import BLOCK_OPERATIONS, OPERATIONS
from reference.definition.registers import HELPER_NAMES


class Entry(NamedTuple):
    """A field of a queue entry that the row takes."""

    queue: str
    """A name of :data:`parallel.recording.QUEUES`."""
    which: int
    """0 for the first entry that the row takes; -1 for the last."""
    field: str
    element: tuple[int, ...] = ()
    """Within a field that is a list."""


Hidden = Literal["current address", "parent address", "hasher address", "transcript", "condition", "continuation"]
"""State of a fragment that stands in no cell of the row before."""

Program = Literal["program"]
Own = Literal["row"]
"""Computed from the cells of one row: a decoder cell from its own row's stack, a state cell from the row before."""

Made = Entry | tuple[Hidden] | Program | Own

PROGRAM: Final[Program] = "program"
ROW: Final[Own] = "row"

_POP: Final = {"stack_15": Entry("pops", 0, "value"), "stack_b1": Entry("pops", 0, "overflow_addr")}

_WORD_TO_TOP: Final = {f"stack_{3 - i}": Entry("accesses", 0, "word", (i,)) for i in range(4)}
_RETURN: Final[Mapping[str, Made]] = {
    "ctx": Entry("restores", 0, "ctx"),
    **{f"fn_hash_{i}": Entry("restores", 0, "fn_hash", (i,)) for i in range(4)},
    "stack_b0": Entry("restores", 0, "depth"),
    "stack_h0": Entry("restores", 0, "depth"),
    "stack_b1": Entry("restores", 0, "overflow_addr"),
}

STATE: Final[Mapping[str, Mapping[str, Made]]] = {
    "PUSH": {"stack_0": PROGRAM},
    "ADVPOP": {"stack_0": Entry("advice", 0, "")},
    "ADVPOPW": {f"stack_{3 - i}": Entry("advice", i, "") for i in range(4)},
    "PIPE": {f"stack_{7 - i}": Entry("advice", i, "") for i in range(8)},
    "MLOAD": {"stack_0": Entry("accesses", 0, "word")},
    "MLOADW": _WORD_TO_TOP,
    "MSTREAM": {
        **{f"stack_{3 - i}": Entry("accesses", 1, "word", (i,)) for i in range(4)},
        **{f"stack_{7 - i}": Entry("accesses", 0, "word", (i,)) for i in range(4)},
    },
    "HORNERBASE": {f"stack_{i}": Entry("accesses", 0, "word") for i in (14, 15)},
    "HORNEREXT": {f"stack_{i}": Entry("accesses", 0, "word") for i in (14, 15)},
    "HPERM": {f"stack_{11 - i}": Entry("permutations", 0, "", (7, i)) for i in range(12)},
    "LOGPRECOMPILE": {f"stack_{11 - i}": Entry("permutations", 0, "", (7, i)) for i in range(12)},
    "MRUPDATE": {f"stack_{3 - i}": Entry("permutations", -1, "", (7, 4 + i)) for i in range(4)},
    "CALL": {f"fn_hash_{i}": PROGRAM for i in range(4)},
    "DYNCALL": {f"fn_hash_{i}": Entry("accesses", 0, "word", (i,)) for i in range(4)},
    "END of a call": _RETURN,
}
"""System and stack cells behind an operation; a cell that is not listed is computed from the row of the operation."""

POPPED: Final[Mapping[str, Made]] = _POP
"""Besides, behind every left shift with depth above 16."""

_DIGESTS: Final[Mapping[str, Made]] = {f"dec_h{i}": PROGRAM for i in range(8)}
_WORD_SHOWN: Final[Mapping[str, Made]] = {f"dec_h{i}": Entry("accesses", 0, "word", (i,)) for i in range(4)}
_HORNER: Final[Mapping[str, Made]] = {f"dec_h{2 + i}": Entry("accesses", 0, "word", (i,)) for i in range(4)}
_HASHER: Final[Mapping[str, Made]] = {"dec_h2": ("hasher address",)}
_BLOCK: Final[Mapping[str, Made]] = {"dec_h0": PROGRAM, "dec_h1": ("parent address",)}
_CONTROL: Final = tuple(info.name for info in OPERATIONS if info.control)

DECODER: Final[Mapping[str, Mapping[str, Made]]] = {
    **dict.fromkeys(_CONTROL, _DIGESTS),
    "END": {
        **{f"dec_h{i}": PROGRAM for i in range(4)},
        **{f"dec_h{i}": Entry("ends", 0, "node_flags") for i in range(4, 8)},
    },
    "DYN": {**_DIGESTS, **_WORD_SHOWN},
    "DYNCALL": {**_DIGESTS, **_WORD_SHOWN, "dec_h4": ROW, "dec_h5": Entry("pops", 0, "overflow_addr")},
    **{
        info.name: {**_BLOCK, **{f"dec_h{2 + i}": ROW for i in range(len(HELPER_NAMES.get(info.name, ())))}}
        for info in BLOCK_OPERATIONS
    },
    **{name: {**_BLOCK, **_HASHER} for name in ("HPERM", "MPVERIFY", "MRUPDATE")},
    "LOGPRECOMPILE": {**_BLOCK, **_HASHER, **{f"dec_h{3 + i}": ("transcript",) for i in range(4)}},
    "HORNERBASE": {**_BLOCK, **_HORNER, "dec_h6": ROW, "dec_h7": ROW},
    "HORNEREXT": {**_BLOCK, **_HORNER, "dec_h6": ROW, "dec_h7": ROW},
}
"""Decoder registers on an operation's own row; those that are not listed are always 0."""


def _moved() -> dict[str, dict[int, int]]:
    """Items that an operation moves without changing them: place afterwards -> place before; not the plain shift."""
    found: dict[str, dict[int, int]] = {
        "SWAP": {0: 1, 1: 0},
        "SWAPW": {**{i: i + 4 for i in range(4)}, **{i + 4: i for i in range(4)}},
        "SWAPW2": {**{i: i + 8 for i in range(4)}, **{i + 8: i for i in range(4)}},
        "SWAPW3": {**{i: i + 12 for i in range(4)}, **{i + 12: i for i in range(4)}},
        "SWAPDW": {**{i: i + 8 for i in range(8)}, **{i + 8: i for i in range(8)}},
    }
    for n in (*range(8), 9, 11, 13, 15):
        found[f"DUP{n}"] = {0: n}
    for n in range(2, 9):
        found[f"MOVUP{n}"] = {0: n, **{i: i - 1 for i in range(1, n + 1)}}
        found[f"MOVDN{n}"] = {n: 0, **{i: i + 1 for i in range(n)}}
    return found


MOVED: Final = _moved()

COMPUTED: Final[Mapping[str, range | tuple[int, ...]]] = {
    **dict.fromkeys(("EQZ", "NEG", "INV", "INCR", "NOT", "MLOAD"), range(1)),
    **dict.fromkeys(("EQ", "ADD", "MUL", "AND", "OR", "U32AND", "U32XOR"), range(1)),
    **dict.fromkeys(("PAD", "PUSH", "ADVPOP", "SDEPTH", "CLK"), range(1)),
    **dict.fromkeys(("U32SPLIT", "U32ADD", "U32SUB", "U32MUL", "U32DIV", "U32ADD3", "U32MADD"), range(2)),
    **dict.fromkeys(("CALLER", "ADVPOPW", "MLOADW", "EXPACC", "MRUPDATE"), range(4)),
    "CSWAP": range(2),
    "CSWAPW": range(8),
    "EXT2MUL": range(2, 4),
    "HPERM": range(12),
    "LOGPRECOMPILE": range(12),
    "PIPE": (*range(8), 12),
    "MSTREAM": (*range(8), 12),
    "FRIE2F4": range(15),
    "HORNERBASE": (14, 15),
    "HORNEREXT": (14, 15),
}
"""Items that an operation leaves behind that are not items it found, or not always at the same place."""


def item_before(operation: str, item: int, shift: int) -> int | None:
    """The place that an item stood at on the operation's row; None for one that the operation made or that came from below.

    ``shift`` is 1 when the operation pushes, -1 when it takes an item off.
    """
    moved = MOVED.get(operation, {})
    if item in moved:
        return moved[item]
    if item in COMPUTED.get(operation, ()):
        return None
    before = item - shift
    return before if 0 <= before < 16 else None


def shift_of(operation: str, takes_one_off: bool) -> int:
    """1 for a push, -1 for an operation that takes an item off, else 0. ``takes_one_off`` tells an END of a loop that ran."""
    if takes_one_off or operation in LEFT_SHIFTS:
        return -1
    return 1 if operation in RIGHT_SHIFTS else 0
