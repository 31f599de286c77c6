"""Command lines that show a finding again, and what it was found with."""

from __future__ import annotations

import os
import platform
import shlex
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from harness.known import KNOWN_VARIABLE

_PACKAGES: Final = ("fragdiff", "numpy", "numba")
_VARIABLES: Final = ("NUMBA_NUM_THREADS", "NUMBA_DISABLE_JIT", "NUMBA_CPU_NAME", KNOWN_VARIABLE)
"""They change what runs; nothing else of the environment is written down."""


def replay_command(case_file: Path, engines: Sequence[str], *, verb: str = "diff") -> str:
    """The command that compares the case again."""
    return shlex.join(["fragdiff", verb, str(case_file), *(f"--engine={name}" for name in engines)])


def regenerate_command(seed: int, number: int, engines: Sequence[str]) -> str:
    """The command that generates the case again and compares it."""
    wanted = ["--seed", str(seed), "--first", str(number), "--cases", "1"]
    return shlex.join(["fragdiff", "fuzz", *wanted, *(f"--engine={name}" for name in engines)])


def environment(engines: Sequence[str]) -> list[tuple[str, str]]:
    """(name, value) of everything that a finding may depend on besides the case."""
    found = [("engines", ", ".join(engines))]
    for package in _PACKAGES:
        try:
            found.append((package, version(package)))
        except PackageNotFoundError:
            found.append((package, "not installed"))
    found.append(("Python", platform.python_version()))
    found.append(("machine", f"{platform.platform()}, {os.cpu_count()} processors"))
    found += [(name, os.environ[name]) for name in _VARIABLES if name in os.environ]
    return found
