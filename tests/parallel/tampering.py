"""Tampering with contexts: every field of every snapshot and queue, and what becomes of it.

``python tests/parallel/tampering.py EACH`` prints the table of counts, EACH changes of every kind per field.
"""

from __future__ import annotations

import json
import random
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from parallel.assemble import Builder
from parallel.context_error import ContextError
from parallel.executor import record
from parallel.recording import QUEUES, SNAPSHOT, Recording
from reference.definition.cuts import ONE_FRAGMENT, At, CutPlan, Every
from reference.definition.field import P
from reference.definition.formats.case_json import read_case

CASES = Path(__file__).parent.parent / "data" / "vm" / "cases.jsonl"

REFUSED, HARMLESS, UNDETECTED = "refused", "harmless", "undetected"

NUMBERS = ("core_rows", "hasher_rows", "bitwise_requests")
WHOLE = ("ace", "kernel_calls", "final_stack")

ONLY_ANOTHER_ENGINE = {
    "snapshots.stack": "in the first snapshot: the inputs of the run, which nothing precedes; equal to another run's",
    "pops": "as pops.value and pops.overflow_addr, for an entry repeated, dropped or moved within its fragment",
    "restores": "as restores.ctx, for an entry moved or replaced",
    "pops.value": "the item may have been pushed before the fragment and be gone before the next boundary",
    "pops.overflow_addr": "another clk below that of the entry above, replaced by the next push or pop before a boundary",
    "restores.ctx": "the caller's state may have been saved fragments ago and be replaced by the next END of a call",
    "restores.fn_hash": "as restores.ctx",
    "restores.depth": "as restores.ctx",
    "restores.overflow_addr": "as restores.ctx",
    "advice": "what the host said; only the host, or an engine that asks it again, knows better",
    "permutations": "the rounds between input and output are not computed again; the output is what the program goes on with",
    "ends.node_flags": "loop entered or not, where the fragment begins with that END: the row before it knew",
    "ace": "results and wire numbers of a circuit: only its evaluation gives them",
    "kernel_calls": "which procedure of the kernel was called how often, given the right sum",
}
"""Values that can be wrong and unseen here, by field, with the reason; the other engines compare the resulting cells."""

PROGRAMS: dict[str, CutPlan] = {
    "op_mrupdate_700781": Every(7),
    "op_pipe_700722": Every(16),
    "op_evalcircuit_700771": Every(9),
    "op_add_700330": Every(3),
    "op_hperm_700700": ONE_FRAGMENT,
    "mix_720170": At((1, 2, 40, 41, 90, 171)),
    "ctl_dyn_lib_703350": Every(5),
    "ctl_loop_body_dyncall_703180": Every(1),
}
"""Between them every queue has entries, and fragments have 1 to all rows."""

KINDS = ("off by one", "off by eight", "random", "other entry's", "zero", "huge", "negative")


@dataclass(frozen=True)
class Tampering:
    """One change: ``field`` as in ONLY_ANOTHER_ENGINE, what was done, and the recording that results."""

    field: str
    kind: str
    recording: Recording


@cache
def case_line(name: str) -> str:
    """The line of a recorded case."""
    return next(line for line in CASES.read_text().splitlines() if json.loads(line)["name"] == name)


def recording_of(name: str, cut: CutPlan) -> Recording:
    """A recorded case, run with these cuts."""
    return record(replace(read_case(case_line(name), name), cuts=(cut,)))


def _changed(value: int, kind: str, other: int, random_: random.Random, *, signed: bool) -> int:
    match kind:
        case "off by one":
            new = value + random_.choice((-1, 1))
        case "off by eight":
            new = value + random_.choice((-8, 8))
        case "random":
            new = random_.randrange(P)
        case "other entry's":
            new = other
        case "zero":
            new = 0
        case "huge":
            new = random_.choice((2**63 - 1, 2**32, P - 1)) if signed else random_.choice((2**64 - 1, P, P + 1, P - 1))
        case _:
            new = random_.choice((-1, -(2**63), -(2**31)))
    return (new + 2**63) % 2**64 - 2**63 if signed else new % 2**64


def _with_queue(recording: Recording, name: str, array: np.ndarray) -> Recording:
    if name == "snapshots":
        return replace(recording, snapshots=array)
    if name in WHOLE:
        return replace(recording, **{name: array})
    return replace(recording, queues={**recording.queues, name: array})


def _array(recording: Recording, name: str) -> np.ndarray:
    if name == "snapshots" or name in WHOLE:
        return getattr(recording, name)
    return recording.queues[name]


def fields() -> list[tuple[str, str]]:
    """(array, field) of everything in a recording that has values; the field is empty for arrays of plain numbers."""
    found = [("snapshots", name) for name in SNAPSHOT.names or ()]
    for queue, entry in QUEUES.items():
        names = getattr(entry, "names", None)
        found += [(queue, name) for name in names] if names else [(queue, "")]
    return [*found, ("ace", ""), ("kernel_calls", "")]


