"""Known divergences of the real VM: data with reasons, each tied to the condition under which it may occur.

An entry excuses a divergence only when the engine is the one it was written for, when that engine said exactly what the
entry quotes, and when the condition follows from the case and from what another engine found. An entry whose condition
cannot be shown to hold excuses nothing. Sources: spec 08 (A), spec 01 section 12 (D).
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

from harness import known_sequential
from harness.backend import Engine, EngineFailure, NotComparable, Run
from harness.lockstep import Region
from harness.stack_buffer import follow
from harness.verdict import Divergence, Kind
from reference.definition.boundary import BoundaryState
from reference.definition.case import Case
from reference.definition.columns import COLUMN, CORE_WIDTH
from reference.definition.cuts import Every
from reference.definition.errors import InputError
from reference.definition.isa import opcode
from reference.definition.mast import Block, External, Forest, children_of, order_children_first
from reference.definition.outcome import Completed, Outcome

NESTING_LIMIT = 5000
"""Levels of nodes that the real VM's recursion carries (5,000 joins pass, 10,000 exhaust 8 MB of native stack)."""

CONTRADICTION = re.compile(
    r"the build with fragments of \d+ rows differs from the first one in columns (?P<columns>\d+(, \d+)*), "
    r"first in row (?P<row>\d+)(?P<lengths>; \d+ and \d+ rows)?"
)
"""How the engine of another program says that two of its builds differ cell by cell."""

KNOWN_VARIABLE: Final = "FRAGDIFF_KNOWN"
"""Environment variable: the file of the list to use, or :data:`NO_ENTRIES`; the list of this package where it is not set."""

NO_ENTRIES: Final = "none"

_DATA = Path(__file__).with_name("known_divergences.json")


@dataclass(frozen=True, slots=True)
class Accusation:
    """A divergence, who is to be excused, and the engine whose run is taken as evidence."""

    case: Case
    divergence: Divergence
    identity: str
    """Of the accused engine."""
    observed: str
    """What the accused engine said: ``completed``, an error name, or the reason of its failure."""
    stderr: str
    """What the accused engine wrote to its standard error."""
    witness: Engine
    witness_run: Run


class Excuse(NamedTuple):
    """Which entry explains a divergence, and for wrong cells which cells it may explain."""

    entry: str
    region: Region | None


@dataclass(frozen=True, slots=True)
class Entry:
    """One known divergence; ``observed`` and ``witness`` are regular expressions that match whole texts."""

    id: str
    source: str
    reason: str
    engine: str
    kind: Kind
    observed: str
    witness: str
    condition: str

    def excuse(self, accusation: Accusation) -> Excuse | None:
        """The excuse this entry gives, None when it does not apply."""
        applies = (
            self.engine == accusation.identity
            and self.kind is accusation.divergence.kind
            and re.fullmatch(self.observed, accusation.observed, re.DOTALL) is not None
            and re.fullmatch(self.witness, outcome_text(accusation.witness_run.outcome)) is not None
        )
        if not applies:
            return None
        try:
            region = _CONDITIONS[self.condition](accusation)
        except (EngineFailure, NotComparable):
            return None
        if isinstance(region, Region):
            return Excuse(self.id, region) if _covers_some(region, accusation.divergence) else None
        return Excuse(self.id, None) if region else None


def _covers_some(region: Region, divergence: Divergence) -> bool:
    """Whether some wrong cell lies in the region: an excuse that explains nothing would be given again and again."""
    row = divergence.row
    inside = row is not None and region.first_row <= row <= region.last_row
    columns = range(region.first_column, region.columns)
    return inside and any(COLUMN[item.name] in columns for item in divergence.columns)


def outcome_text(outcome: Outcome) -> str:
    """``completed`` or the name of the error."""
    return "completed" if isinstance(outcome, Completed) else outcome.error


def known_divergences() -> tuple[Entry, ...]:
    """The list that comes with this package, or the one that the environment names.

    Raises InputError for a named file that is no such list.
    """
    wanted = os.environ.get(KNOWN_VARIABLE)
    return () if wanted == NO_ENTRIES else read_known(wanted or str(_DATA))


@cache
def read_known(file: str) -> tuple[Entry, ...]:
    """The list in a file: JSON, an array of objects with the fields of :class:`Entry`.

    Raises InputError for anything else.
    """
    try:
        items = json.loads(Path(file).read_text("utf-8"))
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", source=file) from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"no JSON: {error}", source=file) from error
    if not isinstance(items, list):
        raise InputError(f"expected a list of known divergences, found {items!r:.60}", source=file)
    return tuple(_entry(item, f"entry {index}", file) for index, item in enumerate(items, 1))


def _entry(item: object, place: str, file: str) -> Entry:
    names = {each.name for each in fields(Entry)}
    if not isinstance(item, dict) or set(item) != names or not all(isinstance(text, str) for text in item.values()):
        raise InputError(
            f"expected an object of texts with the keys {', '.join(sorted(names))}", source=file, place=place
        )
    try:
        kind = Kind(item["kind"])
        for name in ("observed", "witness"):
            re.compile(item[name])
    except (ValueError, re.error) as error:
        raise InputError(str(error), source=file, place=place) from error
    if item["condition"] not in _CONDITIONS:
        known = ", ".join(sorted(_CONDITIONS))
        raise InputError(f"there is no condition {item['condition']!r}; there are {known}", source=file, place=place)
    return Entry(**{**item, "kind": kind})


