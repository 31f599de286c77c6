"""How each operation is written so that it succeeds: what it asks of its operands, and operands that fit.

An operation whose operands already fit is written alone; otherwise, or for a change, fitting ones are pushed first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from harness.generate import circuit, merkle
from harness.generate.addresses import draw_address, draw_word_address
from harness.generate.choices import Choices, Weighted
from harness.generate.draft import PRIVATE_ADDRESS
from harness.generate.effects import EFFECTS, GROWTH
from harness.generate.events import EVENTS, pop_from_map
from harness.generate.sequence import Sequence
from harness.generate.values import draw_element, draw_u32, is_bit, is_u32
from reference.definition.field import U32_LIMIT
from reference.definition.isa import BY_NAME, Immediate

FRESH_PERCENT: Final = 30
"""How often operands are pushed although those on the stack fit."""


@dataclass(frozen=True, slots=True)
class Operands:
    """What an operation asks of its operands."""

    fit: Callable[[list[int]], bool]
    """Do the items, top first, certainly fit?"""
    draw: Callable[[Choices], list[int]]
    """Operands that fit."""
    position: int = 0
    """Where the drawn operands go."""


def _u32s(count: int) -> Operands:
    return Operands(
        lambda items: all(map(is_u32, items[:count])), lambda choices: [draw_u32(choices) for _ in range(count)]
    )


def _bits(count: int) -> Operands:
    return Operands(
        lambda items: all(map(is_bit, items[:count])), lambda choices: [choices.integer(0, 1) for _ in range(count)]
    )


def _divisor(choices: Choices) -> list[int]:
    return [max(1, draw_u32(choices)), draw_u32(choices)]


def _exponentiation(choices: Choices) -> list[int]:
    return [choices.integer(0, 1), draw_element(choices), draw_element(choices), draw_u32(choices)]


def _is_public(address: int) -> bool:
    """Known, in range, and not where loops keep their counters."""
    return 0 <= address < U32_LIMIT and not PRIVATE_ADDRESS - 8 <= address < 2 * PRIVATE_ADDRESS


def _is_word(address: int) -> bool:
    return _is_public(address) and address % 4 == 0


_READ_WORD = Operands(lambda items: _is_word(items[0]), lambda choices: [draw_word_address(choices)])
_TWO_WORDS = Operands(
    lambda items: _is_word(items[12]) and items[12] <= U32_LIMIT - 8,
    lambda choices: [draw_word_address(choices, 2)],
    12,
)
_POINT = Operands(lambda items: _is_word(items[13]), lambda choices: [draw_word_address(choices)], 13)

OPERANDS: Final[dict[str, Operands]] = {
    "INV": Operands(lambda items: items[0] > 0, lambda choices: [max(1, draw_element(choices))]),
    "NOT": _bits(1),
    "AND": _bits(2),
    "OR": _bits(2),
    "CSWAP": _bits(1),
    "CSWAPW": _bits(1),
    "ASSERT": Operands(lambda items: items[0] == 1, lambda _choices: [1]),
    "EXPACC": Operands(lambda _items: True, _exponentiation),
    "EXT2MUL": Operands(lambda _items: True, lambda choices: [draw_element(choices) for _ in range(4)]),
    "EQ": Operands(lambda _items: True, lambda choices: [draw_element(choices)] * 2),
    "ADD": Operands(lambda _items: True, lambda choices: [draw_element(choices) for _ in range(2)]),
    "MUL": Operands(lambda _items: True, lambda choices: [draw_element(choices) for _ in range(2)]),
    "NEG": Operands(lambda _items: True, lambda choices: [draw_element(choices)]),
    "INCR": Operands(lambda _items: True, lambda choices: [draw_element(choices)]),
    "EQZ": Operands(lambda _items: True, lambda choices: [draw_element(choices)]),
    "U32SPLIT": Operands(lambda _items: True, lambda choices: [draw_element(choices)]),
    **dict.fromkeys(("U32AND", "U32XOR", "U32ADD", "U32SUB", "U32MUL", "U32ASSERT2"), _u32s(2)),
    **dict.fromkeys(("U32ADD3", "U32MADD"), _u32s(3)),
    "U32DIV": Operands(lambda items: 0 < items[0] < U32_LIMIT and is_u32(items[1]), _divisor),
    "MLOAD": Operands(lambda items: is_u32(items[0]), lambda choices: [draw_address(choices)]),
    "MSTORE": Operands(lambda items: _is_public(items[0]), lambda choices: [draw_address(choices)]),
    "MLOADW": _READ_WORD,
    "MSTOREW": _READ_WORD,
    "MSTREAM": _TWO_WORDS,
    "PIPE": _TWO_WORDS,
    "HORNERBASE": _POINT,
    "HORNEREXT": _POINT,
    "FRIE2F4": Operands(circuit.folds, circuit.draw_folding),
}
"""Operations not listed take whatever is there."""

GROUPS: Final[dict[str, tuple[str, ...]]] = {
    "system": ("NOOP", "SDEPTH", "CLK", "CALLER", "ASSERT"),
    "stack": (
        *("PAD", "DROP", "SWAP", "SWAPW", "SWAPW2", "SWAPW3", "SWAPDW", "CSWAP", "CSWAPW", "PUSH"),
        *(f"DUP{n}" for n in (0, 1, 2, 3, 4, 5, 6, 7, 9, 11, 13, 15)),
        *(f"MOVUP{n}" for n in range(2, 9)),
        *(f"MOVDN{n}" for n in range(2, 9)),
    ),
    "field": ("INCR", "NEG", "ADD", "MUL", "INV", "EQ", "EQZ", "NOT", "AND", "OR", "EXPACC", "EXT2MUL"),
    "u32": (
        *("U32SPLIT", "U32ADD", "U32SUB", "U32MUL", "U32DIV", "U32ADD3", "U32MADD", "U32AND", "U32XOR", "U32ASSERT2"),
    ),
    "memory": ("MLOAD", "MSTORE", "MLOADW", "MSTOREW", "MSTREAM"),
    "advice": ("ADVPOP", "ADVPOPW", "PIPE"),
    "events": ("EMIT",),
    "hash": ("HPERM", "LOGPRECOMPILE"),
    "stark": ("HORNERBASE", "HORNEREXT", "FRIE2F4", "EVALCIRCUIT"),
    "merkle": ("MPVERIFY", "MRUPDATE"),
}
"""All 80 operations; a case may do without some groups."""

POPPED: Final = {"ADVPOP": 1, "ADVPOPW": 4, "PIPE": 8}
"""Elements that an operation pops from the advice stack."""


def write_operation(sequence: Sequence, name: str) -> None:
    """Append the operation and what it needs to succeed."""
    special = SPECIAL.get(name)
    if special is not None:
        special(sequence)
        return
    prepare_operands(sequence, name)
    sequence.emit(name, immediate_of(sequence, name))


def prepare_operands(sequence: Sequence, name: str) -> None:
    """Make sure that the operation may run here: enough items, and operands that fit."""
    growth = GROWTH.get(name, 0)
    if growth < 0:
        sequence.allow_shrink(-growth)
    operands = OPERANDS.get(name)
    if operands is None:
        return

    def prepare() -> None:
        if not operands.fit(sequence.state.items) or sequence.choices.flag(FRESH_PERCENT):
            sequence.prepare(operands.draw(sequence.choices), position=operands.position)

    sequence.choices.part(prepare)


def immediate_of(sequence: Sequence, name: str) -> int:
    """A drawn immediate for an operation that has one, 0 for the others."""
    match BY_NAME[name].immediate:
        case Immediate.GROUP:
            return draw_element(sequence.choices)
        case Immediate.CODE:
            return sequence.choices.pick((0, 1, 77))
        case _:
            return 0


def _pop_advice(name: str) -> Callable[[Sequence], None]:
    """Pops either the initial advice stack, or values that an event puts there just before."""

    def write(sequence: Sequence) -> None:
        if sequence.draft.direct_pops and not sequence.choices.flag(40):
            prepare_operands(sequence, name)
            sequence.pop_advice(name, POPPED[name])
        else:
            pop_from_map(sequence, POPPED[name])

    return write


def _event(sequence: Sequence) -> None:
    sequence.choices.pick(EVENTS).write(sequence)


SPECIAL: Final[dict[str, Callable[[Sequence], None]]] = {
    "EMIT": _event,
    "MPVERIFY": merkle.write_verify,
    "MRUPDATE": merkle.write_update,
    "EVALCIRCUIT": circuit.write_circuit,
    "ADVPOP": _pop_advice("ADVPOP"),
    "ADVPOPW": _pop_advice("ADVPOPW"),
    "PIPE": _pop_advice("PIPE"),
}
"""Operations whose set-up is more than a few operands."""

assert set(EFFECTS) == {name for names in GROUPS.values() for name in names}, "each operation belongs to one group"


def write_any_operation(sequence: Sequence) -> None:
    """Append one operation of the groups in use."""
    draft = sequence.draft
    if draft.operation_names is None:
        weights = draft.group_weights
        draft.operation_names = Weighted((weights.get(group, 0), names) for group, names in GROUPS.items())
    write_operation(sequence, sequence.choices.pick(draft.operation_names.pick(sequence.choices)))
