"""The second look at a bus that does not close: which messages have no partner, and which rows sent them.

It needs 24 bytes for each message of the buses in question, and reads the tiles twice more.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from harness.audit.buses.folding import TABLES, sent_by
from harness.audit.buses.message import CELLS, Bus, Message, Side, evaluate
from harness.audit.buses.sending import MessageTable
from harness.audit.buses.tables import BUSES
from harness.audit.tile import Tile, Tiles
from harness.audit.violation import CellValue
from reference.definition.columns import COLUMN_NAMES, WIDTH
from reference.definition.field import P
from reference.definition.isa import BY_OPCODE

SHOWN: Final = 8
"""Messages that a report lists; with more, the first ones tell as much."""

NO_ROW: Final = -1
"""Instead of a row: a message that no row sends, such as a table's first entry."""


@dataclass(frozen=True, slots=True)
class Unmatched:
    """A message without a partner."""

    message: Message
    row: int
    slots: tuple[int, ...]
    operation: str = ""
    """Of a core row."""
    cells: tuple[CellValue, ...] = ()
    surplus: int = 1
    """How many more of this message there are on its side; in a weighted bus the net multiplicity."""

    @property
    def sender(self) -> str:
        """The row and what it is, for people."""
        if self.row == NO_ROW:
            return self.message.name
        return f"row {self.row}, {self.message.name}"


@dataclass(frozen=True, slots=True)
class _Candidate:
    table: int
    number: int
    row: int
    surplus: int


@dataclass(slots=True)
class _Collected:
    """Messages of one bus, tile after tile."""

    values: list[NDArray[np.uint64]]
    weights: list[NDArray[np.uint64]]
    """Canonical; P - 1 for a message removed."""
    senders: list[NDArray[np.uint64]]
    """Row << 16 | number of the message << 1 | table."""


def unmatched_messages(
    buses: Sequence[Bus], tiles: Tiles, firsts: Sequence[tuple[Message, int, tuple[int, ...]]]
) -> dict[str, tuple[list[Unmatched], int]]:
    """By bus: its first unmatched messages in row order, at most :data:`SHOWN`, and how many there are.

    ``firsts`` are messages that no row sends: the message, its value and its slots.
    """
    candidates: dict[str, list[_Candidate]] = {}
    totals: dict[str, int] = {}
    collected = _collect(buses, tiles())
    beginnings: dict[str, list[Unmatched]] = {bus.name: [] for bus in buses}
    for message, value, slots in firsts:
        if message.bus in buses:
            collected[message.bus.name].values.append(np.array([value], dtype=np.uint64))
            collected[message.bus.name].weights.append(_weight_of(message, 1))
            collected[message.bus.name].senders.append(np.array([2**64 - 1], dtype=np.uint64))
            beginnings[message.bus.name].append(Unmatched(message, NO_ROW, slots))
    for bus in buses:
        candidates[bus.name], totals[bus.name] = _without_partner(collected.pop(bus.name))
    found = _explained(candidates, tiles())
    return {
        bus.name: (
            [
                replace(beginnings[bus.name][0], surplus=each.surplus)
                for each in candidates[bus.name]
                if each.row == NO_ROW
            ]
            + found[bus.name],
            totals[bus.name],
        )
        for bus in buses
    }


def _weight_of(message: Message, count: int) -> NDArray[np.uint64]:
    return np.full(count, 1 if message.side is Side.ADDS else P - 1, dtype=np.uint64)


def _collect(buses: Sequence[Bus], tiles: Iterable[Tile]) -> dict[str, _Collected]:
    collected = {bus.name: _Collected([], [], []) for bus in buses}
    wanted = [BUSES.index(bus) for bus in buses]
    for tile in tiles:
        for at, table in enumerate(TABLES):
            sent = sent_by(table, tile)
            of_bus = table.bus[sent.numbers]
            for bus in wanted:
                chosen = np.flatnonzero(of_bus == bus)
                if not chosen.size:
                    continue
                numbers, offsets = sent.numbers[chosen], sent.offsets[chosen]
                rows = (offsets.astype(np.uint64) + np.uint64(tile.first_row)) << np.uint64(16)
                into = collected[BUSES[bus].name]
                into.values.append(sent.values[chosen].copy())
                into.weights.append(_weights(table, tile, numbers, offsets))
                into.senders.append(rows | numbers.astype(np.uint64) << np.uint64(1) | np.uint64(at))
    return collected


def _weights(
    table: MessageTable, tile: Tile, numbers: NDArray[np.int16], offsets: NDArray[np.uint32]
) -> NDArray[np.uint64]:
    columns = table.weight_column[numbers]
    weights = np.where(columns >= 0, tile.rows[offsets, columns], np.uint64(1)) % np.uint64(P)
    negated = (np.uint64(P) - weights) % np.uint64(P)
    return np.where(table.side[numbers] == int(Side.REMOVES), negated, weights)


