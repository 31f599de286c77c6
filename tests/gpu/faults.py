"""Planted faults: what is broken on purpose, and the named error that has to catch it.

Each fault is run through a whole walk or a session, on a device on which nothing may be left afterwards. ``python faults.py``
prints the table as Markdown.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from altered_chips import (
    AlteredChip,
    AlteredFragments,
    KeepsCounters,
    OtherTiles,
    ask_for_counters,
    count_again,
    counted_more,
    fail,
    fewer_places,
    launch_with_counters,
    longer_range_table,
    memory_counted_twice,
    opening,
    replaying,
    set_cell,
    silent_chip,
    take_scratch,
)
from walked_cases import recording_of

from gpu.arena import Tag
from gpu.chips import Cells, Chip, Generation
from gpu.chipset import standard
from gpu.device import Buffer, Lane
from gpu.fallback import HostFallback
from gpu.host_device import HostDevice
from gpu.lifecycle import walk
from gpu.session import Session
from gpu.states import Phase
from gpu.walk import Options
from parallel.recording import Recording
from reference.definition.cuts import Every

CASE: Final = "mix_720020"
"""Circuits, memory, recorded permutations, a deep stack; 166 rows, 24 fragments of seven."""
BITWISE_CASE: Final = "op_u32and_700370"

Run = Callable[[HostDevice], None]


@dataclass(frozen=True)
class Fault:
    """One line of the table."""

    covers: tuple[str, ...]
    """Invariants, and points of spec 09, B13."""
    what: str
    error: str
    """Name of the error's class."""
    says: str
    """A pattern of its message."""
    run: Run
    device: Callable[[], HostDevice] = HostDevice


def walk_with(
    device: HostDevice,
    *,
    name: str = CASE,
    recording: Recording | None = None,
    chip: Callable[[Chip], Chip] | None = None,
    of: str = "",
    hook: Callable[[str, Session], None] | None = None,
    reference: np.ndarray | None = None,
    **options: Any,
) -> None:
    """A walk of a recorded case with one chip, the recording, or a step altered."""
    chipset = standard()
    if chip is not None:
        chipset = chipset.with_chip(chip(chipset.chips[of]))
    chipset = options.pop("chipset", lambda plain: plain)(chipset)
    walk(recording or recording_of(name), device, Options(**options), chipset=chipset, hook=hook, reference=reference)


# ---- altered recordings ---------------------------------------------------------------------------------------------


def without_entry(queue: str, fragment: int) -> Recording:
    """The recording without the last entry of a fragment's part of a queue; later parts move up."""
    return _with_queue(queue, fragment, -1)


def with_entry(queue: str, fragment: int) -> Recording:
    """The recording with the last entry of a fragment's part of a queue twice."""
    return _with_queue(queue, fragment, 1)


def _with_queue(queue: str, fragment: int, change: int) -> Recording:
    plain = recording_of(CASE, Every(7))
    snapshots, entries = plain.snapshots.copy(), plain.queues[queue]
    last = int(snapshots[fragment + 1][queue]) - 1
    assert last >= int(snapshots[fragment][queue]), "the fragment has no entry of the queue"
    altered = np.delete(entries, last, axis=0) if change < 0 else np.insert(entries, last, entries[last], axis=0)
    snapshots[queue][fragment + 1 :] += change
    return replace(plain, snapshots=snapshots, queues={**plain.queues, queue: altered})


def with_header(field: str, fragment: int, place: int | None = None) -> Recording:
    """The recording with one word of a fragment's header changed by one."""
    plain = recording_of(CASE, Every(7))
    snapshots = plain.snapshots.copy()
    if place is None:
        snapshots[field][fragment] += 1
    else:
        snapshots[field][fragment, place] += np.uint64(1)
    return replace(plain, snapshots=snapshots)


# ---- altered steps --------------------------------------------------------------------------------------------------


def at(step: str, do: Callable[[Session], None]) -> Callable[[str, Session], None]:
    """A hook that does something once, in the first shard that reaches the step."""
    done: list[str] = []

    def hook(reached: str, session: Session) -> None:
        if reached == step and not done:
            done.append(step)
            do(session)

    return hook


def flip_bit(session: Session) -> None:
    _flip(session.resident.raw["acc_word"])


def flip_table_bit(session: Session) -> None:
    _flip(session.resident.tables["digests"])


def _flip(buffer: Buffer) -> None:
    buffer.array.reshape(-1)[-1] ^= np.uint64(1 << 40)


def use_again(session: Session) -> None:
    with session.regenerate(session.plans["rng"], Phase.PROOF):
        pass


def use_two_at_once(session: Session) -> None:
    with session.generator.using("sys"), session.generator.using("dec"):
        pass


