"""What is expected of a case: taken from a run or from a record, and held against a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.backend import REAL_VM, Completed, Engine, EngineFailure, Failed, Identified, Outcome, Run, Summary
from harness.backends.record import BadRecord, Panicked, member, read_digests, read_outcome, read_summary
from harness.corpus.kept import GROUPS, Expectation
from harness.records import LENGTHS
from reference.definition.case import Case
from reference.definition.columns import COLUMN_NAMES, GROUP_OF_COLUMN
from reference.definition.errors import InputError
from reference.definition.field import word_to_hex

# ---- taking ---------------------------------------------------------------------------------------------------------


def ask(engine: Engine, case: Case) -> Expectation:
    """What the engine makes of the case at all its cut plans, the case's nodes children first.

    Raises EngineFailure, also when the engine makes different things of different plans, and NotComparable.
    """
    expect: Expectation | None = None
    for each in case.runs():
        run = engine.run(each)
        for contradiction in run.contradictions():
            raise EngineFailure(engine.name, contradiction)
        if expect is None:
            expect = expectation_of_run(run, speaker(engine))
        elif lines := unmet(expect, run):
            raise EngineFailure(engine.name, f"it contradicts itself: {'; '.join(lines)}")
    assert expect is not None, "a case has a cut plan"
    return expect


def speaker(engine: Engine) -> str:
    """The program whose behaviour the engine shows, or else the engine's name."""
    identity = engine.identity if isinstance(engine, Identified) else None
    return identity or engine.name


def expectation_of_run(run: Run, by: str) -> Expectation:
    """Everything that the run amounts to; ``by`` says whose run it is.

    Raises EngineFailure and NotComparable as the run does.
    """
    return _expectation(by, run.outcome, run.summary, run.column_digests() if run.summary is not None else None)


def expectation_of_record(record: Mapping[str, Any]) -> Expectation:
    """What a record of the real VM says of its first build.

    Raises InputError for anything that is no such record, and for one of a panic: nobody should expect a panic.
    """
    try:
        outcome = read_outcome(member(record, "outcome", dict))
        if isinstance(outcome, Failed):
            return _expectation(REAL_VM, outcome, None, None)
        return _expectation(REAL_VM, outcome, read_summary(record, outcome.stack), read_digests(record))
    except Panicked as panic:
        raise InputError(f"expected a record of a completed or failed program, found a panic: {panic}") from None
    except BadRecord as error:
        raise InputError(f"expected a record: {error}") from None


def _expectation(by: str, outcome: Outcome, summary: Summary | None, columns: Sequence[str] | None) -> Expectation:
    plain = Failed(outcome.error, outcome.clk) if isinstance(outcome, Failed) else outcome
    if summary is None or columns is None:
        return Expectation(by, plain)
    lengths = {name: getattr(summary, name) for name in LENGTHS}
    return Expectation(by, plain, summary.program_hash, lengths, tuple(columns))


# ---- holding against a run ------------------------------------------------------------------------------------------


def unmet(expect: Expectation, run: Run) -> list[str]:
    """A line for each thing that is not as expected: the outcome, else hash, lengths and the columns by group.

    Raises EngineFailure and NotComparable as the run does.
    """
    if run.outcome != expect.outcome:
        return [f"outcome: expected {_outcome_text(expect.outcome)}, found {_outcome_text(run.outcome)}"]
    summary = run.summary
    if summary is None:
        return []
    lines: list[str] = []
    if expect.program_hash not in (None, summary.program_hash):
        lines.append(
            f"program hash: expected {word_to_hex(expect.program_hash or ())}, found {word_to_hex(summary.program_hash)}"
        )
    lines += [
        f"length {name}: expected {count}, found {getattr(summary, name)}"
        for name, count in (expect.lengths or {}).items()
        if getattr(summary, name) != count
    ]
    return lines + (_unmet_columns(expect.columns, run.column_digests()) if expect.columns is not None else [])


def _unmet_columns(expected: Sequence[str], found: Sequence[str]) -> list[str]:
    wrong = [at for at, (one, other) in enumerate(zip(expected, found, strict=True)) if one != other]
    lines = []
    for group in GROUPS:
        columns = [COLUMN_NAMES[at] for at in wrong if GROUP_OF_COLUMN[at] == group]
        if columns:
            lines.append(f"columns of the {group}: {', '.join(columns)} differ from what is expected")
    return lines


def _outcome_text(outcome: Outcome) -> str:
    if isinstance(outcome, Completed):
        return f"completed with {' '.join(map(str, outcome.stack))}"
    return f"{outcome.error} at clk {outcome.clk}"
