"""The parts of a report, one after the other: what each asks and how much of the time it may take.

A stage fills a part of the report while it runs, so that what was done is kept whenever it ends. Time that a stage leaves goes
to those after it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from gpu import compile_report, nvrtc
from gpu.compile_report import Report, Usage
from gpu.cost_model import ESTIMATES, Model
from gpu.cuda_device import CudaDevice
from gpu.device import Device, Tag
from gpu.errors import BudgetExceeded, DeviceUnavailable
from gpu.host_device import HostDevice
from gpu.report import bench, machine, programs, suite, trouble
from gpu.report.bundle import BENCH, SUITE, Bundle, Item

Json = dict[str, Any]

QUICK_CASES: Final = 40
QUICK_ROUNDS, HOST_ROUNDS, ROUNDS = 2, 3, 9
CHECKED_CASES: Final = 3
"""Cases that a checking tool walks: under it a kernel takes ten to a hundred times as long."""
TOGETHER_CASES: Final = 12
COMPILE_SECONDS: Final = 30
"""Time that compiling for one architecture must have left."""


class Skipped(Exception):  # noqa: N818 - what happened
    """The stage has nothing to do here; the message says why."""


@dataclass
class Context:
    """What the stages share."""

    device: Device
    bundle: Bundle
    quick: bool
    most: int | None
    """Cases of the suite, at most."""
    against: str | None
    """The real VM's program."""
    say: Callable[[str], None]
    save: Callable[[], None]
    """Writes the report as it is now."""
    until: float = 0.0
    """When the stage has to end, by ``time.monotonic``."""
    copy_bytes_per_s: float | None = None
    uses: dict[str, Usage] = field(default_factory=dict)

    @property
    def left(self) -> float:
        """Seconds that the stage still has."""
        return self.until - time.monotonic()

    @property
    def rounds(self) -> int:
        """Rounds of a measurement that count."""
        if self.quick:
            return QUICK_ROUNDS
        return ROUNDS if self.device.name == "cuda" else HOST_ROUNDS


def build(context: Context, part: Json) -> None:
    """Compiles the kernels for the device, and says what they take of it."""
    device = context.device
    begun = time.perf_counter()
    if isinstance(device, HostDevice):
        device.kernels.build()
    word = device.full(Tag.SCRATCH, "word", 1, "u8", 0)
    try:
        device.launch("fill", 1, word, 1, 7)
        device.synchronise()
    finally:
        word.free()
    part["compile_s"] = time.perf_counter() - begun
    if isinstance(device, CudaDevice):
        part["kernels"] = device.kernel_figures()
        part["in_local_memory"] = [name for name, figures in part["kernels"].items() if figures["local_bytes"]]


def suite_of(context: Context, part: Json) -> None:
    """The recorded cases."""
    items = context.bundle.of(SUITE)[: QUICK_CASES if context.quick else None][: context.most]

    def say(found: suite.Suite) -> None:
        part.update(found.told())
        wrong = len(found.different) + len(found.failed)
        if found.walked % 25 == 0 or found.walked == len(items):
            context.say(f"suite: {found.walked} of {len(items)} cases, {wrong} wrong")
            context.save()

    part.update(suite.Suite(len(items)).told())
    suite.run(context.device, context.bundle, items, lambda: context.left > 0, say)
    if part["walked"] < len(items):
        part["cut_short"] = f"{len(items) - part['walked']} cases were not asked: no time was left"


def faults(context: Context, part: Json) -> None:
    """Faults put in on purpose."""
    item = next((item for item in context.bundle.of(SUITE) if item.cut == "every:7" and not item.walk), None)
    if item is None:
        raise Skipped("the bundle has no case that is walked plainly in fragments of 7 rows")
    recording = context.bundle.recording(item)
    part.update({"case": item.name, "faults": []})
    for one, expected in trouble.TROUBLES:
        part["faults"].append(trouble.provoke(context.device, recording, one, expected))
    context.say(f"faults: {sum(each['right'] for each in part['faults'])} of {len(part['faults'])} as they should be")


def compiler(context: Context, part: Json) -> None:
    """What the compiler says of the kernels, for the device's architecture or the model's."""
    if context.quick:
        raise Skipped("left out of a quick report")
    if context.left < COMPILE_SECONDS:
        raise Skipped("no time is left")
    architecture = "sm_90"
    if isinstance(context.device, CudaDevice):
        architecture = context.device.architecture
    try:
        found: Report = compile_report.report_on(context.device.source, architecture)
    except DeviceUnavailable as reason:
        raise Skipped(str(reason)) from None
    context.uses = found.kernels
    part.update(
        {
            "architecture": architecture,
            "nvrtc": nvrtc.version(),
            "seconds_to_compile": found.seconds,
            "cubin_bytes": found.cubin_bytes,
            "excesses": found.excesses(),
            "kernels": {name: [use.registers, use.code] for name, use in found.kernels.items()},
        }
    )


