"""Everything a session keeps on a device, by name, and how many bytes it must be.

RAW: the recorded state of one shard and its program's tables. SIDE: counters, and one error word per lane. PLAN: what
assignment found out and every replay reads. Sizes follow from the shard's counts alone, so the byte table of spec 09, B5 can
be checked against a formula and not against itself.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from gpu import sides as side_effects
from gpu.device import Buffer, Device, Lane, Tag
from gpu.errors import (
    NO_ERROR,
    CapacityExceeded,
    CarryMismatch,
    InvariantBroken,
    KernelCode,
    RawStateError,
    ShapeMismatch,
    from_error_word,
)
from gpu.fingerprint import Fingerprint, fingerprint_on
from gpu.layout import HASHER_ROWS
from gpu.raw import RawState
from gpu.runs import Runs
from gpu.sides import VALUES, Sides
from gpu.tables import ProgramTables
from reference.definition.columns import WIDTH

Shape = tuple[tuple[int, ...], str]

ERROR_BYTES = 8
"""One error word."""

NOT_REPLAYED = 2**32 - 1
"""What an entry of ``psrc`` holds until the replay has found the permutation's source."""


def plan_shapes(counts: Mapping[str, int], runs: int, *, is_last: bool) -> dict[str, Shape]:
    """Shape and dtype of every PLAN array of a shard whose memory rows stand in so many runs.

    ``counts`` are the raw state's. The last shard also keeps the whole program's multiplicities and kernel calls, which are
    columns of its trace.
    """
    permutations, bitwise = counts["permutations"], counts["bitwise"]
    shapes: dict[str, Shape] = {
        "psrc": ((counts["hasher_rows"] // HASHER_ROWS,), "u4"),
        "pinfo": ((permutations,), "u1"),
        "pidx": ((permutations,), "u8"),
        "bit_a": ((bitwise,), "u4"),
        "bit_b": ((bitwise,), "u4"),
        "bit_op": ((bitwise,), "u1"),
        "order": ((counts["accesses"],), "u4"),
        "run_start": ((runs,), "u4"),
        "run_base": ((runs,), "u8"),
        "run_key": ((runs,), "u8"),
        "run_clk": ((runs,), "u4"),
        "run_first": ((runs,), "u1"),
    }
    for name in ("access", "row", "reads", "evals", "ptr", "ctx", "clk"):
        shapes[f"sec_{name}"] = ((counts["circuits"],), "u4")
    if is_last:
        shapes |= {"hist": ((VALUES,), "u4"), "kcount": ((max(1, counts["kernel_procedures"]),), "u4")}
        shapes["last_row"] = ((WIDTH,), "u8")
    return shapes


def shape_bytes(shapes: Mapping[str, Shape]) -> int:
    """Bytes of arrays of these shapes."""
    return sum(int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize for shape, dtype in shapes.values())


class Resident:
    """The device memory of one session. Methods raise BudgetExceeded when an array does not fit."""

    def __init__(self, device: Device, raw: RawState, tables: ProgramTables, lanes: int) -> None:
        self.device = device
        self.host = raw
        self.lanes = lanes
        self.procedures = raw.counts["kernel_procedures"]
        self.raw: dict[str, Buffer] = {}
        self.tables: dict[str, Buffer] = {}
        self.side: dict[str, Buffer] = {}
        self.plan: dict[str, Buffer] = {}
        self.errors: list[Buffer] = []
        self._tables = tables
        self._tables_fingerprint: Fingerprint = (0, 0)

    # ---- what must be there ------------------------------------------------------------------------------------------

    @property
    def raw_bytes(self) -> int:
        """R_raw, with the program's tables."""
        return self.host.bytes + sum(array.nbytes for array in self._tables.arrays.values())

    @property
    def side_bytes(self) -> int:
        """S: the side-effect buffers, and one error word per lane."""
        return side_effects.side_bytes(self.procedures) + ERROR_BYTES * self.lanes

    # ---- steps -------------------------------------------------------------------------------------------------------

    def upload(self) -> None:
        """Raw state and tables; what arrived is what was sent (INV-02)."""
        for name, array in self.host.arrays.items():
            self.raw[name] = self.device.upload(Tag.RAW, name, array)
        for name, array in self._tables.arrays.items():
            self.tables[name] = self.device.upload(Tag.RAW, f"t_{name}", array)
        self._tables_fingerprint = fingerprint_on(self.device, self.tables)
        self.check_raw()

    def add_sides(self) -> None:
        """Zeroed side-effect buffers and empty error words."""
        self.side = side_effects.allocate(self.device, self.procedures)
        for lane in range(self.lanes):
            self.errors.append(self.device.full(Tag.SIDE, f"error.{lane}", (1,), "u8", NO_ERROR))

    def add_plan(self) -> None:
        """PLAN arrays that the side-effect replay fills: zero, and ``psrc`` all ones."""
        for name, (shape, dtype) in plan_shapes(self.host.counts, 1, is_last=False).items():
            if name.partition("_")[0] in ("psrc", "pinfo", "pidx", "bit", "sec"):
                value = NOT_REPLAYED if name == "psrc" else 0
                self.plan[name] = self.device.full(Tag.PLAN, name, shape, dtype, value)

    def add_runs(self, runs: Runs) -> None:
        """Where the shard's memory rows stand."""
        for name, array in runs.arrays().items():
            self.plan[name] = self.device.upload(Tag.PLAN, name, array)

    def add_totals(self, totals: Sides) -> None:
        """The whole program's multiplicities and kernel calls."""
        calls = np.zeros(max(1, self.procedures), np.uint32)
        calls[: self.procedures] = totals.kernel_calls
        self.plan["hist"] = self.device.upload(Tag.PLAN, "hist", totals.hist.astype(np.uint32))
        self.plan["kcount"] = self.device.upload(Tag.PLAN, "kcount", calls)

    def demand_shapes(self, *, is_last: bool) -> None:
        """Raises ShapeMismatch unless the PLAN arrays are exactly those of :func:`plan_shapes`."""
        wanted = plan_shapes(self.host.counts, self.plan["run_start"].size, is_last=is_last)
        found = {name: (buffer.shape, np.dtype(buffer.dtype)) for name, buffer in self.plan.items()}
        for name in sorted({*wanted, *found}):
            shape, dtype = wanted.get(name, (None, "u1"))
            if found.get(name) != (shape, np.dtype(dtype)):
                raise ShapeMismatch(f"plan array {name}: {found.get(name)}, not {shape} {dtype}")

    def free(self) -> None:
        """Everything; twice is harmless."""
        for buffers in (self.raw, self.tables, self.side, self.plan):
            for buffer in buffers.values():
                buffer.free()
            buffers.clear()
        for buffer in self.errors:
            buffer.free()
        self.errors.clear()

    # ---- what must not change ----------------------------------------------------------------------------------------

    def check_raw(self, lane: Lane | None = None) -> None:
        """Raises InvariantBroken (INV-02) when a bit of the raw state or of the tables is not what was uploaded."""
        found = fingerprint_on(self.device, self.raw, lane)
        if found != self.host.fingerprint:
            raise InvariantBroken(
                "INV-02", f"raw state of fingerprint {_hex(self.host.fingerprint)} is now {_hex(found)}"
            )
        found = fingerprint_on(self.device, self.tables, lane)
        if found != self._tables_fingerprint:
            raise InvariantBroken(
                "INV-02", f"tables of fingerprint {_hex(self._tables_fingerprint)} are now {_hex(found)}"
            )

    def read_sides(self) -> Sides:
        """Host copies of the side-effect buffers."""
        return side_effects.read(self.device, self.side, self.procedures)

    def raise_reported(self, lane: int) -> None:
        """Raises what the kernels of a lane wrote into its error word.

        CarryMismatch names both fragments; a write beyond an array is CapacityExceeded (INV-19).
        """
        word = int(self.device.download(self.errors[lane])[0])
        error = from_error_word(word, self.host.fragment_of_row)
        if isinstance(error, CarryMismatch) and error.fragment:
            between = f"{error.reason}, between fragments {error.fragment - 1} and {error.fragment}"
            raise CarryMismatch(error.name, error.fragment, error.row, error.field, between)
        if isinstance(error, RawStateError) and error.name == KernelCode.SCATTER.name:
            raise CapacityExceeded(str(error)) from error
        if error is not None:
            raise error

    def order(self) -> NDArray[np.int64]:
        """Sorted position -> access, as the device sorted them."""
        return self.device.download(self.plan["order"]).astype(np.int64)


def _hex(fingerprint: Fingerprint) -> str:
    return "".join(f"{half:016x}" for half in fingerprint)