def work_for_the_next_shard(session: Session) -> None:
    session.device.phase = "shard 1 upload"
    session.device.upload(Tag.SCRATCH, "early", np.zeros(1, np.uint64)).free()


def take_again(session: Session) -> None:
    session.take_sides()
    session.take_sides()


def replay_stale(device: HostDevice) -> None:
    """A plan of the session before, of equal content; nothing may be launched or allocated."""
    kept: list[Any] = []

    def use(session: Session) -> None:
        if not kept:
            kept.append(session.plans["mem"])
            return
        launches, live = len(device.log), device.arena.total
        try:
            with session.regenerate(kept[0], Phase.COMMIT):
                pass
        finally:
            assert (len(device.log), device.arena.total) == (launches, live)

    walk_with(device, hook=at("sealed", use))
    walk_with(device, hook=at("sealed", use))


def replay_released(device: HostDevice) -> None:
    kept: list[Session] = []
    walk_with(device, hook=at("sealed", kept.append))
    (session,) = kept
    launches = len(device.log)
    try:
        with session.regenerate(session.plans["mem"], Phase.COMMIT):
            pass
    finally:
        assert len(device.log) == launches


def forget_buffer(device: HostDevice) -> None:
    kept: list[Buffer] = []
    try:
        walk_with(
            device, hook=at("proven", lambda session: kept.append(device.empty(Tag.SCRATCH, "forgotten", 3, "u8")))
        )
    finally:
        kept[0].free()


def keep_while_committing(device: HostDevice) -> None:
    """A buffer that the byte table knows nothing of lives for one step."""
    kept: list[Buffer] = []

    def hook(step: str, session: Session) -> None:
        if step == "sealed":
            kept.append(device.empty(Tag.RAW, "unknown", 5, "u1"))
        if step == "committed":
            kept[0].free()

    walk_with(device, hook=hook)


def book_and_keep(device: HostDevice) -> None:
    kept: list[Any] = []

    def keep(g: Generation, cells: Sequence[Cells]) -> None:
        if not kept:
            kept.append(device.arena.book("planted", 11))

    try:
        walk_with(device, chip=lambda chip: AlteredChip(chip, keep), of="bit")
    finally:
        kept[0].close()


def budget_one_byte_short(device: HostDevice) -> None:
    """The smallest budget with which a walk passes, and one byte less."""
    needed = walk(recording_of(CASE), device, Options(openings=0)).peak_in_use
    assert walk(recording_of(CASE), device, Options(openings=0, budget=needed)).peak_in_use == needed
    walk_with(device, budget=needed - 1, openings=0)


class Hurried(HostDevice):
    """A device that gives memory back without waiting for its lanes."""

    def lane(self, index: int) -> Any:
        return _NeverFinished(super().lane(index))


class _NeverFinished:
    def __init__(self, lane: Lane) -> None:
        self.index = lane.index

    def finish(self) -> None:
        pass


def other_tiles(device: HostDevice) -> None:
    made: list[OtherTiles] = []

    def altered(chip: Chip) -> Chip:
        made.append(OtherTiles(chip, set_cell(0), replaying))
        made[0].phase = "assign"
        return made[0]

    def later(session: Session) -> None:
        made[0].phase = "commit"

    walk_with(device, chip=altered, of="ace", hook=at("sealed", later))


def silent_fallback(device: HostDevice) -> None:
    def swallow(session: Session) -> None:
        chip = session.chipset.chips["mem"]
        assert isinstance(chip, HostFallback)
        chip.events = []

    walk_with(device, fallback=("mem",), hook=at("uploaded", swallow))


def other_on_the_host(device: HostDevice) -> None:
    """A chip is made on the host when it is proved, and comes out differently there."""
    with HostDevice() as host:
        wrong: list[Chip] = []

        def altered(chip: Chip) -> Chip:
            fallback = HostFallback(AlteredChip(chip, set_cell(5)), host, [])
            wrong.append(fallback)
            return AlteredChip(chip, fallback.generate, lambda phase: phase.endswith("proof"))

        walk_with(device, chip=altered, of="krm", name="ctl_sys_many_703280")


def altered_reference(device: HostDevice) -> None:
    trace = walk(recording_of(CASE), device).trace().copy()
    trace[71, 3] = 1
    walk_with(device, reference=trace)


def shard_boundary(device: HostDevice) -> None:
    """The state before the second shard is changed, in its recording alone: the first one's last fragment sees it."""
    walk_with(device, recording=with_header("stack", 12, 3), shards=(12,))


