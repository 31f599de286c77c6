"""An engine outside of fragdiff: a case a line in, a record a line out, the columns of its trace in a file in --dump DIR.

Put your builder in the place of `build`. With --sabotage WHAT this one is wrong on purpose."""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

from harness.backend import column_digest
from parallel.assemble import Builder
from parallel.contexts import boundary_state
from parallel.executor import record
from reference.definition.field import word_to_hex
from reference.definition.formats.case_json import read_case
from reference.definition.outcome import Completed

NAMES = {"start": "Start((%d))", "end": "End((%d))", "repeat": "LoopRepeat((%d))"}
NAMES["respan"] = "Respan { node_id: (%d), batch_index: %d }"
NAMES["op"] = "BasicBlock { node_id: (%d), batch_index: %d, op_idx_in_batch: %d }"


def context(state, sabotage):
    at, made = state.position, asdict(state)
    made |= {name: word_to_hex(made[name]) for name in ("fn_hash", "transcript_state")}
    made["depth"] += sabotage == "state" and state.clk > 0
    made["position"] = NAMES[at.tag] % at[1 : 1 + NAMES[at.tag].count("%d")]
    return made | {"continuation_top_first": [f"{c.kind} {c.node}".removesuffix(" -1") for c in state.continuations]}


def build(case, builder, sabotage):
    made = record(case)
    if not isinstance(made.outcome, Completed):
        error = "SomeError" if sabotage == "error" else made.outcome.error
        return {"status": "failed", "error": error, "clk": made.outcome.clk, "contexts": []}, None, None
    built = builder.build(made)
    columns, states = built.columns.copy(), [boundary_state(made, each) for each in range(len(made.snapshots))]
    builder.arena.give_back(built.buffer)
    if sabotage == "cell" or (sabotage == "seam" and len(states) == 3):
        columns[30, made.core_rows - 1] ^= 1
    said = {"status": "completed", "stack": made.outcome.stack, "contexts": [context(s, sabotage) for s in states]}
    return said | {"columns": [column_digest(column) for column in columns], "differences": []}, columns, built.lengths


parser = argparse.ArgumentParser()
parser.add_argument("--sabotage", choices=("cell", "seam", "error", "state"))
parser.add_argument("--dump", type=Path)
options, builder = parser.parse_known_args()[0], Builder()
for line in sys.stdin:
    case = read_case(line)
    runs = [build(each, builder, options.sabotage) for each in case.runs()]
    first, columns, lengths = runs[0]
    fragments = [{"fragment": plan.size, **run[0]} for plan, run in zip(case.cuts, runs, strict=True)]
    said = {"name": case.name, "program_hash": word_to_hex(case.program.hash), "outcome": first, "fragments": fragments}
    if columns is not None:
        said |= {"columns": first["columns"], "lengths": asdict(lengths)}
        columns.tofile(options.dump / f"{case.name}.trace" if options.dump else "/dev/null")
    print(json.dumps(said), flush=True)
