"""Values as JSON: outcomes, lengths, boundary states, and the record of a case as the real VM's oracle prints it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from harness.backend import Completed, Engine, EngineFailure, Outcome, Run, Summary
from reference.definition.boundary import BoundaryState
from reference.definition.case import Case
from reference.definition.columns import COLUMN_NAMES
from reference.definition.cuts import ONE_FRAGMENT, CutPlan, Every
from reference.definition.field import word_to_hex

Json = dict[str, Any]

LENGTHS = tuple(item.name for item in fields(Summary) if item.name not in ("program_hash", "stack"))
"""rows, core, range, chiplets, hasher, bitwise, memory, kernel_rom."""


def outcome_json(outcome: Outcome) -> Json:
    """``{"status": "completed", "stack": [..]}`` or ``{"status": "failed", "error", "clk", "message"}``."""
    if isinstance(outcome, Completed):
        return {"status": "completed", "stack": list(outcome.stack)}
    return {"status": "failed", "error": outcome.error, "clk": outcome.clk, "message": outcome.detail}


def lengths_json(summary: Summary | None) -> Json | None:
    """The eight lengths of a completed run; None for a failed one."""
    return None if summary is None else {name: getattr(summary, name) for name in LENGTHS}


def cut_json(plan: CutPlan) -> int | Json:
    """The plan as case files write it."""
    return plan.size if isinstance(plan, Every) else {"at": list(plan.rows)}


def cut_text(plan: CutPlan) -> str:
    """The plan as --cuts takes it."""
    if plan == ONE_FRAGMENT:
        return "one"
    return f"every:{plan.size}" if isinstance(plan, Every) else f"at:{','.join(map(str, plan.rows)) or 0}"


def boundary_json(state: BoundaryState) -> Json:
    """Every field of a boundary state; words in hex, stack and continuations top first."""
    position = state.position
    return {
        "clk": state.clk,
        "ctx": state.ctx,
        "fn_hash": word_to_hex(state.fn_hash),
        "transcript_state": word_to_hex(state.transcript_state),
        "current_addr": state.current_addr,
        "parent_addr": state.parent_addr,
        "stack": list(state.stack),
        "depth": state.depth,
        "overflow_addr": state.overflow_addr,
        "position": position._asdict(),
        "continuations": [[item.kind, item.node] for item in state.continuations],
    }


def record(case: Case, engine: Engine, *, boundaries: bool = False) -> Json:
    """What the engine makes of a case at all its cut plans.

    Outcome, lengths and columns are those of the first plan; ``fragments`` has a member for each plan, which names the
    columns whose digests differ from the first plan's (law 1: none). With ``boundaries`` it also holds the state that
    enters each fragment.

    Raises EngineFailure and NotComparable.
    """
    runs = [engine.run(each) for each in case.runs()]
    first = runs[0]
    columns = _columns(first)
    return {
        "name": case.name,
        "program_hash": word_to_hex(case.program.hash if first.summary is None else first.summary.program_hash),
        "outcome": outcome_json(first.outcome),
        "lengths": lengths_json(first.summary),
        "columns": columns,
        "fragments": [
            _fragments(run, plan, first.outcome, columns, boundaries) for run, plan in zip(runs, case.cuts, strict=True)
        ],
    }


def _columns(run: Run) -> list[str] | None:
    return run.column_digests() if isinstance(run.outcome, Completed) else None


def _fragments(run: Run, plan: CutPlan, outcome: Outcome, columns: Sequence[str] | None, boundaries: bool) -> Json:
    entry: Json = {"cut": cut_json(plan), "status": outcome_json(run.outcome)["status"]}
    if run.outcome != outcome:
        entry["outcome"] = outcome_json(run.outcome)
    mine = _columns(run)
    if mine is not None and columns is not None:
        entry["differing_columns"] = [
            name for name, one, other in zip(COLUMN_NAMES, columns, mine, strict=True) if one != other
        ]
    if boundaries and mine is not None:
        entry["boundaries"] = [boundary_json(state) for state in run.boundaries()]
    return entry


def broken_record(case: Case, failure: EngineFailure) -> Json:
    """The record of a case on which the engine broke."""
    return {
        "name": case.name,
        "program_hash": word_to_hex(case.program.hash),
        "outcome": {"status": "panicked", "message": failure.reason},
        "lengths": None,
        "columns": None,
        "fragments": [],
    }