FAULTS: Final[tuple[Fault, ...]] = (
    Fault(("B13.1", "INV-10"), "a plan of the last session, of equal content, is replayed", "StalePlan", "epoch", replay_stale),
    Fault(("INV-11",), "a plan is replayed after the release", "StalePlan", "no session is current", replay_released),
    Fault(
        ("B13.2", "INV-02"), "one bit of the raw state is flipped after sealing", "InvariantBroken", "INV-02: raw state",
        lambda device: walk_with(device, hook=at("sealed", flip_bit)),
    ),
    Fault(
        ("INV-02",), "one bit of the program's tables is flipped after the commitment", "InvariantBroken", "INV-02: tables",
        lambda device: walk_with(device, hook=at("committed", flip_table_bit)),
    ),
    Fault(
        ("B13.3", "INV-06"), "a chip gives another cell at its second generation", "InvariantBroken", "INV-06: chip mem",
        lambda device: walk_with(device, chip=lambda chip: AlteredChip(chip, set_cell(3), replaying), of="mem"),
    ),
    Fault(
        ("B13.3", "INV-07"), "a replay counts once more, through a pointer kept from assignment", "InvariantBroken",
        "INV-07", lambda device: walk_with(device, chip=lambda chip: AlteredChip(chip, KeepsCounters(count_again)), of="mem"),
    ),
    Fault(
        ("INV-08",), "a replay asks for the side-effect buffers", "SideEffectInReplay", "buffer bus",
        lambda device: walk_with(device, chip=lambda chip: AlteredChip(chip, ask_for_counters, replaying), of="hsh"),
    ),
    Fault(
        ("INV-08",), "a counting kernel is launched in a replay, and counts nothing", "InvariantBroken",
        "INV-08: mem_count was given hist in shard 0 commit",
        lambda device: walk_with(
            device, chip=lambda chip: AlteredChip(chip, KeepsCounters(launch_with_counters)), of="mem"
        ),
    ),
    Fault(
        ("B13.4", "INV-16"), "an entry is dropped from a queue", "QueueUnderflow", r"fragment 5.*field pops",
        lambda device: walk_with(device, recording=without_entry("pops", 5)),
    ),
    Fault(
        ("B13.4", "INV-16"), "an entry is added to a queue", "QueueLeftover", r"fragment 5.*field pops",
        lambda device: walk_with(device, recording=with_entry("pops", 5)),
    ),
    Fault(
        ("B13.5", "INV-15"), "one word of a header is changed", "CarryMismatch",
        "between fragments 8 and 9.*row 63, field stack_2",
        lambda device: walk_with(device, recording=with_header("stack", 9, 2)),
    ),
    Fault(
        ("INV-15",), "the state between two shards is changed", "CarryMismatch",
        "between fragments 11 and 12.*row 84, field stack_3",
        shard_boundary,
    ),
    Fault(
        ("B13.6", "INV-20"), "the budget is one byte below the largest task", "BudgetDeadlock", "none of these fits: .* [0-9]+",
        budget_one_byte_short,
    ),
    Fault(
        ("B13.7",), "a chip raises in its lane", "LaneFailed", "task dec: ZeroDivisionError: planted",
        lambda device: walk_with(device, chip=lambda chip: AlteredChip(chip, fail, replaying), of="dec", lanes=3),
    ),
    Fault(
        ("INV-09",), "a chip leaves a value that is no field element", "UnwrittenCells", "chip krm: .*count=1",
        lambda device: walk_with(
            device, chip=lambda chip: AlteredChip(chip, set_cell(2**64 - 2**32 + 1)), of="krm", name="ctl_sys_many_703280"
        ),
    ),
    Fault(("INV-09",), "a chip has another shape than its plan", "ShapeMismatch", "chip ace: its tiles are", other_tiles),
    Fault(
        ("B13.10",), "the side effects are taken twice", "WrongState", "taken already",
        lambda device: walk_with(device, hook=at("counted", take_again)),
    ),
    Fault(
        ("B13.10", "INV-19"), "a message counter is above what the recorded requests can make", "CapacityExceeded",
        "bus BITWISE: 10 requests, capacity 9",
        lambda device: walk_with(device, name=BITWISE_CASE, chipset=counted_more("bus", (0, 5, 0), 1)),
    ),
    Fault(
        ("B13.10", "INV-19"), "a plan array has one place too few for what the replay finds", "CapacityExceeded", "SCATTER",
        lambda device: walk_with(device, name=BITWISE_CASE, chipset=fewer_places("bit_a")),
    ),
    Fault(("INV-01",), "a buffer is left after the release", "LeakDetected", "forgotten 24", forget_buffer),
    Fault(("INV-03",), "bytes that the table does not know live for a step", "InvariantBroken",
          "INV-03: shard 0, commit sys: RAW", keep_while_committing),
    Fault(
        ("INV-04",), "two chips are worked on on one lane", "InvariantBroken", "INV-04: 2 chips are live on 1 lanes",
        lambda device: walk_with(device, hook=at("sealed", use_two_at_once)),
    ),
    Fault(
        ("INV-05",), "a chip takes less than its estimate", "InvariantBroken", "INV-05: chip rng, assign",
        lambda device: walk_with(device, chip=lambda chip: AlteredChip(chip, take_scratch(0), extra=5000), of="rng"),
    ),
    Fault(
        ("INV-05", "INV-20"), "a chip takes more than its estimate", "BudgetExceeded", "booking rng",
        lambda device: walk_with(device, chip=lambda chip: AlteredChip(chip, take_scratch(1 << 20)), of="rng"),
    ),
    Fault(
        ("INV-12",), "the replay counts a range-checked row that is none", "InvariantBroken", "INV-12: .* lookups",
        lambda device: walk_with(device, chipset=counted_more("u32ops", 0, 1)),
    ),
    Fault(
        ("INV-12",), "memory's deltas are counted twice", "InvariantBroken", "INV-12: value .* was counted",
        lambda device: walk_with(device, chipset=memory_counted_twice),
    ),
    Fault(
        ("INV-12",), "four lookups and their row are counted that the program does not make", "InvariantBroken",
        "INV-12: .* the decoder shows",
        lambda device: walk_with(
            device, chipset=lambda plain: counted_more("u32ops", 0, 1)(counted_more("hist", 0, 4)(plain))
        ),
    ),
    Fault(
        ("INV-13",), "the range table is laid out a row too long", "InvariantBroken", "INV-13: the range table has",
        lambda device: walk_with(device, chipset=longer_range_table),
    ),
    Fault(
        ("INV-14",), "the bitwise rows answer nothing", "InvariantBroken", "INV-14: bus BITWISE: 9 requests, 0 responses",
        lambda device: walk_with(device, name=BITWISE_CASE, chipset=silent_chip("bit")),
    ),
    Fault(
        ("INV-14",), "a request has another content", "InvariantBroken", "INV-14: bus HASH_IN: .*differ by 0000000000000001",
        lambda device: walk_with(device, chipset=counted_more("bus", (0, 0, 1), 1)),
    ),
    Fault(("INV-17",), "another engine's trace has another cell", "InvariantBroken", "INV-17: columns 71", altered_reference),
    Fault(
        ("INV-18",), "a core chip gives another cell when it is opened", "InvariantBroken", "INV-18: row 0, column 0",
        lambda device: walk_with(device, chip=lambda chip: AlteredFragments(chip, set_cell(99), opening), of="sys"),
    ),
    Fault(("INV-20",), "a booking is never closed", "InvariantBroken", "INV-20: 11 bytes are booked", book_and_keep),
    Fault(
        ("INV-21",), "columns are freed while their lane is running", "InvariantBroken", "INV-21: sys.0 was freed",
        walk_with, Hurried,
    ),
    Fault(
        ("INV-22",), "a copy is made for the next shard", "InvariantBroken", "INV-22: copies of shard 0 after those of shard 1",
        lambda device: walk_with(device, shards=2, hook=at("committed", work_for_the_next_shard)),
    ),
    Fault(
        ("INV-23",), "a chip is generated once more than it is used", "InvariantBroken",
        "INV-23: chip rng was generated 2 times for proof",
        lambda device: walk_with(device, hook=at("committed", use_again)),
    ),
    Fault(("INV-24",), "a chip is made on the host and nobody says so", "InvariantBroken",
          "INV-24: .*reported: none", silent_fallback),
    Fault(("INV-24", "INV-06"), "a chip comes out differently on the host", "InvariantBroken",
          "INV-06: chip krm", other_on_the_host),
)  # fmt: skip
"""All but the kernel variants, which need a folder for their sources, and B13.9, which is shapes: test_lifecycle.py."""

KERNEL_VARIANTS: Final = {
    "bit_expand": ("bitwise.cuh", "if (row >= rows) return;", "if (row >= rows || row == 13) return;", BITWISE_CASE),
    "mem_expand": ("memory.cuh", "out[17 * ld + i] = step.same;", "if (i != 2) out[17 * ld + i] = step.same;", CASE),
}
"""B13.8: kernel, its file, a line of it, the line that leaves a cell unwritten, and a case that has the cell."""


def table() -> list[str]:
    """The table as Markdown."""
    lines = ["| covers | fault | error |", "|---|---|---|"]
    for fault in FAULTS:
        number = f" {fault.says[:6]}" if fault.error == "InvariantBroken" else ""
        lines.append(f"| {', '.join(fault.covers)} | {fault.what} | {fault.error}{number} |")
    lines += [
        f"| B13.8, INV-09 | a variant of {kernel} leaves cells unwritten | UnwrittenCells |"
        for kernel in KERNEL_VARIANTS
    ]
    return lines


if __name__ == "__main__":
    print("\n".join(table()))
