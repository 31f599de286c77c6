"""Single operations in drawn places: which operation, where in its block, at which depth, over which item, in how many calls.

Ordinary programs meet the common places over and over and the rare ones never: an operation right behind a RESPAN, with an
empty overflow table, in a call within a call. Here each of those is drawn by itself, and operands are put where the place asks.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Final, Literal, NamedTuple

from harness.generate import merkle
from harness.generate.addresses import draw_word_address
from harness.generate.calls import add_call
from harness.generate.choices import Choices, pick_weighted, several
from harness.generate.circuit import draw_circuit, store_words
from harness.generate.events import IDS
from harness.generate.operations import GROUPS, OPERANDS, POPPED, immediate_of
from harness.generate.sequence import Sequence
from harness.generate.state import VISIBLE, State
from harness.generate.values import ANY, draw_element, draw_word, spread
from reference.definition.batching import make_batches
from reference.definition.field import P, Word
from reference.definition.isa import BLOCK_OPERATIONS, NOOP_OPERATION, PUSH, Operation, opcode

Where = Literal["inside", "first", "behind RESPAN"]
Item = Literal["0", "1", "other"]

MOST_CALLS: Final = 2
"""Around a place; one in a third call is like one in a second."""
MOST_PLACES: Final = 14
PLACE_ROWS: Final = 30
"""Rows that a place may need; none is begun with fewer left."""

PUSHED: Final = 8
"""Operands up to this many are pushed, and what is too much is taken out below them; more go through memory."""

RARE: Final = (*GROUPS["merkle"], *GROUPS["stark"], *GROUPS["u32"], "MSTREAM", "MSTORE", "PIPE", "EXT2MUL", "CALLER")

SILENT_EVENTS: Final = ("hdword_to_map", "hqword_to_map", "hperm_to_map", "merkle_node_merge")
"""Events that take any operands and leave nothing on the advice stack."""


class Place(NamedTuple):
    """Where an operation is to stand."""

    where: Where
    depth: int
    """16, 17, or more."""
    item: Item
    """The top of the stack."""
    taken: bool
    """The row before takes an entry of a replay queue; of operations inside a block."""


def write_places(sequence: Sequence) -> None:
    """Several places in one context: that of the program, or that of a callee."""
    calls = draw_calls(sequence.choices)
    is_short = not calls and sequence.choices.flag(50)
    within_calls(sequence, calls, lambda inner: _write_some(inner, is_short))


def draw_calls(choices: Choices) -> int:
    """In how many calls."""
    return choices.integer(0, MOST_CALLS)


def within_calls(sequence: Sequence, calls: int, write: Callable[[Sequence], None]) -> None:
    """What ``write`` writes, as a callee of so many CALLs, one in the other."""
    if not calls:
        write(sequence)
        return
    if sequence.choices.flag(30):
        sequence.push(draw_element(sequence.choices))
    inner = sequence.inner(State(sequence.state.items[:VISIBLE]))
    within_calls(inner, calls - 1, write)
    inner.settle(VISIBLE)
    add_call(sequence, inner.finish())


def _write_some(sequence: Sequence, is_short: bool) -> None:
    """``is_short``: at most two blocks, so that the program is not nested; otherwise blocks end anywhere."""
    choices = sequence.choices
    first = is_short and choices.flag(50)

    def write() -> None:
        if not sequence.room(PLACE_ROWS):
            return
        if not is_short and choices.flag(40):
            sequence.close_block()
        write_place(sequence, _draw_name(choices), _draw_place(choices, begins=not is_short))

    if first:
        write_place(sequence, _draw_name(choices), _draw_place(choices)._replace(where="first"))
    several(choices, MOST_PLACES, 95, write)


def _draw_name(choices: Choices) -> str:
    """Any operation; those that other families seldom write come more often."""
    return choices.pick(RARE if choices.flag(40) else tuple(info.name for info in BLOCK_OPERATIONS))


def _draw_place(choices: Choices, *, begins: bool = True) -> Place:
    where: Where = pick_weighted(choices, ((4, "inside"), (3 * begins, "first"), (4, "behind RESPAN")))
    item: Item = choices.pick(("0", "1", "other"))
    return Place(where, draw_depth(choices), item, choices.flag(50))


def draw_depth(choices: Choices) -> int:
    """An empty overflow table, one entry, or more."""
    return choices.pick((VISIBLE, VISIBLE + 1, choices.integer(VISIBLE + 2, VISIBLE + 5)))


def write_place(sequence: Sequence, name: str, place: Place) -> None:
    """The operation at the place, or as near to it as its operands allow; the sequence's depth is known exactly."""
    if name in POPPED and not sequence.draft.direct_pops:
        name = "NOOP"
    values = _operands(sequence, name, place.item)
    put(sequence, values, place.depth)
    immediate = immediate_of(sequence, name)
    match place.where:
        case "first":
            sequence.close_block()
        case "behind RESPAN":
            _fill_batch(sequence, Operation(opcode(name), immediate))
        case "inside" if place.taken:
            sequence.emit("PUSH", draw_element(sequence.choices))
            sequence.emit("DROP")
        case "inside":
            sequence.emit("NOOP")
    if name in POPPED:
        sequence.pop_advice(name, POPPED[name])
    else:
        sequence.emit(name, immediate)


