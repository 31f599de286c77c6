"""Engines with one fault each, made from the reference: what a command should find is known without asking it."""

from dataclasses import dataclass

import numpy as np

from harness.backend import REAL_VM, Availability, EngineFailure, NotComparable, Window, column_digest
from harness.backends.reference import ReferenceEngine
from reference.definition.columns import COLUMN
from reference.definition.isa import opcode
from reference.definition.mast import Block


@dataclass
class Altered:
    """The reference's run with other cells."""

    inner: object
    cells: np.ndarray
    built_with_cuts: bool = True

    @property
    def outcome(self):
        return self.inner.outcome

    @property
    def summary(self):
        return self.inner.summary

    def boundaries(self):
        return self.inner.boundaries()

    def windows(self):
        for window in self.inner.windows():
            yield Window(window.first_row, self.cells[:, window.first_row : window.first_row + window.cells.shape[1]])

    def column_digests(self):
        return [column_digest(column) for column in self.cells]

    def contradictions(self):
        return ()


def rows_of(cells, name):
    """The rows that execute an operation, (n,) int64."""
    wanted = np.ones(cells.shape[1], bool)
    for bit in range(7):
        wanted &= cells[COLUMN[f"dec_op_bit_{bit}"]] == (opcode(name) >> bit & 1)
    return np.flatnonzero(wanted)


class Altering:
    """The reference, with cells changed by :meth:`alter`."""

    def __init__(self):
        self._reference = ReferenceEngine()

    def probe(self):
        return Availability(True, "made for tests")

    def run(self, case):
        run = self._reference.run(case)
        if run.summary is None:
            return run
        cells = run.execution.trace.columns.copy()
        self.alter(cells, case, run)
        return Altered(run, cells)

    def close(self):
        self._reference.close()


class Honest(Altering):
    name = "honest"

    def alter(self, cells, case, run):
        pass


class WrongMul(Altering):
    """The third item of the stack is one too large after MUL."""

    name = "wrong-mul"

    def alter(self, cells, case, run):
        after = rows_of(cells, "MUL") + 1
        cells[COLUMN["stack_2"], after] = (cells[COLUMN["stack_2"], after] + np.uint64(1)) % np.uint64(
            2**64 - 2**32 + 1
        )


class WrongMulToo(WrongMul):
    """Another engine with the same mistake."""

    name = "wrong-mul-too"


class WrongSeam(Altering):
    """dec_op_index of a DROP that begins a fragment is lost; without a cut there nothing is wrong."""

    name = "wrong-seam"

    def alter(self, cells, case, run):
        starts = set(case.cut.starts(run.summary.core)) - {0}
        for row in rows_of(cells, "DROP"):
            if int(row) in starts:
                cells[COLUMN["dec_op_index"], row] += np.uint64(20)


class Crashing(Altering):
    """Raises for programs with a SWAP."""

    name = "crashing"

    def alter(self, cells, case, run):
        if len(rows_of(cells, "SWAP")):
            raise IndexError("list index out of range")


class Broken(Altering):
    """Always raises."""

    name = "broken"

    def run(self, case):
        raise ZeroDivisionError("made for tests")


class Refusing(Altering):
    """Cannot do anything."""

    name = "refusing"

    def run(self, case):
        raise NotComparable(self.name, "no such programs")


class Unusable(Altering):
    """Not usable on any machine."""

    name = "unusable"

    def probe(self):
        return Availability(False, "no device")


class PanickingVm(Altering):
    """Shows the behaviour of the real VM, one of its known panics included."""

    name = "panicking-vm"
    identity = REAL_VM

    def alter(self, cells, case, run):
        pass

    def run(self, case):
        blocks = [node for node in case.program.forest.nodes if isinstance(node, Block)]
        if any(operation.name == "MPVERIFY" for block in blocks for operation in block.operations):
            raise EngineFailure(self.name, "panicked: path is empty")
        return super().run(case)


ENGINES = {
    engine.name: engine
    for engine in (Honest, WrongMul, WrongMulToo, WrongSeam, Crashing, Broken, Refusing, Unusable, PanickingVm)
}
