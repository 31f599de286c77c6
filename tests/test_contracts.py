"""The arrows between packages, and what the top level holds."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
TOP_LEVEL = {
    "reference",
    "parallel",
    "gpu",
    "harness",
    "tests",
    "corpus",
    "pyproject.toml",
    "README.md",
    ".ci",
    ".gitignore",
}


def test_packages_depend_on_one_another_only_as_the_contracts_allow() -> None:
    linter = Path(sys.executable).parent / "lint-imports"
    result = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    kept = re.search(r"Contracts: (\d+) kept, 0 broken", result.stdout)
    assert kept is not None
    assert int(kept[1]) >= 5


def test_the_top_level_holds_what_the_design_names() -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split(
        "\n"
    )
    assert {name.split("/")[0] for name in tracked if name} == TOP_LEVEL