# ---- operands -------------------------------------------------------------------------------------------------------


def _operands(sequence: Sequence, name: str, item: Item) -> list[int]:
    """Items from the top that the operation succeeds with; the first is the one asked for where one fits."""
    choices = sequence.choices
    top = number_of(choices, item)
    match name:
        case "EMIT":
            return [IDS[choices.pick(SILENT_EVENTS)]]
        case "MPVERIFY" | "MRUPDATE":
            opening = merkle.draw_opening(sequence, shallow=True, leaf=_leaf(choices, top))
            replaced = reversed(draw_word(choices)) if name == "MRUPDATE" else ()
            return [*merkle.operands_of(opening), *replaced]
        case "EVALCIRCUIT":
            address = 0 if item == "0" else draw_word_address(choices, 2)
            store_words(sequence, address, draw_circuit(choices, 1, 1))
            return [address, 2, 4]
    operands = OPERANDS.get(name)
    if operands is None:
        return [top]
    drawn = operands.draw(choices)
    values = drawn
    if operands.position:
        values = [top, *_distinct(choices, operands.position - 1), *drawn]
        if name == "MSTREAM" and choices.flag(50):
            # The last element that is read comes to the top.
            store_words(sequence, drawn[0] + 4, [*_distinct(choices, 3), choices.integer(0, 1)])
    for first in (top, 4 * (top % 2**20)) if item == "other" else (top,):
        wanted = [first, *values[1:]]
        if operands.fit([*wanted, *[ANY] * (VISIBLE - len(wanted))]):
            return wanted
    return values


def number_of(choices: Choices, item: Item) -> int:
    """0, 1 or another element."""
    return int(item) if item != "other" else choices.pick((2**32 - 1, 2, 12, choices.integer(2, P - 1)))


def _leaf(choices: Choices, last: int) -> Word:
    first, second, third, _ = draw_word(choices)
    return first, second, third, last


def _distinct(choices: Choices, wanted: int) -> list[int]:
    seed = choices.integer(1, P - 1)
    return [element for start in range(0, wanted, 4) for element in spread((seed + start) % P or 1)][:wanted]


def put(sequence: Sequence, values: list[int], depth: int) -> None:
    """These items on top, and so many on the stack; a few more where it cannot be otherwise."""
    if sequence.is_root and sequence.draft.pristine and depth == VISIBLE:
        sequence.prepare(values)
        return
    if len(values) > PUSHED and depth < VISIBLE + len(values):
        sequence.settle(depth)
        _put_through_memory(sequence, values)
        return
    sequence.settle(max(VISIBLE, depth - len(values)))
    # Pushed even where they could be inputs of the program: the depth is what counts.
    for value in reversed(values):
        sequence.push(value)
    while sequence.state.depth > depth:
        sequence.emit_all("MOVUP8 DROP")


def _put_through_memory(sequence: Sequence, values: list[int]) -> None:
    """Word after word, without a change of the depth."""
    padded = [*values, *_distinct(sequence.choices, -len(values) % 4)]
    for index in reversed(range(len(padded) // 4)):
        address = sequence.draft.private_address()
        store_words(sequence, address, list(reversed(padded[4 * index : 4 * index + 4])))
        sequence.emit("PUSH", address)
        sequence.emit("MLOADW")
        if index:
            sequence.emit("SWAPW" if index == 1 else f"SWAPW{index}")


# ---- the end of a batch ---------------------------------------------------------------------------------------------


def _fill_batch(sequence: Sequence, operation: Operation) -> None:
    """Operations that change nothing, until this one would begin the next batch of its block.

    A PUSH takes two of a batch's places, so pairs of PUSH and DROP fill it with few rows; NOOPs fill the rest.
    """
    drop = Operation(opcode("DROP"))
    push = Operation(PUSH, draw_element(sequence.choices))
    if not sequence.open_operations:
        sequence.emit("NOOP")
    before = sequence.open_operations
    batches = len(make_batches(before))
    pairs = next(n for n in count() if len(make_batches((*before, *(push, drop) * (n + 1)))) > batches)
    filled = (*before, *(push, drop) * pairs)
    noops = next(n for n in count() if len(make_batches((*filled, *(NOOP_OPERATION,) * n, operation))) > batches)
    for _ in range(pairs):
        sequence.emit("PUSH", push.immediate)
        sequence.emit("DROP")
    for _ in range(noops):
        sequence.emit("NOOP")
