"""Engines with a mistake whose dependence on cuts is known, made from the reference by altering its cells or states."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

import numpy as np

from harness.backend import Availability, Window, column_digest
from harness.backends.reference import ReferenceEngine
from reference.definition.columns import COLUMN
from reference.definition.cuts import ONE_FRAGMENT
from reference.definition.formats.case_json import read_case
from reference.definition.isa import opcode


@dataclass
class AlteredRun:
    inner: object
    cells: np.ndarray
    states: tuple
    built_with_cuts: bool = True

    @property
    def outcome(self):
        return self.inner.outcome

    @property
    def summary(self):
        return self.inner.summary

    def boundaries(self):
        return list(self.states)

    def windows(self):
        for window in self.inner.windows():
            yield Window(window.first_row, self.cells[:, window.first_row : window.first_row + window.cells.shape[1]])

    def column_digests(self):
        return [column_digest(column) for column in self.cells]

    def contradictions(self):
        return ()


class Altered:
    """``alter(cells, starts, core)`` changes the cells of a completed run in place; ``capture(state, starts)`` a state."""

    def __init__(self, name="altered", alter=None, capture=None):
        self.name = name
        self._alter = alter
        self._capture = capture
        self._reference = ReferenceEngine()
        self.runs = 0

    def probe(self):
        return Availability(True, "made for tests")

    def run(self, case):
        self.runs += 1
        run = self._reference.run(case)
        if run.summary is None:
            return run
        cells = run.execution.trace.columns.copy()
        starts = case.cut.starts(run.summary.core)
        if self._alter is not None:
            self._alter(cells, starts, run.summary.core)
        states = tuple(run.boundaries())
        if self._capture is not None:
            states = tuple(self._capture(state, starts) for state in states)
        return AlteredRun(run, cells, states)

    def close(self):
        self._reference.close()


def wrong(cells, column, row):
    cells[COLUMN[column], row] ^= np.uint64(1)


def rows_of(cells, name):
    wanted = np.ones(cells.shape[1], bool)
    for bit in range(7):
        wanted &= cells[COLUMN[f"dec_op_bit_{bit}"]] == (opcode(name) >> bit & 1)
    return np.flatnonzero(wanted).tolist()


def after_operation(name, column="stack_2"):
    """Wrong behind every such operation, whatever the cuts."""

    def alter(cells, starts, core):
        for row in rows_of(cells, name):
            wrong(cells, column, row + 1)

    return Altered("after-operation", alter)


def behind_cut(distance, column="dec_op_index"):
    """Wrong a fixed number of rows behind every cut."""

    def alter(cells, starts, core):
        for start in starts[1:]:
            if start + distance < core:
                wrong(cells, column, start + distance)

    return Altered("behind-cut", alter)


def first_operation_behind_cut(name, column="stack_2"):
    """A context holds something wrong that the first such operation of its fragment takes."""

    def alter(cells, starts, core):
        for start in starts[1:]:
            row = next((row for row in rows_of(cells, name) if start <= row < core), None)
            if row is not None:
                wrong(cells, column, row + 1)

    return Altered("first-behind-cut", alter)


def where_fragment_begins_with(name, column="stack_2"):
    """Wrong behind the first row of a fragment when that is one operation."""

    def alter(cells, starts, core):
        for row in set(rows_of(cells, name)) & set(starts[1:]):
            wrong(cells, column, row + 1)

    return Altered("begins-with", alter)


def with_fragments(count, row, column="stack_2"):
    """Wrong on one row when there are so many fragments before it."""

    def alter(cells, starts, core):
        if sum(start <= row for start in starts) >= count:
            wrong(cells, column, row)

    return Altered("with-fragments", alter)


def captured(field, change):
    """A wrong field in every snapshot but the first."""

    def capture(state, starts):
        return state if state.clk == 0 else replace(state, **{field: change(getattr(state, field))})

    return Altered("captured", capture=capture)


class Sometimes(Altered):
    """Wrong behind an operation on some runs only."""

    def __init__(self, name, runs):
        super().__init__("sometimes")
        self._alter = lambda cells, starts, core: (
            wrong(cells, "stack_2", rows_of(cells, name)[0] + 1) if self.runs in runs else None
        )


def case_of(nodes, cut=ONE_FRAGMENT, stack=(), **members):
    nodes = [nodes] if isinstance(nodes, str) else nodes
    program = {"nodes": nodes, "roots": [len(nodes) - 1], "entry": len(nodes) - 1}
    stack = list(stack) or list(range(3, 19))
    return replace(read_case(json.dumps({"program": program, "stack": stack, **members})), cuts=(cut,))
