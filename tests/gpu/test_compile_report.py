"""Every kernel compiles for real architectures, without spills and within its registers; no device is needed.

Skipped, with the reason counted, where the run-time compiler's wheel is not installed.
"""

from __future__ import annotations

import json
import struct
from pathlib import Path
from types import SimpleNamespace

import pytest

from gpu import compile_report, nvrtc
from gpu.budgets import BUDGETS, STREAMING, Budget, budget_of
from gpu.compile_report import ARCHITECTURES, Report, Usage, parse_log, report_on
from gpu.errors import DeviceUnavailable, KernelBuildError
from gpu.source import load

LOG = """
ptxas info    : 0 bytes gmem, 1440 bytes cmem[3]
ptxas info    : Compiling entry function 'second' for 'sm_90'
ptxas info    : Function properties for second
    24 bytes stack frame, 8 bytes spill stores, 12 bytes spill loads
ptxas info    : Used 40 registers, used 0 barriers, 24 bytes cumulative stack size, 128 bytes smem
ptxas info    : Compiling entry function 'first' for 'sm_90'
ptxas info    : Function properties for first
    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
ptxas info    : Used 18 registers, used 0 barriers
"""


@pytest.fixture(scope="module")
def compiler() -> None:
    try:
        nvrtc.library_path()
    except DeviceUnavailable as error:
        pytest.skip(str(error))


def test_the_architectures_are_the_three_that_were_asked_for() -> None:
    assert {"sm_80", "sm_90", "sm_100"} == set(ARCHITECTURES)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_kernel_compiles_without_spills_and_within_its_registers(compiler: None, architecture: str) -> None:
    source = load()
    report = report_on(source, architecture)
    assert report.kernels.keys() == source.signatures.keys()
    assert len(report.kernels) > 40
    assert {name: use for name, use in report.kernels.items() if use.spills or use.shared} == {}
    assert report.excesses() == {}
    assert min(use.registers for use in report.kernels.values()) > 0
    assert min(use.code for use in report.kernels.values()) > 0
    assert report.cubin_bytes > sum(use.code for use in report.kernels.values())


def test_budgets_are_of_kernels_that_exist_and_say_why() -> None:
    assert BUDGETS.keys() <= load().signatures.keys()
    for budget in (STREAMING, *BUDGETS.values()):
        assert budget.reason
        assert all(0 < registers <= 255 for registers in (budget.registers, *budget.on.values()))


def test_the_library_compiles_for_the_architectures(compiler: None) -> None:
    assert set(ARCHITECTURES) <= set(nvrtc.architectures())
    assert int(nvrtc.version().split(".")[0]) >= 13


def test_an_error_names_file_and_line(compiler: None, tmp_path: Path) -> None:
    (tmp_path / "wrong.cuh").write_text("GLOBAL wrong(u64* out) {\n    out[0] = nothing;\n}\n")
    with pytest.raises(
        KernelBuildError, match=r'do not compile for sm_90:\nwrong\.cuh\(2\): error: identifier "nothing"'
    ):
        nvrtc.compile_text(load(extra=(tmp_path / "wrong.cuh",)).unit("wrong.cuh"), "sm_90")


def test_an_unknown_architecture_is_an_error_in_the_compilers_words(compiler: None) -> None:
    with pytest.raises(KernelBuildError, match="do not compile for sm_1:"):
        nvrtc.compile_text("", "sm_1")


def test_a_kernel_that_spills_is_seen(compiler: None, tmp_path: Path) -> None:
    lines = [f"    u64 x{i} = in[{i}] * in[{i + 1}];" for i in range(64)]
    lines += [
        "    for (u32 r = 0; r < in[0]; r++) {",
        *(f"        x{i} = x{i} * x{(i + 7) % 64} + r;" for i in range(64)),
        "    }",
    ]
    lines += [f"    out[{i}] = x{i};" for i in range(64)]
    body = "\n".join(lines)
    text = f"GLOBAL __launch_bounds__(1024, 2) crowded(const u64* in, u64* out) {{\n{body}\n}}\n"
    (tmp_path / "crowded.cuh").write_text(text)
    source = load(extra=(tmp_path / "crowded.cuh",))
    compiled = nvrtc.compile_text(source.unit("crowded.cuh"), "sm_90")
    registers, stack, spills, shared = parse_log(compiled.log)["crowded"]
    assert (registers, shared) == (32, 0)
    assert stack > 0
    assert spills > 0