def value_tamperings(recording: Recording, random_: random.Random, each: int) -> Iterator[Tampering]:
    """Single values changed, ``each`` times per field and kind of change."""
    for array_name, field in fields():
        array = _array(recording, array_name)
        if not len(array):
            continue
        label = f"{array_name}.{field}" if field else array_name
        for kind in KINDS:
            for _ in range(each):
                new = array.copy()
                flat = new[field].reshape(len(new), -1) if field else new.reshape(len(new), -1)
                entry, other = random_.randrange(len(new)), random_.randrange(len(new))
                place = random_.randrange(flat.shape[1])
                old = int(flat[entry, place])
                signed = flat.dtype == np.int64
                value = _changed(old, kind, int(flat[other, place]), random_, signed=signed)
                if value == old:
                    continue
                if field:
                    if new[field].ndim > 1:
                        new[field][entry, place] = value
                    else:
                        new[field][entry] = value
                else:
                    flat[entry, place] = value
                yield Tampering(label, kind, _with_queue(recording, array_name, new))


def queue_tamperings(recording: Recording, random_: random.Random, each: int) -> Iterator[Tampering]:
    """Entries dropped, duplicated, swapped with their neighbour, or replaced by another fragment's."""
    for name in ("snapshots", *QUEUES, "ace", "kernel_calls"):
        array = _array(recording, name)
        if not len(array):
            continue
        for _ in range(each):
            entry, other = random_.randrange(len(array)), random_.randrange(len(array))
            swapped = array.copy()
            if len(array) > 1:
                first = random_.randrange(len(array) - 1)
                swapped[[first, first + 1]] = array[[first + 1, first]]
            foreign = array.copy()
            foreign[entry] = array[other]
            changes = {
                "drop": np.delete(array, entry, axis=0),
                "duplicate": np.insert(array, entry, array[entry], axis=0),
                "swap": swapped,
                "foreign entry": foreign,
            }
            for kind, new in changes.items():
                if new.tobytes() != array.tobytes():
                    yield Tampering(name, kind, _with_queue(recording, name, new))


def number_tamperings(recording: Recording, random_: random.Random, each: int) -> Iterator[Tampering]:
    """The counts and the outputs that belong to the whole run."""
    for name in NUMBERS:
        for kind in KINDS:
            for _ in range(each):
                value = _changed(getattr(recording, name), kind, 8, random_, signed=True)
                if value != getattr(recording, name):
                    yield Tampering(name, kind, replace(recording, **{name: value}))
    for _ in range(each):
        final: list[Any] = list(recording.final_stack)
        place = random_.randrange(19)
        final[place] = (final[place] + 1) % P
        yield Tampering("final_stack", "off by one", replace(recording, final_stack=tuple(final)))
        yield Tampering("final_stack", "drop", replace(recording, final_stack=recording.final_stack[:-1]))


def tamperings(recording: Recording, seed: int, each: int) -> Iterator[Tampering]:
    """Every kind of change on every field; the same for the same seed."""
    random_ = random.Random(seed)
    yield from value_tamperings(recording, random_, each)
    yield from queue_tamperings(recording, random_, each)
    yield from number_tamperings(recording, random_, each)


def judge(tampering: Tampering, expected: np.ndarray, builder: Builder) -> str:
    """What became of it: refused by name, harmless (the trace is the same), or wrong and undetected."""
    try:
        built = builder.build(tampering.recording)
    except ContextError:
        return REFUSED
    same = built.columns.shape == expected.shape and bool((built.columns == expected).all())
    builder.arena.give_back(built.buffer)
    return HARMLESS if same else UNDETECTED


def tampering_table(programs: dict[str, CutPlan], seed: int, each: int) -> dict[str, Counter[str]]:
    """Per field and kind of change, how many were refused, harmless, undetected."""
    table: dict[str, Counter[str]] = {}
    builder = Builder(threads=1)
    for name, cut in programs.items():
        recording = recording_of(name, cut)
        expected = builder.build(recording).columns.copy()
        for tampering in tamperings(recording, seed, each):
            table.setdefault(tampering.field, Counter())[judge(tampering, expected, builder)] += 1
    return table


def table_lines(table: dict[str, Counter[str]]) -> list[str]:
    """The table for people, and its sums."""
    lines = [f"{'field':32} {REFUSED:>9} {HARMLESS:>9} {UNDETECTED:>11}"]
    total: Counter[str] = Counter()
    for field, counts in table.items():
        total += counts
        lines.append(f"{field:32} {counts[REFUSED]:9} {counts[HARMLESS]:9} {counts[UNDETECTED]:11}")
    lines.append(f"{'total':32} {total[REFUSED]:9} {total[HARMLESS]:9} {total[UNDETECTED]:11}")
    return lines


if __name__ == "__main__":
    print("\n".join(table_lines(tampering_table(PROGRAMS, seed=1, each=int(sys.argv[1])))))
