"""Faults in the definition, which all engines share, and who notices them: ``python tests/audit/definition_faults.py``.

Engines that share a wrong definition agree with one another. Two witnesses are left: what the real VM has recorded (program
hash, outputs and cells of its traces) and the audit. The audit reads the definition too, and its compiled rules are cached by
the definition's source files, which a planted fault does not touch: in the faulty process it would take rules of the right
definition from the cache, or fill the cache with wrong ones. So the audit has the right definition here, as an independent
judge would; what it notices is no promise for an audit that shares the fault. That one is asked only about faults in modules
that no compiled rule depends on. The recordings share nothing.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.audit.engine import audit
from harness.audit.known import Known
from harness.backend import Window
from reference.definition.field import as_word, word_to_hex
from reference.definition.formats.case_json import read_case

DATA = Path(__file__).parents[1] / "data" / "vm"
CHILD = Path(__file__).parent / "faulty_definition.py"

CASES = (
    "ctl_tiny_703580",
    "ctl_split_nested_703050",
    "ctl_batches_mixed_703470",
    "ctl_kernel_only_listed_703610",
    "op_u32add3_700680",
)
"""Recorded cases with recorded traces: one ADD; SPLITs; many immediates; a kernel of 8 procedures; opcodes 64 to 79."""

HASH, OUTCOME, CELLS, CASE, ALONE = "program hash", "outcome", "cells", "audit", "audit of the trace alone"
SHARING = "audit with the same fault"
RECORDINGS = frozenset({HASH, OUTCOME, CELLS})
WITNESSES = (HASH, OUTCOME, CELLS, CASE, ALONE, SHARING)
"""Recorded hash; recorded status and outputs; recorded trace; the audit that knows the case; the audit of the trace alone; the
audit that knows the case and has the fault, where it can be asked.

