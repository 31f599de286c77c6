"""The units that faults are planted in, and how the switches get there.

A unit is the text of a module of the parallel engine, or of a generated one. In the planted copy every function that a fault
may be in takes the fault's number as a further first argument; the kernels' own doubts about their contexts can be turned off
(``trusting``), because what they refuse would never reach the comparison. What keeps them inside their arrays stays.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Final

from harness.faults.planting import Numbered, plant, replaced
from parallel import assemble, chiplet_rows, chiplets, executor, fragments, last_row, ranges
from parallel.executor_macros import MACROS as EXECUTOR_MACROS
from parallel.fragment_macros import MACROS as FRAGMENT_MACROS
from parallel.rows import END_CALL, END_LOOP, END_SYSCALL
from reference.definition.isa import OPERATIONS

EXECUTOR_LOOP: Final = "executor_loop"
FRAGMENT_TASKS: Final = "fragment_tasks"

ROW_CODES: Final[Mapping[str, int]] = {
    **{info.name: info.opcode for info in OPERATIONS},
    "END_LOOP": END_LOOP,
    "END_CALL": END_CALL,
    "END_SYSCALL": END_SYSCALL,
}
"""Numbers of the rows in the kernels' dispatch, by name."""

_DOUBT: Final = re.compile(r"^(\s*)if (.*):$")
_REFUSALS: Final = ("error = 14", "error = 15", "error = 16", "error = 17", "error = 18")
"""Answers of a fragment whose context contradicts itself; the smaller ones say that something has run out."""


@dataclass(frozen=True, slots=True)
class Unit:
    """A module to copy. ``arguments``: function -> what its calls and its definition get in front; ``edits``: lines that are
    replaced whatever fault is on."""

    name: str
    module: ModuleType | None
    arguments: Mapping[str, str] = field(default_factory=dict)
    edits: tuple[tuple[str, str], ...] = ()
    macros: Mapping[str, str] = field(default_factory=dict)

    def text(self) -> str:
        """The text as it stands; the generated units have none of their own."""
        assert self.module is not None, f"the text of {self.name} is generated"
        return inspect.getsource(self.module)

    def planted(self, text: str, changes: list[Numbered]) -> str:
        """The text with switches and changes in it; NoSuchPlace."""
        text = plant(text, changes, macros=self.macros, codes=ROW_CODES)
        for right, new in self.edits:
            text = replaced(text, right, new)
        for name, argument in self.arguments.items():
            text = re.sub(rf"(?<![.\w]){name}\((?!\))", f"{name}({argument}, ", text)
        return text


def _thread(*names: str, argument: str = "fault") -> dict[str, str]:
    return dict.fromkeys(names, argument)


_POISON: Final = "buffer.words.fill(POISON)"

