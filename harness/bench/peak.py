"""Peak memory of one record and build in a process of its own: ``python -m harness.bench.peak FILE FRAGMENT THREADS``."""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Final

from reference.definition.case import Case
from reference.definition.cuts import Every
from reference.definition.formats.case_json import case_line, read_case

TIMEOUT_S: Final = 600
"""Compiling everything takes a minute on a slow machine; the measured work takes seconds."""


class PeakFailed(Exception):  # noqa: N818 - what happened
    """The process did not answer; the message is the end of what it wrote to its standard error."""


def peak_bytes(case: Case, *, fragment: int, threads: int) -> int:
    """Most bytes of resident memory that a fresh process needs, interpreter and compiled code included.

    Kernels that are not compiled yet add what the compiler needs (600 MB): measure after a warm run. Raises PeakFailed.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "case.json"
        file.write_text(case_line(case), encoding="utf-8")
        command = [sys.executable, "-m", "harness.bench.peak", str(file), str(fragment), str(threads)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
        except subprocess.TimeoutExpired:
            raise PeakFailed(f"no answer in {TIMEOUT_S} s") from None
    if done.returncode != 0 or not done.stdout.strip().isdecimal():
        raise PeakFailed(done.stderr.strip()[-500:] or f"exit code {done.returncode}")
    return int(done.stdout)


def own_peak_bytes() -> int:
    """Most bytes of memory that this process has had resident."""
    status = Path("/proc/self/status")
    if status.exists():
        # Not ru_maxrss: a new process inherits its parent's there.
        (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _main(file: str, fragment: str, threads: str) -> None:
    from parallel.assemble import Builder  # noqa: PLC0415 - the parent needs none of the engine
    from parallel.executor import record  # noqa: PLC0415 - in the measured process only

    case = read_case(Path(file).read_text(encoding="utf-8"), file)
    recording = record(replace(case, cuts=(Every(int(fragment)),)))
    built = Builder(threads=int(threads)).build(recording)
    assert built.columns.shape[1] == built.lengths.rows
    print(own_peak_bytes())


if __name__ == "__main__":
    _main(*sys.argv[1:])
