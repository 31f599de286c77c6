"""Texts of a campaign as they may be shown: names and messages come from engines and files, and may hold anything."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_MOST: int = 400


def safe(text: str) -> str:
    """The text without line ends and control characters, which could make a terminal show something else."""
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)


def death_text(event: Mapping[str, Any]) -> str:
    """What an event says of a worker that is gone: its fields in words."""
    said = [f"{name} {value}" for name, value in event.items() if name != "event" and value not in (None, "")]
    kind = str(event.get("event", "")).replace("_", " ")
    return f"{kind}: {', '.join(said)}"[:_MOST]


def xml_text(text: str) -> str:
    """The text without the characters that XML 1.0 has no way to write, which stand as ``\\x1b`` instead."""
    return "".join(each if _is_xml(ord(each)) else ascii(each)[1:-1] for each in text)


def _is_xml(code: int) -> bool:
    return code in (9, 10, 13) or 32 <= code <= 0xD7FF or 0xE000 <= code <= 0xFFFD or code >= 0x10000
