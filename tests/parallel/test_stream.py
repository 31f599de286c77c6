"""Streamed windows are the whole trace: every cell as the real VM recorded it, at any cut and any slab size."""

from __future__ import annotations

import json
import os
import subprocess
import tracemalloc
from dataclasses import asdict, fields, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from harness.backend import EngineFailure
from harness.backends.parallel import ParallelEngine, ParallelRun
from harness.bench.programs import programs
from parallel.assemble import Builder
from parallel.context_error import ContextError
from parallel.executor import record
from parallel.stream import SLAB_ROWS, Stream
from reference.definition.cuts import ONE_FRAGMENT, At, Every
from reference.definition.formats.case_json import case_line, read_case

DATA = Path(__file__).parents[1] / "data"
VM = {
    case.name: case
    for line in (DATA / "vm" / "cases.jsonl").read_text().splitlines()
    for case in [read_case(line, "cases.jsonl")]
}
RECORDS = {item["name"]: item for item in map(json.loads, (DATA / "vm" / "records.jsonl").read_text().splitlines())}
TRACES = sorted(path.stem for path in (DATA / "vm" / "traces").glob("*.npz"))
BOUNDARIES = [
    read_case(line, "cases.jsonl") for line in (DATA / "fragment_boundaries" / "cases.jsonl").read_text().splitlines()
]
CUTS = (Every(1), Every(7), Every(64), ONE_FRAGMENT, At((0, 3, 3, 50, 51, 10**6)))


def recording(case, cut):
    made = record(replace(case, cuts=(cut,)))
    assert made.snapshots.size, made.outcome
    return made


def joined(stream):
    windows = list(stream.windows())
    ends = [first + cells.shape[1] for first, cells in windows]
    assert [first for first, _ in windows] == [0, *ends[:-1]]
    return np.concatenate([cells for _, cells in windows], axis=1)


def scaled(rows):
    """The six benchmark programs by name."""
    return {case.name: case for case in programs(rows)}


@pytest.mark.parametrize("name", TRACES)
def test_windows_of_a_recorded_program_are_the_real_trace(name):
    with np.load(DATA / "vm" / "traces" / f"{name}.npz") as archive:
        expected = archive["trace"]
    for cut in CUTS:
        made = recording(VM[name], cut)
        for slab_rows in (1, 50, SLAB_ROWS):
            stream = Stream(made, slab_rows=slab_rows)
            assert asdict(stream.lengths) == RECORDS[name]["lengths"]
            assert np.array_equal(joined(stream), expected), (cut, slab_rows)


@pytest.mark.parametrize("case", BOUNDARIES, ids=lambda case: case.name)
def test_windows_of_a_boundary_program_are_the_real_trace(case):
    with np.load(DATA / "fragment_boundaries" / f"{case.name}.npz") as archive:
        expected = archive["trace"].T
    assert np.array_equal(joined(Stream(recording(case, case.cut), slab_rows=100)), expected)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("name", ["fib", "u32", "memory", "stackdeep", "calls", "hash"])
def test_windows_of_a_longer_program_are_its_whole_trace(name, threads):
    case = scaled(2**15)[name]
    for fragment, slab_rows in ((1000, 3000), (4096, 9999), (20_000, 4096)):
        made = recording(case, Every(fragment))
        stream = Stream(made, threads=threads, slab_rows=slab_rows)
        assert np.array_equal(joined(stream), Builder().build(made).columns), (fragment, slab_rows)


def test_there_is_a_window_for_each_fragment_then_pieces_of_padding():
    made = recording(VM["op_noop_700000"], At((0, 3, 3, 40, 42, 50)))
    starts = [first for first, _ in Stream(made, slab_rows=30).windows()]
    assert made.core_rows == 42
    assert starts == [0, 3, 40, 42, 72, 102]


def test_a_fragment_larger_than_a_slab_is_one_window():
    made = recording(scaled(2**12)["fib"], Every(3000))
    sizes = [cells.shape[1] for _, cells in Stream(made, slab_rows=256).windows()]
    assert sizes[:2] == [3000, made.core_rows - 3000]
    assert max(sizes[2:]) <= 256


