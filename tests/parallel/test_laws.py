"""The laws of cutting: the trace and every boundary state are the same whatever is cut where, and by whom it is rebuilt.

One build with a single fragment is the measure here; that it is the right trace is tested against the real VM elsewhere.
"""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tampering import CASES

from parallel.assemble import Builder
from parallel.contexts import boundary_state, fragment_context, rebuild_alone
from parallel.executor import record
from parallel.fragments import FragmentTask, Place, continuation_hashes
from parallel.jit import THREADS
from parallel.ranges import BLOCKS, VALUES
from parallel.recording import Recording
from reference.definition.case import Case
from reference.definition.columns import CORE_WIDTH
from reference.definition.cuts import ONE_FRAGMENT, At, CutPlan, Every
from reference.definition.formats.case_json import read_case
from reference.definition.outcome import Completed
from reference.processor import execute

LINES = {json.loads(line)["name"]: line for line in CASES.read_text().splitlines()}
SAMPLE = (
    "op_mrupdate_700781",
    "op_pipe_700722",
    "op_evalcircuit_700771",
    "mix_720170",
    "ctl_dyn_lib_703350",
    "mix_720010",
)
"""Programs of 71 to 192 rows with every queue, calls in calls, loops and libraries."""

BUILDER = Builder(threads=1)


@cache
def _case(name: str) -> Case:
    return read_case(LINES[name], name)


@cache
def _whole(name: str) -> tuple[int, np.ndarray] | None:
    """Core rows and columns of the build with one fragment; None for a program that fails."""
    recording = _recorded(name, ONE_FRAGMENT)
    if not isinstance(recording.outcome, Completed):
        return None
    return recording.core_rows, _columns(BUILDER, recording)


def _recorded(name: str, cut: CutPlan) -> Recording:
    return record(replace(_case(name), cuts=(cut,)))


def _columns(builder: Builder, recording: Recording) -> np.ndarray:
    built = builder.build(recording)
    columns = built.columns.copy()
    builder.arena.give_back(built.buffer)
    return columns


def _sample(name: str) -> tuple[int, np.ndarray]:
    whole = _whole(name)
    assert whole is not None
    return whole


def _assert_same(name: str, cut: CutPlan) -> Recording:
    rows, expected = _sample(name)
    recording = _recorded(name, cut)
    assert tuple(recording.snapshots["clk"].tolist()) == cut.starts(rows)
    built = BUILDER.build(recording)
    assert np.array_equal(built.columns, expected), f"{name} cut {cut}"
    BUILDER.arena.give_back(built.buffer)
    return recording


def _small() -> list[str]:
    return [name for name in LINES if not name.startswith("big_") and (whole := _whole(name)) and whole[0] <= 300]


# ---- 1: the trace does not depend on the cuts -----------------------------------------------------------------------


@pytest.mark.parametrize("name", SAMPLE)
def test_every_single_cut_gives_the_same_trace(name: str) -> None:
    for row in range(_sample(name)[0] + 2):
        _assert_same(name, At((row,)))


@pytest.mark.slow
def test_every_single_cut_of_every_case_up_to_300_rows_gives_the_same_trace() -> None:
    cases = _small()
    assert len(cases) == 223
    for name in cases:
        for row in range(_sample(name)[0] + 1):
            _assert_same(name, At((row,)))


def test_one_row_per_fragment_gives_the_same_trace_in_every_case() -> None:
    for name in _small():
        _assert_same(name, Every(1))


