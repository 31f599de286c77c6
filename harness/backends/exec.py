"""Any program that speaks the case-in, record-out protocol, as an engine: ``exec:COMMAND``.

COMMAND is kept alive; ``--contexts --dump DIR`` is appended to it. It reads one case a line and prints one record a
line, and writes the columns of a completed case to ``DIR/<name>.trace``: 72 columns, one after another, u64
little-endian.

The program cuts at multiples of a fragment size only. For a plan that cuts elsewhere it is asked for one single
fragment, whose cells are compared, and for fragments of one row, whose contexts are the boundary state entering every
row; those of the plan are picked from them. So boundary states are compared at every cut of such a plan, but the seams
of the plan are not exercised in this engine (``built_with_cuts`` is False), only those of the one-row build, against
the single fragment.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from harness.backend import (
    REAL_VM,
    Availability,
    Cells,
    EngineFailure,
    NotComparable,
    Outcome,
    Summary,
    Window,
    column_digest,
)
from harness.backends.process import LineProcess, ProcessFault
from harness.backends.record import (
    BadRecord,
    Panicked,
    Rejected,
    member,
    read_contexts,
    read_digests,
    read_object,
    read_outcome,
    read_summary,
)
from reference.definition.boundary import BoundaryState
from reference.definition.case import Case
from reference.definition.columns import WIDTH
from reference.definition.cuts import ONE_FRAGMENT, CutPlan, Every
from reference.definition.errors import InputError
from reference.definition.formats.case_json import case_line
from reference.definition.formats.children_first import children_first
from reference.definition.isa import NOOP_OPERATION
from reference.definition.mast import Block, Forest
from reference.definition.outcome import Completed
from reference.definition.program import Program

SECONDS = 60.0
"""Time limit for a case; a program that takes longer is killed."""

_SHOWN_STDERR = 300
"""Characters of standard error in a message that has one line."""

_SHARED_MEMORY = Path("/dev/shm")

_SMALLEST = Case("probe", Program(Forest((Block((NOOP_OPERATION,)),), (0,)), 0))


@dataclass(frozen=True)
class ExecRun:
    """What a record and its dump say."""

    engine: str
    outcome: Outcome
    summary: Summary | None
    built_with_cuts: bool
    cut: CutPlan
    cells: Cells
    """(72, rows) uint64, mapped from a file that has no name any more; (72, 0) when the program failed."""
    digests: list[str]
    contexts: list[BoundaryState] | None
    """Of the fragments of the plan; None when the program prints none."""
    self_differences: tuple[str, ...]

    def boundaries(self) -> Sequence[BoundaryState]:
        """The contexts; NotComparable when the program prints none."""
        if self.contexts is None:
            raise NotComparable(self.engine, "the record has no contexts")
        return self.contexts

    def windows(self) -> Iterator[Window]:
        """The dump, fragment by fragment, then the padding."""
        if self.summary is None:
            raise NotComparable(self.engine, "a failed program has no trace")
        edges = sorted({*self.cut.starts(self.summary.core), self.summary.core, self.summary.rows})
        for first, end in pairwise(edges):
            yield Window(first, self.cells[:, first:end])

    def column_digests(self) -> list[str]:
        """As the record gives them; they are those of the dump."""
        return self.digests

    def contradictions(self) -> tuple[str, ...]:
        """Where builds of different fragment sizes differed."""
        return self.self_differences


class ExecEngine:
    """Another program as an engine; a fault of the program is an EngineFailure, and it is started anew afterwards."""

    def __init__(self, name: str, command: Sequence[str], *, seconds: float = SECONDS) -> None:
        self._name = name
        self._command = list(command)
        self._seconds = seconds
        self._directory: Path | None = None
        self._remove_directory: Callable[[], object] = _nothing
        self._process: LineProcess | None = None
        self._asked = 0
        self._identity: str | None = None

    @property
    def name(self) -> str:
        """``exec:COMMAND``."""
        return self._name

    @property
    def identity(self) -> str | None:
        """The real VM, once a record has shown its sequential engine too; no other program has one."""
        return self._identity

    def probe(self) -> Availability:
        """Whether the command exists and answers for the smallest program."""
        program = self._command[0]
        if shutil.which(program) is None:
            is_there = Path(program).exists()
            return Availability(
                False, f"{program!r} is no program that may be run" if is_there else f"there is no program {program!r}"
            )
        try:
            run = self.run(_SMALLEST)
        except (EngineFailure, NotComparable) as refusal:
            return Availability(False, _one_line(refusal.reason, getattr(refusal, "stderr", "")))
        if not isinstance(run.outcome, Completed):
            return Availability(False, f"the smallest program fails: {run.outcome.error}")
        return Availability(True, self._identity or "another program")

    def run(self, case: Case) -> ExecRun:
        """Runs a case with one cut plan.

        Raises EngineFailure for everything that is no record of this case, and for a panic; NotComparable when the
        program cannot read the case.
        """
        cut = case.cut
        built_with_cuts = isinstance(cut, Every)
        plans = (cut,) if built_with_cuts else (ONE_FRAGMENT, Every(1))
        self._asked += 1
        # A name of our own: safe as a file name, and an answer to an earlier case cannot pass for this one's.
        name = f"case-{self._asked}"
        try:
            line = case_line(replace(case, name=name, cuts=plans, about="")).encode()
        except InputError as refusal:
            raise NotComparable(self._name, "the case cannot be written as text") from refusal
        directory = self._dump_directory()
        dump = directory / f"{name}.trace"
        try:
            record = self._ask(line, name, directory, is_smallest=case is _SMALLEST)
            return self._read(record, dump, cut, built_with_cuts, renumbered=children_first(case) is not case)
        except BadRecord as error:
            self._stop()
            raise EngineFailure(self._name, f"its record is wrong: {error}") from None
        except Panicked as panic:
            raise EngineFailure(self._name, f"panicked: {panic}") from None
        finally:
            dump.unlink(missing_ok=True)

    def close(self) -> None:
        """Ends the program and removes the folder of its dumps."""
        self._stop()
        self._remove_directory()
        self._directory = None

    def _stop(self) -> None:
        if self._process is not None:
            self._process.close()

    def _dump_directory(self) -> Path:
        if self._directory is None or not self._directory.is_dir():
            place = _SHARED_MEMORY if _is_writable(_SHARED_MEMORY) else None
            self._directory = Path(tempfile.mkdtemp(prefix="fragdiff-", dir=place))
            # Shared memory is not emptied by anybody else when a caller ends without closing.
            self._remove_directory = weakref.finalize(self, shutil.rmtree, self._directory, ignore_errors=True)
            self._process = LineProcess([*self._command, "--contexts", "--dump", str(self._directory)])
        return self._directory

    def _ask(self, line: bytes, name: str, directory: Path, *, is_smallest: bool) -> Mapping[str, Any]:
        assert self._process is not None
        try:
            answer = self._process.ask(line, self._seconds)
        except ProcessFault as fault:
            if self._asked == 1 and not is_smallest:
                self._identify()
            raise EngineFailure(self._name, fault.reason, fault.stderr) from None
        try:
            record = read_object(answer, name)
        except Rejected as rejection:
            reason = str(rejection)
            if str(directory) in reason or "os error" in reason:
                raise EngineFailure(self._name, f"cannot write its dump: {reason}") from None
            raise NotComparable(self._name, f"rejected: {reason}") from None
        if "sequential_outcome" in record:
            self._identity = REAL_VM
        return record

    def _identify(self) -> None:
        """Learn who it is that has just broken down over its first case: known divergences depend on that."""
        with contextlib.suppress(EngineFailure, NotComparable):
            self.run(_SMALLEST)

    def _read(
        self, record: Mapping[str, Any], dump: Path, cut: CutPlan, built_with_cuts: bool, renumbered: bool
    ) -> ExecRun:
        outcome = read_outcome(member(record, "outcome", dict))
        # Only the real VM's kind of program says how it built at which cuts; of others just the trace is known.
        says_cuts = "fragments" in record or "sequential_outcome" in record
        built_with_cuts = built_with_cuts and says_cuts
        fragments = member(record, "fragments", list) if says_cuts else []
        differences = tuple(_self_differences(fragments))
        if not isinstance(outcome, Completed):
            empty: Cells = np.empty((WIDTH, 0), np.uint64)
            return ExecRun(self._name, outcome, None, built_with_cuts, cut, empty, [], None, differences)
        summary = read_summary(record, outcome.stack)
        digests = read_digests(record)
        cells = _read_dump(dump, summary.rows, digests)
        contexts = _plan_contexts(fragments, cut, built_with_cuts, summary.core) if says_cuts else None
        if renumbered:
            # The boundary states name nodes by the numbers of the text, not by those of the case.
            contexts = None
        return ExecRun(self._name, outcome, summary, built_with_cuts, cut, cells, digests, contexts, differences)


def _plan_contexts(
    fragments: Sequence[Any], cut: CutPlan, built_with_cuts: bool, core: int
) -> list[BoundaryState] | None:
    """The contexts at the cuts of the plan: those of the only build, or picked from the one-row build."""
    if len(fragments) != (1 if built_with_cuts else 2) or not all(isinstance(item, dict) for item in fragments):
        raise BadRecord(f"the field 'fragments' has {len(fragments)} members")
    contexts = fragments[-1].get("contexts")
    if contexts is None:
        return None
    states = read_contexts(member(fragments[-1], "contexts", list))
    if built_with_cuts:
        return states
    by_row = {state.clk: state for state in states}
    try:
        return [by_row[row] for row in cut.starts(core)]
    except KeyError as missing:
        raise BadRecord(f"the one-row build has no context for row {missing}") from None


def _self_differences(fragments: Sequence[Any]) -> Iterator[str]:
    """The protocol compares every further build with the first one."""
    for item in fragments[1:]:
        differences = member(item, "differences", object) if isinstance(item, dict) else None
        if differences != []:
            size = item.get("fragment") if isinstance(item, dict) else item
            yield f"the build with fragments of {size} rows differs from the first one{_where(differences)}"


def _where(differences: object) -> str:
    """``in columns 3, 17, first in row 9`` when the record lists the cells, else whatever it says."""
    try:
        cells = [(int(item["col"]), int(min(item["rows"]))) for item in differences]  # type: ignore[attr-defined]  # anything else raises
    except (TypeError, KeyError, ValueError):
        return f": {str(differences)[:200]}"
    columns = ", ".join(str(column) for column, _ in cells)
    return f" in columns {columns}, first in row {min(row for _, row in cells)}"


def _read_dump(path: Path, rows: int, digests: Sequence[str]) -> Cells:
    """The columns, (72, rows) uint64, mapped; BadRecord when the file is not what the record says."""
    size = path.stat().st_size if path.exists() else None
    if size != WIDTH * rows * 8:
        found = "there is no dump" if size is None else f"the dump has {size} bytes"
        raise BadRecord(f"{found}, expected {WIDTH} columns of {rows} values, {WIDTH * rows * 8} bytes")
    cells: Cells = np.memmap(path, dtype="<u8", mode="r", shape=(WIDTH, rows))
    for column, digest in enumerate(digests):
        if column_digest(cells[column]) != digest:
            raise BadRecord(f"column {column} of the dump has not the digest that the record gives")
    return cells


def _one_line(reason: str, stderr: str) -> str:
    """The reason and the end of standard error, for a message that has one line."""
    said = " | ".join(line.strip() for line in stderr.splitlines() if line.strip())
    if len(said) > _SHOWN_STDERR:
        said = f"..{said[-_SHOWN_STDERR:]}"
    return f"{reason}: {said}" if said else reason


def _nothing() -> None:
    """There is no folder to remove yet."""


def _is_writable(directory: Path) -> bool:
    try:
        with tempfile.TemporaryFile(dir=directory):
            return True
    except OSError:
        return False
