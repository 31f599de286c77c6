"""The device report on the host back end and on a CuPy that is no CuPy: what it finds, what it says, how it ends."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fake_cupy import CUDARuntimeError, FakeCupy

from gpu import device_report
from gpu.chips import CHIP_ORDER
from gpu.device import Tag
from gpu.host_device import HostDevice
from gpu.report import bundle, machine, programs
from gpu.report.bundle import BENCH, SUITE, Bundle, Item
from gpu.report.clock import KernelClock, Times, copied, timed
from gpu.report.stages import Pace
from gpu.report.verdict import judge
from gpu.shim import cache_directory
from gpu.source import load
from harness import device_bundle
from reference.definition.errors import InputError

pytestmark = pytest.mark.usefixtures("device")  # where no kernel can be built, every test is skipped with the reason

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests" / "data"
WANTED = (
    "ctl_sys_many_703280 walk 0", "op_u32and_700370 walk 1", "mix_720090 walk 3", "op_pipe_700722 walk 5", "case_13 every:7",
    "case_13 every:64", "case_13 commitment", "kernel_rom",
)  # fmt: skip
BLOCKED = ("numba", "llvmlite", "click", "rich", "hypothesis", "pytest", "cupy")


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of a few recorded cases and two bench programs of 2^10 rows."""
    path = tmp_path_factory.mktemp("bundle") / "cases.zip"
    small = [one for one in device_bundle.bench([2**10]) if one.name.startswith(("fib", "hash"))]
    asked = [one for one in device_bundle.suite(DATA) if one.name in WANTED]
    # A case has one commitment for each blow-up.
    assert device_bundle.write(path, iter([*asked, *small]), lambda line: None) == len(WANTED) + 1 + 2
    return path


def report(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "report.json").read_text())
    return found


def altered(cases: Path, path: Path, **changes: Any) -> Path:
    """The bundle with one case's expectations changed."""
    with Bundle(cases) as found:
        items = [
            replace(item, expected=replace(item.expected, **changes)) if item.name == WANTED[0] else item
            for item in found.items
        ]
        bundle.write(path, items, {item.member: found._read(item.member) for item in items})
    return path


# ---- where nothing is installed -------------------------------------------------------------------------------------

SCRIPT = f"""
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {BLOCKED!r}:
            raise ModuleNotFoundError("No module named " + repr(name), name=name)
sys.meta_path.insert(0, Blocked())
from gpu.device_report import main
code = main(sys.argv[1:])
assert not {set(BLOCKED)!r} & set(sys.modules)
sys.exit(code)
"""


