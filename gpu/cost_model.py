"""How long regenerating each chip should take on a device, from shapes and from what the compiler says of the kernels.

A chip's time is that of its replay, its expansion, its inversions or permutations, and its launches; each of these takes as
long as its tightest bound: bytes moved, instructions issued, scattered stores, or the latency of one thread's chain of steps
(spec 10, sections 2, 4.4 and 18.5). The model has been checked against no device: it says what a measurement should find, so
that a measurement that finds something else is noticed. What is estimated is listed in ``ESTIMATES`` and shown with every
prediction.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from gpu.chiplet_chips import PERMUTATIONS_AT_ONCE, STATE_BYTES, PaddingChip
from gpu.compile_report import Usage
from gpu.layout import Extent
from reference.definition.columns import CHIPLETS, DECODER, RANGE, STACK, SYSTEM

WARP: Final = 32
SCHEDULERS: Final = 4
"""Per multiprocessor."""
REGISTERS: Final = 65_536
"""Per multiprocessor."""
MOST_WARPS: Final = 64
"""Per multiprocessor."""
INSTRUCTION_BYTES: Final = 16

ISSUE_FULL, ISSUE_ALONE = 0.7, 0.4
"""Instructions a clock and scheduler, with two warps or more, and with one."""
STEP_INSTRUCTIONS: Final = 500
"""One step of a replaying warp whose rows move the stack both ways: counted in the machine code for sm_90, branches not taken
left out."""
CLASS_INSTRUCTIONS: Final = 40
CLASSES: Final = 5
"""Kinds of operations that the 32 rows of a warp's step hold, and what each adds."""
INVERSE_INSTRUCTIONS: Final = 1_850
PERMUTATIONS_A_CLOCK: Final = 1.6e8 / (132 * 1.98e9)
"""Of one multiprocessor: the add pipe binds a permutation of 163,695 instructions."""
CIRCUIT_INSTRUCTIONS: Final = 300
"""A row of a circuit: one thread evaluates a whole circuit."""
RANGE_THREADS, RANGE_INSTRUCTIONS = 1024, 60
"""Threads that write the range table, and what a row of it takes."""
LINES_A_CLOCK: Final = 1.0
"""Scattered 8-byte stores that a multiprocessor retires."""

ESTIMATES: Final = (
    f"{ISSUE_FULL} instructions a clock and scheduler with two warps or more, {ISSUE_ALONE} with one",
    f"{STEP_INSTRUCTIONS} instructions a step of a replay, and in a warp {CLASSES} kinds of operations of {CLASS_INSTRUCTIONS}",
    f"{LINES_A_CLOCK:.0f} scattered store a clock and multiprocessor, merged in the second cache",
    f"{INVERSE_INSTRUCTIONS:,} instructions an inversion, one for 8 rows",
    "1.6e8 permutations a second at 132 multiprocessors and 1.98 GHz",
    f"{CIRCUIT_INSTRUCTIONS} instructions a row of a circuit, {RANGE_INSTRUCTIONS} a row of the range table",
    "a kernel without loops executes all of its code; what the host does between launches is not in the model",
)


@dataclass(frozen=True, slots=True)
class DeviceFigures:
    """What the model asks of a device."""

    name: str
    bandwidth: float
    """Bytes a second, read and written together."""
    multiprocessors: int
    clock: float
    """Hertz."""
    launch_s: float = 3e-6
    """Seconds a launch takes at least."""


REFERENCE: Final = DeviceFigures("H200, by its data sheet and a copy measured elsewhere", 4.3e12, 132, 1.98e9)
"""Spec 10: the device that predictions are made for where none is at hand."""

REGISTERS_ASSUMED: Final = 190
"""Of the replay on sm_90, where no compiler says it."""


@dataclass(frozen=True, slots=True)
class Term:
    """One part of a chip's time: seconds, and the bound that they come from."""

    what: str
    seconds: float
    bound: str


