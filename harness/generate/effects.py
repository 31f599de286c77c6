"""What each operation does to the model: exact for stack movements, as much as is certain for the rest.

This is no second processor. It answers one question, whether an operand is certainly fit for an operation, and says ANY
wherever that is enough.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from harness.generate.state import State
from harness.generate.values import ANY, BIT, U32, meet
from reference.definition.field import U32_LIMIT, P

Effect = Callable[[State, int], None]
"""Changes the state as the operation with this immediate does."""


def _none(_state: State, _immediate: int) -> None:
    return


def _replace(count: int, result: Callable[..., tuple[int, ...]], fallback: tuple[int, ...]) -> Effect:
    """Takes ``count`` items and puts the results there; the fallback when an operand is not known."""

    def effect(state: State, _immediate: int) -> None:
        operands = state.items[:count]
        results = fallback if min(operands) < 0 else result(*operands)
        for _ in range(count - len(results)):
            state.drop()
        for _ in range(len(results) - count):
            state.push(ANY)
        state.items[: len(results)] = results

    return effect


def _overwrite(first: int, count: int) -> Effect:
    def effect(state: State, _immediate: int) -> None:
        state.items[first : first + count] = [ANY] * count

    return effect


def _push_mark(mark: int) -> Effect:
    return lambda state, _immediate: state.push(mark)


def _push_immediate(state: State, immediate: int) -> None:
    state.push(immediate)


def _drop(state: State, _immediate: int) -> None:
    state.drop()


def _duplicate(position: int) -> Effect:
    return lambda state, _immediate: state.push(state.items[position])


def _move_up(position: int) -> Effect:
    return lambda state, _immediate: state.items.insert(0, state.items.pop(position))


def _move_down(position: int) -> Effect:
    return lambda state, _immediate: state.items.insert(position, state.items.pop(0))


def _swap(count: int, distance: int) -> Effect:
    """Exchanges positions 0..count-1 with those ``distance`` below."""

    def effect(state: State, _immediate: int) -> None:
        items = state.items
        items[:count], items[distance : distance + count] = items[distance : distance + count], items[:count]

    return effect


def _conditional_swap(width: int) -> Effect:
    def effect(state: State, _immediate: int) -> None:
        condition = state.drop()
        upper, lower = state.items[:width], state.items[width : 2 * width]
        if condition == 1:
            upper, lower = lower, upper
        elif condition != 0:
            upper = lower = [meet(one, other) for one, other in zip(upper, lower, strict=True)]
        state.items[: 2 * width] = upper + lower

    return effect


def _load(state: State, _immediate: int) -> None:
    state.items[0] = state.memory.get(state.items[0], ANY)


def _store(state: State, _immediate: int) -> None:
    address = state.drop()
    state.memory[address] = state.items[0]


def _load_word(state: State, _immediate: int) -> None:
    address = state.drop()
    state.items[:4] = [state.memory.get(address + 3 - i, ANY) for i in range(4)]


def _store_word(state: State, _immediate: int) -> None:
    address = state.drop()
    for i in range(4):
        state.memory[address + 3 - i] = state.items[i]


def _stream(state: State, _immediate: int) -> None:
    address = state.items[12]
    first, second = ([state.memory.get(address + at - i, ANY) for i in range(4)] for at in (3, 7))
    state.items[:8] = second + first
    state.items[12] = (address + 8) % P if address >= 0 else ANY


def _pipe(state: State, _immediate: int) -> None:
    address = state.items[12]
    for at in range(8):
        state.memory.pop(address + at, None)
    state.items[:8] = [ANY] * 8
    state.items[12] = (address + 8) % P


def _fold(state: State, _immediate: int) -> None:
    state.drop()
    state.items[:15] = [ANY] * 4 + [BIT] * 4 + [ANY] * 7


def _split_u32(total: int) -> tuple[int, int]:
    return total >> 32, total % U32_LIMIT


def _one(function: Callable[..., int]) -> Callable[..., tuple[int, ...]]:
    return lambda *operands: (function(*operands) % P,)


def _expacc(state: State, _immediate: int) -> None:
    exponent = state.items[3]
    state.items[:4] = [BIT, ANY, ANY, exponent >> 1 if exponent >= 0 else ANY]


EFFECTS: Final[dict[str, Effect]] = {
    "NOOP": _none,
    "EQZ": _replace(1, _one(lambda a: int(a == 0)), (BIT,)),
    "NEG": _replace(1, _one(lambda a: -a), (ANY,)),
    "INV": _replace(1, _one(lambda a: pow(a, P - 2, P)), (ANY,)),
    "INCR": _replace(1, _one(lambda a: a + 1), (ANY,)),
    "NOT": _replace(1, _one(lambda a: 1 - a), (BIT,)),
    "MLOAD": _load,
    "SWAP": _swap(1, 1),
    "CALLER": _overwrite(0, 4),
    "ADVPOPW": _overwrite(0, 4),
    "EXPACC": _expacc,
    "EXT2MUL": _overwrite(2, 2),
    "SWAPW": _swap(4, 4),
    "SWAPW2": _swap(4, 8),
    "SWAPW3": _swap(4, 12),
    "SWAPDW": _swap(8, 8),
    "EMIT": _none,
    "ASSERT": _drop,
    "EQ": _replace(2, _one(lambda a, b: int(a == b)), (BIT,)),
    "ADD": _replace(2, _one(lambda a, b: a + b), (ANY,)),
    "MUL": _replace(2, _one(lambda a, b: a * b), (ANY,)),
    "AND": _replace(2, _one(lambda a, b: a * b), (BIT,)),
    "OR": _replace(2, _one(lambda a, b: a + b - a * b), (BIT,)),
    "U32AND": _replace(2, _one(lambda a, b: a & b), (U32,)),
    "U32XOR": _replace(2, _one(lambda a, b: a ^ b), (U32,)),
    "FRIE2F4": _fold,
    "DROP": _drop,
    "CSWAP": _conditional_swap(1),
    "CSWAPW": _conditional_swap(4),
    "MLOADW": _load_word,
    "MSTORE": _store,
    "MSTOREW": _store_word,
    "PAD": _push_mark(0),
    "ADVPOP": _push_mark(ANY),
    "SDEPTH": _push_mark(U32),
    "CLK": _push_mark(U32),
    "U32ADD": _replace(2, lambda b, a: _split_u32(a + b), (BIT, U32)),
    "U32SUB": _replace(2, lambda b, a: (int(a < b), (a - b) % U32_LIMIT), (BIT, U32)),
    "U32MUL": _replace(2, lambda b, a: _split_u32(a * b), (U32, U32)),
    "U32DIV": _replace(2, lambda b, a: (a % b, a // b) if b else (U32, U32), (U32, U32)),
    "U32SPLIT": _replace(1, _split_u32, (U32, U32)),
    "U32ASSERT2": _none,
    "U32ADD3": _replace(3, lambda c, b, a: _split_u32(a + b + c), (U32, U32)),
    "U32MADD": _replace(3, lambda b, a, c: _split_u32(a * b + c), (U32, U32)),
    "HPERM": _overwrite(0, 12),
    "MPVERIFY": _none,
    "PIPE": _pipe,
    "MSTREAM": _stream,
    "HORNEREXT": _overwrite(14, 2),
    "LOGPRECOMPILE": _overwrite(0, 12),
    "PUSH": _push_immediate,
    "EVALCIRCUIT": _none,
    "MRUPDATE": _overwrite(0, 4),
    "HORNERBASE": _overwrite(14, 2),
    **{f"DUP{n}": _duplicate(n) for n in (0, 1, 2, 3, 4, 5, 6, 7, 9, 11, 13, 15)},
    **{f"MOVUP{n}": _move_up(n) for n in range(2, 9)},
    **{f"MOVDN{n}": _move_down(n) for n in range(2, 9)},
}
"""By operation name; all 80 operations of basic blocks."""


GROWTH: Final[dict[str, int]] = {
    **dict.fromkeys(("PAD", "PUSH", "ADVPOP", "SDEPTH", "CLK", "U32SPLIT"), 1),
    **{name: 1 for name in EFFECTS if name.startswith("DUP")},
    **dict.fromkeys(
        (
            *("ASSERT", "EQ", "ADD", "MUL", "AND", "OR", "U32AND", "U32XOR", "FRIE2F4", "DROP", "CSWAP", "CSWAPW"),
            *("MLOADW", "MSTORE", "MSTOREW", "U32ADD3", "U32MADD"),
        ),
        -1,
    ),
}
"""Change of depth by operation name (spec 01, section 4); 0 for those not listed."""