def speed(context: Context, part: Json) -> None:
    """The bench."""
    device, items = context.device, context.bundle.of(BENCH)
    if not items:
        raise Skipped("the bundle has no bench programs")
    nbytes = bench.CEILING_BYTES if device.name == "cuda" and not context.quick else bench.CEILING_BYTES // 16
    part["ceilings"] = bench.ceilings(device, nbytes, context.rounds)
    context.copy_bytes_per_s = part["ceilings"]["copy_bytes_per_s"]
    figures, assumed = machine.figures(device, context.copy_bytes_per_s)
    model = Model(figures, context.uses)
    part["model"] = {
        "device": figures.name,
        "bandwidth": figures.bandwidth,
        "multiprocessors": figures.multiprocessors,
        "clock": figures.clock,
        "assumed": assumed,
        "estimates": list(ESTIMATES),
        "uses": "the compiler's report" if context.uses else "assumed registers and instructions",
    }
    part.update({"results": [], "walks": [], "no_room": [], "over_target": []})
    planned = _measurements(items, quick=context.quick)
    pace, missed = Pace(), 0
    for item, factor in planned:
        if context.left <= pace.expected(item):
            missed += 1
            continue
        begun = time.monotonic()
        _measure(context, part, model, item, factor)
        pace.note(item, time.monotonic() - begun)
    if missed:
        part["cut_short"] = f"{missed} of {len(planned)} measurements were not made: no time was left"
    if context.left > 0:
        _walks(context, part, items[0])


class Pace:
    """How long a measurement will take, from those that were made: a stage must not end in the middle of one."""

    def __init__(self) -> None:
        self._per_row: dict[str, float] = {}

    def note(self, item: Item, seconds: float) -> None:
        """One was made."""
        program = item.name.split()[0]
        self._per_row[program] = max(self._per_row.get(program, 0.0), seconds / item.rows)

    def expected(self, item: Item) -> float:
        """Seconds that the next one takes: as long a row as the longest of its program, or of any; 0 before the first."""
        known = self._per_row.get(item.name.split()[0], max(self._per_row.values(), default=0.0))
        return known * item.rows


def _measurements(items: list[Item], *, quick: bool) -> list[tuple[Item, int]]:
    """Smallest sizes first, and of each size the smallest fragments first: what is cut off is least."""
    sizes = sorted({item.rows for item in items})
    factors = bench.FACTORS[:1] if quick else bench.FACTORS
    chosen = sizes[:1] if quick else sizes
    return [(item, factor) for rows in chosen for factor in factors for item in items if item.rows == rows]


def _measure(context: Context, part: Json, model: Model, item: Item, factor: int) -> None:
    device, recording = context.device, context.bundle.recording(item)
    try:
        found = bench.measure(device, item, recording, factor, context.rounds, model)
    except BudgetExceeded as error:
        part["no_room"].append(f"{item.name}, factor {factor}: {error}")
        return
    finally:
        device.clear_log()
    part["results"].append(found)
    if device.name == "cuda":
        part["clocks"] = machine.clocks()
        if not found["within"]:
            where = f"{found['name']}, fragments of {found['fragment_rows']}"
            part["over_target"].append(f"{where}: {found['ratio']:.2f} x the copy")
    context.say(
        f"bench: {item.name}, fragments of {found['fragment_rows']}: {1000 * found['kernel_s']:.3f} ms, "
        f"{found['ratio']:.2f} x the copy, predicted {1000 * found['predicted_s']:.3f} ms"
    )
    context.save()


def _walks(context: Context, part: Json, item: Item) -> None:
    recording = context.bundle.recording(item)
    for found in bench.whole_walks(context.device, item, recording, time.perf_counter):
        part["walks"].append(found)
        context.device.clear_log()
        if context.left <= 0:
            return


def beside(context: Context, part: Json) -> None:
    """The parallel engine and the real VM."""
    if context.quick:
        raise Skipped("left out of a quick report")
    rows = sorted({item.rows for item in context.bundle.of(BENCH)})[:1]
    if not rows:
        raise Skipped("the bundle has no bench programs")
    part.update(programs.beside(rows, context.against, context.left))
    if "skipped" in part:
        last = part.get("output", "").strip().splitlines()[-1:]
        raise Skipped(": ".join([part.pop("skipped"), *last]))


def together(context: Context, part: Json) -> None:
    """Two processes on one device."""
    if context.left < 5:
        raise Skipped("no time is left")
    part.update(programs.together(context.device.name, context.bundle.path, TOGETHER_CASES, context.left))


def tools(context: Context, part: Json) -> None:
    """Checking tools."""
    found = programs.checked(context.device.name, context.bundle.path, CHECKED_CASES, context.left)
    if "skipped" in found:
        raise Skipped(found["skipped"])
    part["tools"] = found


Run = Callable[[Context, Json], None]


@dataclass(frozen=True, slots=True)
class Stage:
    """A part of the report."""

    name: str
    share: float
    """Of all the time; what stages before it left is added."""
    run: Run


STAGES: Final = (
    Stage("build", 0.15, build),
    Stage("suite", 0.35, suite_of),
    Stage("faults", 0.03, faults),
    Stage("compiler", 0.07, compiler),
    Stage("bench", 0.22, speed),
    Stage("together", 0.05, together),
    Stage("tools", 0.08, tools),
    Stage("beside", 0.05, beside),
)
"""In their order."""
