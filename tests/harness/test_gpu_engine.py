"""The GPU engine in the harness: recorded programs of the real VM walked through the life cycle, and what is no answer."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from itertools import cycle, islice, product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from gpu.arena import Tag
from gpu.device import Device
from gpu.errors import BudgetDeadlock, BudgetExceeded, DeviceError, InvariantBroken
from gpu.host_device import HostDevice
from gpu.walk import Options, Walk
from harness.backend import Availability, EngineFailure, NotComparable, Preparable, Walking
from harness.backends import gpu
from harness.backends.gpu import CudaEngine, GpuHostEngine, walk_options
from harness.backends.reference import ReferenceEngine
from harness.compare import compare
from harness.engines import installed_names
from harness.verdict import Kind, Verdict
from parallel.executor import record
from parallel.recording import Recording
from reference.definition.case import Case
from reference.definition.cuts import ONE_FRAGMENT, At, CutPlan, Every
from reference.definition.formats.case_json import read_case
from reference.definition.gpu_options import CACHE_LEVELS, CHIPS, THREAD_ORDERS, GpuOptions

DATA = Path(__file__).parent.parent / "data"
CASES = [read_case(line, "cases.jsonl") for line in (DATA / "vm" / "cases.jsonl").read_text().splitlines()]
BY_NAME = {case.name: case for case in CASES}
RECORDS = {
    record["name"]: record for record in map(json.loads, (DATA / "vm" / "records.jsonl").read_text().splitlines())
}
BOUNDARY_CASES = [
    read_case(line, "cases.jsonl") for line in (DATA / "fragment_boundaries" / "cases.jsonl").read_text().splitlines()
]
PLANS: tuple[CutPlan, ...] = (Every(1), Every(7), Every(64), ONE_FRAGMENT)
WALKS = [
    GpuOptions(cache, lanes, shards=shards, order=order, threads=threads)
    for cache, lanes, shards, order, threads in product(
        CACHE_LEVELS, (1, 3), (1, 2, 5), (CHIPS, CHIPS[::-1]), THREAD_ORDERS
    )
]

needs_compiler = pytest.mark.skipif(not HostDevice.probe()[0], reason="no C++ compiler: gpu-host is not comparable")


@pytest.fixture(scope="module")
def engine() -> Iterator[GpuHostEngine]:
    made = GpuHostEngine()
    yield made
    made.close()


def demand_recorded(engine: GpuHostEngine, case: Case) -> None:
    """Outcome, lengths and all columns are those that the real VM had."""
    expected = RECORDS[case.name]
    run = engine.run(case)
    if expected["outcome"]["status"] == "completed":
        assert run.summary is not None, run.outcome
        assert {name: getattr(run.summary, name) for name in expected["lengths"]} == expected["lengths"]
        assert list(run.summary.stack or ()) == expected["outcome"]["stack"]
        assert run.column_digests() == expected["columns"]
    else:
        assert run.summary is None
        assert (run.outcome.error, run.outcome.clk) == (expected["outcome"]["error"], expected["outcome"]["clk"])  # type: ignore[union-attr]


# ---- what it gives --------------------------------------------------------------------------------------------------


@needs_compiler
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_recorded_programs_are_those_of_the_real_vm(engine: GpuHostEngine, case: Case) -> None:
    """Each at one plan and one walk: neighbouring programs have different ones."""
    number = CASES.index(case)
    walk = WALKS[number * 41 % len(WALKS)]
    demand_recorded(engine, replace(case, cuts=(PLANS[number % len(PLANS)],), gpu=walk))


@needs_compiler
@pytest.mark.slow
@pytest.mark.parametrize("plan", PLANS, ids=str)
def test_recorded_programs_are_those_of_the_real_vm_at_every_plan(engine: GpuHostEngine, plan: CutPlan) -> None:
    for case, walk in zip(CASES, islice(cycle(WALKS), len(CASES)), strict=True):
        demand_recorded(engine, replace(case, cuts=(plan,), gpu=walk))


@needs_compiler
@pytest.mark.parametrize("case", BOUNDARY_CASES, ids=lambda case: case.name)
def test_every_cell_of_the_boundary_programs_at_every_plan(engine: GpuHostEngine, case: Case) -> None:
    with np.load(DATA / "fragment_boundaries" / f"{case.name}.npz") as archive:
        expected: NDArray[np.uint64] = archive["trace"].T
    for plan in PLANS:
        run = engine.run(replace(case, cuts=(plan,)))
        windows = list(run.windows())
        assert [window.first_row for window in windows[:-1]] == list(plan.starts(run.walk.lengths.core))
        cells = np.concatenate([window.cells for window in windows], axis=1)
        assert cells.shape == expected.shape
        assert np.array_equal(cells, expected), np.argwhere(cells != expected)[0]


@needs_compiler
def test_it_agrees_with_the_reference_in_boundary_states_too(engine: GpuHostEngine) -> None:
    case = replace(BY_NAME["ctl_batch_edge_703480"], cuts=(At((0, 3, 17, 18, 10**6)),))
    comparison = compare(case, [ReferenceEngine(), engine], known=())
    assert comparison.verdict is Verdict.AGREE, comparison.divergences
    assert comparison.counts.boundaries == 4
    assert comparison.counts.seams == 3
    assert comparison.counts.cells == 72 * RECORDS[case.name]["lengths"]["rows"]


@needs_compiler
def test_a_long_fragment_is_replayed_by_several_threads_and_seen_as_one(engine: GpuHostEngine) -> None:
    case = read_case((DATA / "bench" / "fib_20.json").read_text(), "fib")
    case = replace(case, stack=(1, 1, 900), cuts=(ONE_FRAGMENT,))
    run = engine.run(case)
    assert run.walk.lengths.core > 3 * gpu.LARGEST_FRAGMENT
    assert run.walk.shards == ((0, 4),)
    assert [state.clk for state in run.boundaries()] == [0]
    assert [window.first_row for window in run.windows()] == [0, run.walk.lengths.core]
    assert run.column_digests() == ReferenceEngine().run(case).column_digests()


# ---- the walk is the case's -----------------------------------------------------------------------------------------


@needs_compiler
def test_the_case_says_how_it_is_walked(engine: GpuHostEngine) -> None:
    assert isinstance(engine, Walking)
    case = replace(BY_NAME["ctl_batch_edge_703480"], cuts=(Every(5),))
    options = GpuOptions("trace", 3, shards=At((11, 6, 10**9)), order=CHIPS[::-1], threads="strided")
    walk = engine.run(replace(case, gpu=options)).walk
    assert (walk.options.cache, walk.options.lanes, walk.options.order) == ("trace", 3, CHIPS[::-1])
    # Rows 6 and 11 are inside fragments 1 and 2: the next ones begin on rows 10 and 15.
    assert walk.shards == ((0, 2), (2, 3), (3, walk.shards[-1][1]))
    assert walk.checked["INV-06"] > 0


def test_shards_begin_with_the_first_fragment_at_or_after_a_row() -> None:
    case = replace(BY_NAME["ctl_batch_edge_703480"], cuts=(Every(5),))
    recording = record(case)
    last = len(recording.snapshots)
    rows = At((0, 1, 5, 6, recording.core_rows + 1))
    assert walk_options(GpuOptions(shards=rows), recording).shards == (0, 1, 1, 2, last)
    assert walk_options(GpuOptions(shards=4), recording).shards == 4


@needs_compiler
def test_a_budget_that_is_too_small_is_doubled_until_the_case_fits(engine: GpuHostEngine) -> None:
    case = replace(BY_NAME["ctl_batch_edge_703480"], cuts=(Every(7),))
    walk = engine.run(replace(case, gpu=GpuOptions(budget=1000, lanes=4))).walk
    assert walk.options.budget is not None
    assert walk.peak_in_use <= walk.options.budget < 2 * engine.run(case).walk.peak_in_use
    assert bin(walk.options.budget // 1000).count("1") == 1


@needs_compiler
def test_a_budget_that_ends_anywhere_leaves_nothing_behind() -> None:
    """Refused before the first buffer, between any two of them, or while chips wait for one another."""
    recording = record(replace(BY_NAME["ctl_batch_edge_703480"], cuts=(Every(7),)))
    device = HostDevice()
    # A second lane has an error word of its own, eight bytes.
    needed = gpu.walk(recording, device, Options(shards=2, check=False)).peak_in_use + 8
    refused = []
    for budget in (*range(needed // 40, needed, needed // 40), needed - 1):
        with pytest.raises((BudgetExceeded, BudgetDeadlock)) as refusal:
            gpu.walk(recording, device, Options(budget=budget, shards=2, lanes=2, check=False))
        refused.append(refusal.type)
        assert device.arena.total == device.arena.booked == 0
    assert gpu.walk(recording, device, Options(budget=needed, shards=2, lanes=2)).checked["INV-20"] > 0
    assert set(refused) == {BudgetExceeded, BudgetDeadlock}


# ---- what is no answer ----------------------------------------------------------------------------------------------


def demand_not_comparable(engine: Any, reason: str) -> None:
    probe = engine.probe()
    assert probe.usable is False
    assert reason in probe.reason
    case = replace(CASES[0], cuts=(ONE_FRAGMENT,))
    with pytest.raises(NotComparable, match=reason):
        engine.run(case)
    comparison = compare(case, [ReferenceEngine(), engine], known=())
    assert comparison.verdict is Verdict.NOT_COMPARABLE
    assert comparison.counts.cells == 0
    (said,) = comparison.counts.not_comparable
    assert reason in said
    engine.close()


def test_without_a_compiler_nothing_is_comparable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "/no/such/compiler")
    demand_not_comparable(GpuHostEngine(), "CXX names /no/such/compiler")


def test_without_a_device_nothing_is_comparable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cupy", None)
    demand_not_comparable(CudaEngine(), "CuPy")


def test_both_engines_are_installed() -> None:
    assert {"gpu", "gpu-host"} <= set(installed_names())
    assert isinstance(CudaEngine(), Preparable)


@needs_compiler
def test_a_program_beyond_the_engine_is_not_comparable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu, "MOST_CORE_ROWS", 10)
    with pytest.raises(NotComparable, match="more than 10 rows"):
        GpuHostEngine().run(replace(BY_NAME["ctl_batch_edge_703480"], cuts=(ONE_FRAGMENT,)))


# ---- what is a failure of the engine --------------------------------------------------------------------------------


def with_other_stack(recording: Recording) -> Recording:
    """The stack that enters the second fragment is not what the first one leaves."""
    snapshots = recording.snapshots.copy()
    snapshots["stack"][1, 3] += 1
    return replace(recording, snapshots=snapshots)


@needs_compiler
def test_a_recording_that_does_not_fit_is_a_failure_and_the_next_case_is_not_touched(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    engine = GpuHostEngine()
    case = replace(BY_NAME["ctl_batch_edge_703480"], cuts=(Every(7),))
    good = engine.run(case).column_digests()
    with monkeypatch.context() as patched:
        patched.setattr(gpu, "record", lambda *given, **named: with_other_stack(record(*given, **named)))
        with pytest.raises(EngineFailure, match=r"CarryMismatch: CARRY: .*row 7, field stack_3") as failure:
            engine.run(case)
        assert failure.value.engine == "gpu-host"
        comparison = compare(case, [ReferenceEngine(), engine], known=())
        assert [divergence.kind for divergence in comparison.divergences] == [Kind.ENGINE_FAILURE]
    assert engine.run(case).column_digests() == good == RECORDS[case.name]["columns"]
    engine.close()


@needs_compiler
@pytest.mark.parametrize(
    "error", [InvariantBroken("INV-06", "made"), DeviceError("made")], ids=lambda error: type(error).__name__
)
def test_a_device_on_which_anything_is_left_is_given_up(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    engine = GpuHostEngine()
    case = replace(BY_NAME["ctl_batch_edge_703480"], cuts=(Every(7),))
    real, used, left = gpu.walk, [], []

    def leaving(recording: Recording, device: Device, options: Options) -> Walk:
        used.append(device)
        if len(used) == 2:
            if isinstance(error, InvariantBroken):
                left.append(device.empty(Tag.TRACE, "left", 8, "u8"))
            raise error
        return real(recording, device, options)

    monkeypatch.setattr(gpu, "walk", leaving)
    engine.run(case)
    with pytest.raises(EngineFailure, match="made"):
        engine.run(case)
    engine.run(case)
    assert used[0] is used[1]
    assert used[2] is not used[1]
    assert used[2].arena.total == 0
    engine.close()


# ---- compiling ------------------------------------------------------------------------------------------------------


@needs_compiler
def test_compiling_for_the_first_time_is_announced(monkeypatch: pytest.MonkeyPatch) -> None:
    engine, said = GpuHostEngine(), list[str]()
    engine.prepare(lambda line: None)
    engine.prepare(said.append)
    assert said == []
    monkeypatch.setattr(GpuHostEngine, "_is_built", lambda self: False)
    engine.prepare(said.append)
    assert len(said) == 1
    assert "compiling the kernels of gpu-host" in said[0]
    engine.close()


def test_preparing_without_a_compiler_says_why_and_does_not_raise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "/no/such/compiler")
    said: list[str] = []
    engine = GpuHostEngine()
    engine.prepare(said.append)
    assert any("no C++ compiler" in line for line in said)
    assert engine.probe() == Availability(False, "no C++ compiler: CXX names /no/such/compiler")
