"""Run the reference on recorded cases with an edited definition: ``python faulty_definition.py TRACES < plan``.

The plan is JSON: ``module`` and ``edits`` (pairs of old and new text, each old text standing in the module once), ``cases``
(lines of a file of cases) and ``audit`` (whether this process, with its definition, also audits the traces). The edited module
is loaded before anything else of the project, so that whatever a module takes over from the definition when it is imported is
faulty as well. It needs a process of its own for that.

Writes the traces to the file TRACES, arrays (72, rows) uint64 by case, and prints JSON: of each case its status, the program
hash and, when completed, the outputs; and how many rules its trace violates when it is audited.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from reference.definition.case import Case

ROOT = Path(__file__).parents[2]
MOST_ROWS = 2_000
"""A fault can keep a loop from ending."""


def load_edited(name: str, edits: Sequence[tuple[str, str]]) -> None:
    """Load a module from its source with texts replaced; whoever imports it from now on gets this one.

    Raises ValueError for a text that does not stand in the source exactly once and for a module that is loaded already.
    """
    specification = importlib.util.find_spec(name)
    if specification is None or specification.origin is None or name in sys.modules:
        raise ValueError(f"{name} cannot be loaded anew")
    source = Path(specification.origin).read_text(encoding="utf-8")
    for old, new in edits:
        if source.count(old) != 1:
            raise ValueError(f"{name} has {source.count(old)} times, not once: {old}")
        source = source.replace(old, new)
    module = importlib.util.module_from_spec(specification)
    sys.modules[name] = module
    exec(compile(source, specification.origin, "exec"), module.__dict__)
    package, _, own_name = name.rpartition(".")
    setattr(sys.modules[package], own_name, module)


def violations(case: Case, cells: NDArray[np.uint64], outputs: tuple[int, ...]) -> int:
    """Rules that the trace violates for an audit with the definition as it now is."""
    from harness.audit.engine import audit  # noqa: PLC0415
    from harness.audit.known import Known  # noqa: PLC0415
    from harness.backend import Window  # noqa: PLC0415

    result = audit(lambda: [Window(0, cells)], cells.shape[1], Known.of(case, outputs), threads=1)
    return len(result.violations)


def run_cases(lines: Sequence[str], traces: Path, audited: bool) -> None:
    """Run the cases on the reference as the definition now is."""
    # Imported when the fault is planted, not before.
    from reference.definition.formats.case_json import read_case  # noqa: PLC0415
    from reference.definition.outcome import Completed  # noqa: PLC0415
    from reference.processor import execute  # noqa: PLC0415

    told: dict[str, dict[str, Any]] = {}
    cells: dict[str, Any] = {}
    for line in lines:
        case = read_case(line, "plan")
        execution = execute(case, max_cycles=MOST_ROWS)
        outcome = execution.outcome
        completed = isinstance(outcome, Completed)
        told[case.name] = {
            "status": "completed" if completed else "failed",
            "program_hash": list(execution.program_hash),
            "stack": list(outcome.stack) if isinstance(outcome, Completed) else None,
        }
        if execution.trace is None or not isinstance(outcome, Completed):
            continue
        cells[case.name] = execution.trace.columns
        if audited:
            told[case.name]["violated"] = violations(case, execution.trace.columns, outcome.stack)
    with traces.open("wb") as file:
        np.savez(file, **cells)
    print(json.dumps(told))


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    plan = json.load(sys.stdin)
    if plan["edits"]:
        load_edited(plan["module"], plan["edits"])
    run_cases(plan["cases"], Path(sys.argv[1]), plan["audit"])
