"""The audit knows no engine: it imports the definition, numbers and a compiler, and nothing else."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import harness.audit

PACKAGE = Path(harness.audit.__file__).parent
ALLOWED = ("harness.audit", "reference.definition", "numpy", "numba", "llvmlite")


def imported(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            found.add(node.module or "")
    return found


def test_the_audit_imports_the_definition_and_no_engine() -> None:
    modules = sorted(PACKAGE.rglob("*.py"))
    assert len(modules) > 30
    for path in modules:
        for name in imported(path):
            is_allowed = any(name == allowed or name.startswith(f"{allowed}.") for allowed in ALLOWED)
            assert is_allowed or name.partition(".")[0] in sys.stdlib_module_names, f"{path} imports {name}"
