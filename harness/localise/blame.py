"""Which step of an engine is wrong: the run itself, what is recorded of it, or what is rebuilt from that.

The reference gives the state at any row and, derived from its rows, every queue entry. A recording that is right in all of
them leaves the rebuild; one that is wrong is the cause of what was rebuilt from it, unless it is wrong only from the wrong
row on: then run and rebuild are wrong alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, Protocol, runtime_checkable

from harness.backend import Engine, EngineFailure, NotComparable, Run
from harness.differences import field_differences
from harness.guarded import GuardedEngine, guarded
from harness.localise.code_lines import CodeLine, rebuild_lines, recording_lines, run_lines
from harness.localise.experiments import Dependence, FaultClass
from harness.localise.observer import Cause, Look
from harness.localise.recorded import WrongItem, recording_of, wrong_items
from harness.localise.rows import ProgramRows
from harness.verdict import Kind
from parallel.recording import Recording
from reference.definition.case import Case
from reference.definition.cuts import At
from reference.definition.errors import BeyondLimits
from reference.definition.outcome import Completed

_CORE_PARTS: Final = frozenset(
    ("clk", "context", "block address", "opcode", "registers", "block counters", "stack items", "stack depth")
)

_RECORDERS: Final = ("harness.backends.parallel", "harness.backends.gpu", "harness.faults")
_BUILDERS: Final = ("harness.backends.parallel", "harness.faults")


@runtime_checkable
class Recorder(Protocol):
    """An engine that can record without building, for cases on which the build breaks."""

    def record(self, case: Case) -> Recording:
        """What its executor records."""


class Step(StrEnum):
    """Where the mistake is."""

    RUN = "run"
    """The program's state is wrong already while it runs."""
    RECORDING = "recording"
    """The run is right, and what was recorded of it is not."""
    REBUILD = "rebuild"
    """What was recorded is right, and what was built from it is not."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Blame:
    """The step of one engine that is wrong."""

    engine: str
    at: Step
    wrong: tuple[WrongItem, ...]
    """Wrong fields and entries of its recording, by row."""
    text: str
    code: tuple[CodeLine, ...] = ()
    """Lines of the engine that do what is wrong; none for an engine that is not of this package."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the recording of one engine shows, before it is known how the difference depends on cuts."""

    engine: str
    judged: bool
    """Whether there was a recording, or boundary states that are wrong, to judge by."""
    wrong: tuple[WrongItem, ...] = ()
    at: Step = Step.UNKNOWN
    """When that is known already."""
    text: str = ""
    records_here: bool = False
    """Whether the executor of this package recorded it."""
    builds_here: bool = False
    """Whether the builder of this package built from it."""


def evidence(engine: GuardedEngine, look: Look, cause: Cause) -> Evidence:
    """Compare what one engine of the pair recorded with what the reference's rows say it must be."""
    rows = look.rows
    if cause.kind is Kind.OUTCOME and any(item.name in ("outcome", "clk") for item in cause.cells):
        text = "the run itself ends in another way, so nothing is built from it"
        return Evidence(engine.name, judged=False, at=Step.RUN, text=text)
    if rows is None:
        return Evidence(engine.name, judged=False, text="the reference does not complete this program")
    case = _with_boundary_behind(look.case, cause, rows)
    run, recording = _recorded(engine, case)
    if recording is not None and isinstance(recording.outcome, Completed):
        wrong = wrong_items(recording, rows, case.cut.starts(rows.count))
        records, builds = (_is_from(engine.inner, modules) for modules in (_RECORDERS, _BUILDERS))
        return Evidence(engine.name, judged=True, wrong=tuple(wrong), records_here=records, builds_here=builds)
    if run is None or not isinstance(run.outcome, Completed):
        text = "it completes no run of this case, so there is no recording to judge"
        return Evidence(engine.name, judged=False, text=text)
    return _by_boundaries(engine.name, run, rows)