def find_excuse(entries: Sequence[Entry], accusation: Accusation) -> Excuse | None:
    """The excuse of the first entry that applies."""
    return next((excuse for entry in entries if (excuse := entry.excuse(accusation)) is not None), None)


# ---- conditions: False, or True, or the cells that may be wrong -----------------------------------------------------


def _external_entry_resolves_again(accusation: Accusation) -> Region | bool:
    """A6: a node of another forest starts inside fragment 0, after row 0."""
    case = accusation.case
    if not isinstance(case.program.forest.nodes[case.program.entry], External):
        return False
    states = accusation.witness.run(replace(case, cuts=(Every(1),))).boundaries()
    # The real VM cuts at multiples only: a free plan is built as one fragment.
    size = case.cut.size if isinstance(case.cut, Every) else len(states)
    row = next((state.clk for state in states[1:size] if _is_resolved_start(state)), None)
    if row is None:
        return False
    summary = accusation.witness_run.summary
    if accusation.divergence.kind is Kind.ENGINE_FAILURE or summary is None:
        return summary is not None
    if accusation.divergence.kind is Kind.SELF:
        # Asked for a free plan, it builds one fragment, which is wrong, and fragments of one row, which are right.
        said = CONTRADICTION.fullmatch(accusation.divergence.detail)
        return (
            said is not None
            and int(said["row"]) >= row
            # In a trace of another length everything behind the core rows stands elsewhere as well.
            and (said["lengths"] is not None or all(int(each) < CORE_WIDTH for each in said["columns"].split(", ")))
        )
    if accusation.divergence.kind is Kind.SUMMARY:
        return size >= summary.core and {item.name for item in accusation.divergence.columns} <= {"core", "rows"}
    # A fragment also gives the system and stack cells of the row after it; past the program these are the HALT rows.
    last = size if size < summary.core else summary.rows - 2
    return Region(row, last, CORE_WIDTH)


def _is_resolved_start(state: BoundaryState) -> bool:
    """Whether the row starts a node that a resolution has just given: the way back is the next thing to do."""
    return state.position.tag == "start" and bool(state.continuations) and state.continuations[0].kind == "EnterForest"


def _deeply_nested(accusation: Accusation) -> bool:
    """A10: the native stack overflowed, and some forest nests deeper than the limit."""
    forests = (accusation.case.program.forest, *accusation.case.libraries)
    return "overflowed its stack" in accusation.stderr and max(map(_nesting, forests)) > NESTING_LIMIT


def _nesting(forest: Forest) -> int:
    levels = [1] * len(forest.nodes)
    for node_id in order_children_first(forest.nodes):
        levels[node_id] += max((levels[child] for child in children_of(forest.nodes[node_id])), default=0)
    return max(levels, default=0)


def _stack_buffer_exhausted(accusation: Accusation) -> bool:
    """D02: some row pushes while the top of the buffer is its last cell."""
    return follow(accusation.witness_run).exhausted_at is not None


def _event_reads_below_stack_buffer(accusation: Accusation) -> bool:
    """D19: hqword_to_map is emitted while nothing lies below the 16 items in the buffer."""
    return follow(accusation.witness_run).read_below_at is not None


def _circuit_sizes_wrap(accusation: Accusation) -> bool:
    """B2: the first rule is violated where EVALCIRCUIT is given sizes whose sum does not fit into 64 bits."""
    cells = {item.name.partition("[")[0]: item.left for item in accusation.divergence.columns}
    variables, gates = cells.get("stack_1"), cells.get("stack_2")
    is_circuit = accusation.divergence.operation == "EVALCIRCUIT"
    return is_circuit and isinstance(variables, int) and isinstance(gates, int) and variables + gates >= 2**64


def _has(name: str) -> Callable[[Accusation], bool]:
    code = opcode(name)

    def condition(accusation: Accusation) -> bool:
        forests = (accusation.case.program.forest, *accusation.case.libraries)
        blocks = (node for forest in forests for node in forest.nodes if isinstance(node, Block))
        return any(operation.code == code for block in blocks for operation in block.operations)

    return condition


_CONDITIONS: Mapping[str, Callable[[Accusation], Region | bool]] = {
    "external_entry_resolves_again": _external_entry_resolves_again,
    "deeply_nested": _deeply_nested,
    "stack_buffer_exhausted": _stack_buffer_exhausted,
    "event_reads_below_stack_buffer": _event_reads_below_stack_buffer,
    "circuit_sizes_wrap": _circuit_sizes_wrap,
    "pad_of_last_row": known_sequential.pad_of_last_row,
    "flags_of_repeated_body": known_sequential.flags_of_repeated_body,
    "subtraction_code": known_sequential.subtraction_code,
    "clk_behind_dynamic_node": known_sequential.clk_behind_dynamic_node,
    "library_has_map": known_sequential.library_has_map,
    "has_mpverify": _has("MPVERIFY"),
    "has_mrupdate": _has("MRUPDATE"),
}
