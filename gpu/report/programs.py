"""Other programs that a report starts: checking tools over a small part of the suite, a second process on the same device, the
parallel engine and the real VM on the same cases.

Each may be missing, may refuse the machine, may take too long; every one of these ends is told apart from "nothing found".
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from gpu.report.machine import tool

Json = dict[str, Any]

ROOT: Final = Path(__file__).parents[2]
FOUND: Final = 86
"""The exit code that the checking tool is asked for when it finds something."""
TOOLS: Final = ("memcheck", "racecheck", "initcheck")
_SUMMARY: Final = re.compile(r"(?:ERROR|RACECHECK) SUMMARY: (\d+) (?:errors?|hazards?)")
_TAIL: Final = 1500
"""Characters of a program's output that are kept."""


def environment() -> dict[str, str]:
    """That of this process, in which children find this project."""
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "PYTHONUNBUFFERED": "1"}


def part_of_the_suite(device: str, cases: Path, most: int, out: Path) -> list[str]:
    """The command that walks the first cases of a bundle and writes its own report."""
    chosen = ["--device", device, "--cases", str(cases), "--stages", "suite", "--most", str(most)]
    return [sys.executable, "-m", "gpu.device_report", "--out", str(out), *chosen]


def checked(device: str, cases: Path, most: int, seconds: float) -> Json:
    """The checking tools over a few cases: per tool what it found, or why it was not asked."""
    program = tool("compute-sanitizer")
    if device != "cuda":
        return {
            "skipped": "compute-sanitizer is for CUDA devices; the host's kernels are tested under a compiler's sanitizers"
        }
    if program is None:
        return {"skipped": "compute-sanitizer is not installed"}
    until = time.monotonic() + seconds
    found: Json = {}
    for name in TOOLS:
        left = until - time.monotonic()
        if left < 10:
            found[name] = {"state": "not asked", "reason": "no time is left"}
            continue
        with tempfile.TemporaryDirectory() as folder:
            part = part_of_the_suite(device, cases, most, Path(folder))
            code, output = _run([program, "--tool", name, "--error-exitcode", str(FOUND), *part], left)
        found[name] = judged(code, output)
    return found


def judged(code: int | None, output: str) -> Json:
    """What a checking tool's end means: clean only when it says how many errors it saw and the cases themselves went well."""
    summaries = [int(number) for number in _SUMMARY.findall(output)]
    tail = output[-_TAIL:]
    if code is None:
        return {"state": "not finished", "reason": "it took too long", "output": tail}
    if code == FOUND or any(summaries):
        return {"state": "found", "errors": sum(summaries), "output": output[:_TAIL]}
    if not summaries:
        return {"state": "refused", "reason": f"no summary, exit code {code}", "output": tail}
    if code != 0:
        return {"state": "failed", "reason": f"the cases ended with exit code {code}", "output": tail}
    return {"state": "clean", "errors": 0}


def together(device: str, cases: Path, most: int, seconds: float) -> Json:
    """Two processes that walk cases on the same device at the same time; both have to find what was recorded."""
    with tempfile.TemporaryDirectory() as folder:
        commands = [part_of_the_suite(device, cases, most, Path(folder) / str(number)) for number in range(2)]
        until = time.monotonic() + seconds
        running = [_start(command) for command in commands]
        ends = [_end(process, until - time.monotonic()) for process in running]
        found = [_suite_of(Path(folder) / str(number)) for number in range(2)]
    processes = [
        {"exit_code": code, "equal": suite.get("equal", 0), "output": "" if code == 0 else output[-_TAIL:]}
        for (code, output), suite in zip(ends, found, strict=True)
    ]
    return {"processes": processes, "right": all(each["exit_code"] == 0 and each["equal"] > 0 for each in processes)}


def beside(rows: Sequence[int], against: str | None, seconds: float) -> Json:
    """The parallel engine's times, and the real VM's when its program is given: a list under ``results``, or ``skipped``."""
    command = [sys.executable, "-m", "harness.bench.beside", "--rows", *map(str, rows)]
    command += ["--against", against] if against else []
    code, output = _run(command, seconds, merged=False)
    if code is None:
        return {"skipped": "it took too long", "output": output[-_TAIL:]}
    if code != 0:
        return {"skipped": f"exit code {code}", "output": output[-_TAIL:]}
    try:
        return {"results": [json.loads(line) for line in output.splitlines() if line.startswith("{")]}
    except ValueError as error:
        return {"skipped": f"no answer: {error}", "output": output[-_TAIL:]}


def recorded_now(file: Path, rows: Sequence[int], seconds: float) -> str | None:
    """Makes a bundle here, in a process of its own; None when it was made, else why not."""
    command = [sys.executable, "-m", "harness.device_bundle", "--out", str(file), "--rows", *map(str, rows)]
    code, output = _run(command, seconds)
    if code is None:
        return "recording the cases took too long"
    last = output.strip().splitlines()[-1:] or ["no output"]
    return None if code == 0 else last[0]


def _run(command: Sequence[str], seconds: float, *, merged: bool = True) -> tuple[int | None, str]:
    process = _start(command, merged=merged)
    return _end(process, seconds)


def _start(command: Sequence[str], *, merged: bool = True) -> subprocess.Popen[str]:
    errors = subprocess.STDOUT if merged else subprocess.PIPE
    return subprocess.Popen(
        command, cwd=ROOT, env=environment(), stdout=subprocess.PIPE, stderr=errors, text=True, errors="replace"
    )


def _end(process: subprocess.Popen[str], seconds: float) -> tuple[int | None, str]:
    """Exit code and output; None for a program that was stopped because it took too long."""
    try:
        output, errors = process.communicate(timeout=max(0.1, seconds))
    except subprocess.TimeoutExpired:
        process.kill()
        output, errors = process.communicate()
        return None, (output or "") + (errors or "")
    except BaseException:
        process.kill()
        process.communicate()
        raise
    return process.returncode, output if process.returncode == 0 else (output or "") + (errors or "")


def _suite_of(folder: Path) -> Json:
    try:
        report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    suite: Json = report["stages"].get("suite", {})
    return suite
