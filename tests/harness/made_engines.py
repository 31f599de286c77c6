"""Engines and runs made by hand, so that what a comparison should find is known without running anything."""

from dataclasses import dataclass, field, replace

import numpy as np

from harness.backend import Availability, NotComparable, Summary, Window, column_digest
from reference.definition.boundary import BoundaryState, Continuation, Position
from reference.definition.case import Case
from reference.definition.columns import COLUMN
from reference.definition.cuts import Every
from reference.definition.isa import NOOP_OPERATION, decoder_bits, opcode
from reference.definition.mast import Block, Forest
from reference.definition.outcome import Completed
from reference.definition.program import Program

ROWS = 64
CORE = 10
OPERATIONS = ("SPAN", "PAD", "SWAP", "ADD", "MUL", "DROP", "NEG", "INCR", "NOOP", "END")

CASE = Case("made", Program(Forest((Block((NOOP_OPERATION,)),), (0,)), 0), cuts=(Every(4),))
STARTS = (0, 4, 8)
"""What the plan of CASE asks for in a program of CORE rows."""

SUMMARY = Summary(
    program_hash=(1, 2, 3, 4),
    stack=tuple(range(16)),
    rows=ROWS,
    core=CORE,
    range=20,
    chiplets=9,
    hasher=8,
    bitwise=0,
    memory=0,
    kernel_rom=0,
)


def made_cells() -> np.ndarray:
    """A trace in which every cell is different, but for the opcode bits."""
    cells = np.arange(72 * ROWS, dtype=np.uint64).reshape(72, ROWS) + np.uint64(1000)
    for row in range(ROWS):
        name = OPERATIONS[row] if row < CORE else "HALT"
        first = COLUMN["dec_op_bit_0"]
        cells[first : first + 7, row] = decoder_bits(opcode(name))
    return cells


def made_boundary(row: int) -> BoundaryState:
    return BoundaryState(
        clk=row,
        ctx=7,
        fn_hash=(10, 11, 12, 13),
        transcript_state=(20, 21, 22, 23),
        current_addr=5,
        parent_addr=3,
        stack=tuple(range(row, row + 16)),
        depth=17,
        overflow_addr=2,
        position=Position("op", 0, 0, row),
        continuations=(Continuation("FinishJoin", 4), Continuation("StartNode", 2)),
    )


@dataclass
class MadeRun:
    """Honest unless told otherwise; lies are made with dataclasses.replace."""

    outcome: object = field(default_factory=lambda: Completed(tuple(range(16))))
    summary: Summary | None = SUMMARY
    cells: np.ndarray = field(default_factory=made_cells)
    states: list | None = field(default_factory=lambda: [made_boundary(row) for row in STARTS])
    edges: tuple = (*STARTS, CORE, ROWS)
    made_windows: list | None = None
    digests: list | None = None
    said: tuple = ()
    built_with_cuts: bool = True
    windows_error: Exception | None = None

    def boundaries(self):
        if self.states is None:
            raise NotComparable("made", "no boundary states")
        return self.states

    def windows(self):
        if self.made_windows is not None:
            yield from self.made_windows
            return
        for first, end in zip(self.edges, self.edges[1:], strict=False):
            yield Window(first, self.cells[:, first:end])
            if self.windows_error:
                raise self.windows_error

    def column_digests(self):
        return self.digests or [column_digest(column) for column in self.cells]

    def contradictions(self):
        return self.said


class MadeEngine:
    """Gives one run, or raises."""

    def __init__(self, name, answer=None, identity=None):
        self.name = name
        self.identity = identity
        self._answer = MadeRun() if answer is None else answer

    def probe(self):
        return Availability(True, "made")

    def run(self, case):
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer

    def close(self):
        pass


def with_cell(column: str, row: int, value: int) -> MadeRun:
    """An otherwise honest run with one wrong cell."""
    cells = made_cells()
    assert cells[COLUMN[column], row] != value
    cells[COLUMN[column], row] = value
    return MadeRun(cells=cells)


def with_boundary(index: int, **fields) -> MadeRun:
    """An otherwise honest run with one wrong boundary state."""
    states = [made_boundary(row) for row in STARTS]
    states[index] = replace(states[index], **fields)
    return MadeRun(states=states)
