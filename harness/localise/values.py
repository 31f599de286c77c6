"""Values behind a source: what an entry or a field must be, what the engine recorded, and the row that brought a value in."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from harness.localise.feeds import Entry
from harness.localise.queues import ExpectedQueues
from harness.localise.rows import ProgramRows
from harness.localise.source import Side
from parallel.recording import ACCESS_READ
from reference.definition.columns import COLUMN
from reference.definition.field import word_to_hex

LIVE: Final = {
    "ends": "the block stack",
    "pops": "the overflow stack",
    "restores": "the caller's saved state",
    "accesses": "memory",
    "advice": "the advice provider",
    "permutations": "the hasher",
    "targets": "memory and the libraries",
}
"""What an engine without queues has in the place of each."""


class Values:
    """Looked up for one side."""

    def __init__(self, rows: ProgramRows, queues: ExpectedQueues, side: Side) -> None:
        self._rows = rows
        self._queues = queues
        self._side = side

    def expected(self, entry: Entry, index: int) -> object:
        """What entry ``index`` of a queue must be; of a target the procedure's digest."""
        if entry.queue == "targets":
            return word_to_hex(self._queues.targets[index].digest)
        return _plain(self._queues.of(entry.queue)[index], entry)

    def recorded_entry(self, entry: Entry, fragment: int, within: int) -> object:
        """What this fragment really takes: its own offset and what it has taken so far."""
        snapshot = self._snapshot(fragment)
        if snapshot is None or entry.queue == "targets" or self._side.recording is None:
            return None
        queue = self._side.recording.queues[entry.queue]
        index = int(snapshot[entry.queue]) + within
        return _plain(queue[index], entry) if 0 <= index < len(queue) else "nothing: the queue is shorter"

    def recorded_field(self, fragment: int, name: str, element: int | None = None) -> object:
        """What a snapshot of the engine has in a field; None when the engine shows none."""
        snapshot = self._snapshot(fragment)
        if snapshot is None or name not in (snapshot.dtype.names or ()):
            return None
        return int(snapshot[name]) if element is None else int(snapshot[name][element])

    def _snapshot(self, fragment: int) -> Any:
        """The engine's snapshot where the fragment begins; None when it shows none or has none there."""
        if self._side.recording is None:
            return None
        snapshots = self._side.recording.snapshots
        at = np.flatnonzero(snapshots["clk"] == self._side.starts[fragment])
        return snapshots[at[0]] if at.size else None

    def origin(self, queue: str, index: int, row: int) -> int | None:
        """The row that brought the value in, when it is another one."""
        core = self._rows.execution.core
        match queue:
            case "pops":
                return int(core[row, COLUMN["stack_b1"]])
            case "ends" | "restores":
                address = int(core[row, COLUMN["dec_addr"]])
                return self._rows.row_of_entry("hasher", (address - 1) // 8)
            case "accesses":
                entries = self._queues.accesses[: index + 1]
                if not int(entries[index]["kind"]) & ACCESS_READ:
                    return None
                writes = np.flatnonzero(
                    (entries["key"] == entries[index]["key"]) & (entries["kind"] & ACCESS_READ == 0)
                )
                return int(entries["clk"][writes[-1]]) if writes.size else None
            case _:
                return None


def _plain(value: Any, entry: Entry) -> object:
    field = value[entry.field] if entry.field else value
    if entry.element:
        return int(field[entry.element])
    return field.tolist() if field.shape else int(field)
