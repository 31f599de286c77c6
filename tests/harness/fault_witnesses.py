"""A small case for every planted fault of an engine: found once, kept as data, tried by every test run.

``python tests/harness/fault_witnesses.py [SEED ..]`` hunts all of them again, shrinks what it finds and keeps, of the old
witness and the new ones, the smallest. It takes some minutes a seed.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from harness.faults import ENGINE_FAULTS
from harness.faults.selftest import Plan, run_selftest
from harness.shrink import Budget
from harness.shrink.order import measure
from reference.definition.case import Case
from reference.definition.formats.case_json import case_line, read_case

WITNESSES = Path(__file__).parent.parent / "data" / "faults" / "witnesses.jsonl"


@dataclass(frozen=True)
class Witness:
    """A case on which a fault shows, and what a comparison with the reference says of it."""

    fault: str
    by: str
    signature: str
    case: Case


def read_witnesses() -> dict[str, Witness]:
    """All witnesses by fault."""
    found = {}
    for line in WITNESSES.read_text().splitlines() if WITNESSES.exists() else ():
        item = json.loads(line)
        case = read_case(json.dumps(item["case"]), item["fault"])
        found[item["fault"]] = Witness(item["fault"], item["by"], item["signature"], case)
    return found


def _write(witnesses: dict[str, Witness]) -> None:
    lines = []
    for fault in ENGINE_FAULTS:
        if fault.name in witnesses:
            witness = witnesses[fault.name]
            case = json.loads(case_line(replace(witness.case, name=fault.name, about="")))
            item = {"fault": fault.name, "by": witness.by, "signature": witness.signature, "case": case}
            lines.append(json.dumps(item))
    WITNESSES.write_text("\n".join(lines) + "\n")


def main(seeds: tuple[int, ...]) -> None:
    """Hunts all faults with these seeds."""
    plan = Plan(faults=ENGINE_FAULTS, seeds=seeds, shrinking=Budget(seconds=20))
    witnesses = read_witnesses()
    for trial in run_selftest(plan, 2, print):
        old = witnesses.get(trial.fault)
        if trial.smallest is not None and (old is None or measure(trial.smallest) < measure(old.case)):
            witnesses[trial.fault] = Witness(trial.fault, str(trial.by), trial.signature, trial.smallest)
            _write(witnesses)
        print(trial.fault, trial.seed, trial.by, trial.cases, f"{trial.seconds:.1f}", trial.size, flush=True)


if __name__ == "__main__":
    main(tuple(map(int, sys.argv[1:])) or (1, 2))
