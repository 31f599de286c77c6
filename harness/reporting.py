"""Findings as JSON and as indented text: the words and keys that all commands share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from harness.verdict import Counts, Difference, Divergence, Kind, Place


def counts_json(counts: Counts) -> dict[str, Any]:
    """All counts by name; reasons and known divergences as objects."""
    values = {item.name: getattr(counts, item.name) for item in fields(counts)}
    return {name: dict(value) if isinstance(value, Counter) else value for name, value in values.items()}


def divergence_json(divergence: Divergence) -> dict[str, Any]:
    """A divergence with its place; values that are no numbers as text."""
    place = divergence.place
    return {
        "kind": divergence.kind.value,
        "left": divergence.left,
        "right": divergence.right,
        "signature": divergence.signature,
        "row": divergence.row,
        "last_equal_row": divergence.last_equal_row,
        "operation": divergence.operation,
        "previous_operation": divergence.previous_operation,
        "fragment": place and place.fragment,
        "fragment_start": place and place.fragment_start,
        "nearest_cut": place and place.nearest_cut,
        "columns": [
            {"name": item.name, "left": _plain(item.left), "right": _plain(item.right)} for item in divergence.columns
        ],
        "detail": divergence.detail,
    }


def read_divergence(data: Mapping[str, Any]) -> Divergence:
    """The divergence that :func:`divergence_json` gave; values that are no numbers remain text.

    Raises KeyError, TypeError and ValueError for anything else.
    """
    is_placed = any(data[name] is not None for name in ("fragment", "fragment_start", "nearest_cut"))
    return Divergence(
        Kind(data["kind"]),
        data["left"],
        data["right"],
        tuple(Difference(item["name"], item["left"], item["right"]) for item in data["columns"]),
        data["row"],
        Place(data["fragment"], data["fragment_start"], data["nearest_cut"]) if is_placed else None,
        data["operation"],
        data["previous_operation"],
        data["detail"],
    )


def _plain(value: object) -> object:
    return value if value is None or isinstance(value, int | str) else str(value)


def wrapped(text: str) -> str:
    """The text, every line indented by two."""
    return "\n".join(f"  {line}" for line in text.splitlines())


def counted(counter: Mapping[str, int]) -> str:
    """``name times``, the most frequent first; ``none`` for nothing."""
    items = sorted(counter.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{name} {times:,}" for name, times in items if times) or "none"
