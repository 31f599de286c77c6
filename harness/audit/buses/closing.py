"""The check that every bus closes, and its report when one does not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from harness.audit.buses.folding import Folded, empty, fold, join
from harness.audit.buses.message import Bus, Message, Side
from harness.audit.buses.sending import message_value
from harness.audit.buses.tables import BLOCK_HASH, BUSES
from harness.audit.buses.unmatched import Unmatched, lines_about, unmatched_messages
from harness.audit.known import Known
from harness.audit.rule import Rule
from harness.audit.tile import Tile, Tiles
from harness.audit.violation import NotChecked, Violation
from reference.definition.columns import COLUMN
from reference.definition.field import P, Word, as_word

_PROGRAM: Final = Message(BLOCK_HASH, "the program", Side.ADDS, (), {})
"""The block hash table begins with the program's own entry (12 section 7.3)."""

_DIGEST: Final = slice(COLUMN["dec_h0"], COLUMN["dec_h3"] + 1)


def _rule(bus: Bus) -> Rule:
    closed = "sum of multiplicity / message = 0" if bus.weighted else "messages added = messages removed"
    return Rule(f"buses.{bus.name}", "buses", closed, bus.about.partition(", ")[2])


BUS_RULES: Final = tuple(_rule(bus) for bus in BUSES)


class Share(NamedTuple):
    """What a tile has to say."""

    folded: Folded
    final_digest: Word | None
    """Of the last tile: h0..h3 of the trace's last row but one, the program's hash as the trace has it."""


class BusCheck:
    """Every message that a row adds is removed by a row; a :class:`harness.audit.tile.TraceCheck`.

    It keeps two field elements a bus. Without a known program hash the block hash table begins with the digest that the
    trace ends with, and whether that is the program's is another rule's matter.
    """

    rules: Sequence[Rule] = BUS_RULES

    def __init__(self, known: Known) -> None:
        self._program_hash = known.program_hash
        self._folded = empty()

    def partial(self, tile: Tile) -> Share:
        """The products and sums of the tile's messages."""
        digest = as_word(int(cell) for cell in tile.rows[tile.count - 1, _DIGEST]) if tile.is_last else None
        return Share(fold(tile), digest)

    def add(self, partial: Share) -> None:
        """Takes the next tile's products and sums."""
        join(*self._folded, *partial.folded)
        if self._program_hash is None:
            self._program_hash = partial.final_digest

    def finish(self, tiles: Tiles) -> Sequence[Violation | NotChecked]:
        """One violation for each bus that does not close, with its messages that have no partner."""
        if self._program_hash is None:
            raise ValueError("the last tile of the trace was never added")
        entry = (0, *self._program_hash, 0, 0)
        first = message_value(entry)
        products, sums = self._folded
        open_buses = []
        for number, bus in enumerate(BUSES):
            added, removed = (int(product) for product in products[number])
            if bus is BLOCK_HASH:
                added = added * first % P
            if added != removed or sums[number] != 0:
                open_buses.append(bus)
        if not open_buses:
            return ()
        found = unmatched_messages(open_buses, tiles, [(_PROGRAM, first, entry)])
        return tuple(self._violation(bus, *found[bus.name]) for bus in open_buses)

    @staticmethod
    def _violation(bus: Bus, messages: Sequence[Unmatched], total: int) -> Violation:
        first = next((message for message in messages if message.row >= 0), None)
        return Violation(
            BUS_RULES[BUSES.index(bus)],
            None if first is None else first.row,
            max(total, 1),
            "" if first is None else first.operation,
            () if first is None else first.cells,
            lines_about(bus, messages, total),
        )
