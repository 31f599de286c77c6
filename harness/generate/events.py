"""The 16 system events, each with operands that succeed; what they put on the advice stack is popped again.

Positions count from the event id at position 0 (spec 06, section 3).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from harness.generate import merkle
from harness.generate.addresses import draw_word_address
from harness.generate.sequence import Sequence
from harness.generate.values import draw_element, draw_u32, draw_word, spread
from reference.definition.field import P, Word


@dataclass(frozen=True, slots=True)
class Event:
    """A system event."""

    name: str
    id: int
    write: Callable[[Sequence], None]
    """Appends the event, its operands, and the pops."""


IDS: Final = {
    "merkle_node_merge": 7243907139105902342,
    "merkle_node_to_stack": 6873007751276594108,
    "map_value_to_stack": 17843484659000820118,
    "map_value_to_stack_n": 7354377147644073171,
    "has_map_key": 5642583036089175977,
    "ext2_inv": 9660728691489438960,
    "u32_clz": 1503707361178382932,
    "u32_ctz": 10656887096526143429,
    "u32_clo": 12846584985739176048,
    "u32_cto": 6773574803673468616,
    "ilog2": 7444351342957461231,
    "mem_to_map": 5768534446586058686,
    "hdword_to_map": 5988159172915333521,
    "hdword_to_map_with_domain": 6143777601072385586,
    "hqword_to_map": 11723176702659679401,
    "hperm_to_map": 6190830263511605775,
}
"""First 8 bytes of BLAKE3 of ``sys::NAME``, little-endian (spec 06, section 2.1)."""


def on_stack(word: Word) -> list[int]:
    """The word as it lies on the stack, top first."""
    return list(reversed(word))


def emit_event(sequence: Sequence, name: str, operands: list[int]) -> None:
    """The event with these operands, then its id is dropped; the operands stay."""
    sequence.prepare([IDS[name], *operands])
    sequence.emit("EMIT")
    sequence.allow_shrink()
    sequence.emit("DROP")


def pop_elements(sequence: Sequence, count: int) -> None:
    """Pop that many elements, which an event has just put there."""
    while count:
        if count >= 8 and _may_pipe(sequence) and sequence.choices.flag(50):
            address = draw_word_address(sequence.choices, 2)
            sequence.prepare([address], position=12)
            sequence.emit("PIPE")
            count -= 8
        elif count >= 4 and sequence.choices.flag(50):
            sequence.emit("ADVPOPW")
            count -= 4
        else:
            sequence.emit("ADVPOP")
            count -= 1


def _may_pipe(sequence: Sequence) -> bool:
    return sequence.room(4)


def put_in_map(sequence: Sequence, values: tuple[int, ...]) -> Word:
    """A key under which code at this place certainly finds the values: of the inputs or of the forest's own map."""
    draft = sequence.draft
    key = draft.fresh_key()
    where = draft.advice_map
    if sequence.forest.index is not None or sequence.choices.flag(30):
        where = sequence.forest.advice_map
    where[key] = values
    return key


def pop_from_map(sequence: Sequence, count: int) -> None:
    """Put ``count`` values on the advice stack by event and pop them."""
    values = _draw_values(sequence, count)
    emit_event(sequence, "map_value_to_stack", on_stack(put_in_map(sequence, values)))
    pop_elements(sequence, count)


def _draw_values(sequence: Sequence, count: int) -> tuple[int, ...]:
    seed = sequence.choices.integer(1, P - 1)
    return tuple(element for start in range(0, count, 4) for element in spread((seed + start) % P or 1))[:count]


def _map_value(sequence: Sequence) -> None:
    pop_from_map(sequence, sequence.choices.integer(0, 9))


def _map_value_n(sequence: Sequence) -> None:
    values = _draw_values(sequence, sequence.choices.integer(0, 5))
    emit_event(sequence, "map_value_to_stack_n", on_stack(put_in_map(sequence, values)))
    pop_elements(sequence, len(values) + 1)


