"""From messages as data to a compiled loop that finds what the rows of a tile send, as numbers to be multiplied.

A message <m_1 .. m_k> is the number alpha + m_1 + beta m_2 + ... + beta^(k-1) m_k in the base field, so with the slots'
linear forms it is one linear form over the row pair, and the loop needs no code for a single message: only tables.

How sure that is: two different multisets of N messages have different products unless (alpha, beta) is a root of a non-zero
polynomial of degree at most 16 N, which a random pair is with probability at most 16 N / p: below 2^-36 for 2^24 messages.
The same holds for a LogUp sum with its denominators multiplied out. alpha and beta are fixed hashes of a text: a trace that
was not made against exactly these two numbers meets them as random ones, and every run gives the same answer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from harness.audit.buses.message import (
    CELLS,
    NEXT_OPCODE_SOURCE,
    ONE_SOURCE,
    OPCODE_SOURCE,
    ROW_SOURCE,
    LinearForm,
    Message,
    linear_form,
)
from harness.audit.buses.tables import BUSES
from harness.audit.compiled import Kinds
from harness.audit.jit import load_generated
from harness.audit.notation import NEXT, OPCODE, Vocabulary
from reference.definition.columns import COLUMN
from reference.definition.field import P

SLOTS: Final = 16


def _challenge(name: str) -> int:
    return int.from_bytes(hashlib.sha256(f"fragdiff audit {name}".encode()).digest(), "little") % P


ALPHA: Final = _challenge("alpha")
BETA: Final = _challenge("beta")

NEVER_WEIGHTED: Final = -1

Sender = Callable[[Any, Any, Any, Any, Any, Any], int]
"""``send(rows, opcodes, facts, values, numbers, offsets)`` -> how many messages the tile's rows send: for each its value
((m,) uint64), the number of the message in the table ((m,) int16) and the tile's row ((m,) uint32)."""


@dataclass(frozen=True)
class MessageTable:
    """Messages over rows of one set of kinds, compiled."""

    messages: tuple[Message, ...]
    forms: tuple[dict[int, LinearForm], ...]
    """By message: the linear form of each slot."""
    send: Sender
    most_per_row: int
    """No row sends more messages."""
    bus: NDArray[np.int16]
    side: NDArray[np.int8]
    weighted: NDArray[np.bool_]
    """By message: whether its bus is."""
    weight_column: NDArray[np.int16]
    """By message: the column of its multiplicity, :data:`NEVER_WEIGHTED` where it is 1."""


def message_value(slots: Sequence[int]) -> int:
    """The number that stands for a message with these slots."""
    return (ALPHA + sum(pow(BETA, at, P) * value for at, value in enumerate(slots))) % P


def compile_messages(name: str, messages: Sequence[Message], vocabulary: Vocabulary, kinds: Kinds) -> MessageTable:
    """The messages as tables and a loop. Raises NotationError for texts outside the notation, ValueError for unknown kinds."""
    for message in messages:
        if unknown := set(message.on) - set(kinds.names):
            raise ValueError(f"{message.name}: no kind of row is called {', '.join(sorted(unknown))}")
    forms = tuple({slot: linear_form(text, vocabulary) for slot, text in message.slots.items()} for message in messages)
    by_kind = [[n for n, message in enumerate(messages) if kind in message.on] for kind in kinds.names]
    conditions = list(dict.fromkeys(message.when for message in messages if message.when))
    module = load_generated(
        f"messages_{name}",
        "\n".join(
            [
                *_header(kinds),
                *_tables(messages, forms, by_kind, conditions),
                *_select(conditions, vocabulary),
                *_SEND,
            ]
        ),
    )
    return MessageTable(
        tuple(messages),
        forms,
        module.send,
        max(map(len, by_kind)),
        np.array([BUSES.index(message.bus) for message in messages], dtype=np.int16),
        np.array([message.side for message in messages], dtype=np.int8),
        np.array([message.bus.weighted for message in messages]),
        np.array([_weight_column(message, vocabulary) for message in messages], dtype=np.int16),
    )


def _weight_column(message: Message, vocabulary: Vocabulary) -> int:
    return COLUMN[vocabulary.columns[message.times]] if message.times else NEVER_WEIGHTED


def _header(kinds: Kinds) -> list[str]:
    return [
        "import numpy as np",
        "from harness.audit.field import ONE, ZERO, add, mul, sub",
        "from harness.audit.jit import jit, jit_part",
        "from harness.audit.rule import FIRST_ROW",
        f"from {kinds.kind_of.__module__} import {kinds.kind_of.__name__} as kind_of",
        "",
    ]


