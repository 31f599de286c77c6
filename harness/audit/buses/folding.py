"""What a tile's messages amount to: two products a bus, or a LogUp sum (12 section 7.1)."""

from __future__ import annotations

import threading
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from harness.audit.buses.chiplet_messages import CHIPLET_MESSAGES
from harness.audit.buses.core_messages import CORE_MESSAGES
from harness.audit.buses.message import Side
from harness.audit.buses.sending import MessageTable, compile_messages
from harness.audit.buses.tables import BUSES
from harness.audit.chiplets.names import CHIPLET_KINDS, CHIPLET_VOCABULARY
from harness.audit.core.words import CORE, CORE_KINDS
from harness.audit.field import ONE, ZERO, add, inverse, mul, sub
from harness.audit.jit import jit
from harness.audit.rule import FACTS, FIRST_ROW, TRACE_ROWS
from harness.audit.tile import Tile

TABLES: Final = (
    compile_messages("core", CORE_MESSAGES, CORE, CORE_KINDS),
    compile_messages("chiplets", CHIPLET_MESSAGES, CHIPLET_VOCABULARY, CHIPLET_KINDS),
)

_REMOVES: Final = int(Side.REMOVES)


class Sent(NamedTuple):
    """The messages of a tile in no order, all arrays of the same length."""

    values: NDArray[np.uint64]
    numbers: NDArray[np.int16]
    """Which message of the table."""
    offsets: NDArray[np.uint32]
    """The tile's row that sends it."""


class Folded(NamedTuple):
    """What messages amount to."""

    products: NDArray[np.uint64]
    """(buses, 2): of the messages added and of those removed."""
    sums: NDArray[np.uint64]
    """(buses,): of weighted messages over their values, added less removed."""


def empty() -> Folded:
    """What no messages amount to."""
    return Folded(np.ones((len(BUSES), 2), dtype=np.uint64), np.zeros(len(BUSES), dtype=np.uint64))


def facts_of(tile: Tile) -> NDArray[np.int64]:
    """The tile's facts as compiled loops want them."""
    facts = np.zeros(FACTS, dtype=np.int64)
    facts[FIRST_ROW], facts[TRACE_ROWS] = tile.first_row, tile.trace_rows
    return facts


class _Room(threading.local):
    """Arrays for the messages of a tile, one set a thread: fresh ones of this size would be mapped anew each time."""

    def __init__(self) -> None:
        self._sent = _empty_sent(0)

    def of(self, room: int) -> Sent:
        """Arrays of at least this length."""
        if self._sent.values.size < room:
            self._sent = _empty_sent(room)
        return self._sent


def _empty_sent(room: int) -> Sent:
    return Sent(np.empty(room, np.uint64), np.empty(room, np.int16), np.empty(room, np.uint32))


_ROOM: Final = _Room()


def sent_by(table: MessageTable, tile: Tile) -> Sent:
    """The messages that the tile's rows send; valid until this thread asks again."""
    sent = _ROOM.of(table.most_per_row * tile.count)
    count = table.send(tile.rows, tile.opcodes, facts_of(tile), *sent)
    return Sent(sent.values[:count], sent.numbers[:count], sent.offsets[:count])


def fold(tile: Tile) -> Folded:
    """What all messages of the tile amount to."""
    folded = empty()
    for table in TABLES:
        _fold(*sent_by(table, tile), tile.rows, table.bus, table.side, table.weight_column, table.weighted, *folded)
    return folded


@jit
def _fold(
    values: Any,
    numbers: Any,
    offsets: Any,
    rows: Any,
    bus: Any,
    side: Any,
    weight_column: Any,
    weighted: Any,
    products: Any,
    sums: Any,
) -> None:
    pending = 0
    for n in range(len(values)):
        number = numbers[n]
        if weighted[number]:
            pending += 1
        else:
            products[bus[number], side[number]] = mul(products[bus[number], side[number]], values[n])
    if pending == 0:
        return
    # Montgomery's trick: one inversion for all denominators. A value of 0 has no inverse; by the challenge's choice
    # it does not occur, and if it did the sum would be wrong and not silently right.
    before = np.empty(pending, np.uint64)
    product = ONE
    at = 0
    for n in range(len(values)):
        if weighted[numbers[n]]:
            before[at] = product
            product = mul(product, values[n])
            at += 1
    product = inverse(product)
    for n in range(len(values) - 1, -1, -1):
        number = numbers[n]
        if not weighted[number]:
            continue
        at -= 1
        fraction = mul(product, before[at])
        product = mul(product, values[n])
        if weight_column[number] >= 0:
            fraction = mul(fraction, rows[offsets[n], weight_column[number]])
        if side[number] == _REMOVES:
            fraction = sub(ZERO, fraction)
        sums[bus[number]] = add(sums[bus[number]], fraction)


@jit
def join(products: Any, sums: Any, more_products: Any, more_sums: Any) -> None:
    """Compiled: products and sums of a tile into those of the tiles before it."""
    for bus in range(len(sums)):
        for side in range(2):
            products[bus, side] = mul(products[bus, side], more_products[bus, side])
        sums[bus] = add(sums[bus], more_sums[bus])