def test_windows_stay_as_they_are_and_can_be_made_again():
    stream = Stream(recording(scaled(2**12)["u32"], Every(100)), slab_rows=512)
    first = list(stream.windows())
    copies = [cells.copy() for _, cells in first]
    second = list(stream.windows())
    for (start, cells), copy, (again, same) in zip(first, copies, second, strict=True):
        assert start == again
        assert np.array_equal(cells, copy)
        assert np.array_equal(same, copy)


def test_reused_slabs_share_memory_and_hold_the_same_cells():
    stream = Stream(recording(scaled(2**12)["memory"], Every(100)), slab_rows=512)
    slabs = stream.slabs(reuse=True)
    first = next(slabs)
    kept = [first.cells.copy()]
    second = next(slabs)
    assert np.shares_memory(first.cells, second.cells)
    kept += [second.cells.copy(), *(slab.cells.copy() for slab in slabs)]
    assert np.array_equal(np.concatenate(kept, axis=1), joined(stream))


def test_memory_is_that_of_a_slab_not_of_the_trace():
    made = recording(scaled(2**17)["hash"], Every(4096))
    trace_bytes = 2**17 * 72 * 8
    tracemalloc.start()
    try:
        rows = sum(slab.cells.shape[1] for slab in Stream(made, slab_rows=4096).slabs(reuse=True))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert rows == 2**17
    assert peak < trace_bytes / 5


@pytest.mark.parametrize("field", ["depth", "ctx", "hasher_addr", "ends", "pc"])
def test_a_recording_that_contradicts_itself_is_refused(field):
    made = recording(scaled(2**10)["calls"], Every(100))
    made.snapshots[field][5] += 1
    with pytest.raises(ContextError):
        Stream(made)


# ---- in the harness -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", TRACES[::4])
def test_the_engine_streams_what_the_real_vm_recorded(name):
    run = ParallelEngine(stream_from=64).run(replace(VM[name], cuts=(Every(7),)))
    summary = run.summary
    assert summary is not None
    lengths = {
        item.name: getattr(summary, item.name) for item in fields(summary) if item.name in RECORDS[name]["lengths"]
    }
    assert lengths == RECORDS[name]["lengths"]
    assert run.column_digests() == RECORDS[name]["columns"]
    starts = [window.first_row for window in run.windows()]
    assert starts[: len(run.boundaries())] == [state.clk for state in run.boundaries()]


def test_the_engine_streams_long_traces_only():
    engine = ParallelEngine(stream_from=2**12)
    small, large = (engine.run(replace(scaled(rows)["fib"], cuts=(Every(500),))) for rows in (2**11, 2**12))

    def shares(run):
        # Windows of a whole trace are views of one buffer; streamed ones are not.
        windows = list(run.windows())
        return all(left.cells.base is right.cells.base for left, right in pairwise(windows))

    assert shares(small)
    assert not shares(large)


def test_a_fragment_that_fails_while_it_is_streamed_is_a_failure_of_the_engine():
    made = recording(scaled(2**12)["u32"], Every(100))
    stream = Stream(made, slab_rows=512)
    made.queues["pops"]["value"][:] = 1
    made.snapshots["pops"][9] = 10**9
    with pytest.raises(EngineFailure):
        list(ParallelRun(made, stream, Every(100)).windows())


@pytest.mark.oracle
@pytest.mark.parametrize("name", ["fib", "u32", "memory", "stackdeep", "calls", "hash"])
def test_streamed_digests_are_the_real_vms(name):
    command = os.environ.get("FRAGDIFF_ORACLE")
    if not command:
        pytest.skip("FRAGDIFF_ORACLE does not name the real VM's program")
    case = replace(scaled(2**17)[name], cuts=(Every(4096),))
    answer = subprocess.run(
        [*command.split(), "run"], input=case_line(case) + "\n", capture_output=True, text=True, check=True
    )
    assert ParallelEngine(stream_from=64).run(case).column_digests() == json.loads(answer.stdout)["columns"]
