"""The 24 invariants of spec 09, B6, as data: each one's statement, and which function checks it.

Half of them can only be checked where the thing happens: a stale plan is refused, a cell is left unwritten. The others take
plain values that a walk has seen, so that they run alike on every device: ``run_checks`` of what happened, ``count_checks`` of
what was counted, ``cell_checks`` of what the trace says. All raise InvariantBroken with the number, where spec 09, B10 has no
name of its own for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from gpu.errors import InvariantBroken


@dataclass(frozen=True, slots=True)
class Invariant:
    """One line of the table."""

    id: str
    statement: str
    where: str
    """Which function checks it."""


def _line(number: int, statement: str, where: str) -> Invariant:
    return Invariant(f"INV-{number:02d}", statement, where)


INVARIANTS: Final[tuple[Invariant, ...]] = (
    _line(1, "after release, live bytes and pool bytes are those before the upload", "Session.release"),
    _line(2, "the raw state never changes", "Resident.check_raw"),
    _line(3, "bytes per tag are those of the formula after every step", "check_bytes"),
    _line(4, "no more chips have live columns than there are lanes", "Generator.using, check_live"),
    _line(5, "a generation takes its estimate at its peak, no less and no more", "check_estimates"),
    _line(6, "every generation of a chip has the same digest", "Generator._fill"),
    _line(7, "side effects after sealing are those after any replay", "Session._check_unchanged"),
    _line(8, "a replay has no pointer to a side-effect buffer", "ReplaySides, check_replays"),
    _line(9, "a replay has the planned shape and writes every cell with a field element", "Generator._fill"),
    _line(10, "a plan of another session is refused before any launch or allocation", "refuse_stale"),
    _line(11, "after release every plan is refused", "refuse_stale"),
    _line(12, "multiplicities add up to 4 per range-checked row and 2 per memory row", "check_multiplicities"),
    _line(13, "the range table has as many rows as the closed formula says", "check_range_rows"),
    _line(14, "on every bus the requests are the responses, in count and fingerprint", "check_buses"),
    _line(15, "the state after a fragment is the next header", "kernel CARRY, shards.check_boundaries"),
    _line(16, "every queue ends where the next fragment's part begins", "kernel QUEUE_*, check_cursors"),
    _line(17, "the digest of the trace is the sum of its chips' digests", "check_whole"),
    _line(18, "opened rows are the rows of the trace", "check_opened"),
    _line(19, "no counter exceeds its capacity", "check_capacities"),
    _line(20, "bookings stay within the budget and are all given back", "Arena, run_tasks, check_bookings"),
    _line(21, "bytes and booking of a task are released after its lane's completion", "check_completion"),
    _line(22, "while a shard is worked on, nothing is launched or copied for a later one", "check_strict"),
    _line(23, "a chip is generated once per use at level none, once altogether at the others", "check_generations"),
    _line(24, "a chip generated on the host has the same digest, and is reported", "check_fallbacks"),
)
"""By number."""

STATEMENTS: Final = {invariant.id: invariant.statement for invariant in INVARIANTS}


def demand(holds: bool, invariant: str, reason: str) -> None:
    """Raises InvariantBroken unless the condition holds."""
    if not holds:
        raise InvariantBroken(invariant, reason)
