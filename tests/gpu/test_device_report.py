"""The device report on the host back end and on a CuPy that is no CuPy: what it finds, what it says, how it ends."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from reported_cases import ROOT, WANTED, altered, report

from gpu import device_report
from gpu.chips import CHIP_ORDER
from gpu.report import programs

pytestmark = pytest.mark.usefixtures("device")  # where no kernel can be built, every test is skipped with the reason

# ---- where nothing is installed -------------------------------------------------------------------------------------

BLOCKED = ("numba", "llvmlite", "click", "rich", "hypothesis", "pytest", "cupy")

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