def blame(found: Evidence, cause: Cause, dependence: Dependence, rows: ProgramRows | None) -> Blame:
    """Judge one engine of the pair that differs; without ``rows`` no lines of it are named."""
    if not found.judged:
        return Blame(found.engine, found.at, (), found.text)
    if not found.wrong:
        text = f"everything it recorded is right, so the rebuild of {_what(cause)} is wrong"
        return Blame(found.engine, Step.REBUILD, (), text, _rebuilt_by(found, cause, dependence, rows))
    first = found.wrong[0]
    said = f"{first.name} must be {first.expected}, and is {first.recorded} (row {first.row})"
    if _is_wrong_run(found.wrong, cause, dependence):
        text = f"the run itself is wrong from here on: {said}"
        return Blame(found.engine, Step.RUN, found.wrong, text, _run_by(found, cause, rows))
    code = recording_lines(first, rows) if found.records_here and rows is not None else ()
    return Blame(found.engine, Step.RECORDING, found.wrong, f"what it recorded is wrong: {said}", code)


def _rebuilt_by(
    found: Evidence, cause: Cause, dependence: Dependence, rows: ProgramRows | None
) -> tuple[CodeLine, ...]:
    if rows is None or not found.builds_here or cause.kind is not Kind.CELL:
        return ()
    needs_cut = dependence.fault_class is not FaultClass.INDEPENDENT
    first_row = needs_cut and cause.row in dependence.cuts
    return rebuild_lines(cause.part, cause.cells[0].name, rows, cause.maker, first_row=first_row)


def _run_by(found: Evidence, cause: Cause, rows: ProgramRows | None) -> tuple[CodeLine, ...]:
    row = cause.maker if cause.kind is Kind.CELL else found.wrong[0].row - 1
    if rows is None or row is None or not 0 <= row < rows.count or not found.records_here:
        return ()
    return run_lines(rows, row, builder=found.builds_here)


def _is_from(engine: Engine, modules: Sequence[str]) -> bool:
    return type(engine).__module__.startswith(tuple(modules))


def _with_boundary_behind(case: Case, cause: Cause, rows: ProgramRows) -> Case:
    """The case with one more cut behind the row that makes a wrong cell: is the state that is recorded there right?"""
    if cause.kind is not Kind.CELL or cause.maker is None or cause.part not in _CORE_PARTS:
        return case
    behind = cause.maker + 1
    starts = case.cut.starts(rows.count)
    if behind >= rows.count or behind in starts:
        return case
    return replace(case, cuts=(At((*starts, behind)),))


def _recorded(engine: GuardedEngine, case: Case) -> tuple[Run | None, Recording | None]:
    try:
        run = engine.run(case)
        return run, recording_of(run)
    except NotComparable:
        return None, None
    except EngineFailure:
        return None, _recorded_alone(engine.inner, case)


def _recorded_alone(engine: Engine, case: Case) -> Recording | None:
    if not isinstance(engine, Recorder):
        return None
    try:
        return guarded(engine.name, lambda: engine.record(case))
    except (EngineFailure, NotComparable, BeyondLimits):
        return None


def _is_wrong_run(wrong: Sequence[WrongItem], cause: Cause, dependence: Dependence) -> bool:
    if any(item.name.startswith("final stack") for item in wrong):
        return True
    if cause.kind is Kind.BOUNDARY:
        return dependence.fault_class is FaultClass.INDEPENDENT
    is_core = cause.kind is Kind.CELL and cause.part in _CORE_PARTS and cause.maker is not None
    return is_core and cause.maker is not None and wrong[0].row > cause.maker


def _by_boundaries(name: str, run: Run, rows: ProgramRows) -> Evidence:
    """For an engine that shows its boundary states and no queues."""
    try:
        states = run.boundaries()
    except (EngineFailure, NotComparable) as reason:
        return Evidence(name, judged=False, text=f"it shows no recording: {reason}")
    wrong = tuple(
        WrongItem(state.clk, f"snapshot {index}: {item.name}", item.left, item.right)
        for index, state in enumerate(states)
        if 0 <= state.clk < rows.count
        for item in field_differences(rows.execution.boundary(state.clk), state)
    )
    text = "its boundary states are right; it shows no queues, so a wrong entry cannot be told from a wrong rebuild"
    return Evidence(name, judged=bool(wrong), wrong=wrong, text=text)


def _what(cause: Cause) -> str:
    return f"the {cause.part}" if cause.kind is Kind.CELL else "the trace"
