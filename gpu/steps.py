"""What every kind of row does to the stack and to its helper cells, as data (spec 10, section 4.2).

A step word says how the stack moves (nothing, right or left, up to which item, which item or immediate comes to the top)
and which code computes its new values; ``kernels/layout.cuh`` takes it apart. NOOP, PAD, PUSH, DROP, DUPn, SWAP, MOVUPn and
MOVDNn are data alone.
"""

from __future__ import annotations

from typing import Final

from reference.definition.isa import BLOCK_OPERATIONS, OPERATIONS, opcode

# In the order of enum Step in kernels/layout.cuh.
STEPS: Final = (
    "MOVE", "ASSERT", "SDEPTH", "CALLER", "CLK", "ADD", "NEG", "MUL", "INV", "INCR", "NOT", "AND", "OR", "EQ", "EQZ",
    "EXPACC", "EXT2MUL", "U32SPLIT", "U32ASSERT2", "U32ADD", "U32ADD3", "U32SUB", "U32MUL", "U32MADD", "U32DIV", "U32AND",
    "U32XOR", "CSWAP", "CSWAPW", "SWAPW", "SWAPW2", "SWAPW3", "SWAPDW", "ADVPOP", "ADVPOPW", "MLOAD", "MSTORE", "MLOADW",
    "MSTOREW", "MSTREAM", "PIPE", "HPERM", "LOGPRECOMPILE", "MPVERIFY", "MRUPDATE", "FRIE2F4", "HORNERBASE", "HORNEREXT",
    "EVALCIRCUIT", "JOIN", "SPLIT", "LOOP", "REPEAT", "CALL", "SYSCALL", "DYN", "DYNCALL", "SPAN", "RESPAN", "END",
    "END_LOOP", "END_CALL", "END_SYSCALL", "EXTERNAL", "BAD",
)  # fmt: skip
_STEP: Final = {name: index for index, name in enumerate(STEPS)}

HELPERS: Final = ("NONE", "VALUE", "LIMBS", "LIMBS_INVERSE", "INVERSE", "END", "OWN", "ALL")
"""In the order of enum HelperKind."""

RIGHT: Final = 1
LEFT: Final = 2
_DEPTH: Final = 0x400
_IMMEDIATE: Final = 0x800
_SET0: Final = 0x80000
_SET1: Final = 0x100000
ENTRY: Final = 0x200000
"""The row begins a node that DYN can find."""

ROWLESS: Final = 0x400000
"""The row is none of the trace: the way into another forest or back."""


def _word(step: str, motion: int = 0, limit: int = 0, source: int = 0, flags: int = 0) -> int:
    return motion | limit << 2 | source << 6 | _STEP[step] << 12 | flags


def _right(step: str, source: int = 0, flags: int = 0) -> int:
    return _word(step, RIGHT, 15, source, _DEPTH | flags)


def _left(step: str, flags: int = 0) -> int:
    return _word(step, LEFT, 15, 0, _DEPTH | flags)


def _block_steps() -> dict[str, int]:
    steps = {
        "NOOP": _word("MOVE"),
        "EMIT": _word("MOVE"),
        "SWAP": _word("MOVE", RIGHT, 1, 1),
        "PAD": _right("MOVE", flags=_IMMEDIATE),
        "PUSH": _right("MOVE", flags=_IMMEDIATE),
        "DROP": _left("MOVE"),
    }
    steps |= {f"DUP{n}": _right("MOVE", n) for n in (*range(8), 9, 11, 13, 15)}
    steps |= {f"MOVUP{n}": _word("MOVE", RIGHT, n, n) for n in range(2, 9)}
    steps |= {f"MOVDN{n}": _word("MOVE", LEFT, n) for n in range(2, 9)}
    # One operand or none, in place.
    for name in ("NEG", "INV", "INCR", "NOT", "EQZ", "MLOAD"):
        steps[name] = _word(name, flags=_SET0)
    # Two operands become one.
    for name in ("ADD", "MUL", "AND", "OR", "EQ", "U32AND", "U32XOR"):
        steps[name] = _left(name, _SET0)
    for name in ("U32ADD", "U32SUB", "U32MUL", "U32DIV"):
        steps[name] = _word(name, flags=_SET0 | _SET1)
    for name in ("U32ADD3", "U32MADD", "CSWAP"):
        steps[name] = _left(name, _SET0 | _SET1)
    for name in ("ASSERT", "CSWAPW", "MSTORE", "MLOADW", "MSTOREW", "FRIE2F4"):
        steps[name] = _left(name)
    for name in ("SDEPTH", "CLK", "ADVPOP"):
        steps[name] = _right(name, flags=_SET0)
    steps["U32SPLIT"] = _right("U32SPLIT", flags=_SET0 | _SET1)
    for info in BLOCK_OPERATIONS:
        steps.setdefault(info.name, _word(info.name) if info.name in _STEP else _word("BAD"))
    return steps