def blocked(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", SCRIPT, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )


def test_it_needs_numpy_alone_and_compares_every_case_with_the_real_vm(cases: Path, tmp_path: Path) -> None:
    stages = "build,suite,faults,bench,compiler"
    done = blocked("--out", str(tmp_path), "--device", "host", "--cases", str(cases), "--stages", stages, "--quick")
    assert done.returncode == 0, done.stderr
    found = report(tmp_path)
    assert found["verdict"] == "all that was compared held, not all was asked"
    suite = found["stages"]["suite"]
    assert (suite["equal"], suite["planned"]) == (len(WANTED) + 1, len(WANTED) + 1)
    assert suite["compared_with"] == {"the real VM": len(WANTED) + 1}
    assert [name for name, count in suite["invariants"].items() if not count] == ["INV-11"]
    assert suite["cells"] > 72 * 64 * len(WANTED)
    faults = found["stages"]["faults"]["faults"]
    assert len(faults) == 7
    assert all(each["right"] and each["came"] == each["expected"] for each in faults)
    assert found["facts"]["versions"]["numba"] is None
    assert found["facts"]["versions"]["cupy"] is None
    text = (tmp_path / "report.txt").read_text()
    assert "Nothing here was measured on a device" in text
    assert "9 of 9 cases equal" in text
    assert done.stdout.splitlines()[-1] == str(tmp_path / "report.txt")
    assert "suite: 9 of 9 cases, 0 wrong" in done.stderr


def test_the_bench_says_bytes_and_times_of_every_chip_beside_a_copy_and_a_prediction(
    cases: Path, tmp_path: Path
) -> None:
    arguments = ["--out", str(tmp_path), "--device", "host", "--cases", str(cases), "--stages", "bench"]
    assert device_report.main([*arguments, "--seconds", "60"]) == 0
    found = report(tmp_path)["stages"]["bench"]
    names = [(each["name"], each["fragment_rows"]) for each in found["results"]]
    assert len(names) == 8
    assert names[:2] == [("fib 2^10", 64), ("hash 2^10", 64)]
    for each in found["results"]:
        cells = sum(chip["bytes"] for chip in each["chips"])
        assert cells == each["bytes"] == 72 * 8 * 1024
        assert tuple(chip["chip"] for chip in each["chips"]) == CHIP_ORDER
        assert each["launches"] == sum(chip["launches"] for chip in each["chips"]) >= 19
        assert each["kernel_s"] == pytest.approx(
            sum(kernel["median"] for chip in each["chips"] for kernel in chip["kernels"].values())
        )
        assert each["ratio"] == pytest.approx(each["kernel_s"] / each["copy_s"])
        assert all(0 < chip["peak_bytes"] <= chip["estimate_bytes"] for chip in each["chips"] if chip["bytes"])
        assert 0 < each["predicted_s"] < 1
    fib = [each for each in found["results"] if each["name"] == "fib 2^10"]
    # Longer fragments have fewer headers.
    assert fib[0]["raw_bytes_per_row"] > fib[1]["raw_bytes_per_row"]
    assert [each["target"] for each in found["results"][:2]] == [2.0, 3.0]
    assert found["ceilings"]["copy_bytes_per_s"] > 1e8
    assert [(walk["lanes"], walk["cache"]) for walk in found["walks"]] == [
        (1, "none"), (2, "none"), (4, "none"), (1, "trace"), (1, "full")
    ]  # fmt: skip


# ---- how it ends ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"columns": ("0" * 32,) * 72}, "columns 0, 1, 2"),
        ({"lengths": {"rows": 64, "core": 17}}, "core "),
        ({"merkle_root": (1, 2, 3, 4)}, "expected (1, 2, 3, 4)"),
    ],
)
def test_a_case_that_differs_is_named_and_told_by_the_exit_code(
    cases: Path, tmp_path: Path, changes: dict[str, Any], says: str
) -> None:
    path = altered(cases, tmp_path / "wrong.zip", **changes)
    arguments = ["--out", str(tmp_path), "--device", "host", "--cases", str(path), "--stages", "suite"]
    assert device_report.main(arguments) == 1
    found = report(tmp_path)
    assert found["wrong"] == ["suite: 1 cases different"]
    (told,) = found["stages"]["suite"]["first_differences"]
    assert told.startswith(f"{WANTED[0]}: ")
    assert says in told
    assert says in (tmp_path / "report.txt").read_text()


def test_a_report_that_compared_nothing_is_wrong(cases: Path, tmp_path: Path) -> None:
    arguments = ["--out", str(tmp_path), "--device", "host", "--cases", str(cases), "--quick"]
    assert device_report.main([*arguments, "--stages", "build,compiler"]) == 1
    assert report(tmp_path)["wrong"] == ["nothing was compared"]
    assert device_report.main([*arguments, "--stages", "suite", "--most", "0"]) == 1