def _without_partner(collected: _Collected) -> tuple[list[_Candidate], int]:
    """The first messages whose multiplicities do not cancel, and the number of different ones."""
    if not collected.values:
        return [], 0
    values = np.concatenate(collected.values)
    weights = np.concatenate(collected.weights)
    senders = np.concatenate(collected.senders)
    order = np.argsort(values, kind="stable")
    starts = np.flatnonzero(np.concatenate([[True], np.diff(values[order]) != 0]))
    low = np.add.reduceat(weights[order] & np.uint64(2**32 - 1), starts)
    high = np.add.reduceat(weights[order] >> np.uint64(32), starts)
    nets = [(int(a) + (int(b) << 32)) % P for a, b in zip(low, high, strict=True)]
    candidates = []
    for group, net in enumerate(nets):
        if net == 0:
            continue
        surplus = net if net <= P // 2 else net - P
        members = order[starts[group] : starts[group + 1] if group + 1 < len(starts) else None]
        first = next((m for m in members if (int(weights[m]) <= P // 2) == (surplus > 0) and weights[m]), members[0])
        candidates.append(_candidate(int(senders[first]), surplus))
    candidates.sort(key=lambda candidate: candidate.row)
    return candidates[:SHOWN], len(candidates)


def _candidate(sender: int, surplus: int) -> _Candidate:
    if sender == 2**64 - 1:
        return _Candidate(0, 0, NO_ROW, abs(surplus))
    return _Candidate(sender & 1, sender >> 1 & 0x7FFF, sender >> 16, abs(surplus))


def _explained(candidates: dict[str, list[_Candidate]], tiles: Iterable[Tile]) -> dict[str, list[Unmatched]]:
    sent = [(each.row, name, each) for name, of_bus in candidates.items() for each in of_bus if each.row >= 0]
    wanted = sorted(sent, key=lambda each: each[:2])
    explained: dict[str, list[Unmatched]] = {name: [] for name in candidates}
    at = 0
    for tile in tiles:
        while at < len(wanted) and wanted[at][0] < tile.first_row + tile.count:
            _, name, candidate = wanted[at]
            explained[name].append(_message_of(candidate, tile))
            at += 1
        if at == len(wanted):
            break
    return explained


def _message_of(candidate: _Candidate, tile: Tile) -> Unmatched:
    table = TABLES[candidate.table]
    message, forms = table.messages[candidate.number], table.forms[candidate.number]
    offset = candidate.row - tile.first_row
    pair = [int(cell) for cell in tile.rows[offset : offset + 2].reshape(-1)]
    opcodes = tile.opcodes[offset : offset + 2].tolist()
    slots = tuple(
        evaluate(forms.get(slot, {}), pair, candidate.row, opcodes) for slot in range(1, len(message.bus.slots) + 1)
    )
    sources = sorted({source for form in forms.values() for source in form if source < CELLS})
    return Unmatched(
        message,
        candidate.row,
        slots,
        _operation_of(table, tile, offset),
        tuple(CellValue(COLUMN_NAMES[s % WIDTH], candidate.row + s // WIDTH, pair[s]) for s in sources),
        candidate.surplus,
    )


def _operation_of(table: MessageTable, tile: Tile, offset: int) -> str:
    opcode = int(tile.opcodes[offset])
    return BY_OPCODE[opcode].name if table is TABLES[0] and opcode in BY_OPCODE else ""


def lines_about(bus: Bus, messages: Sequence[Unmatched], total: int) -> tuple[str, ...]:
    """One line a message: what it is, who sent it, and which unmatched one of the other side is nearest to it."""
    lines = []
    for each in messages:
        verb = "adds" if each.message.side is Side.ADDS else "removes"
        times = f"{each.surplus} times " if each.surplus != 1 else ""
        line = f"{each.sender}: {verb} {times}{_shown(bus, each.slots)}, without a partner"
        if nearest := _nearest(each, messages):
            differing = ", ".join(
                f"{bus.slots[slot]} {nearest.slots[slot]}"
                for slot in range(len(bus.slots))
                if nearest.slots[slot] != each.slots[slot]
            )
            line += f"; nearest is {nearest.sender} with {differing}"
        lines.append(line)
    if total > len(messages):
        lines.append(f"and {total - len(messages)} more messages without a partner")
    return tuple(lines)


def _shown(bus: Bus, slots: Sequence[int]) -> str:
    named = ", ".join(f"{name} {value}" for name, value in zip(bus.slots, slots, strict=True) if name)
    return f"<{named}>"


def _nearest(message: Unmatched, others: Sequence[Unmatched]) -> Unmatched | None:
    """The one of the other side that agrees in most slots, if it agrees in at least half of them."""
    best, agreeing = None, len(message.slots) // 2
    for other in others:
        equal = sum(mine == theirs for mine, theirs in zip(message.slots, other.slots, strict=True))
        if other.message.side is not message.message.side and equal > agreeing:
            best, agreeing = other, equal
    return best