UNITS: Final = (
    Unit("chiplet_rows", chiplet_rows, _thread("node_rows", "permutation_rows", "merkle_rows", "bitwise_rows")),
    Unit(
        "chiplets",
        chiplets,
        _thread(
            "memory_order",
            "memory_chunk",
            "memory_rows_parallel",
            "ace_rows",
            "kernel_rows",
            "constant_cells",
            "constant_columns",
            "constant_columns_serial",
        ),
    ),
    Unit("ranges", ranges, _thread("range_table")),
    Unit("last_row", last_row, _thread("last_row")),
    Unit(EXECUTOR_LOOP, None, _thread("run"), macros=EXECUTOR_MACROS),
    Unit(
        FRAGMENT_TASKS,
        None,
        {
            **_thread("node_rows", "permutation_rows", "merkle_rows", "bitwise_rows"),
            **_thread("fragment", "some", "spread", argument="fault, trusting"),
        },
        edits=(("error = 0\nloop_entered = -1", "error = 0\nflags = 0\nloop_entered = -1"),),
        macros=FRAGMENT_MACROS,
    ),
    Unit(
        "executor",
        executor,
        edits=(
            (
                "def __init__(self, lowered: Lowered, stack: Sequence[int], host: Host, plans: Sequence[CutPlan]) -> None:\n"
                "    self._lowered = lowered",
                "def __init__(self, lowered, stack, host, plans, fault) -> None:\n"
                "    self.fault = fault\n"
                "    self._lowered = lowered",
            ),
            ("loop = load_executor()", "from harness.faults.kernels import load_loop\nloop = load_loop()"),
            (
                "status = loop(*[records(self.arrays[name]) for name in ARRAYS])",
                "status = loop(self.fault, *[records(self.arrays[name]) for name in ARRAYS])",
            ),
            (
                "def record(case: Case, *, largest_fragment: int | None = None) -> Recording:",
                "def record(case: Case, fault: int, *, largest_fragment: int | None = None) -> Recording:",
            ),
            (
                "executor = Executor(lowered, case.stack, host, plans)",
                "executor = Executor(lowered, case.stack, host, plans, fault)",
            ),
        ),
    ),
    Unit(
        "fragments",
        fragments,
        edits=(
            (
                "def __init__(self, recording: Recording) -> None:",
                "def __init__(self, recording: Recording, fault: int, trusting: int) -> None:\n"
                "    self.switches = (fault, trusting)",
            ),
            (
                'return load_generated("fragment_tasks", text)',
                "from harness.faults.kernels import load_tasks\nreturn load_tasks(text)",
            ),
            (
                "_tasks().some(first, last, self._errors, *self._arguments, *place.arguments(), counts, touched)",
                "_tasks().some(*self.switches, first, last, self._errors, *self._arguments, *place.arguments(), counts,"
                " touched)",
            ),
            (
                "_tasks().spread(first, last, per_task, self._errors, *self._arguments, *place.arguments(), counts, touched)",
                "_tasks().spread(*self.switches, first, last, per_task, self._errors, *self._arguments,"
                " *place.arguments(), counts, touched)",
            ),
        ),
    ),
    Unit(
        "assemble",
        assemble,
        _thread(
            "memory_order",
            "memory_chunk",
            "memory_rows_parallel",
            "ace_rows",
            "kernel_rows",
            "range_table",
            "last_row",
            "fill",
            argument="self.fault",
        ),
        edits=(
            (
                "def __init__(self, *, threads: int | None = None) -> None:",
                "def __init__(self, fault: int, trusting: int, *, threads: int | None = None) -> None:\n"
                "    self.fault = fault\n"
                "    self.trusting = trusting",
            ),
            ("validate(recording)", "if not self.trusting:\n    validate(recording)"),
            ("validate_memory(recording, order)", "if not self.trusting:\n    validate_memory(recording, order)"),
            ("task = FragmentTask(recording)", "task = FragmentTask(recording, self.fault, self.trusting)"),
            (
                "task.check(continuation_hashes(recording))",
                "if self.trusting:\n    task.check_complete()\nelse:\n    task.check(continuation_hashes(recording))",
            ),
            ("buffer = self.arena.take(lower_bound)", f"buffer = self.arena.take(lower_bound)\n{_POISON}"),
            ("buffer = self.arena.take(rows)", f"buffer = self.arena.take(rows)\n{_POISON}"),
            (
                "return Built(buffer.columns(rows), sections.lengths(core, range_rows), buffer)",
                "from dataclasses import replace\n"
                "return Built(buffer.columns(rows), replace(sections.lengths(core, range_rows), rows=rows), buffer)",
            ),
            (
                "SERIAL_ROWS: Final = 8192",
                "SERIAL_ROWS: Final = 8192\nPOISON: Final = 2**64 - 1",
            ),
        ),
    ),
)
"""In the order in which they import one another."""

UNIT: Final = {unit.name: unit for unit in UNITS}


def without_doubts(text: str) -> str:
    """The fragment kernel with ``not trusting and (..)`` in front of every doubt about its context."""
    lines = text.splitlines()
    for index, line in enumerate(lines[:-1]):
        found = _DOUBT.match(line)
        if found is not None and lines[index + 1].strip() in _REFUSALS:
            lines[index] = f"{found[1]}if not trusting and ({found[2]}):"
    return "\n".join(lines) + "\n"