def test_what_an_interrupted_report_has_done_is_kept(cases: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "gpu.device_report", "--out", str(tmp_path), "--device", "host"]
    command += ["--cases", str(cases), "--stages", "suite,bench", "--seconds", "600"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "bench: " in line:
                break
        process.send_signal(signal.SIGTERM)
        process.stderr.read()
        assert process.wait(timeout=60) == 130
    found = report(tmp_path)
    assert found["stages"]["suite"]["equal"] == len(WANTED) + 1
    assert found["stages"]["bench"]["state"] == "interrupted"
    assert found["stages"]["bench"]["results"]
    assert found["exit_code"] == 3


def test_time_that_runs_out_is_told(cases: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = iter(range(10**6))
    monkeypatch.setattr(time, "monotonic", lambda: 6.0 * next(ticks))
    arguments = [
        "--out",
        str(tmp_path),
        "--device",
        "host",
        "--cases",
        str(cases),
        "--stages",
        "suite",
        "--seconds",
        "60",
    ]
    assert device_report.main(arguments) == 0
    found = report(tmp_path)
    suite = found["stages"]["suite"]
    assert suite["state"] == "cut short"
    assert 0 < suite["walked"] < suite["planned"]
    assert found["not_done"] == [f"suite: {suite['planned'] - suite['walked']} cases were not asked: no time was left"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--device", "cuda", "--cases", "CASES"], "CuPy is not installed; --device host runs the same kernels"),
        (["--device", "host", "--cases", "/no/such/file"], "no bundle of recorded cases: No such file"),
        (["--device", "host", "--cases", __file__], "no bundle of recorded cases: File is not a zip file"),
        (
            ["--device", "host", "--cases", "CASES", "--stages", "suite,nothing"],
            "stages are build, suite, .* not 'nothing'",
        ),
    ],
)
def test_what_cannot_begin_is_one_line(
    cases: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str],
    says: str,
) -> None:  # fmt: skip
    monkeypatch.setitem(sys.modules, "cupy", None)
    chosen = [str(cases) if each == "CASES" else each for each in arguments]
    assert device_report.main(["--out", str(tmp_path), *chosen]) == 2
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert re.search(says, said), said


