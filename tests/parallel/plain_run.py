"""Run as a program under NUMBA_DISABLE_JIT=1: recorded cases on the parallel engine's kernels as plain Python.

Arguments: the recorded cases and records (JSON lines), then names of cases. Prints ``N agree`` or the first difference.
"""

from __future__ import annotations

import json
import os
import sys
import warnings
from dataclasses import replace
from pathlib import Path

from harness.backends.parallel import ParallelEngine
from parallel.jit import COMPILES
from reference.definition.cuts import ONE_FRAGMENT, Every
from reference.definition.formats.case_json import read_case


def main() -> None:
    if COMPILES and "NUMBA_CPU_NAME" not in os.environ:
        sys.exit("neither without compilation nor for another processor: this run would show nothing")
    # Wrapping sums of uint64 scalars are meant; numpy warns of them where numba does not.
    warnings.simplefilter("ignore", RuntimeWarning)
    cases, records, *names = sys.argv[1:]
    expected = {record["name"]: record for record in map(json.loads, Path(records).read_text().splitlines())}
    lines = {json.loads(line)["name"]: line for line in Path(cases).read_text().splitlines()}
    engine = ParallelEngine()
    agree = 0
    for name in names:
        for plan in (Every(5), ONE_FRAGMENT):
            run = engine.run(replace(read_case(lines[name], name), cuts=(plan,)))
            outcome = expected[name]["outcome"]
            if outcome["status"] == "completed":
                if run.summary is None or run.column_digests() != expected[name]["columns"]:
                    sys.exit(f"{name} at {plan}: {run.outcome}, or other columns")
            elif (run.outcome.error, run.outcome.clk) != (outcome["error"], outcome["clk"]):
                sys.exit(f"{name} at {plan}: {run.outcome}, expected {outcome}")
            agree += 1
    print(f"{agree} agree")


if __name__ == "__main__":
    main()
