"""Stack rules that only copy: the general transition and the operations that move items (spec 12, sections 4.4 and 4.5)."""

from __future__ import annotations

from typing import Final

from harness.audit.core.words import END_CALL, END_LOOP
from harness.audit.rule import Rule

_GENERAL: Final = "12 section 4.5"
_SINGLE: Final = "12 section 4.4"
_UNCOVERED: Final = "12 section 8.1"

_ALL: Final = range(16)
_MOVES: Final = range(2, 9)
_DUPS: Final = (0, 1, 2, 3, 4, 5, 6, 7, 9, 11, 13, 15)
_UP: Final = tuple(f"MOVUP{k}" for k in _MOVES)
_DOWN: Final = tuple(f"MOVDN{k}" for k in _MOVES)

KEPT: Final[dict[tuple[str, ...], tuple[int, ...]]] = {
    ("NOOP", "EMIT", "U32ASSERT2", "MPVERIFY", "SPAN", "JOIN", "CALL", "RESPAN", "HALT", "END", END_CALL): (*_ALL,),
    ("EQZ", "NEG", "INV", "INCR", "NOT", "MLOAD"): (*range(1, 16),),
    ("SWAP", "U32ADD", "U32SUB", "U32MUL", "U32DIV"): (*range(2, 16),),
    ("ADVPOPW", "EXPACC", "EXT2MUL", "MRUPDATE"): (*range(4, 16),),
    ("HPERM",): (*range(12, 16),),
    ("SWAPW",): (*range(8, 16),),
    ("SWAPW2",): (4, 5, 6, 7, 12, 13, 14, 15),
    ("SWAPW3",): (*range(4, 12),),
    **{(f"MOVUP{k}", f"MOVDN{k}"): (*range(k + 1, 16),) for k in _MOVES},
}
"""Operations that keep positions: s'_j = s_j."""

LEFT: Final[dict[tuple[str, ...], tuple[int, ...]]] = {
    **{(f"MOVDN{k}",): (*range(k),) for k in _MOVES},
    ("ASSERT", "DROP", "MSTORE", "MSTOREW", "SPLIT", "LOOP", "DYN", "DYNCALL", END_LOOP): (*range(15),),
    ("EQ", "ADD", "MUL", "AND", "OR", "U32AND", "U32XOR"): (*range(1, 15),),
    ("CSWAP", "U32ADD3", "U32MADD"): (*range(2, 15),),
    ("MLOADW",): (*range(4, 15),),
    ("CSWAPW",): (*range(8, 15),),
}
"""Operations that move positions left: s'_j = s_{j+1}, by target j."""

RIGHT: Final[dict[tuple[str, ...], tuple[int, ...]]] = {
    **{(f"MOVUP{k}",): (*range(1, k + 1),) for k in _MOVES},
    ("PAD", "ADVPOP", "SDEPTH", "CLK", "PUSH", *(f"DUP{n}" for n in _DUPS)): (*range(1, 16),),
    ("U32SPLIT",): (*range(2, 16),),
}
"""Operations that move positions right: s'_j = s_{j-1}, by target j."""

KEPT_OTHERS: Final[dict[tuple[str, ...], tuple[int, ...]]] = {
    ("SYSCALL", "EVALCIRCUIT"): (*_ALL,),
    ("CALLER",): (*range(4, 16),),
    ("PIPE", "MSTREAM"): (8, 9, 10, 11, 13, 14, 15),
    ("HORNERBASE", "HORNEREXT"): (*range(14),),
    ("LOGPRECOMPILE",): (*range(12, 16),),
}
"""Operations that the general transition leaves out."""


def _general(name: str, table: dict[tuple[str, ...], tuple[int, ...]], offset: int, source: str) -> list[Rule]:
    """One rule per target position, over all operations of the table that name it."""
    rules = []
    for j in _ALL:
        on = tuple(operation for operations, targets in table.items() if j in targets for operation in operations)
        if on:
            rules.append(Rule(f"stack.{name}.{j}", "stack", f"s{j}' - s{j + offset}", source, on=on))
    return rules


def _moved(operation: str, *pairs: tuple[str, str]) -> list[Rule]:
    return [
        Rule(f"stack.{operation}.{number}", "stack", f"{target} - {origin}", _SINGLE, on=(operation,))
        for number, (target, origin) in enumerate(pairs)
    ]


def _exchanged(operation: str, distance: int, count: int) -> list[Rule]:
    """The first ``count`` positions and those ``distance`` further down change places."""
    there = [(f"s{i + distance}'", f"s{i}") for i in range(count)]
    back = [(f"s{i}'", f"s{i + distance}") for i in range(count)]
    return _moved(operation, *there, *back)


MOVES: Final = (
    *_general("keep", KEPT, 0, _GENERAL),
    *_general("left", LEFT, 1, _GENERAL),
    *_general("right", RIGHT, -1, _GENERAL),
    *_general("keep others", KEPT_OTHERS, 0, _UNCOVERED),
    *_general("left others", {("REPEAT",): (*range(15),)}, 1, _UNCOVERED),
    *(rule for k in _DUPS for rule in _moved(f"DUP{k}", ("s0'", f"s{k}"))),
    *(rule for k in _MOVES for rule in _moved(f"MOVUP{k}", ("s0'", f"s{k}"))),
    *(rule for k in _MOVES for rule in _moved(f"MOVDN{k}", (f"s{k}'", "s0"))),
    *_exchanged("SWAP", 1, 1),
    *_exchanged("SWAPW", 4, 4),
    *_exchanged("SWAPW2", 8, 4),
    *_exchanged("SWAPW3", 12, 4),
    *_exchanged("SWAPDW", 8, 8),
    *(Rule(f"stack.CALLER.{j}", "stack", f"s{j}' - fn{3 - j}", _UNCOVERED, on=("CALLER",)) for j in range(4)),
    Rule("stack.CLK", "stack", "s0' - clk", _UNCOVERED, on=("CLK",)),
    Rule("stack.SDEPTH", "stack", "s0' - B0", _SINGLE, on=("SDEPTH",)),
)
