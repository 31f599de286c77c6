"""Is a recording what the reference's rows say it must be? Every field of every snapshot, every entry of every queue.

A recording that is right in all of them leaves the rebuild as the only place for a wrong cell.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, Final, NamedTuple, Protocol, runtime_checkable

import numpy as np

from harness.backend import Run
from harness.differences import field_differences, listed_differences
from harness.guarded import GuardedRun
from harness.localise.queues import ExpectedQueues, Target
from harness.localise.rows import ProgramRows
from parallel.contexts import boundary_state
from parallel.recording import QUEUES, Recording
from reference.definition.columns import CHIPLETS
from reference.definition.field import word_to_hex

WRONG_ITEMS_KEPT: Final = 8
"""Of each queue and of the snapshots: the first one is the cause, a few more show the pattern."""

_COUNTERS: Final = {"hasher_addr": "hasher", "bitwise": "bitwise"}
_QUEUES: Final = tuple(name for name in QUEUES if name != "continuations")


@runtime_checkable
class Recorded(Protocol):
    """A run that was built from a recording and shows it."""

    @property
    def recording(self) -> Recording:
        """What the executor recorded."""


class WrongItem(NamedTuple):
    """A field of a snapshot or an entry of a queue that is not what it must be."""

    row: int
    """The row that the snapshot enters, or that takes the entry."""
    name: str
    """``snapshot 3: depth``, ``pops[12].value``, ``pops count``, ..."""
    expected: object
    recorded: object

    @property
    def field(self) -> str:
        """The name without numbers: what goes wrong, wherever it does."""
        return self.name.partition(": ")[2] or self.name.partition("[")[0]


def recording_of(run: Run) -> Recording | None:
    """What a run was built from; None when it does not show it."""
    inner = run.inner if isinstance(run, GuardedRun) else run
    return inner.recording if isinstance(inner, Recorded) else None


def wrong_items(recording: Recording, rows: ProgramRows, starts: Sequence[int]) -> list[WrongItem]:
    """Everything that is wrong in a recording of the run that ``rows`` are of, by row; empty when all of it is right.

    ``starts`` are the rows at which a snapshot must stand; more of them do no harm.
    """
    expected = ExpectedQueues(rows)
    found = list(islice(_snapshots(recording, rows, starts), WRONG_ITEMS_KEPT))
    for name in _QUEUES:
        found += islice(_queue(recording, expected, name), WRONG_ITEMS_KEPT)
    found += _whole_program(recording, rows)
    return sorted(found, key=lambda item: item.row)


# ---- snapshots ------------------------------------------------------------------------------------------------------


def _snapshots(recording: Recording, rows: ProgramRows, starts: Sequence[int]) -> Iterator[WrongItem]:
    clks = [int(clk) for clk in recording.snapshots["clk"]]
    missing = [start for start in starts if start not in set(clks)]
    for row in missing:
        yield WrongItem(row, f"snapshot at row {row}: presence", "a snapshot", "none")
    for index, clk in enumerate(clks):
        if not 0 <= clk < rows.count:
            yield WrongItem(0, f"snapshot {index}: clk", f"below {rows.count}", clk)
            continue
        yield from _snapshot(recording, rows, index, clk)


def _snapshot(recording: Recording, rows: ProgramRows, index: int, row: int) -> Iterator[WrongItem]:
    snapshot = recording.snapshots[index]
    try:
        state = boundary_state(recording, index)
    except (IndexError, KeyError, AssertionError) as error:
        # Its numbers name rows of the program or entries of the pool that there are none of.
        yield WrongItem(row, f"snapshot {index}: position or continuations", "a place in the program", repr(error))
    else:
        for difference in field_differences(rows.execution.boundary(row), state):
            yield WrongItem(row, f"snapshot {index}: {difference.name}", difference.left, difference.right)
    for name in _QUEUES:
        yield from _number(row, f"snapshot {index}: first entry of {name}", rows.taken[name][row], snapshot[name])
    for name, counted in _COUNTERS.items():
        wanted = rows.hasher_address(row) if name == "hasher_addr" else rows.taken[counted][row]
        yield from _number(row, f"snapshot {index}: {name}", wanted, snapshot[name])


def _number(row: int, name: str, expected: Any, recorded: Any) -> Iterator[WrongItem]:
    if int(expected) != int(recorded):
        yield WrongItem(row, name, int(expected), int(recorded))


# ---- queues ---------------------------------------------------------------------------------------------------------


def _queue(recording: Recording, queues: ExpectedQueues, name: str) -> Iterator[WrongItem]:
    expected, recorded = queues.of(name), recording.queues[name]
    both = min(len(expected), len(recorded))
    if isinstance(expected, list):
        yield from _targets(recording, queues.rows, expected[:both])
    else:
        wrong = expected[:both] != recorded[:both]
        for index in np.flatnonzero(wrong.reshape(both, -1).any(axis=1) if both else []).tolist():
            row = queues.rows.row_of_entry(name, index)
            assert row is not None, "the reference's rows take as many entries as were derived from them"
            yield from _entry(row, f"{name}[{index}]", expected[index], recorded[index])
    if len(expected) != len(recorded):
        row = queues.rows.row_of_entry(name, both)
        yield WrongItem(queues.rows.count if row is None else row, f"{name} count", len(expected), len(recorded))


def _entry(row: int, name: str, expected: Any, recorded: Any) -> Iterator[WrongItem]:
    """The fields of an entry that differ; elements of words and states one by one."""
    fields = expected.dtype.names or ("",)
    for field in fields:
        mine, theirs = (value[field] if field else value for value in (expected, recorded))
        label = f"{name}.{field}" if field else name
        if mine.shape:
            for at in np.argwhere(mine != theirs).tolist():
                yield WrongItem(row, f"{label}{at}", int(mine[tuple(at)]), int(theirs[tuple(at)]))
        elif mine != theirs:
            yield WrongItem(row, label, int(mine), int(theirs))


def _targets(recording: Recording, rows: ProgramRows, expected: Sequence[Target]) -> Iterator[WrongItem]:
    table = recording.lowered.rows
    for index, (target, entry) in enumerate(zip(expected, recording.queues["targets"], strict=False)):
        row = rows.row_of_entry("targets", index)
        assert row is not None, "the reference's rows take as many entries as were derived from them"
        if target.enters_forest != bool(entry["enters_forest"]):
            name = f"targets[{index}].enters_forest"
            yield WrongItem(row, name, target.enters_forest, bool(entry["enters_forest"]))
        pc = int(entry["pc"])
        node = int(table.node[pc]) if 0 <= pc < len(table.kind) else -1
        if node < 0 or recording.lowered.start[node] != pc:
            yield WrongItem(row, f"targets[{index}].pc", "the first row of a node", f"row {pc} of the table")
        elif recording.lowered.digest(node) != target.digest:
            digests = (word_to_hex(digest) for digest in (target.digest, recording.lowered.digest(node)))
            yield WrongItem(row, f"targets[{index}].pc", *digests)


# ---- what is recorded once for the whole program --------------------------------------------------------------------


def _whole_program(recording: Recording, rows: ProgramRows) -> Iterator[WrongItem]:
    last, lengths = rows.count, rows.trace.lengths
    yield from _number(last, "core_rows", rows.count, recording.core_rows)
    yield from _number(last, "hasher_rows", lengths.hasher, recording.hasher_rows)
    yield from _number(last, "bitwise_requests", rows.taken["bitwise"][-1], recording.bitwise_requests)
    yield from _number(last, "kernel_rom rows", lengths.kernel_rom, _kernel_rows(recording))
    final = listed_differences(rows.outcome.stack, recording.final_stack[:16], "final stack")
    yield from (WrongItem(last, item.name, item.left, item.right) for item in final)
    wanted = rows.ace[:, 4:20]
    if wanted.shape != recording.ace.shape:
        yield WrongItem(last, "ace count", len(wanted), len(recording.ace))
        return
    for index, cell in np.argwhere(wanted != recording.ace)[:WRONG_ITEMS_KEPT].tolist():
        clk = int(rows.ace[index, 8])
        name = f"ace[{index}].chip_{cell + 4}"
        yield WrongItem(clk, name, int(wanted[index, cell]), int(recording.ace[index, cell]))


def _kernel_rows(recording: Recording) -> int:
    procedures = len(recording.lowered.program.kernel.procedures)
    return procedures + int(recording.kernel_calls[:procedures].sum())


assert CHIPLETS.stop - CHIPLETS.start == 20, "the memory and circuit rows are taken apart by position"
