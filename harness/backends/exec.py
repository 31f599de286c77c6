"""Any program that speaks the case-in, record-out protocol, as an engine: ``exec:COMMAND``.

For a plan that cuts elsewhere than at multiples of a size the program gives one single fragment, whose cells are compared,
and fragments of one row, whose contexts are the boundary state entering every row; those of the plan are picked from them. So
boundary states are compared at every cut of such a plan, but the seams of the plan are not exercised in this engine
(``built_with_cuts`` is False), only those of the one-row build, against the single fragment.
"""

from __future__ import annotations

import shutil
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

from harness.backend import REAL_VM, Availability, Cells, EngineFailure, NotComparable, Outcome, Run, Summary, Window
from harness.backends.process import ProcessFault
from harness.backends.program import SECONDS, SMALLEST, Answer, CannotDump, Program
from harness.backends.record import (
    BadRecord,
    Panicked,
    Rejected,
    member,
    read_contexts,
    read_outcome,
    read_summary,
)
from reference.definition.boundary import BoundaryState
from reference.definition.case import Case
from reference.definition.cuts import CutPlan, Every
from reference.definition.errors import InputError
from reference.definition.formats.children_first import children_first
from reference.definition.outcome import Completed

_SHOWN_STDERR = 300
"""Characters of standard error in a message that has one line."""

Read = TypeVar("Read", bound=Run)


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
    digests: Sequence[str]
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
        return list(self.digests)

    def contradictions(self) -> tuple[str, ...]:
        """Where builds of different fragment sizes differed."""
        return self.self_differences


class RecordEngine(ABC, Generic[Read]):
    """Reads records of another program; a fault of the program is an EngineFailure, and it is started anew afterwards."""

    reader: ClassVar[str]
    """Which part of a record is read: engines that read different parts share an answer."""

    def __init__(
        self, name: str, command: Sequence[str], *, seconds: float = SECONDS, program: Program | None = None
    ) -> None:
        self._name = name
        self.program = program or Program(command, seconds=seconds)

    @property
    def name(self) -> str:
        """As given to ``--engine``."""
        return self._name

    def probe(self) -> Availability:
        """Whether the command exists and answers for the smallest program."""
        program = self.program.command[0]
        if shutil.which(program) is None:
            is_there = Path(program).exists()
            return Availability(
                False, f"{program!r} is no program that may be run" if is_there else f"there is no program {program!r}"
            )
        try:
            run = self.run(SMALLEST)
        except (EngineFailure, NotComparable) as refusal:
            return Availability(False, one_line(refusal.reason, getattr(refusal, "stderr", "")))
        if not isinstance(run.outcome, Completed):
            return Availability(False, f"the smallest program fails: {run.outcome.error}")
        return Availability(True, self.identity or "another program")

    def run(self, case: Case) -> Read:
        """Runs a case with one cut plan.

        Raises EngineFailure for everything that is no record of this case, and for a panic; NotComparable when the
        program cannot read the case.
        """
        try:
            return self._read(self.program.ask(case, self.reader, self), case)
        except InputError as refusal:
            raise NotComparable(self._name, "the case cannot be written as text") from refusal
        except Rejected as rejection:
            raise NotComparable(self._name, f"rejected: {rejection}") from None
        except ProcessFault as fault:
            raise EngineFailure(self._name, fault.reason, fault.stderr) from None
        except CannotDump as refusal:
            raise EngineFailure(self._name, f"cannot write its dump: {refusal}") from None
        except BadRecord as error:
            self.program.stop()
            raise EngineFailure(self._name, f"its record is wrong: {error}") from None
        except Panicked as panic:
            raise EngineFailure(self._name, f"panicked: {panic}") from None

    def close(self) -> None:
        """Gives the program back; it ends when nobody else reads its records."""
        self.program.release(self)

    @property
    @abstractmethod
    def identity(self) -> str | None:
        """Which engine of which program it is, once a record has shown it."""

    @abstractmethod
    def _read(self, answer: Answer, case: Case) -> Read:
        """The run. Raises BadRecord, Panicked and NotComparable."""


class ExecEngine(RecordEngine[ExecRun]):
    """Another program as an engine."""

    reader = "trace"

    @property
    def identity(self) -> str | None:
        """The real VM, once a record has shown its sequential engine too; no other program has one."""
        return REAL_VM if self.program.is_real_vm else None

    def _read(self, answer: Answer, case: Case) -> ExecRun:
        record, cut = answer.record, case.cut
        outcome = read_outcome(member(record, "outcome", dict))
        # Only the real VM's kind of program says how it built at which cuts; of others just the trace is known.
        says_cuts = "fragments" in record or "sequential_outcome" in record
        built_with_cuts = isinstance(cut, Every) and says_cuts
        fragments = member(record, "fragments", list) if says_cuts else []
        differences = tuple(_self_differences(fragments))
        if not isinstance(outcome, Completed):
            return ExecRun(self._name, outcome, None, built_with_cuts, cut, answer.cells, (), None, differences)
        summary = read_summary(record, outcome.stack)
        contexts = _plan_contexts(fragments, cut, built_with_cuts, summary.core) if says_cuts else None
        if children_first(case) is not case:
            # The boundary states name nodes by the numbers of the text, not by those of the case.
            contexts = None
        return ExecRun(
            self._name, outcome, summary, built_with_cuts, cut, answer.cells, answer.digests, contexts, differences
        )


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
    """``in columns 3, 17, first in row 9`` when the record lists the cells, else whatever it says.

    Builds of different lengths differ in every column, and that is said: ``; 128 and 256 rows``.
    """
    try:
        cells = [(int(item["col"]), int(min(item["rows"]))) for item in differences]  # type: ignore[attr-defined]  # anything else raises
        lengths = {tuple(map(int, item.get("len", ()))) for item in differences}  # type: ignore[attr-defined]  # so does this
    except (TypeError, KeyError, ValueError, AttributeError):
        return f": {str(differences)[:200]}"
    columns = ", ".join(str(column) for column, _ in cells)
    unequal = [pair for pair in lengths if len(set(pair)) > 1]
    rows = f"; {' and '.join(str(count) for count in sorted(unequal[0]))} rows" if unequal else ""
    return f" in columns {columns}, first in row {min(row for _, row in cells)}{rows}"


def one_line(reason: str, stderr: str) -> str:
    """The reason and the end of standard error, for a message that has one line."""
    said = " | ".join(line.strip() for line in stderr.splitlines() if line.strip())
    if len(said) > _SHOWN_STDERR:
        said = f"..{said[-_SHOWN_STDERR:]}"
    return f"{reason}: {said}" if said else reason