Whatever reads a trace notices nothing in a case that does not complete any more. A fault that the audit of the trace alone does
not notice breaks no rule about rows, buses and lengths: only the batches or the kernel order that the definition gives for the
case reject it, and an audit with the same fault accepts it.
"""

NEVER_COMPILED = ("reference.definition.batching", "reference.definition.program")
"""Modules of which no faulty text stands in a compiled rule of the audit: an audit with such a fault is what it would be."""


@dataclass(frozen=True)
class Fault:
    """An edit of one module of the definition, and who notices it on :data:`CASES`: nobody else does."""

    name: str
    module: str
    edits: tuple[tuple[str, str], ...]
    noticed_by: frozenset[str]

    @property
    def audit_may_share(self) -> bool:
        return self.module in NEVER_COMPILED


@dataclass(frozen=True)
class Noticed:
    """What happened with a fault."""

    by: Mapping[str, int]
    """Of each witness that was asked the number of cases on which it noticed."""
    rules: tuple[str, ...]
    """All rules that the audit with the case found violated, sorted."""


def _recorded() -> tuple[dict[str, str], dict[str, dict[str, Any]]]:
    """Lines of the cases and records, by name."""
    lines: dict[str, str] = {}
    records: dict[str, dict[str, Any]] = {}
    with (DATA / "cases.jsonl").open(encoding="utf-8") as cases, (DATA / "records.jsonl").open() as of_cases:
        for line, record in zip(cases, of_cases, strict=True):
            name = next((name for name in CASES if line.startswith(f'{{"name":"{name}"')), None)
            if name is not None:
                lines[name], records[name] = line, json.loads(record)
    return lines, records


def _run(fault: Fault, lines: Iterable[str]) -> tuple[dict[str, dict[str, Any]], dict[str, NDArray[np.uint64]]]:
    """What the faulty process tells of each case, and its traces.

    Raises CalledProcessError when it fails: the fault is none that an engine could run with.
    """
    plan = json.dumps(
        {"module": fault.module, "edits": fault.edits, "cases": list(lines), "audit": fault.audit_may_share}
    )
    with tempfile.TemporaryDirectory() as folder:
        traces = Path(folder) / "traces.npz"
        child = subprocess.run(
            [sys.executable, str(CHILD), str(traces)], input=plan, stdout=subprocess.PIPE, text=True, check=True
        )
        with np.load(traces) as cells:
            return json.loads(child.stdout), {name: cells[name] for name in cells.files}


def _violated(cells: NDArray[np.uint64], known: Known) -> set[str]:
    result = audit(lambda: [Window(0, cells)], cells.shape[1], known, threads=1)
    return {violation.rule.name for violation in result.violations}


def notice(fault: Fault) -> Noticed:
    """Run the cases with the fault, and ask all witnesses."""
    lines, records = _recorded()
    told, traces = _run(fault, lines.values())
    by = {witness: 0 for witness in WITNESSES if witness != SHARING or fault.audit_may_share}
    rules: set[str] = set()
    for name, line in lines.items():
        by[HASH] += word_to_hex(as_word(told[name]["program_hash"])) != records[name]["program_hash"]
        outcome = records[name]["outcome"]
        by[OUTCOME] += (told[name]["status"], told[name]["stack"]) != (outcome["status"], outcome["stack"])
        if name not in traces:
            continue
        cells = traces[name]
        golden = np.load(DATA / "traces" / f"{name}.npz")["trace"]
        by[CELLS] += not np.array_equal(cells, golden)
        violated = _violated(cells, Known.of(read_case(line, "cases.jsonl"), tuple(told[name]["stack"])))
        by[CASE] += bool(violated)
        by[ALONE] += bool(_violated(cells, Known()))
        if fault.audit_may_share:
            by[SHARING] += told[name]["violated"] > 0
        rules |= violated
    return Noticed(by, tuple(sorted(rules)))


NO_FAULT = Fault("none", "reference.definition.batching", (), frozenset())

_BATCHING = "reference.definition.batching"
_ISA = "reference.definition.isa"
_RPO = "reference.definition.rpo"
_COLUMNS = "reference.definition.columns"
_MAST = "reference.definition.mast"

_RANGE = '    "range": ("range_m", "range_v"),\n'
_CHIPLETS = '    "chiplets": tuple(f"chip_{i}" for i in range(20)),\n'
_TRACE = frozenset({CELLS, CASE, ALONE})
_ALL = frozenset(WITNESSES) - {SHARING}

FAULTS = (
    Fault(
        "one round constant",
        "reference.definition.rpo_constants",
        (("5789762306288267392", "5789762306288267393"),),
        _ALL,
    ),
    Fault("one entry of the matrix", "reference.definition.rpo_constants", (("(7, 23, 8,", "(7, 22, 8,"),), _ALL),
    Fault("domain in another capacity element", _RPO, (("(0, domain, 0, 0, ", "(domain, 0, 0, 0, "),), _ALL),
    Fault("nodes hashed without a domain", _MAST, (("right, NODE_OPCODE[type(node)])", "right)"),), _ALL),
    Fault("SPLIT begins like LOOP", _MAST, (('Split: opcode("SPLIT")', 'Split: opcode("LOOP")'),), _ALL - {OUTCOME}),
    Fault("coin draws backwards", _RPO, (("self._state[self._next]", "self._state[15 - self._next]"),), _TRACE),
    Fault(
        "batch flags of 4 and 2 groups exchanged",
        _BATCHING,
        (("4: (0, 1, 0), 2: (0, 0, 1)", "4: (0, 0, 1), 2: (0, 1, 0)"),),
        _TRACE | {SHARING},
    ),
    Fault(
        "immediate in the last group",
        _BATCHING,
        (("self.groups[self.next_free] = operation.immediate", "self.groups[7] = operation.immediate"),),
        _ALL | {SHARING},
    ),
    Fault(
        "8 operations in a group",
        _BATCHING,
        (
            ("PER_GROUP = 9", "PER_GROUP = 8"),
            ("count <= 7 else", "count <= 6 else"),
            ("count <= 8 or", "count <= 7 or"),
        ),
        _ALL - {ALONE},
    ),
    Fault("no batch has one group", _BATCHING, (("group_count = 1", "group_count = 2"),), _TRACE - {ALONE}),
    Fault(
        "no NOOP behind a PUSH that ends a group",
        _BATCHING,
        (("self.count == 0 or self.operations[-1].code == PUSH", "self.count == 0"),),
        _TRACE | {SHARING},
    ),
    Fault(
        "opcode bits, most significant first",
        _ISA,
        (("for bit in range(OPCODE_BITS))", "for bit in reversed(range(OPCODE_BITS)))"),),
        _TRACE,
    ),
    Fault("first extra bit without bit 4", _ISA, (("return b6 * (1 - b5) * b4,", "return b6 * (1 - b5),"),), _TRACE),
    Fault(
        "opcodes of ADD and MUL exchanged",
        _ISA,
        (('_row("ADD", 34,', '_row("ADD", 35,'), ('_row("MUL", 35,', '_row("MUL", 34,')),
        _ALL - {OUTCOME},
    ),
    Fault(
        "chiplets before the range table",
        _COLUMNS,
        ((_RANGE + _CHIPLETS, _CHIPLETS + _RANGE),),
        _TRACE,
    ),
    Fault("at least 128 rows", _COLUMNS, (("MIN_TRACE_ROWS: Final = 64", "MIN_TRACE_ROWS: Final = 128"),), _TRACE),
    Fault(
        "kernel in numerical order",
        "reference.definition.program",
        (("key=word_bytes", "key=tuple"),),
        _TRACE - {ALONE},
    ),
)


def _table_row(fault: Fault) -> str:
    noticed = notice(fault)
    counts = [str(noticed.by[witness] or "-") if witness in noticed.by else "" for witness in WITNESSES]
    shown = ", ".join(noticed.rules[:3]) + (f", {len(noticed.rules) - 3} more" if len(noticed.rules) > 3 else "")
    return "| " + " | ".join((fault.name, fault.module.rpartition(".")[2], *counts, shown or "-")) + " |"


def main() -> None:
    """Print the table: the number of :data:`CASES` on which each witness notices; empty where it cannot be asked."""
    print("| fault | module | " + " | ".join(WITNESSES) + " | rules violated |")
    print("|---" * (len(WITNESSES) + 3) + "|")
    for fault in FAULTS:
        print(_table_row(fault), flush=True)


if __name__ == "__main__":
    main()
