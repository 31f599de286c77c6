"""The core chips against recorded traces of the real VM: every operation, several cuts, any order of threads."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from core_run import VM_CASES, core_run, recording_of, vm_cases

from gpu import core_chips, header, source, steps
from gpu.core_chips import CORE
from gpu.errors import BudgetExceeded, KernelCode
from gpu.host_device import ORDERS, HostDevice
from gpu.sides import Label
from reference.definition.columns import COLUMN_NAMES
from reference.definition.cuts import ONE_FRAGMENT, At, Every
from reference.definition.formats.load import load_cases
from reference.processor import execute

TRACES = sorted((VM_CASES.parent / "traces").glob("*.npz"))
PLANS = (Every(1), Every(7), Every(64), ONE_FRAGMENT)


def recorded_trace(path: Path) -> np.ndarray:
    with np.load(path) as archive:
        return archive["trace"].astype(np.uint64)


@cache
def reference_trace(name: str) -> np.ndarray:
    """Of a recorded case: the reference engine's, which another test compares with the real VM's."""
    trace = execute(vm_cases()[name]).trace
    assert trace is not None
    return trace.columns


def difference(found: np.ndarray, trace: np.ndarray, chip: core_chips.CoreChip, first_row: int = 0) -> str | None:
    """The first wrong row and its columns, None when all cells are equal."""
    wanted = trace[chip.columns, first_row : first_row + found.shape[1]]
    wrong = np.flatnonzero((found != wanted).any(axis=0))
    if not len(wrong):
        return None
    row = int(wrong[0])
    columns = np.flatnonzero(found[:, row] != wanted[:, row])
    names = [COLUMN_NAMES[chip.columns.start + column] for column in columns]
    return f"{chip.name}: row {first_row + row}, {', '.join(names)}: {found[columns, row]} for {wanted[columns, row]}"


@pytest.mark.parametrize("path", TRACES, ids=lambda path: path.stem)
def test_columns_are_those_of_the_recorded_trace(device: HostDevice, path: Path) -> None:
    trace = recorded_trace(path)
    for plan in PLANS:
        with core_run(device, recording_of(vm_cases()[path.stem], plan)) as run:
            for chip in CORE:
                found = run.columns(chip)
                assert found.shape[1] >= run.g.extent.core_rows
                assert difference(found, trace, chip) is None


CHIPLET_CASES = {case.name: case for case in load_cases(VM_CASES.parent.parent / "chiplets" / "cases.jsonl")}


@pytest.mark.parametrize(
    "name", ["ace_two_circuits", "ace_wrapped_no_gate", "ace_wrapped_two_words", "merkle_verify_63_603"]
)
def test_circuits_whose_sizes_wrap_and_paths_of_63_levels(device: HostDevice, name: str) -> None:
    trace = execute(CHIPLET_CASES[name]).trace
    assert trace is not None
    for plan in PLANS:
        with core_run(device, recording_of(CHIPLET_CASES[name], plan)) as run:
            for chip in CORE:
                assert difference(run.columns(chip), trace.columns, chip) is None


MIXED = ("mix_720170", "op_mrupdate_700781", "op_evalcircuit_700771", "ctl_loop_body_dyncall_703180")


@pytest.mark.parametrize("order", range(len(ORDERS)))
@pytest.mark.parametrize("block", [1, 32])
def test_the_order_of_threads_does_not_show(order: int, block: int) -> None:
    for name in MIXED:
        trace = reference_trace(name)
        with (
            HostDevice(order=order, block=block) as device,
            core_run(device, recording_of(vm_cases()[name], Every(5))) as run,
        ):
            for chip in CORE:
                assert difference(run.columns(chip), trace, chip) is None


def test_a_run_of_fragments_alone_has_the_cells_of_the_whole(device: HostDevice) -> None:
    trace = reference_trace("mix_720170")
    with core_run(device, recording_of(vm_cases()["mix_720170"], Every(9))) as run:
        total = run.g.counts["fragments"]
        for first, count in ((0, 1), (3, 2), (total - 1, 1), (0, total)):
            for chip in CORE:
                found = run.columns(chip, first, count)
                assert found.shape[1] > 0
                assert difference(found, trace, chip, 9 * first) is None


@pytest.mark.parametrize(("first", "end"), [(0, 3), (3, 4), (4, None)])
def test_a_shard_has_the_cells_of_its_rows(device: HostDevice, first: int, end: int | None) -> None:
    for name in MIXED[:2]:
        trace = reference_trace(name)
        recording = recording_of(vm_cases()[name], At((0, 3, 4, 20, 31)))
        assert len(recording.snapshots) == 5
        with core_run(device, recording, first, end) as run:
            for chip in CORE:
                assert difference(run.columns(chip), trace, chip, run.g.extent.first_row) is None


def test_pushes_and_pops_balance(device: HostDevice) -> None:
    seen: set[Label] = set()
    for name in MIXED:
        with core_run(device, recording_of(vm_cases()[name], Every(3))) as run:
            bus = device.download(run.side["bus"])
            for label in (Label.OVERFLOW, Label.BLOCK, Label.CALL):
                assert (bus[0, label] == bus[1, label]).all(), (name, label.name)
                seen |= {label} if bus[0, label, 0] else set()
    assert seen == {Label.OVERFLOW, Label.BLOCK, Label.CALL}


def test_too_little_room_for_continuations_is_made_larger(device: HostDevice, monkeypatch: pytest.MonkeyPatch) -> None:
    recording = recording_of(vm_cases()["mix_720170"], ONE_FRAGMENT)
    with core_run(device, recording) as run:
        assert run.result.attempts == 1
        side = {name: device.download(buffer) for name, buffer in run.side.items()}
        growth = run.result.growth
    monkeypatch.setattr(core_chips, "FIRST_GROWTH", 1)
    with core_run(device, recording) as run:
        assert run.result.attempts > 1
        assert run.result.growth == growth
        for name, array in side.items():
            assert (device.download(run.side[name]) == array).all(), name


# ---- the same lists in kernels and in Python ------------------------------------------------------------------------


def enumeration(name: str) -> list[str]:
    text = (source.KERNELS / "layout.cuh").read_text()
    match = re.search(rf"enum {name} \{{(.*?)\}}", text, re.DOTALL)
    assert match is not None
    body = re.sub(r"//[^\n]*", "", match[1])
    return [entry.split("=")[0].strip() for entry in body.split(",") if entry.strip()]


def test_steps_and_helper_kinds_are_numbered_alike() -> None:
    assert enumeration("Step") == [*(f"T_{name}" for name in steps.STEPS), "T_COUNT"]
    assert enumeration("HelperKind") == [f"HELPER_{name}" for name in steps.HELPERS]


def test_header_fields_are_numbered_alike() -> None:
    short = {"current_addr": "CUR", "parent_addr": "PAR", "overflow_addr": "OVERFLOW", "hasher_addr": "HASHER"}
    names = [f"H_{short.get(name, name.upper())}" for name in header.FIELDS]
    assert enumeration("HeaderField") == [*names, "H_COUNT"]
    assert len(header.WORDS) == 24


def test_error_codes_are_numbered_alike() -> None:
    text = (source.KERNELS / "layout.cuh").read_text()
    codes = dict(re.findall(r"E_(\w+) = (\d+)", text))
    assert {name: int(code) for name, code in codes.items()} == {code.name: code.value for code in KernelCode}


def test_no_budget_leaves_anything_behind(device: HostDevice) -> None:
    """Every allocation of an assignment fails once: the budget ends just before it."""
    recording = recording_of(vm_cases()["op_hperm_700700"], Every(4))
    before = device.pool_bytes()
    refused = 0
    budget = before
    while True:
        device.arena.budget = budget
        try:
            with core_run(device, recording) as run:
                for chip in CORE:
                    run.columns(chip)
            break
        except BudgetExceeded as error:
            refused += 1
            assert device.pool_bytes() == before, error
            # Just enough for what was refused.
            (wanted,) = re.findall(r"(\d+) bytes do not fit, (\d+)", str(error))
            budget = sum(map(int, wanted))
        finally:
            device.arena.budget = None
    assert refused > 40
    assert device.pool_bytes() == before
