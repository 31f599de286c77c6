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


def replay_command(case_file: Path, engines: Sequence[str], *, verb: str = "diff", cuts: str = "") -> str:
    """The command that compares the case again, at the cut plan ``cuts`` when it is given."""
    return shlex.join(["fragdiff", verb, str(case_file), *_engine_options(engines), *_cut_options(cuts)])


def show_command(case_file: Path, engine: str, rows: tuple[int, int], *, cuts: str = "") -> str:
    """The command that decodes rows ``first .. end - 1`` of one engine's trace."""
    first, end = rows
    options = [f"--engine={engine}", f"--rows={first}:{end}", *_cut_options(cuts)]
    return shlex.join(["fragdiff", "show", str(case_file), *options])


def _engine_options(engines: Sequence[str]) -> list[str]:
    """In one option where no name holds a comma."""
    if any("," in name for name in engines):
        return [f"--engine={name}" for name in engines]
    return [f"--engines={','.join(engines)}"]


def _cut_options(cuts: str) -> list[str]:
    return [f"--cuts={cuts}"] if cuts else []


def regenerate_command(
    seed: int, number: int, engines: Sequence[str], options: Sequence[str] = (), *, laws: bool = False
) -> str:
    """The command that generates the case again and compares it, or judges the one engine; ``options`` are those of the
    campaign's generator."""
    wanted = ["--seed", str(seed), "--first", str(number), "--cases", "1", *options]
    return shlex.join(["fragdiff", "fuzz", *wanted, *(f"--{'laws' if laws else 'engine'}={name}" for name in engines)])


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