def test_the_log_is_read_kernel_by_kernel() -> None:
    assert parse_log(LOG) == {"second": (40, 24, 20, 128), "first": (18, 0, 0, 0)}


def test_what_exceeds_a_budget_is_said() -> None:
    use = Usage(registers=49, stack=8, spills=4, shared=16, code=100)
    assert use.excesses(Budget(48, "why", on={"sm_90": 50}), "sm_80") == [
        "49 registers, 48 allowed",
        "8 bytes of stack, 0 allowed",
        "4 bytes spilled",
        "16 bytes of shared memory, the portable subset has none",
    ]
    assert Usage(50, 8, 0, 0, 1).excesses(Budget(48, "why", stack=8, on={"sm_90": 50}), "sm_90") == []
    assert budget_of("some_new_kernel") is STREAMING


def test_section_sizes_come_from_the_file() -> None:
    names = b"\0.text.k\0.shstrtab\0"
    header = bytearray(64)
    struct.pack_into("<Q", header, 0x28, 64 + len(names))
    struct.pack_into("<HHH", header, 0x3A, 64, 2, 1)
    text = struct.pack("<IIQQQQ", 1, 1, 0, 0, 0, 640).ljust(64, b"\0")
    strings = struct.pack("<IIQQQQ", 9, 3, 0, 0, 64, len(names)).ljust(64, b"\0")
    assert nvrtc.section_sizes(bytes(header) + names + text + strings) == {".text.k": 640, ".shstrtab": len(names)}


@pytest.fixture
def reported(monkeypatch: pytest.MonkeyPatch) -> None:
    def fake(_: object, architecture: str) -> Report:
        registers = 70 if architecture == "sm_80" else 60
        return Report(architecture, 1.5, 5000, {"some_kernel": Usage(registers, 0, 0, 0, 640)})

    monkeypatch.setattr(compile_report, "report_on", fake)
    monkeypatch.setattr(nvrtc, "version", lambda: "13.5")


def test_the_command_fails_over_budget(reported: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert compile_report.main(["--arch", "sm_90"]) == 0
    assert "over budget" not in capsys.readouterr().out
    assert compile_report.main(["--arch", "sm_90", "sm_80"]) == 1
    assert "over budget: some_kernel: 70 registers, 64 allowed" in capsys.readouterr().out


def test_the_command_prints_json(reported: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert compile_report.main(["--arch", "sm_90", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["nvrtc"] == "13.5"
    assert shown["reports"][0]["kernels"]["some_kernel"]["registers"] == 60


def test_without_the_wheel_the_command_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    nvrtc._library.cache_clear()
    elsewhere = SimpleNamespace(submodule_search_locations=[str(tmp_path)])
    monkeypatch.setattr(nvrtc.importlib.util, "find_spec", lambda _: elsewhere)
    assert compile_report.main([]) == 2
    assert capsys.readouterr().err == "no run-time compiler: the package nvidia-cuda-nvrtc is not installed\n"
    monkeypatch.setattr(nvrtc.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(DeviceUnavailable, match="not installed"):
        nvrtc.library_path()
    monkeypatch.setattr(nvrtc.importlib.util, "find_spec", lambda _: elsewhere)
    (tmp_path / "libnvrtc.so.13").write_text("no library")
    with pytest.raises(DeviceUnavailable, match=r"no run-time compiler: .*libnvrtc"):
        nvrtc.version()
