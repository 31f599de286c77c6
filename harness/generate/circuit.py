"""Operands of the operations for proof verification: a circuit that ends in 0, a folding step that is consistent."""

from __future__ import annotations

from typing import Final

from harness.generate.addresses import draw_word_address
from harness.generate.choices import Choices
from harness.generate.sequence import Sequence
from harness.generate.values import draw_element, draw_word
from reference.definition.field import Extension, extension_add, extension_multiply, extension_subtract

SUBTRACT, MULTIPLY, ADD = range(3)
_COMPUTE: Final = {SUBTRACT: extension_subtract, MULTIPLY: extension_multiply, ADD: extension_add}


def gate(left: int, right: int, operation: int) -> int:
    """One gate as it stands in memory (spec 01, section 10); wires by id."""
    return left | right << 30 | operation << 60


def draw_circuit(choices: Choices, variable_words: int, gate_words: int) -> list[int]:
    """Memory of a circuit that evaluates to 0: 4 elements per word, two variables each, then 4 gates per word.

    The last variable is a constant that nothing but the last gate reads: the last but one result itself.
    """
    wires: list[Extension] = []
    for _ in range(variable_words):
        w0, w1, w2, w3 = draw_word(choices)
        wires += [(w0, w1), (w2, w3)]
    constant = len(wires) - 1
    gates: list[int] = []
    count = 4 * gate_words
    top = len(wires) + count - 1
    for _ in range(count - 1):
        left, right = (_other(choices.integer(0, len(wires) - 2), constant) for _ in range(2))
        operation = choices.integer(0, 2)
        gates.append(gate(top - left, top - right, operation))
        wires.append(_COMPUTE[operation](wires[left], wires[right]))
    wires[constant] = wires[-1]
    gates.append(gate(top - (len(wires) - 1), top - constant, SUBTRACT))
    return [element for wire in wires[: constant + 1] for element in wire] + gates


def _other(wire: int, constant: int) -> int:
    return wire if wire < constant else wire + 1


def store_words(sequence: Sequence, address: int, elements: list[int]) -> None:
    """Write elements, a multiple of 4, to memory."""
    for start in range(0, len(elements), 4):
        sequence.prepare([address + start, *reversed(elements[start : start + 4])])
        sequence.emit("MSTOREW")
        for _ in range(4):
            sequence.emit("DROP")


def write_circuit(sequence: Sequence) -> None:
    """EVALCIRCUIT of a circuit written to memory just before."""
    choices = sequence.choices
    variable_words, gate_words = choices.integer(1, 2), choices.pick((1, 1, 2))
    address = draw_word_address(choices, variable_words + gate_words)
    sequence.allow_shrink(1)
    store_words(sequence, address, draw_circuit(choices, variable_words, gate_words))
    sequence.prepare([address, 2 * variable_words, 4 * gate_words])
    sequence.emit("EVALCIRCUIT")


def folds(items: list[int]) -> bool:
    """Is the previous value certainly the one that FRIE2F4 finds in its segment (spec 01, section 8.7)?"""
    segment = items[9]
    if not 0 <= segment <= 3 or min(items[11], items[12]) < 0:
        return False
    return items[6 - 2 * segment : 8 - 2 * segment] == items[11:13]


def draw_folding(choices: Choices) -> list[int]:
    """Positions 0 to 12 of FRIE2F4."""
    values = [*draw_word(choices), *draw_word(choices)]
    if choices.flag(25):
        # Where the first and the third value are equal, their fold is that value again, and part of it comes to the top.
        values[6:8] = values[2:4] = choices.integer(0, 1), values[3]
    segment = choices.integer(0, 3)
    previous = values[6 - 2 * segment : 8 - 2 * segment]
    return [*values, draw_element(choices), segment, draw_element(choices), *previous]
