"""Boundary states as arrays: the very states of the engines, and no field of none of them goes unlooked at or uncounted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from harness.altered import AlteredRun
from harness.backend import Run
from harness.backends.parallel import ParallelEngine
from harness.backends.reference import ReferenceEngine
from harness.boundary_table import KIND_NUMBER, TAG_NUMBER, BoundaryCheck, BoundaryTable, check_boundaries
from harness.compare import compare
from harness.generate import generate_case
from harness.verdict import Kind, Verdict
from parallel.contexts import boundary_state
from reference.definition.boundary import BoundaryState, Continuation, Position
from reference.definition.case import Case
from reference.definition.cuts import At, Every
from reference.definition.formats.children_first import children_first
from reference.definition.outcome import Completed

NUMBERS = range(40)


def completed_cases() -> Iterator[tuple[Case, ReferenceEngine]]:
    for number in NUMBERS:
        case = replace(children_first(generate_case(11, number).case), cuts=(Every(1),))
        reference = ReferenceEngine()
        if isinstance(reference.run(case).outcome, Completed):
            yield case, reference


def test_the_tables_of_both_engines_hold_the_states_that_each_gives_one_by_one() -> None:
    tags, kinds, contexts = set(), set(), 0
    for case, reference in completed_cases():
        run, recorded = reference.run(case), ParallelEngine().run(case)
        rows = run.execution.core_rows
        assert list(run.boundaries()) == [run.execution.boundary(row) for row in range(rows)]
        assert list(recorded.boundaries()) == [boundary_state(recorded.recording, row) for row in range(rows)]
        tags |= {state.position.tag for state in run.boundaries()}
        kinds |= {item.kind for state in run.boundaries() for item in state.continuations}
        contexts += any(state.ctx for state in run.boundaries())
    assert tags == {"start", "op", "respan", "repeat", "end"}
    assert kinds >= {"StartNode", "FinishJoin", "FinishSplit", "FinishLoop", "FinishCall", "FinishDyn", "EnterForest"}
    assert contexts > 3


def test_states_at_few_cuts_are_those_of_their_rows() -> None:
    case, reference = next(completed_cases())
    every = list(reference.run(case).boundaries())
    few = replace(case, cuts=(At((3, 7, len(every) - 1)),))
    wanted = [every[row] for row in (0, 3, 7, len(every) - 1)]
    for run in (reference.run(few), ParallelEngine().run(few)):
        assert list(run.boundaries()) == wanted
        assert list(run.boundaries()[1:]) == wanted[1:]
        assert run.boundaries()[-1] == wanted[-1]


def other_states(state: BoundaryState) -> Iterator[tuple[str, BoundaryState]]:
    """The state with one field or one item of a field changed, for each."""
    for name in ("ctx", "current_addr", "parent_addr", "depth", "overflow_addr"):
        yield name, replace(state, **{name: getattr(state, name) + 1})
    for name in ("fn_hash", "transcript_state", "stack"):
        for at, item in enumerate(getattr(state, name)):
            items = list(getattr(state, name))
            items[at] = item ^ 2**40
            changed_field: dict[str, Any] = {name: tuple(items)}
            yield f"{name}[{at}]", replace(state, **changed_field)
    tag, node, batch, operation = state.position
    yield "position", replace(state, position=Position("end" if tag == "op" else "op", node, batch, operation))
    yield "position", replace(state, position=Position(tag, node + 1, batch, operation))
    yield "position", replace(state, position=Position(tag, node, batch + 1, operation))
    yield "position", replace(state, position=Position(tag, node, batch, operation + 1))
    for at, (kind, number) in enumerate(state.continuations):
        changed = (
            Continuation("FinishDyn" if kind == "StartNode" else "StartNode", number),
            Continuation(kind, number + 1),
        )
        for item in changed:
            items = [*state.continuations[:at], item, *state.continuations[at + 1 :]]
            yield f"continuations[{at}]", replace(state, continuations=tuple(items))
    yield "continuations count", replace(state, continuations=(*state.continuations, Continuation("FinishJoin", 0)))


def table_of(states: Sequence[BoundaryState]) -> BoundaryTable:
    """Written from the states' fields, apart from either engine's way."""
    words = [
        (
            *(state.clk, state.ctx, *state.fn_hash, *state.transcript_state, state.current_addr, state.parent_addr),
            *(*state.stack, state.depth, state.overflow_addr),
        )
        for state in states
    ]
    positions = [(TAG_NUMBER[state.position.tag], *state.position[1:]) for state in states]
    flat = [(KIND_NUMBER[item.kind], item.node) for state in states for item in state.continuations]
    return BoundaryTable(
        np.array(words, np.uint64),
        np.array(positions, np.int64),
        np.array([len(state.continuations) for state in states], np.int64),
        np.array(flat, np.int64).reshape(-1, 2),
    )


def test_any_field_of_any_state_is_compared_and_each_state_counted_once() -> None:
    case, reference = next(
        found for found in completed_cases() if 60 < found[1].run(found[0]).execution.core_rows < 120
    )
    table = reference.run(case).boundaries()
    states = list(table)
    assert check_boundaries(table, ParallelEngine().run(case).boundaries()) == BoundaryCheck(len(states), None)
    for index in {0, 1, len(states) // 2, len(states) - 1}:
        for name, other in other_states(states[index]):
            changed = table_of([*states[:index], other, *states[index + 1 :]])
            assert check_boundaries(table, changed) == BoundaryCheck(index + 1, index), (index, name)
            assert check_boundaries(states, list(changed)) == BoundaryCheck(index + 1, index), (index, name)
    assert check_boundaries(table, table[:-2]) == BoundaryCheck(len(states) - 2, None)


class _AlteredEngine(ParallelEngine):
    """Another state at one boundary."""

    def __init__(self, at: int, other: BoundaryState) -> None:
        super().__init__()
        self._at, self._other = at, other

    def run(self, case: Case) -> Run:  # type: ignore[override]  # altered
        run = super().run(case)
        states = list(run.boundaries())
        states[self._at] = self._other
        return AlteredRun(run, other_boundaries=table_of(states))


def test_a_wrong_field_is_reported_by_its_name_and_row() -> None:
    case, reference = next(completed_cases())
    states = list(reference.run(case).boundaries())
    at = len(states) // 2
    for name, other in other_states(states[at]):
        comparison = compare(case, [reference, _AlteredEngine(at, other)])
        assert comparison.verdict is Verdict.DIFFER
        assert comparison.counts.boundaries == at + 1
        found = comparison.divergences[0]
        assert (found.kind, found.row) == (Kind.BOUNDARY, at)
        assert [item.name for item in found.columns] == [name]


def test_arrays_of_unequal_lengths_are_refused() -> None:
    case, reference = next(completed_cases())
    table = reference.run(case).boundaries()
    assert isinstance(table, BoundaryTable)
    with pytest.raises(ValueError, match="boundary states have the shapes"):
        BoundaryTable(table.words, table.positions, table.counts + 1, table.continuations)
