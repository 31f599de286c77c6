"""Invariants of what happened: bytes, bookings, lanes, launches, generations (spec 09, B6)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Final

from gpu.byte_table import StepBytes
from gpu.chips import CHIP_ORDER
from gpu.errors import InvariantBroken
from gpu.invariants import demand
from gpu.lanes import LaneReport
from gpu.launching import Event, Launch
from gpu.regeneration import Generated
from gpu.source import Signature
from gpu.states import Cache, Phase

COUNTERS: Final = frozenset({"hist", "bus", "kcount", "u32ops", "part"})
"""Names of kernel parameters that point to side-effect buffers, where the kernel writes them."""


def check_bytes(steps: Sequence[StepBytes]) -> None:
    """INV-03."""
    for step in steps:
        demand(not step.wrong, "INV-03", f"shard {step.shard}, {step.step}: {'; '.join(step.wrong)}")


def check_live(most_live: int, lanes: int) -> None:
    """INV-04: the most chips that were live at once."""
    demand(most_live <= lanes, "INV-04", f"{most_live} chips were live at once on {lanes} lanes")


def check_estimates(history: Sequence[Generated]) -> None:
    """INV-05, of generations that ran alone. A verified one takes exactly its estimate, another one at most that."""
    for one in history:
        taken = one.peak - one.resident
        exact = taken == one.estimate if one.digest is not None else taken <= one.estimate
        demand(exact, "INV-05", f"chip {one.chip}, {one.phase}: {taken} bytes at the peak, estimate {one.estimate}")


def check_bookings(report: LaneReport, budget: int | None) -> None:
    """INV-20: the most that was booked at once."""
    demand(
        budget is None or report.peak_booked <= budget, "INV-20", f"{report.peak_booked} bytes booked, budget {budget}"
    )


def check_completion(report: LaneReport, log: Sequence[Launch], events: Sequence[Event], first: int) -> None:
    """INV-21: every task is started, done, finished, released, in this order, and none of its columns was freed between its
    last launch and its lane's completion.

    ``log``: the device's launches; ``events``: its events since launch ``first``, when the tasks began.
    """
    order: dict[str, list[str]] = {}
    lane_of: dict[str, int] = {}
    for noted in report.events:
        order.setdefault(noted.task, []).append(noted.kind)
        lane_of[noted.task] = noted.lane
    for task, kinds in order.items():
        expected = ["started", "done", "finished", "released"]
        demand(kinds == expected, "INV-21", f"task {task} was {', '.join(kinds)}")
    running: set[int] = set()
    seen = first
    for event in events:
        running |= {launch.lane for launch in log[seen : event.at] if launch.lane is not None}
        seen = max(seen, event.at)
        if event.kind == "synchronise":
            running.clear()
        elif event.kind == "finish" and event.lane is not None:
            running.discard(event.lane)
        chip, _, tile = event.name.partition(".")
        if event.kind == "free" and tile.isdigit() and lane_of.get(chip) in running:
            raise InvariantBroken("INV-21", f"{event.name} was freed while lane {lane_of[chip]} was running")


def check_strict(log: Sequence[Launch], events: Sequence[Event]) -> None:
    """INV-22: phases of launches and copies name shards in ascending order. ``log`` and ``events``: those after the survey."""
    for what, phases in (("launches", (each.phase for each in log)), ("copies", (each.phase for each in events))):
        latest = 0
        for phase, _ in groupby(phases):
            word, _, rest = phase.partition(" ")
            if word != "shard":
                continue
            number = int(rest.partition(" ")[0])
            demand(number >= latest, "INV-22", f"{what} of shard {number} after those of shard {latest}")
            latest = number


def check_generations(generations: Counter[tuple[str, Phase]], rounds: Counter[Phase], cache: Cache) -> None:
    """INV-23. ``rounds``: finished rounds of each phase; an opening leaves out chips that have none of its rows."""
    for chip in CHIP_ORDER:
        expected = dict.fromkeys(Phase, 0) | {Phase.ASSIGN: 1}
        if cache is Cache.NONE:
            expected |= {Phase.COMMIT: rounds[Phase.COMMIT], Phase.PROOF: rounds[Phase.PROOF]}
            expected[Phase.OPENING] = min(rounds[Phase.OPENING], generations[chip, Phase.OPENING])
        for phase in Phase:
            found = generations[chip, phase]
            demand(
                found == expected[phase],
                "INV-23",
                f"chip {chip} was generated {found} times for {phase}, not {expected[phase]}",
            )


def check_replays(log: Sequence[Launch], signatures: Mapping[str, Signature]) -> None:
    """INV-08: outside of assignment no kernel is launched with a pointer to side-effect counters."""
    counters = {
        name: {each.name for each in signature.parameters if each.pointer and not each.const} & COUNTERS
        for name, signature in signatures.items()
    }
    for kernel, phase, nulls in dict.fromkeys((launch.kernel, launch.phase, launch.nulls) for launch in log):
        if phase.startswith("shard ") and not phase.endswith((" assign", " upload")):
            given = sorted(counters[kernel].difference(nulls))
            demand(not given, "INV-08", f"{kernel} was given {', '.join(given)} in {phase}")


def check_fallbacks(wanted: Sequence[str], reported: Sequence[str]) -> None:
    """INV-24: every chip that was made on the host is reported, and no other."""
    demand(
        sorted(set(wanted)) == sorted(set(reported)),
        "INV-24",
        f"made on the host: {', '.join(wanted) or 'none'}; reported: {', '.join(reported) or 'none'}",
    )
