"""Names what differs between two outcomes, summaries or boundary states, and where a row lies in a cut plan."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import fields

from harness.backend import Completed, Failed, Outcome, Summary
from harness.known import outcome_text
from harness.verdict import Difference, Place
from reference.definition.boundary import BoundaryState


def outcome_differences(left: Outcome, right: Outcome) -> Iterator[Difference]:
    """How two outcomes differ: by kind or error name, stack output or clk; nothing when they are equal."""
    if outcome_text(left) != outcome_text(right):
        yield Difference("outcome", outcome_text(left), outcome_text(right))
    if isinstance(left, Completed) and isinstance(right, Completed):
        yield from listed_differences(left.stack, right.stack, "stack")
    elif isinstance(left, Failed) and isinstance(right, Failed) and left.clk != right.clk:
        yield Difference("clk", left.clk, right.clk)


def message_differences(left: Outcome, right: Outcome) -> Iterator[Difference]:
    """How two equal failures differ in their message, which holds what the error was given besides its name and clk."""
    match left, right:
        case Failed(error, detail=mine), Failed(other, detail=theirs) if error == other and mine != theirs:
            yield Difference(f"message of {error}", mine, theirs)


def field_differences(left: Summary | BoundaryState, right: Summary | BoundaryState) -> Iterator[Difference]:
    """The fields of two values of one type that differ, items of words, stacks and continuations one by one."""
    for item in fields(left):
        mine, theirs = getattr(left, item.name), getattr(right, item.name)
        if mine == theirs:
            continue
        if isinstance(mine, tuple) and isinstance(theirs, tuple) and item.name != "position":
            yield from listed_differences(mine, theirs, item.name)
        else:
            yield Difference(item.name, mine, theirs)


def listed_differences(left: Sequence[object], right: Sequence[object], name: str) -> Iterator[Difference]:
    """The items of two lists that differ; of lists of unequal length the first such item, and the lengths."""
    wrong = [index for index, (mine, theirs) in enumerate(zip(left, right, strict=False)) if mine != theirs]
    for index in wrong if len(left) == len(right) else wrong[:1]:
        yield Difference(f"{name}[{index}]", left[index], right[index])
    if len(left) != len(right):
        yield Difference(f"{name} count", len(left), len(right))


def place_of(row: int, starts: Sequence[int], core_rows: int) -> Place:
    """Where ``row`` lies among fragments that begin at ``starts`` (ascending, row 0 first)."""
    index = bisect_right(starts, row) - 1
    cuts = [start for start in starts[index : index + 2] if start > 0]
    nearest = min(cuts, key=lambda start: abs(start - row), default=None)
    if row >= core_rows:
        return Place(None, None, nearest)
    return Place(index, starts[index], nearest)