_CONTROL: Final = {
    "JOIN": _word("JOIN"),
    "SPLIT": _left("SPLIT"),
    "LOOP": _left("LOOP"),
    "REPEAT": _left("REPEAT"),
    "CALL": _word("CALL"),
    "SYSCALL": _word("SYSCALL"),
    "DYN": _left("DYN"),
    "DYNCALL": _left("DYNCALL"),
    "SPAN": _word("SPAN"),
    "RESPAN": _word("RESPAN"),
    "END": _word("END"),
    "HALT": _word("BAD"),
}

# Row kinds beyond the opcodes: END split by what it does, and what has no row, in the order that lowering numbers them.
_END: Final = opcode("END")
_HALT: Final = opcode("HALT")
END_LOOP_KIND: Final = _END + 1
END_CALL_KIND: Final = _END + 2
END_SYSCALL_KIND: Final = _END + 3
EXTERNAL_KIND: Final = _HALT + 1
ENTER_FOREST_KIND: Final = _HALT + 2
FINISH_EXTERNAL_KIND: Final = _HALT + 3

STEP_OF_KIND: Final[dict[int, int]] = {
    **{info.opcode: ({**_block_steps(), **_CONTROL})[info.name] for info in OPERATIONS},
    END_LOOP_KIND: _left("END_LOOP"),
    END_CALL_KIND: _word("END_CALL"),
    END_SYSCALL_KIND: _word("END_SYSCALL"),
    EXTERNAL_KIND: _word("EXTERNAL"),
    ENTER_FOREST_KIND: _word("BAD", flags=ROWLESS),
    FINISH_EXTERNAL_KIND: _word("BAD", flags=ROWLESS),
}
"""Step word of every row kind."""

_HELPER_OF_NAME: Final = {
    "EQ": "INVERSE",
    "EQZ": "INVERSE",
    "EXPACC": "VALUE",
    "U32SPLIT": "LIMBS_INVERSE",
    "U32MUL": "LIMBS_INVERSE",
    "U32MADD": "LIMBS_INVERSE",
    "U32ASSERT2": "LIMBS",
    "U32ADD": "LIMBS",
    "U32ADD3": "LIMBS",
    "U32SUB": "LIMBS",
    "U32DIV": "LIMBS",
    "HPERM": "VALUE",
    "MPVERIFY": "VALUE",
    "MRUPDATE": "VALUE",
    "LOGPRECOMPILE": "OWN",
    "FRIE2F4": "OWN",
    "HORNERBASE": "OWN",
    "HORNEREXT": "OWN",
    "DYN": "ALL",
    "DYNCALL": "ALL",
}

HELPER_OF_KIND: Final[dict[int, int]] = {
    **{opcode(name): HELPERS.index(kind) for name, kind in _HELPER_OF_NAME.items()},
    **dict.fromkeys((_END, END_LOOP_KIND, END_CALL_KIND, END_SYSCALL_KIND), HELPERS.index("END")),
}
"""Helper kind of the row kinds that have helper cells of their own; the others are NONE."""
