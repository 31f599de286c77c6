"""Reads the builds out of a record: what a program that speaks the line protocol says about each of its fragment sizes.

Nothing is asked of the record but ``fragments`` with a member for each plan that was built: ``fragment`` (or ``cut``),
``status``, and of what follows whatever the program can say: ``outcome`` or ``message``, ``columns`` (a digest each),
``differences`` (cells that differ from the first completed build), ``constraints`` (and ``rejection``, its
reason), ``contexts`` or ``boundaries``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from harness.backends.record import BadRecord, member
from harness.laws.build import Build, State, Status, WrongColumn, WrongPlace
from reference.definition.columns import COLUMN_NAMES, WIDTH
from reference.definition.cuts import At, CutPlan, Every

QUEUES: Final = frozenset({"replay", "queues"})
"""Members of a boundary state that are what the fragment will consume: they depend on where it ends, as they should."""


def read_builds(record: Mapping[str, Any], plans: Sequence[CutPlan]) -> list[Build]:
    """A build for each member of ``fragments``, which are those plans or some of them in the same order.

    Raises BadRecord.
    """
    fragments = member(record, "fragments", list)
    left = list(plans)
    builds: list[Build] = []
    for fragment in fragments:
        if not isinstance(fragment, dict):
            raise BadRecord(f"a member of 'fragments' is {fragment!r:.60}, expected an object")
        plan = _plan(fragment)
        if plan not in left:
            raise BadRecord(f"there is a build at {plan}, which was not asked for")
        del left[: left.index(plan) + 1]
        builds.append(_build(plan, fragment, record))
    return builds


def _plan(fragment: Mapping[str, Any]) -> CutPlan:
    cut = fragment.get("fragment", fragment.get("cut"))
    rows = cut.get("at") if isinstance(cut, dict) else None
    if isinstance(rows, list) and all(type(row) is int and row >= 0 for row in rows):
        return At(tuple(rows))
    size = cut.get("every") if isinstance(cut, dict) else cut
    if type(size) is not int or size < 1:
        raise BadRecord(f"a member of 'fragments' has no size, found {cut!r:.60}")
    return Every(size)


def _build(plan: CutPlan, fragment: Mapping[str, Any], record: Mapping[str, Any]) -> Build:
    text = member(fragment, "status", str)
    if text not in (Status.COMPLETED, Status.FAILED, Status.PANICKED):
        raise BadRecord(f"there is no status {text!r}")
    status = Status(text)
    if status is not Status.COMPLETED:
        return Build(plan, status, _said(fragment, record))
    constraints = fragment.get("constraints")
    return Build(
        plan,
        status,
        digests=_digests(fragment, record),
        constraints=constraints if isinstance(constraints, bool) else None,
        rejection=str(fragment.get("rejection") or ""),
        states=_states(fragment),
        core=_core(record),
    )


def _said(fragment: Mapping[str, Any], record: Mapping[str, Any]) -> str:
    """Of the first build many programs say the reason in the outcome of the case only."""
    outcome = fragment.get("outcome", record.get("outcome"))
    for said in (fragment, outcome if isinstance(outcome, dict) else {}):
        if said.get("status", fragment["status"]) != fragment["status"]:
            continue
        if isinstance(said.get("error"), str):
            clk = said.get("clk")
            return str(said["error"]) if clk is None else f"{said['error']} at clk {clk}"
        if isinstance(said.get("message"), str):
            return str(said["message"])
    return ""


def _digests(fragment: Mapping[str, Any], record: Mapping[str, Any]) -> tuple[str, ...]:
    """The build's own digests, or those of the case with a mark at every column that differs in this build."""
    own = fragment.get("columns")
    if own is not None:
        return _texts(own)
    columns = record.get("columns")
    if columns is None:
        return ()
    differing = wrong_columns(fragment)
    return tuple(
        f"differs: {differing[number]}" if number in differing else digest
        for number, digest in enumerate(_texts(columns))
    )


def _texts(digests: Any) -> tuple[str, ...]:
    if not isinstance(digests, list) or not all(isinstance(digest, str) for digest in digests):
        raise BadRecord(f"the field 'columns' is {digests!r:.60}, expected digests")
    return tuple(digests)


def wrong_columns(fragment: Mapping[str, Any]) -> dict[int, tuple[int, ...]]:
    """Column -> the first rows that differ from the first completed build; empty when none does.

    Raises BadRecord for what cannot be understood: silence is not agreement.
    """
    differing = fragment.get("differing_columns")
    if isinstance(differing, list):
        return {COLUMN_NAMES.index(name): () for name in differing}
    differences = fragment.get("differences", [])
    entries = differences.items() if isinstance(differences, dict) else _listed(differences)
    try:
        return {int(column): tuple(int(row) for row in cells["rows"]) for column, cells in entries}
    except (TypeError, KeyError, ValueError):
        raise BadRecord(f"the field 'differences' is {differences!r:.60}") from None


def _listed(differences: Any) -> list[tuple[Any, Any]]:
    if isinstance(differences, str):
        # In words: one of the two built no trace, which the status says already.
        return []
    try:
        return [(cells["col"], cells) for cells in differences]
    except (TypeError, KeyError):
        raise BadRecord(f"the field 'differences' is {differences!r:.60}") from None


def wrong_place(fragment: Mapping[str, Any], width: int) -> WrongPlace | None:
    """The first wrong row and its columns; None when the record does not say rows."""
    columns = wrong_columns(fragment)
    rows = [row for listed in columns.values() for row in listed]
    if not rows:
        return None
    first = min(rows)
    return WrongPlace(
        first,
        tuple(
            WrongColumn(column_name(c, width), None, None) for c, listed in sorted(columns.items()) if first in listed
        ),
    )


def column_name(column: int, width: int) -> str:
    """The name in a trace of 72 columns, the number in any other."""
    return COLUMN_NAMES[column] if width == WIDTH else f"column {column}"


def _states(fragment: Mapping[str, Any]) -> dict[int, State] | None:
    states = fragment.get("contexts", fragment.get("boundaries"))
    if not isinstance(states, list):
        return None
    found: dict[int, State] = {}
    for state in states:
        if not isinstance(state, dict) or type(state.get("clk")) is not int:
            raise BadRecord(f"a boundary state is {state!r:.60}, expected an object with a clk")
        found[state["clk"]] = {name: value for name, value in state.items() if name not in QUEUES}
    return found


def _core(record: Mapping[str, Any]) -> int | None:
    lengths = record.get("lengths")
    core = lengths.get("core") if isinstance(lengths, dict) else None
    return core if type(core) is int else None