def _tables(
    messages: Sequence[Message],
    forms: Sequence[dict[int, LinearForm]],
    by_kind: Sequence[Sequence[int]],
    conditions: Sequence[str],
) -> list[str]:
    first = [0]
    sent: list[int] = []
    for numbers in by_kind:
        sent += numbers
        first.append(len(sent))
    term_first = [0]
    constant: list[int] = []
    source: list[int] = []
    factor: list[int] = []
    extra: list[list[int]] = []
    for form in forms:
        whole: LinearForm = {ONE_SOURCE: ALPHA}
        for slot, part in form.items():
            for at, coefficient in part.items():
                whole[at] = (whole.get(at, 0) + coefficient * pow(BETA, slot - 1, P)) % P
        constant.append(whole[ONE_SOURCE])
        source += [at for at in whole if at < CELLS]
        factor += [whole[at] for at in whole if at < CELLS]
        extra.append([whole.get(at, 0) for at in (ROW_SOURCE, OPCODE_SOURCE, NEXT_OPCODE_SOURCE)])
        term_first.append(len(source))
    when = [conditions.index(message.when) if message.when else -1 for message in messages]
    return [
        f"FIRST = np.array({first}, dtype=np.int64)",
        f"SENT = np.array({sent}, dtype=np.int16)",
        f"WHEN = np.array({when}, dtype=np.int16)",
        f"CONSTANT = np.array({constant}, dtype=np.uint64)",
        f"TERM_FIRST = np.array({term_first}, dtype=np.uint64)",
        f"SOURCE = np.array({source}, dtype=np.uint64)",
        f"FACTOR = np.array({factor}, dtype=np.uint64)",
        f"EXTRA = np.array({extra}, dtype=np.uint64)",
        f"HAS_EXTRA = np.array({[any(factors) for factors in extra]})",
        "",
        "",
    ]


def _select(conditions: Sequence[str], vocabulary: Vocabulary) -> list[str]:
    """``select(condition, rows, opcodes, index, start, end, chosen)``: those of the rows ``index[start:end]`` on which the
    condition with this number is true, -1 being true everywhere; how many. A loop for each condition: one loop that tells
    conditions apart on every row takes 20 ns a row for it."""
    lines = [
        "@jit_part",
        "def select(condition, rows, opcodes, index, start, end, chosen):",
        "    count = 0",
        "    if condition == -1:",
        "        for position in range(start, end):",
        "            chosen[count] = index[position]",
        "            count += 1",
    ]
    for number, text in enumerate(conditions):
        cells, definitions = vocabulary.names_of(text)
        lines += [
            f"    elif condition == {number}:",
            "        for position in range(start, end):",
            "            i = np.uint64(index[position])",
            "            j = i + ONE",
        ]
        if OPCODE + NEXT in vocabulary.truth(text):
            lines.append(f"            {OPCODE}{NEXT} = np.uint64(opcodes[j])")
        for cell in cells:
            row = "j" if cell.endswith(NEXT) else "i"
            lines.append(f"            {cell} = rows[{row}, {COLUMN[vocabulary.columns[cell.removesuffix(NEXT)]]}]")
        lines += [f"            {name} = {vocabulary.value(vocabulary.definitions[name])}" for name in definitions]
        lines += [
            f"            if {vocabulary.truth(text)}:",
            "                chosen[count] = index[position]",
            "                count += 1",
        ]
    return [*lines, "    return count", "", ""]


_SEND: Final = (
    "@jit",
    "def send(rows, opcodes, facts, values, numbers, offsets):",
    "    flat = rows.reshape(-1)",
    "    n = rows.shape[0] - 1",
    "    kinds = np.empty(n, np.uint8)",
    "    starts = np.zeros(len(FIRST), np.int64)",
    "    for row in range(n):",
    "        kinds[row] = kind_of(rows, opcodes, row, facts)",
    "        starts[kinds[row] + 1] += 1",
    "    for kind in range(len(FIRST) - 1):",
    "        starts[kind + 1] += starts[kind]",
    "    filled = starts.copy()",
    "    index = np.empty(n, np.uint32)",
    "    chosen = np.empty(n, np.uint32)",
    "    for row in range(n):",
    "        index[filled[kinds[row]]] = row",
    "        filled[kinds[row]] += 1",
    "    count = 0",
    "    for kind in range(len(FIRST) - 1):",
    "        if starts[kind] == starts[kind + 1]:",
    "            continue",
    "        for at in range(FIRST[kind], FIRST[kind + 1]):",
    "            number = SENT[at]",
    "            sending = select(WHEN[number], rows, opcodes, index, starts[kind], starts[kind + 1], chosen)",
    "            for position in range(sending):",
    "                i = np.uint64(chosen[position])",
    "                base = i * np.uint64(rows.shape[1])",
    "                value = CONSTANT[number]",
    "                for term in range(TERM_FIRST[number], TERM_FIRST[number + 1]):",
    "                    value = add(value, mul(FACTOR[term], flat[base + SOURCE[term]]))",
    "                if HAS_EXTRA[number]:",
    "                    value = add(value, mul(EXTRA[number, 0], np.uint64(facts[FIRST_ROW]) + i))",
    "                    value = add(value, mul(EXTRA[number, 1], np.uint64(opcodes[i])))",
    "                    value = add(value, mul(EXTRA[number, 2], np.uint64(opcodes[i + ONE])))",
    "                values[count] = value",
    "                numbers[count] = number",
    "                offsets[count] = i",
    "                count += 1",
    "    return count",
    "",
)
