"""The same kernels run without compilation, and compiled for a processor without this one's vector registers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
DATA = ROOT / "tests" / "data" / "vm"


def _names(limit: int) -> list[str]:
    """Short recorded cases: one per operation, all control flow, a third of the failures."""
    chosen: dict[str, str] = {}
    for line in (DATA / "records.jsonl").read_text().splitlines():
        record = json.loads(line)
        family, *words = record["name"].split("_")
        rows = record["lengths"]["core"] if record["lengths"] else 0
        if rows <= limit and (family in {"op", "ctl"} or (family == "fail" and len(chosen) % 3 == 0)):
            chosen.setdefault(words[0] if family == "op" else record["name"], record["name"])
    return list(chosen.values())


def _run(names: list[str], **environment: str) -> str:
    command = [sys.executable, HERE / "plain_run.py", DATA / "cases.jsonl", DATA / "records.jsonl", *names]
    result = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": str(ROOT), **environment}, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout.splitlines()[-1]


def test_kernels_as_plain_python_agree_with_the_real_vm() -> None:
    names = _names(200)
    assert len(names) > 120
    assert _run(names, NUMBA_DISABLE_JIT="1") == f"{2 * len(names)} agree"


@pytest.mark.timeout(600)
def test_kernels_for_a_generic_processor_agree_with_the_real_vm(tmp_path: Path) -> None:
    """What hosts without wide vector registers run; its kernels are compiled into a cache of their own."""
    names = _names(1000)
    assert _run(names, NUMBA_CPU_NAME="generic", FRAGDIFF_CACHE=str(tmp_path)) == f"{2 * len(names)} agree"
