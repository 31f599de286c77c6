"""Sealed sessions of recorded cases: one shard, or several on as many devices."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from gpu.chipset import standard
from gpu.host_device import HostDevice
from gpu.layout import extents
from gpu.raw import pack
from gpu.runs import merge
from gpu.session import Session
from gpu.shards import bounds
from gpu.sides import total
from gpu.tables import ProgramTables
from parallel.recording import Recording


@contextmanager
def sealed_shards(devices: Sequence[HostDevice], recording: Recording, **options: Any) -> Iterator[list[Session]]:
    """One sealed session per device, together the program; released at the end."""
    tables = ProgramTables.of(recording.lowered)
    cuts = bounds(len(recording.snapshots), len(devices))
    assert len(cuts) == len(devices)
    with ExitStack() as stack:
        sessions = []
        for number, (device, (first, end)) in enumerate(zip(devices, cuts, strict=True)):
            session = stack.enter_context(Session(device, standard(), shard=number, **options))
            session.upload(pack(recording, tables, first, end), tables)
            session.count()
            sessions.append(session)
        for session, runs in zip(sessions, merge([session.sorted_accesses() for session in sessions]), strict=True):
            session.count_memory(runs)
        sides = total([session.take_sides() for session in sessions])
        kernel_rows = len(sides.kernel_calls) + int(sides.kernel_calls.sum())
        shapes = extents(
            [session.shard_counts for session in sessions], kernel_rows=kernel_rows, range_rows=recording_range(sides.hist)
        )
        for session, extent in zip(sessions, shapes, strict=True):
            session.seal(extent, sides)
        yield sessions


@contextmanager
def sealed(device: HostDevice, recording: Recording, **options: Any) -> Iterator[Session]:
    """The sealed session of a whole program."""
    with sealed_shards([device], recording, **options) as (session,):
        yield session


def recording_range(hist: Any) -> int:
    """R: rows of the range table for these multiplicities, bridge by bridge (spec 05, section 7)."""
    present = sorted({0, 65535, *(int(value) for value in hist.nonzero()[0])})
    rows = 1 + len(present)
    for low, high in zip(present, present[1:], strict=False):
        gap = high - low
        while gap > 1:
            stride = max((3**k for k in range(8) if 3**k <= gap))
            if stride == gap:
                break
            rows, gap = rows + 1, gap - stride
    return rows
