"""The list of all findings of a directory, for a person: index.txt."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final, NamedTuple

from harness.campaign.keeping import DATA
from harness.corpus import write_new

INDEX: Final = "index.txt"

_CONFIRMED: Final = "confirmed"


class _Listed(NamedTuple):
    name: str
    signature: str
    state: str


def write_index(out: Path) -> None:
    """List the findings of a directory by signature, confirmed ones first; InputError when that is impossible."""
    groups: dict[str, list[_Listed]] = {}
    for path in sorted(out.glob(f"*/{DATA}")):
        listed = _listed(path)
        groups.setdefault(listed.signature, []).append(listed)
    lines: list[str] = []
    for signature, members in sorted(groups.items(), key=lambda item: (not _is_confirmed(item[1]), item[0])):
        lines.append(signature)
        lines += [f"  {each.state:<12}  {each.name}" for each in members]
    write_new(out / INDEX, "\n".join(lines) + "\n")


def _listed(path: Path) -> _Listed:
    """One that somebody has damaged is listed as well, so that it is noticed."""
    name = path.parent.name
    try:
        data = json.loads(path.read_text("utf-8"))
        full = data.get("full_signature") or {}
        return _Listed(name, full.get("text") or data["signature"], data["state"])
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return _Listed(name, f"{DATA} cannot be read", "damaged")


def _is_confirmed(members: list[_Listed]) -> bool:
    return any(each.state == _CONFIRMED for each in members)