def _has_key(sequence: Sequence) -> None:
    key = put_in_map(sequence, (5, 6)) if sequence.choices.flag(50) else sequence.draft.fresh_key()
    emit_event(sequence, "has_map_key", on_stack(key))
    pop_elements(sequence, 1)


def _extension_inverse(sequence: Sequence) -> None:
    emit_event(sequence, "ext2_inv", [draw_element(sequence.choices), max(1, draw_element(sequence.choices))])
    pop_elements(sequence, 2)


def _count_bits(name: str) -> Callable[[Sequence], None]:
    def write(sequence: Sequence) -> None:
        emit_event(sequence, name, [draw_u32(sequence.choices)])
        pop_elements(sequence, 1)

    return write


def _logarithm(sequence: Sequence) -> None:
    emit_event(sequence, "ilog2", [max(1, draw_element(sequence.choices))])
    pop_elements(sequence, 1)


def _memory_to_map(sequence: Sequence) -> None:
    """Code that runs twice must find the same memory twice, so it writes what it stores."""
    key = sequence.draft.fresh_key()
    start = draw_word_address(sequence.choices, 2)
    words = sequence.choices.integer(0, 1)
    if words:
        sequence.prepare([start, *on_stack(draw_word(sequence.choices))])
        sequence.emit("MSTOREW")
    emit_event(sequence, "mem_to_map", [*on_stack(key), start, start + 4 * words])
    _read_back(sequence, key, 4 * words)


def _read_back(sequence: Sequence, key: Word, count: int) -> None:
    if sequence.choices.flag(50):
        emit_event(sequence, "map_value_to_stack", on_stack(key))
        pop_elements(sequence, count)


def _hash_to_map(name: str, operands: int) -> Callable[[Sequence], None]:
    """The key is the hash of what is stored, so no two entries contradict one another."""

    def write(sequence: Sequence) -> None:
        if sequence.choices.flag(50):
            emit_event(
                sequence, name, [element for _ in range(operands // 4) for element in draw_word(sequence.choices)]
            )
        else:
            emit_event(sequence, name, [])

    return write


def _merge(sequence: Sequence) -> None:
    left, right = draw_word(sequence.choices), draw_word(sequence.choices)
    emit_event(sequence, "merkle_node_merge", on_stack(right) + on_stack(left))
    if sequence.choices.flag(50):
        index = sequence.choices.integer(0, 1)
        emit_event(sequence, "merkle_node_to_stack", [1, index, *on_stack(merkle.parent(left, right))])
        pop_elements(sequence, 4)


def _node_to_stack(sequence: Sequence) -> None:
    opening = merkle.draw_opening(sequence)
    emit_event(sequence, "merkle_node_to_stack", [opening.depth, opening.index, *on_stack(opening.root)])
    pop_elements(sequence, 4)


EVENTS: Final = tuple(
    Event(name, IDS[name], write)
    for name, write in (
        ("u32_clz", _count_bits("u32_clz")),
        ("u32_ctz", _count_bits("u32_ctz")),
        ("u32_clo", _count_bits("u32_clo")),
        ("u32_cto", _count_bits("u32_cto")),
        ("ilog2", _logarithm),
        ("ext2_inv", _extension_inverse),
        ("has_map_key", _has_key),
        ("map_value_to_stack", _map_value),
        ("map_value_to_stack_n", _map_value_n),
        ("mem_to_map", _memory_to_map),
        ("hdword_to_map", _hash_to_map("hdword_to_map", 8)),
        ("hdword_to_map_with_domain", _hash_to_map("hdword_to_map_with_domain", 8)),
        ("hqword_to_map", _hash_to_map("hqword_to_map", 12)),
        ("hperm_to_map", _hash_to_map("hperm_to_map", 8)),
        ("merkle_node_merge", _merge),
        ("merkle_node_to_stack", _node_to_stack),
    )
)
"""All 16; the cheap ones first."""
