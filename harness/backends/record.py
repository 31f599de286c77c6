"""Reads a record: what a program that speaks the case-in, record-out protocol says about one case.

Nothing in a record is trusted to be there or to have its type.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from harness.backend import Summary
from reference.definition.boundary import BoundaryState, Continuation, Position, PositionTag
from reference.definition.columns import WIDTH
from reference.definition.field import P, Word, word_from_hex
from reference.definition.outcome import Completed, Failed

_POSITIONS: Mapping[str, tuple[PositionTag, tuple[str, ...]]] = {
    "Start": ("start", ()),
    "End": ("end", ()),
    "LoopRepeat": ("repeat", ()),
    "Respan": ("respan", ("batch_index",)),
    "BasicBlock": ("op", ("batch_index", "op_idx_in_batch")),
}
_TUPLE_POSITION = re.compile(r"([A-Za-z]+)\(\((\d+)\)\)")
_STRUCT_POSITION = re.compile(r"([A-Za-z]+) \{ node_id: \((\d+)\)((?:, [a-z_]+: \d+)*) \}")


class BadRecord(Exception):  # noqa: N818 - what was read
    """The text is no record, or a field is missing, has a wrong type, or says something impossible."""


class Rejected(Exception):  # noqa: N818 - an answer, not a mistake
    """The program could not read the case."""


class Panicked(Exception):  # noqa: N818 - what the other program did
    """The program caught its own panic while it ran or built this case."""


def read_object(line: bytes, name: str) -> Mapping[str, Any]:
    """The record of the case called ``name``.

    Raises BadRecord, also when it is another case's record, and Rejected.
    """
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise BadRecord(f"no JSON: {error}; found {line[:60].decode('utf-8', 'replace')!r}") from None
    if not isinstance(record, dict):
        raise BadRecord(f"no JSON object: {line[:60].decode('utf-8', 'replace')!r}")
    if set(record) == {"rejected"}:
        raise Rejected(str(record["rejected"]))
    if member(record, "name", str) != name:
        raise BadRecord(f"the record is of case {record['name']!r}, asked was {name!r}")
    return record


def member(record: Mapping[str, Any], key: str, kind: type) -> Any:
    """The member ``key``, which must be a ``kind``; BadRecord otherwise."""
    if key not in record:
        raise BadRecord(f"no field {key!r}")
    value = record[key]
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise BadRecord(f"the field {key!r} is {value!r:.60}, expected {kind.__name__}")
    return value


def read_outcome(outcome: Mapping[str, Any]) -> Completed | Failed:
    """The outcome.

    Raises Panicked for a panic, BadRecord for anything that is no outcome.
    """
    status = member(outcome, "status", str)
    if status == "completed":
        return Completed(_stack(outcome))
    if status == "failed":
        message = str(outcome.get("message", ""))
        clk = None if outcome.get("clk") is None else member(outcome, "clk", int)
        return Failed(member(outcome, "error", str), clk, message)
    if status == "panicked":
        raise Panicked(str(outcome.get("message", "")))
    raise BadRecord(f"there is no status {status!r}")


def read_summary(record: Mapping[str, Any], stack: tuple[int, ...]) -> Summary:
    """Lengths and program hash of a completed run; BadRecord."""
    lengths = member(record, "lengths", dict)
    names = ("rows", "core", "range", "chiplets", "hasher", "bitwise", "memory", "kernel_rom")
    counts = {name: member(lengths, name, int) for name in names}
    if not 1 <= counts["core"] < counts["rows"] or min(counts.values()) < 0:
        raise BadRecord(f"impossible lengths {counts}")
    return Summary(program_hash=_word(record, "program_hash"), stack=stack, **counts)


def read_digests(record: Mapping[str, Any]) -> list[str]:
    """The 72 column digests; BadRecord."""
    digests: list[str] = member(record, "columns", list)
    if len(digests) != WIDTH or not all(isinstance(digest, str) for digest in digests):
        raise BadRecord(f"the field 'columns' has {len(digests)} members, expected {WIDTH} digests")
    return digests


def read_contexts(contexts: Sequence[Any]) -> list[BoundaryState]:
    """The boundary states of all fragments of one build; BadRecord."""
    return [_boundary(context) for context in contexts]


def _boundary(context: Any) -> BoundaryState:
    if not isinstance(context, dict):
        raise BadRecord(f"a context is {context!r:.60}, expected an object")
    continuations = member(context, "continuation_top_first", list)
    return BoundaryState(
        clk=member(context, "clk", int),
        ctx=member(context, "ctx", int),
        fn_hash=_word(context, "fn_hash"),
        transcript_state=_word(context, "transcript_state"),
        current_addr=member(context, "current_addr", int),
        parent_addr=member(context, "parent_addr", int),
        stack=_stack(context),
        depth=member(context, "depth", int),
        overflow_addr=member(context, "overflow_addr", int),
        position=_position(member(context, "position", str)),
        continuations=tuple(_continuation(text) for text in continuations),
    )


def _position(text: str) -> Position:
    """``Start((6))``, ``End((0))``, ``LoopRepeat((6))``, ``Respan { node_id: (5), batch_index: 1 }`` and the like."""
    found = _TUPLE_POSITION.fullmatch(text) or _STRUCT_POSITION.fullmatch(text)
    if found is None or found[1] not in _POSITIONS:
        raise BadRecord(f"there is no position {text!r:.80}")
    tag, names = _POSITIONS[found[1]]
    numbers = dict(pair.split(": ") for pair in found[3].split(", ") if pair) if found.re is _STRUCT_POSITION else {}
    if tuple(numbers) != names:
        raise BadRecord(f"the position {text!r:.80} should give {', '.join(names) or 'a node only'}")
    return Position(tag, int(found[2]), *(int(numbers[name]) for name in names))


def _continuation(text: Any) -> Continuation:
    if text == "EnterForest":
        return Continuation("EnterForest", -1)
    kind, _, node = text.partition(" ") if isinstance(text, str) else ("", "", "")
    if not kind.isalpha() or not node.isdecimal():
        raise BadRecord(f"there is no continuation {text!r:.60}")
    return Continuation(kind, int(node))


def _stack(members: Mapping[str, Any]) -> tuple[int, ...]:
    values = member(members, "stack", list)
    if len(values) != 16 or not all(type(value) is int and 0 <= value < P for value in values):
        raise BadRecord(f"the field 'stack' is {values!r:.80}, expected 16 field elements")
    return tuple(values)


def _word(members: Mapping[str, Any], key: str) -> Word:
    try:
        return word_from_hex(member(members, key, str))
    except ValueError as error:
        raise BadRecord(f"the field {key!r}: {error}") from None