@dataclass(frozen=True, slots=True)
class Cost:
    """What one regeneration of a chip should take."""

    chip: str
    terms: tuple[Term, ...]
    launches: int

    @property
    def seconds(self) -> float:
        """All terms, one after the other."""
        return sum(term.seconds for term in self.terms)


@dataclass(frozen=True, slots=True)
class Load:
    """What is regenerated: the layout of a sealed shard, and its circuits."""

    extent: Extent
    circuits: int = 0

    @property
    def rows(self) -> int:
        """Rows of the core."""
        return self.extent.shard_rows


class Model:
    """Predictions for one device; ``uses`` are the compiler's figures by kernel, none where there is no compiler."""

    def __init__(self, device: DeviceFigures = REFERENCE, uses: Mapping[str, Usage] | None = None) -> None:
        self.device = device
        self.uses = uses or {}

    def chip(self, name: str, load: Load) -> Cost:
        """The cost of one chip. Raises KeyError for an unknown one."""
        return _CHIPS[name](self, load)

    def copy_s(self, nbytes: int) -> float:
        """Seconds in which the device copies so many bytes: each is read and written."""
        return 2 * nbytes / self.device.bandwidth

    # ---- bounds ------------------------------------------------------------------------------------------------------

    def moved(self, what: str, nbytes: float) -> Term:
        """A kernel that streams."""
        return Term(what, nbytes / self.device.bandwidth, "bytes")

    def issued(self, what: str, instructions: float) -> Term:
        """Instructions of warps, when there are enough of them."""
        rate = self.device.multiprocessors * SCHEDULERS * ISSUE_FULL * self.device.clock
        return Term(what, instructions / rate, "issue")

    def streaming(self, kernel: str, threads: float, nbytes: float, instructions: float) -> Term:
        """A kernel of one thread per row: bytes or issue, whichever takes longer."""
        use = self.uses.get(kernel)
        executed = use.code / INSTRUCTION_BYTES if use is not None else instructions
        return max(self.moved(kernel, nbytes), self.issued(kernel, threads / WARP * executed), key=_seconds)

    def replay(self, load: Load, stores: int, nbytes: float) -> Term:
        """Stage A with so many scattered stores a row."""
        device, extent = self.device, load.extent
        executed = STEP_INSTRUCTIONS + CLASSES * CLASS_INSTRUCTIONS
        steps = -(-load.rows // max(1, extent.fragments))
        warps = -(-extent.fragments // WARP)
        use = self.uses.get("replay")
        resident = min(MOST_WARPS, REGISTERS // (WARP * (use.registers if use else REGISTERS_ASSUMED)))
        waves = -(-warps // (resident * device.multiprocessors))
        bounds = (
            self.issued("replay", warps * steps * executed),
            self.chained("replay", waves * steps, executed),
            Term("replay", load.rows * stores / (LINES_A_CLOCK * device.multiprocessors * device.clock), "stores"),
            self.moved("replay", nbytes),
        )
        return max(bounds, key=_seconds)

    def inversions(self, kernel: str, rows: int) -> Term:
        """One inversion for 8 rows, and three products a row."""
        return self.issued(kernel, rows / 8 / WARP * (INVERSE_INSTRUCTIONS + 24 * 29))

    def permuted(self, permutations: int) -> Term:
        """Recorded permutations, computed once."""
        rate = PERMUTATIONS_A_CLOCK * self.device.multiprocessors * self.device.clock
        return Term("hsh_states", permutations / rate, "add pipe")

    def chained(self, what: str, steps: float, executed: int) -> Term:
        """What one thread does one after the other, where there are too few threads to hide it."""
        return Term(what, steps * executed / (ISSUE_ALONE * self.device.clock), "latency")

    def launched(self, count: int) -> Term:
        """Launches."""
        return Term("launches", count * self.device.launch_s, "launch")


def _seconds(term: Term) -> float:
    return term.seconds


def _columns(span: slice) -> int:
    return 8 * int(span.stop - span.start)


def _cost(model: Model, chip: str, launches: int, *terms: Term) -> Cost:
    return Cost(chip, (*(term for term in terms if term.seconds), model.launched(launches)), launches)


def _sys(model: Model, load: Load) -> Cost:
    rows, written = load.rows, _columns(SYSTEM)
    replay = model.replay(load, stores=2, nbytes=8 * rows)
    return _cost(model, "sys", 2, replay, model.streaming("sys_expand", rows, (8 + written) * rows, 184))


def _dec(model: Model, load: Load) -> Cost:
    rows, written = load.rows, _columns(DECODER)
    replay = model.replay(load, stores=4, nbytes=20 * rows)
    expand = model.streaming("dec_expand", rows, (20 + written) * rows, 350)
    return _cost(model, "dec", 3, replay, expand, model.inversions("helper_inverse", rows))


def _stk(model: Model, load: Load) -> Cost:
    return _cost(model, "stk", 2, model.replay(load, stores=19, nbytes=_columns(STACK) * load.rows))


def _hsh(model: Model, load: Load) -> Cost:
    rows, permutations = load.extent.hasher_rows, load.extent.permutations
    expand = model.streaming("hsh_expand", rows, (96 + _columns(CHIPLETS)) * rows, 136)
    states = model.moved("states", STATE_BYTES * permutations)
    batches = -(-permutations // PERMUTATIONS_AT_ONCE)
    return _cost(model, "hsh", 2 * batches or bool(rows), model.permuted(permutations), states, expand)


def _bit(model: Model, load: Load) -> Cost:
    rows = load.extent.bitwise_rows
    return _cost(model, "bit", bool(rows), model.streaming("bit_expand", rows, (2 + _columns(CHIPLETS)) * rows, 150))


def _mem(model: Model, load: Load) -> Cost:
    rows = load.extent.memory_rows
    expand = model.streaming("mem_expand", rows, (4 + 49 + _columns(CHIPLETS)) * rows, 240)
    return _cost(model, "mem", 2 * bool(rows), expand, model.inversions("mem_inverse", rows))


def _ace(model: Model, load: Load) -> Cost:
    rows = load.extent.ace_rows
    expand = model.moved("ace_expand", (32 + _columns(CHIPLETS)) * rows)
    chain = model.chained("ace_expand", rows / max(1, load.circuits), CIRCUIT_INSTRUCTIONS)
    return _cost(model, "ace", bool(rows), max(expand, chain, key=_seconds))


def _krm(model: Model, load: Load) -> Cost:
    rows = load.extent.kernel_rows if load.extent.is_last else 0
    return _cost(model, "krm", bool(rows), model.moved("krm_expand", _columns(CHIPLETS) * rows))


def _rng(model: Model, load: Load) -> Cost:
    if not load.extent.is_last:
        return _cost(model, "rng", 0)
    rows = load.extent.range_rows
    written = model.moved("rng_rows", _columns(RANGE) * rows + 4 * 65_536)
    chain = model.chained("rng_rows", max(64, rows / RANGE_THREADS), RANGE_INSTRUCTIONS)
    return _cost(model, "rng", 4, max(written, chain, key=_seconds))


def _pad(model: Model, load: Load) -> Cost:
    if not load.extent.is_last:
        return _cost(model, "pad", 0)
    tiles = PaddingChip().tiles(load.extent)
    filled = [tile for tile in tiles[:-1] if tile.rows]
    nbytes = 8 * sum(tile.cells for tile in tiles)
    return _cost(model, "pad", 2 + len(filled), model.moved("pad_fill", nbytes))


_CHIPS: Final = {
    "sys": _sys, "dec": _dec, "stk": _stk, "rng": _rng, "hsh": _hsh, "bit": _bit, "mem": _mem, "ace": _ace, "krm": _krm,
    "pad": _pad,
}  # fmt: skip
