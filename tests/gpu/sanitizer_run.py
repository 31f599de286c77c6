"""What the tests run in a sanitized process: whole life cycles of recorded cases, as recorded and with altered raw state."""

from __future__ import annotations

import random
from collections import Counter
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import numpy as np
from core_run import recording_of, vm_cases

from gpu.chipset import standard
from gpu.commit import commit_all
from gpu.errors import GpuError
from gpu.host_device import HostDevice
from gpu.layout import extents
from gpu.lifecycle import walk
from gpu.opening import open_rows
from gpu.proof import ColumnSums, prove_all
from gpu.raw import RawState, pack
from gpu.runs import merge
from gpu.session import Session
from gpu.sides import total
from gpu.tables import ProgramTables
from gpu.walk import Options
from parallel.recording import Recording
from reference.definition.cuts import Every
from reference.definition.field import P
from reference.definition.outcome import Completed

OPTIONS = (
    Options(),
    Options(cache="full", lanes=2, merkle=8),
    Options(cache="trace", shards=3, fallback=("mem",)),
)


def recordings(every: int, stride: int) -> dict[str, Recording]:
    """Each ``stride``-th completed case of the recorded ones, cut every so many rows."""
    names = list(vm_cases())[::stride]
    found = {name: recording_of(vm_cases()[name], Every(every)) for name in names}
    return {name: recording for name, recording in found.items() if isinstance(recording.outcome, Completed)}


def life_cycle(raw: RawState, tables: ProgramTables, **device: Any) -> None:
    """Assigns, commits, proves, opens. Raises what any of it refuses."""
    with ExitStack() as stack:
        host = stack.enter_context(HostDevice(sanitize=True, **device))
        session = stack.enter_context(Session(host, standard()))
        session.upload(raw, tables)
        session.count()
        (runs,) = merge([session.sorted_accesses()])
        session.count_memory(runs)
        range_rows = session.range_rows()
        sides = total([session.take_sides()])
        kernel_rows = len(sides.kernel_calls) + int(sides.kernel_calls.sum())
        (extent,) = extents([session.shard_counts], kernel_rows=kernel_rows, range_rows=range_rows)
        session.seal(extent, sides)
        commitment, _ = commit_all(session)
        prove_all(session, commitment, [ColumnSums()])
        open_rows(session, [0, extent.rows - 1], commitment=commitment)


def as_recorded(every: int, stride: int, **device: Any) -> None:
    """Walks with all invariants checked, by turns at each cache level; prints how many cases went through."""
    found = recordings(every, stride)
    for number, recording in enumerate(found.values()):
        options = OPTIONS[number % len(OPTIONS)]
        with HostDevice(sanitize=True, **device) as host:
            walk(recording, host, replace(options, shards=min(options.shards, len(recording.snapshots))))
    print(f"clean {len(found)}")


def altered(seed: int, every: int, stride: int, trials: int) -> None:
    """Alters one recorded value per trial; prints each trial, and at the end how they ended, by name of the error."""
    choices = random.Random(seed)
    ends: Counter[str] = Counter()
    for name, recording in recordings(every, stride).items():
        tables = ProgramTables.of(recording.lowered)
        for _ in range(trials):
            told, wrong = _one_value_altered(recording, choices)
            print(f"{name}: {told}", flush=True)
            try:
                life_cycle(pack(wrong, tables), tables, order=choices.randrange(3))
                ends["accepted"] += 1
            except GpuError as error:
                ends[type(error).__name__] += 1
    print(f"ended {sum(ends.values())}: {dict(ends)}")


def _one_value_altered(recording: Recording, choices: random.Random) -> tuple[str, Recording]:
    arrays = {"snapshots": recording.snapshots, "ace": recording.ace, **recording.queues}
    name = choices.choice([name for name, array in arrays.items() if array.size])
    array = arrays[name].copy()
    field = choices.choice(array.dtype.names) if array.dtype.names else ""
    values = array[field] if field else array
    place = tuple(choices.randrange(extent) for extent in values.shape)
    info, old = np.iinfo(values.dtype), int(values[place])
    near = (old + 1, old - 1, old ^ (1 << choices.randrange(32)), old + choices.randrange(-100, 100))
    far = (
        0,
        1,
        2**31,
        2**32 - 1,
        2**32,
        2**63 - 1,
        info.max,
        info.min,
        choices.randint(0, 2**32),
        choices.randrange(P),
    )
    values[place] = min(max(choices.choice((*near, *choices.sample(far, 4))), info.min), info.max)
    told = f"{name}{list(place)} {field} {old} -> {values[place]}"
    if name in ("snapshots", "ace"):
        return told, replace(recording, **{name: array})
    return told, replace(recording, queues={**recording.queues, name: array})