def test_without_numba_and_without_a_bundle_it_says_where_to_make_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "numba.py").write_text("raise ImportError('numba needs another NumPy')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(programs, "ROOT", tmp_path / "nowhere")
    monkeypatch.setattr(programs, "environment", lambda: {**os.environ, "PYTHONPATH": f"{tmp_path}:{ROOT}"})
    monkeypatch.setattr(programs, "ROOT", tmp_path)
    assert device_report.main(["--out", str(tmp_path / "out"), "--device", "host"]) == 2
    said = capsys.readouterr().err
    assert "numba needs another NumPy; make a bundle where numba is" in said


# ---- on a device that is none -----------------------------------------------------------------------------------------


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


# ---- verdicts, clocks, bundles ----------------------------------------------------------------------------------------

SUITE_HELD = {"state": "done", "equal": 3, "different": 0, "failed": 0}


@pytest.mark.parametrize(
    ("stages", "code"),
    [
        ({"suite": SUITE_HELD}, 0),
        ({"suite": SUITE_HELD, "tools": {"state": "skipped", "reason": "none"}}, 0),
        ({"suite": {**SUITE_HELD, "failed": 1}}, 1),
        ({"suite": {**SUITE_HELD, "equal": 0}}, 1),
        ({"suite": {"state": "not reached"}}, 1),
        ({"suite": SUITE_HELD, "together": {"state": "done", "processes": [{}], "right": False}}, 1),
        ({"suite": SUITE_HELD, "tools": {"state": "done", "tools": {"memcheck": {"state": "found"}}}}, 1),
        ({"suite": SUITE_HELD, "tools": {"state": "done", "tools": {"memcheck": {"state": "failed"}}}}, 1),
        (
            {
                "suite": SUITE_HELD,
                "tools": {"state": "done", "tools": {"memcheck": {"state": "refused", "reason": ""}}},
            },
            0,
        ),
        ({"suite": SUITE_HELD, "bench": {"state": "failed", "reason": "InvariantBroken"}}, 3),
        ({"suite": SUITE_HELD, "bench": {"state": "interrupted"}}, 3),
    ],
)
def test_what_a_report_comes_to(stages: dict[str, Any], code: int) -> None:
    found = judge(stages)
    assert found.exit_code == code
    left_out = any(part["state"] in ("skipped", "not reached") for part in stages.values())
    assert bool(found.not_done) is (left_out or "refused" in str(stages))


def test_a_measurement_that_there_is_no_time_for_is_not_begun() -> None:
    expected = bundle.Expected("nobody", {}, ())
    fib, hashing = (Item(f"{name} 2^10", BENCH, "", {}, expected, "", 1024) for name in ("fib", "hash"))
    pace = Pace()
    assert pace.expected(fib) == 0
    pace.note(fib, 2.0)
    pace.note(fib, 1.0)
    assert pace.expected(hashing) == 2.0
    pace.note(hashing, 30.0)
    assert pace.expected(replace(fib, name="fib 2^12", rows=4096)) == 8.0
    assert pace.expected(replace(fib, name="u32 2^12", rows=4096)) == 120.0


def test_times_are_medians_of_the_rounds_that_count(device: HostDevice) -> None:
    assert Times.of([3.0, 1.0, 2.0, 9.0]) == Times(2.5, 1.0, 9.0, 4)
    with pytest.raises(ValueError, match="no round"):
        Times.of([])
    calls: list[int] = []
    found = timed(device, device.lane(0), 4, lambda: calls.append(len(calls)))
    assert (len(calls), found.rounds) == (5, 4)


def test_the_clock_times_every_launch_and_is_gone_afterwards(device: HostDevice) -> None:
    buffer = device.full(Tag.SCRATCH, "words", 1000, "u8", 0)
    try:
        with KernelClock(device) as clock:
            device.launch("fill", 1000, buffer, 1000, 5)
            device.launch("fill", 1000, buffer, 1000, 6)
            assert {kernel: len(seconds) for kernel, seconds in clock.take().items()} == {"fill": 2}
            assert clock.take() == {}
        assert device.watch is None
        assert device.download(buffer)[0] == 6
        before = device.arena.total
        assert copied(device, device.lane(0), [buffer], 2).least > 0
        assert device.arena.total == before
    finally:
        buffer.free()


def test_a_bundle_holds_what_the_real_vm_recorded(cases: Path) -> None:
    records = {item["name"]: item for item in map(json.loads, (DATA / "vm" / "records.jsonl").read_text().splitlines())}
    with Bundle(cases) as found:
        assert [item.name for item in found.of(BENCH)] == ["fib 2^10", "hash 2^10"]
        item = next(item for item in found.of(SUITE) if item.name == WANTED[0])
        assert list(item.expected.columns) == records["ctl_sys_many_703280"]["columns"]
        assert item.expected.lengths == records["ctl_sys_many_703280"]["lengths"]
        assert found.recording(item).core_rows == item.expected.lengths["core"]
        other = next(item for item in found.of(SUITE) if item.name == WANTED[3])
        assert (other.options.lanes, other.options.shards) == (1, 5)


def test_equal_cases_make_equal_bundles(cases: Path, tmp_path: Path) -> None:
    with Bundle(cases) as found:
        bundle.write(
            tmp_path / "again.zip", found.items, {item.member: found._read(item.member) for item in found.items}
        )
    assert (tmp_path / "again.zip").read_bytes() == cases.read_bytes()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda item: replace(item, part="other"), "an index of cases"),
        (lambda item: replace(item, walk={"lanes": 99}), "lanes are 1 to 8"),
        (lambda item: replace(item, expected=replace(item.expected, columns=())), "0 columns"),
    ],
)
def test_a_bundle_that_is_none_is_refused(cases: Path, tmp_path: Path, change: Any, says: str) -> None:
    with Bundle(cases) as found:
        first: Item = found.items[0]
        bundle.write(tmp_path / "bad.zip", [change(first)], {first.member: found._read(first.member)})
    with pytest.raises(InputError, match=says):
        Bundle(tmp_path / "bad.zip")
