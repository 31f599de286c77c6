"""The device report on a device that is none, and the programs that it starts beside itself."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from fake_cupy import CUDARuntimeError, FakeCupy
from reported_cases import WANTED, report

from gpu import device_report
from gpu.host_device import HostDevice
from gpu.report import machine, programs
from gpu.shim import cache_directory
from gpu.source import load

pytestmark = pytest.mark.usefixtures("device")  # where no kernel can be built, every test is skipped with the reason


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch, device: HostDevice) -> FakeCupy:
    module = FakeCupy(load(), cache_directory())
    monkeypatch.setitem(sys.modules, "cupy", module)  # type: ignore[arg-type] - the fake is an object, not a module
    return module


def test_the_cuda_path_runs_through_the_same_stages(cases: Path, tmp_path: Path, fake: FakeCupy) -> None:
    arguments = ["--out", str(tmp_path), "--cases", str(cases), "--stages", "build,suite,faults,bench", "--quick"]
    assert device_report.main(arguments) == 0
    found = report(tmp_path)
    assert fake.late == []
    assert found["facts"]["device"]["name"].startswith("Fake, compute capability 9.0")
    assert found["facts"]["device"]["multiprocessors"] == 132
    stages = found["stages"]
    assert stages["suite"]["equal"] == len(WANTED) + 1
    assert stages["build"]["kernels"]["replay"] == {
        "registers": 40,
        "local_bytes": 0,
        "shared_bytes": 0,
        "threads": 1024,
    }
    assert stages["bench"]["model"]["multiprocessors"] == 132
    assert all(each["right"] for each in stages["faults"]["faults"])
    (name, _), *_ = fake.calls
    assert name == "fill"
    assert "fingerprint_u64" not in stages["bench"]["results"][0]["chips"][0]["kernels"]


def test_a_kernel_in_local_memory_is_wrong(cases: Path, tmp_path: Path, fake: FakeCupy) -> None:
    fake.figures["local_size_bytes"] = 8
    arguments = ["--out", str(tmp_path), "--cases", str(cases), "--stages", "build,suite", "--quick"]
    assert device_report.main(arguments) == 1
    assert "build: replay is in local memory" in report(tmp_path)["wrong"]


def test_a_device_that_is_lost_ends_the_report_and_not_what_it_found(
    cases: Path, tmp_path: Path, fake: FakeCupy
) -> None:
    fake.breaks_after = 20_000
    arguments = ["--out", str(tmp_path), "--cases", str(cases), "--stages", "suite,faults,bench"]
    assert device_report.main(arguments) == 3
    found = report(tmp_path)
    assert "illegal memory access" in found["stages"]["suite"]["reason"]
    assert found["stages"]["suite"]["equal"] > 0
    assert found["stages"]["bench"]["state"] == "not reached"
    assert found["exit_code"] == 3


def test_a_device_that_is_refused_is_one_line(
    cases: Path, tmp_path: Path, fake: FakeCupy, capsys: pytest.CaptureFixture[str]
) -> None:
    fake.broken = CUDARuntimeError("cudaErrorDevicesUnavailable: busy or unavailable")
    assert device_report.main(["--out", str(tmp_path), "--cases", str(cases)]) == 2
    assert "cannot be used: the device failed: cudaErrorDevicesUnavailable" in capsys.readouterr().err


# ---- other programs ---------------------------------------------------------------------------------------------------


def test_two_processes_find_the_same_on_one_device(cases: Path) -> None:
    found = programs.together("host", cases, 2, 60)
    assert found["right"]
    assert [each["equal"] for each in found["processes"]] == [2, 2]
    assert not programs.together("host", cases.with_name("none"), 2, 60)["right"]


@pytest.mark.parametrize(
    ("code", "output", "state"),
    [
        (0, "========= ERROR SUMMARY: 0 errors", "clean"),
        (0, "========= RACECHECK SUMMARY: 0 hazards displayed (0 errors, 0 warnings)", "clean"),
        (86, "========= Invalid __global__ read of size 8 bytes\n========= ERROR SUMMARY: 3 errors", "found"),
        (0, "========= ERROR SUMMARY: 1 error", "found"),
        (86, "", "found"),
        (1, "========= Error: Device not supported. Please refer to the documentation", "refused"),
        (0, "suite: 3 of 3 cases, 0 wrong", "refused"),
        (1, "========= ERROR SUMMARY: 0 errors", "failed"),
        (None, "========= ERROR SUMMARY: 0 errors", "not finished"),
    ],
)
def test_a_checking_tool_is_believed_only_when_it_says_what_it_saw(code: int | None, output: str, state: str) -> None:
    assert programs.judged(code, output)["state"] == state


def test_checking_tools_are_started_with_a_part_of_the_suite(
    cases: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "compute-sanitizer"
    program.write_text('#!/bin/sh\necho "$@" >> "$0.log"\necho "========= ERROR SUMMARY: 0 errors"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    found = programs.checked("cuda", cases, 3, 60)
    assert {name: each["state"] for name, each in found.items()} == dict.fromkeys(programs.TOOLS, "clean")
    first, *_ = Path(f"{program}.log").read_text().splitlines()
    assert first.startswith(f"--tool memcheck --error-exitcode 86 {sys.executable} -m gpu.device_report --out ")
    assert first.endswith(f"--device cuda --cases {cases} --stages suite --most 3")
    assert "skipped" in programs.checked("host", cases, 3, 60)
    late = programs.checked("cuda", cases, 3, 5)
    assert {each["state"] for each in late.values()} == {"not asked"}


def test_a_machine_without_the_tools_says_so(monkeypatch: pytest.MonkeyPatch, cases: Path) -> None:
    monkeypatch.setattr(programs, "tool", lambda name: None)
    assert programs.checked("cuda", cases, 3, 60) == {"skipped": "compute-sanitizer is not installed"}
    monkeypatch.setattr(machine, "tool", lambda name: None)
    assert machine.clocks() is None
