"""Operations, events and openings on operands that do not fit: each writer adds code that fails when it runs."""

from __future__ import annotations

from collections.abc import Callable

from harness.generate import merkle
from harness.generate.circuit import draw_circuit, draw_folding, gate, store_words
from harness.generate.events import IDS, on_stack
from harness.generate.sequence import Sequence
from harness.generate.values import ANY, draw_u32, draw_word
from reference.definition.field import U32_LIMIT, P

Write = Callable[[Sequence], None]


def operation(name: str, operands: Callable[[Sequence], list[int]], *, position: int = 0) -> Write:
    """The operation on operands that do not fit; the model goes on as if it had succeeded."""

    def write(sequence: Sequence) -> None:
        sequence.allow_shrink(1)
        sequence.prepare(operands(sequence), position=position)
        emit_failing(sequence, name)

    return write


def emit_failing(sequence: Sequence, name: str) -> None:
    """The model's arithmetic is for operands that fit, so it gets the effect on unknown ones."""
    items = sequence.state.items
    items[:] = [ANY] * len(items)
    sequence.emit(name)
    sequence.state.memory.clear()


def not_u32(name: str, count: int) -> Write:
    """One operand, not always the first, is 2^32 or more."""

    def operands(sequence: Sequence) -> list[int]:
        values = [draw_u32(sequence.choices) for _ in range(count)]
        values[sequence.choices.integer(0, count - 1)] = too_large(sequence)
        return values

    return operation(name, operands)


def too_large(sequence: Sequence) -> int:
    """A value or an address above 32 bits."""
    return sequence.choices.pick((U32_LIMIT, U32_LIMIT + 4, P - 1, 2**40))


def not_binary(name: str, position: int) -> Write:
    """Bits, and at ``position`` something else."""

    def operands(sequence: Sequence) -> list[int]:
        return [sequence.choices.integer(0, 1) for _ in range(position)] + [no_bit(sequence)]

    return operation(name, operands)


def no_bit(sequence: Sequence) -> int:
    """A value that is no bit."""
    return sequence.choices.pick((2, 3, P - 1, U32_LIMIT))


def unaligned(sequence: Sequence) -> int:
    """An address that begins no word."""
    return sequence.choices.pick((1, 2, 3, U32_LIMIT - 1))


def event(name: str, operands: Callable[[Sequence], list[int]]) -> Write:
    """The system event with these operands."""
    return operation("EMIT", lambda sequence: [IDS[name], *operands(sequence)])


# ---- advice ---------------------------------------------------------------------------------------------------------


def run_dry(name: str, position: int) -> Write:
    """The initial advice stack is empty when this failure is pending, and events are popped in full."""

    def write(sequence: Sequence) -> None:
        if position:
            sequence.prepare([8], position=position)
        sequence.emit(name)

    return write


def contradiction(sequence: Sequence) -> None:
    """A key of the inputs gets another value."""
    key = sequence.draft.fresh_key()
    sequence.draft.advice_map[key] = (1, 2, 3)
    sequence.prepare([IDS["mem_to_map"], *on_stack(key), 4, 4])
    sequence.emit("EMIT")


def program_map(sequence: Sequence) -> None:
    """The program's own map contradicts the inputs: it fails before the first row."""
    key = sequence.draft.fresh_key()
    sequence.draft.advice_map[key] = (1,)
    sequence.draft.program.advice_map[key] = (2,)


# ---- Merkle ---------------------------------------------------------------------------------------------------------

Change = Callable[[Sequence, merkle.Opening], list[int]]
"""The operands of an opening with one of them spoilt: leaf, depth, index, root, top first."""


def bad_depth(_sequence: Sequence, opening: merkle.Opening) -> list[int]:
    """Deeper than any tree."""
    return [*on_stack(opening.leaf), 65, opening.index, *on_stack(opening.root)]


def bad_index(_sequence: Sequence, opening: merkle.Opening) -> list[int]:
    """An index that needs one bit more than the depth has."""
    return [*on_stack(opening.leaf), 5, 2**5, *on_stack(opening.root)]


def bad_root(sequence: Sequence, opening: merkle.Opening) -> list[int]:
    """A root that the store does not know."""
    return [*on_stack(opening.leaf), opening.depth, opening.index, *on_stack(draw_word(sequence.choices))]


def too_deep(_sequence: Sequence, opening: merkle.Opening) -> list[int]:
    """One level below the leaf, which has no children."""
    return [*on_stack(opening.leaf), opening.depth + 1, 2 * opening.index, *on_stack(opening.root)]


def bad_leaf(sequence: Sequence, opening: merkle.Opening) -> list[int]:
    """A leaf that is not there."""
    return [*on_stack(draw_word(sequence.choices)), opening.depth, opening.index, *on_stack(opening.root)]


def opening(name: str, change: Change) -> Write:
    """MPVERIFY, MRUPDATE or the event, on a spoilt opening."""

    def write(sequence: Sequence) -> None:
        opening = merkle.draw_opening(sequence, shallow=True)
        operands = change(sequence, opening)
        if name == "EMIT":
            operands = [IDS["merkle_node_to_stack"], *operands[4:]]
        elif name == "MRUPDATE":
            operands += draw_word(sequence.choices)
        sequence.prepare(operands)
        sequence.emit(name)

    return write


# ---- circuits and folding -------------------------------------------------------------------------------------------


def folding(spoil: Callable[[list[int]], None]) -> Write:
    """FRIE2F4 with one operand spoilt."""

    def operands(sequence: Sequence) -> list[int]:
        values = draw_folding(sequence.choices)
        spoil(values)
        return values

    return operation("FRIE2F4", operands)


def bad_segment(values: list[int]) -> None:
    """A segment that does not exist."""
    values[9] = 4


def bad_fold(values: list[int]) -> None:
    """A previous value that is not in the segment."""
    values[11] = (values[11] + 1) % P


def circuit_sizes(variables: int, gates: int) -> Write:
    """EVALCIRCUIT of sizes that are refused before memory is read."""
    return operation("EVALCIRCUIT", lambda _sequence: [8, variables, gates])


def circuit(spoil: Callable[[list[int]], None]) -> Write:
    """A circuit of four variables and four gates with something wrong in memory."""

    def write(sequence: Sequence) -> None:
        elements = draw_circuit(sequence.choices, 2, 1)
        spoil(elements)
        store_words(sequence, 40, elements)
        sequence.prepare([40, 4, 4])
        sequence.emit("EVALCIRCUIT")

    return write


def bad_gate(operation: int, left: int, right: int) -> Callable[[list[int]], None]:
    """Replaces the second gate; wire 3 is the first gate, wire 2 itself."""

    def spoil(elements: list[int]) -> None:
        elements[9] = gate(left, right, operation)

    return spoil


def not_zero(elements: list[int]) -> None:
    """Spoils the constant that makes the result 0."""
    elements[6] = (elements[6] + 1) % P
