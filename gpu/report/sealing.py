"""A whole program in one sealed session: what regenerations are measured in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from gpu.chipset import standard
from gpu.device import Device
from gpu.layout import extents
from gpu.raw import RawState, pack
from gpu.recordings import AnyRecording
from gpu.runs import whole_section
from gpu.session import Session
from gpu.survey import kernel_rows
from gpu.tables import ProgramTables


@dataclass(frozen=True, slots=True)
class Sealed:
    """A session after its assignment, and how long that took."""

    session: Session
    raw: RawState
    upload_s: float
    """Raw state and tables to the device, and their fingerprint."""
    assign_s: float
    """Counting, sorting, sealing: every chip is generated once, checked and digested."""
    assign_launches: int


@contextmanager
def sealed(device: Device, recording: AnyRecording) -> Iterator[Sealed]:
    """Assigns the program in one shard; released when the block ends. Raises the errors of spec 09, B10."""
    tables = ProgramTables.of(recording.lowered)
    raw = pack(recording, tables)
    with Session(device, standard(), check=False) as session:
        begun = device.mark()
        session.upload(raw, tables)
        uploaded = device.mark()
        launches = len(device.log)
        session.count()
        session.count_memory(whole_section())
        sides = session.take_sides()
        kernel = kernel_rows(raw.counts["kernel_procedures"], sides)
        (extent,) = extents([session.shard_counts], kernel_rows=kernel, range_rows=session.range_rows())
        session.seal(extent, sides)
        device.synchronise()
        done = device.mark()
        yield Sealed(
            session, raw, device.seconds(begun, uploaded), device.seconds(uploaded, done), len(device.log) - launches
        )
