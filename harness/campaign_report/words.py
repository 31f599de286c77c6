"""Texts of a campaign as they may be shown: names and messages come from engines and files, and may hold anything."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from harness.campaign_report.timeline import clock

_MOST: Final = 400
"""Characters of what is said of one worker."""


def safe(text: str) -> str:
    """The text without line ends and control characters, which could make a terminal show something else."""
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)


def death_text(event: Mapping[str, Any]) -> str:
    """What an event says of a worker that is gone: who, when, how, and with which case in hand."""
    time = event.get("time")
    when = f" at {clock(time)}" if isinstance(time, int | float) else ""
    number = event.get("number")
    case = "" if number is None else f", case {number}"
    return f"{event.get('worker', 'a worker')}{when}{case}: {event.get('reason') or 'no reason was given'}"[:_MOST]


def xml_text(text: str) -> str:
    """The text without the characters that XML 1.0 has no way to write, which stand as ``\\x1b`` instead."""
    return "".join(each if _is_xml(ord(each)) else ascii(each)[1:-1] for each in text)


def _is_xml(code: int) -> bool:
    return code in (9, 10, 13) or 32 <= code <= 0xD7FF or 0xE000 <= code <= 0xFFFD or code >= 0x10000
