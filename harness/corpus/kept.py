"""What a corpus keeps with a case: why it is there, where it came from, and what is expected of every engine.

It is the member ``kept`` of the case file, read as strictly as the rest of it, because corpora come from anywhere.
Column digests stand one group of columns a line, so that a diff says which group changed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from harness.backend import DIGEST_HEX_DIGITS
from harness.records import LENGTHS
from reference.definition.columns import GROUP_OF_COLUMN
from reference.definition.errors import InputError
from reference.definition.field import Word, word_to_hex
from reference.definition.formats.case_json import KEPT, ROW_LIMIT
from reference.definition.formats.json_value import Value, parse_json
from reference.definition.outcome import Completed, Failed, Outcome

GROUPS: Final = tuple(dict.fromkeys(GROUP_OF_COLUMN))
"""system, decoder, stack, range, chiplets, pad."""

MAX_TEXT: Final = 2000
"""Characters of a reason or a source: more belongs into a document that the source names."""

_OUTPUTS: Final = 16
_DIGEST: Final = re.compile(f"[0-9a-f]{{{DIGEST_HEX_DIGITS}}}")


class Kind(StrEnum):
    """Why a case is in a corpus."""

    GOLDEN = "golden"
    """What is expected was recorded from the machine under test."""
    DEFECT = "defect"
    """It shows a defect that some release of some engine had or has."""
    PROGRAM = "program"
    """A program that somebody wrote for another purpose than testing."""
    FINDING = "finding"
    """Engines differed on it once."""
    COVERAGE = "coverage"
    """It reaches something that no smaller case reaches; not worth keeping when another case does too."""

    @property
    def pins(self) -> bool:
        """Whether a corpus keeps the case whatever other cases cover."""
        return self is not Kind.COVERAGE


@dataclass(frozen=True, slots=True)
class Expectation:
    """What every engine must make of the case, at every cut plan."""

    by: str
    """Who says so."""
    outcome: Outcome
    program_hash: Word | None = None
    """None for a program that fails, or where nobody said it; the same for the two below."""
    lengths: Mapping[str, int] | None = None
    """By the names of :data:`harness.records.LENGTHS`."""
    columns: tuple[str, ...] | None = None
    """72 column digests, in trace order."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept with one case."""

    kind: Kind
    reason: str
    source: str = ""
    defect: str = ""
    """Its name in the catalogue of defects; empty where there is none."""
    real_vm: str = ""
    """What the machine under test does where that is not what is expected."""
    expect: Expectation | None = None


# ---- reading --------------------------------------------------------------------------------------------------------


def read_kept(text: str | bytes, source: str = "") -> Kept | None:
    """What the case file holds besides its case; None when that is nothing.

    ``source`` names the file in errors. Raises InputError with the path in the document for whatever is not as
    :func:`kept_document` writes it.
    """
    try:
        value = dict(parse_json(text).entries()).get(KEPT)
        return None if value is None else _kept(value)
    except InputError as error:
        raise error.located(source) from None


def _kept(value: Value) -> Kept:
    members = value.members(required=("kind", "reason"), optional=("source", "defect", "real_vm", "expect"))
    kind = members["kind"].text()
    if kind not in list(Kind):
        raise members["kind"].expected(f"one of {', '.join(Kind)}")
    texts = {name: _line(members[name]) for name in ("reason", "source", "defect", "real_vm") if name in members}
    if not texts["reason"].strip():
        raise members["reason"].expected("a reason")
    expect = _expectation(members["expect"]) if "expect" in members else None
    return Kept(Kind(kind), expect=expect, **texts)


def _line(value: Value) -> str:
    text = value.text()
    # What is kept is shown on terminals: a line end or an escape sequence could make it look like something else.
    if len(text) > MAX_TEXT or not text.isprintable():
        raise value.expected(f"at most {MAX_TEXT} printable characters")
    return text


def _expectation(value: Value) -> Expectation:
    members = value.members(required=("by", "outcome"), optional=("program_hash", "lengths", "columns"))
    outcome = _outcome(members["outcome"])
    traced = [name for name in ("program_hash", "lengths", "columns") if name in members]
    if traced and isinstance(outcome, Failed):
        raise members[traced[0]].refuse("expected nothing here: a program that fails has no trace")
    return Expectation(
        by=_line(members["by"]),
        outcome=outcome,
        program_hash=members["program_hash"].word() if "program_hash" in members else None,
        lengths=_lengths(members["lengths"]) if "lengths" in members else None,
        columns=_columns(members["columns"]) if "columns" in members else None,
    )


def _outcome(value: Value) -> Outcome:
    members = dict(value.entries())
    status = members["status"].text() if "status" in members else ""
    if status == "completed":
        stack = value.members(required=("status", "stack"))["stack"]
        elements = stack.elements()
        if len(elements) != _OUTPUTS:
            raise stack.expected(f"{_OUTPUTS} elements")
        return Completed(elements)
    if status != "failed":
        raise value.refuse("expected the status 'completed' or 'failed'")
    members = value.members(required=("status", "error"), optional=("clk",))
    error = _line(members["error"])
    if not error:
        raise members["error"].expected("the name of an error")
    return Failed(error, members["clk"].integer(0, ROW_LIMIT) if "clk" in members else None)


def _lengths(value: Value) -> dict[str, int]:
    return {name: item.integer(0, ROW_LIMIT) for name, item in value.members(required=LENGTHS).items()}


def _columns(value: Value) -> tuple[str, ...]:
    groups = value.members(required=GROUPS)
    return tuple(digest for name in GROUPS for digest in _group(groups[name], GROUP_OF_COLUMN.count(name)))


def _group(value: Value, count: int) -> list[str]:
    digests = value.text().split(" ")
    if len(digests) != count:
        raise value.refuse(f"expected {count} digests, found {len(digests)}")
    for digest in digests:
        if not _DIGEST.fullmatch(digest):
            raise value.refuse(f"expected digests of {DIGEST_HEX_DIGITS} hex digits, found {ascii(digest)[:60]}")
    return digests


# ---- writing --------------------------------------------------------------------------------------------------------


def kept_document(kept: Kept) -> dict[str, Any]:
    """The member ``kept`` of the case file; what is empty is left out."""
    document: dict[str, Any] = {"kind": kept.kind.value, "reason": kept.reason}
    for name in ("source", "defect", "real_vm"):
        if text := getattr(kept, name):
            document[name] = text
    if kept.expect is not None:
        document["expect"] = _expectation_document(kept.expect)
    return document


def _expectation_document(expect: Expectation) -> dict[str, Any]:
    document: dict[str, Any] = {"by": expect.by, "outcome": _outcome_document(expect.outcome)}
    if expect.program_hash is not None:
        document["program_hash"] = word_to_hex(expect.program_hash)
    if expect.lengths is not None:
        document["lengths"] = {name: expect.lengths[name] for name in LENGTHS}
    if expect.columns is not None:
        document["columns"] = _columns_document(expect.columns)
    return document


def _outcome_document(outcome: Outcome) -> dict[str, Any]:
    if isinstance(outcome, Completed):
        return {"status": "completed", "stack": list(outcome.stack)}
    document: dict[str, Any] = {"status": "failed", "error": outcome.error}
    if outcome.clk is not None:
        document["clk"] = outcome.clk
    return document


def _columns_document(columns: Sequence[str]) -> dict[str, str]:
    grouped: dict[str, list[str]] = {name: [] for name in GROUPS}
    for name, digest in zip(GROUP_OF_COLUMN, columns, strict=True):
        grouped[name].append(digest)
    return {name: " ".join(digests) for name, digests in grouped.items()}
