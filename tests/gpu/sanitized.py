"""Runs Python in a process where kernels can be built with address and undefined-behaviour checks."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gpu.errors import DeviceUnavailable
from gpu.shim import find_compiler, sanitizer_library


def run_sanitized(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The finished process; skips the test with the reason where the compiler brings no sanitizer."""
    try:
        library = sanitizer_library(find_compiler())
    except DeviceUnavailable as error:
        pytest.skip(str(error))
    # Python's own allocator keeps blocks in pools without guards, and does not return all of them at exit.
    environment = {
        **os.environ,
        "LD_PRELOAD": str(library),
        "ASAN_OPTIONS": "detect_leaks=0",
        "PYTHONMALLOC": "malloc",
        "PYTHONPATH": os.pathsep.join((str(Path(__file__).parents[2]), str(Path(__file__).parent))),
    }
    command = [sys.executable, "-c", script, *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=500, check=False)