@pytest.mark.parametrize("name", SAMPLE)
def test_sizes_around_a_divisor_and_a_last_fragment_of_one_row(name: str) -> None:
    rows = _sample(name)[0]
    for parts in (1, 2, 3, 5):
        for size in {rows // parts - 1, rows // parts, rows // parts + 1, -(-rows // parts)}:
            _assert_same(name, Every(size))
    last = _assert_same(name, Every(rows - 1))
    assert last.fragment_end(1) - int(last.snapshots["clk"][1]) == 1


def test_programs_of_k_fragments_and_one_row_more_or_less() -> None:
    # One program per number of rows around a multiple of 64.
    by_rows: dict[int, str] = {}
    for name in LINES:
        whole = _whole(name) if not name.startswith("big_") else None
        if whole is not None:
            by_rows.setdefault(whole[0], name)
    found = [rows for rows in by_rows if rows > 64 and rows % 64 in (63, 0, 1)]
    assert {rows % 64 for rows in found} == {63, 0, 1}
    for rows in found:
        recording = _assert_same(by_rows[rows], Every(64))
        assert len(recording.snapshots) == -(-rows // 64)


@pytest.mark.parametrize("name", SAMPLE[:3])
def test_cuts_at_0_at_the_end_past_it_and_repeated(name: str) -> None:
    rows = _sample(name)[0]
    for cut, fragments in (
        ((), 1),
        ((0,), 1),
        ((0, 0), 1),
        ((rows - 1,), 2),
        ((rows,), 1),
        ((rows + 1, 2**40), 1),
        ((7, 7, 0, rows - 1, rows - 1, rows), 3),
    ):
        assert len(_assert_same(name, At(cut)).snapshots) == fragments


@settings(max_examples=60, deadline=None)
@given(name=st.sampled_from(SAMPLE), rows=st.lists(st.integers(0, 250), max_size=40))
def test_any_cuts_give_the_same_trace(name: str, rows: list[int]) -> None:
    _assert_same(name, At(tuple(rows)))


# ---- 2 and 3: cutting again changes nothing; a row's boundary state is its own ------------------------------------


@settings(max_examples=40, deadline=None)
@given(
    name=st.sampled_from(SAMPLE),
    rows=st.lists(st.integers(0, 200), max_size=12),
    more=st.lists(st.integers(0, 200), max_size=12),
)
def test_cutting_again_keeps_every_boundary_state(name: str, rows: list[int], more: list[int]) -> None:
    once = _assert_same(name, At(tuple(rows)))
    twice = _assert_same(name, At((*rows, *more)))
    finer = {state.clk: state for state in (boundary_state(twice, f) for f in range(len(twice.snapshots)))}
    for fragment in range(len(once.snapshots)):
        state = boundary_state(once, fragment)
        assert finer[state.clk] == state


@pytest.mark.parametrize("name", SAMPLE)
def test_boundary_states_are_those_of_the_reference(name: str) -> None:
    execution = execute(_case(name))
    for cut in (Every(1), Every(5), At((3, 4, 50))):
        recording = _recorded(name, cut)
        for fragment in range(len(recording.snapshots)):
            state = boundary_state(recording, fragment)
            assert state == execution.boundary(state.clk)


# ---- 4: any order, any threads, twice, alone ------------------------------------------------------------------------


@pytest.mark.parametrize("name", SAMPLE[:3])
@settings(max_examples=10, deadline=None)
@given(data=st.data())
def test_fragments_are_rebuilt_in_any_order_and_twice(name: str, data: st.DataObject) -> None:
    rows, expected = _sample(name)
    recording = _recorded(name, Every(data.draw(st.sampled_from((1, 7, 9, 16)))))
    order = data.draw(st.permutations(range(len(recording.snapshots))))
    stride = expected.shape[1] + 8
    words = np.full(CORE_WIDTH * stride + 8, 2**64 - 1, np.uint64)
    words = words[(-words.ctypes.data) % 64 // 8 :][: CORE_WIDTH * stride]
    task = FragmentTask(recording)
    counts, touched = np.zeros(VALUES, np.uint32), np.zeros(BLOCKS, np.uint8)
    for fragment in (*order, *order[:3]):
        place = Place(words, stride, chiplets=False)
        task.rebuild_serial(range(fragment, fragment + 1), place, counts, touched)
    task.check(continuation_hashes(recording))
    columns = words.reshape(CORE_WIDTH, stride)
    assert np.array_equal(columns[:, :rows], expected[:CORE_WIDTH, :rows])
    # Nothing was written past the program's rows.
    assert (columns[:, rows:] == 2**64 - 1).all()


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_the_trace_does_not_depend_on_the_number_of_threads(threads: int) -> None:
    # More rows than one thread is given alone; a host with fewer cores uses those it has.
    name = "big_13_730130"
    expected = _columns(BUILDER, _recorded(name, ONE_FRAGMENT))
    builder = Builder(threads=min(threads, THREADS))
    for cut in (Every(7), Every(1000), ONE_FRAGMENT):
        for _ in range(2):
            assert np.array_equal(_columns(builder, _recorded(name, cut)), expected)


@pytest.mark.parametrize("name", SAMPLE)
def test_every_fragment_alone_gives_its_rows(name: str) -> None:
    _, expected = _sample(name)
    for cut in (Every(1), Every(7), Every(64)):
        recording = _recorded(name, cut)
        for fragment in range(len(recording.snapshots)):
            rows = rebuild_alone(fragment_context(recording, fragment))
            first = int(recording.snapshots["clk"][fragment])
            assert rows.shape[1] == recording.fragment_end(fragment) - first
            assert np.array_equal(rows, expected[:CORE_WIDTH, first : first + rows.shape[1]])
