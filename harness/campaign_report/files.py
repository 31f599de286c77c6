"""Files of a campaign that a report points to: findings, their reports, slow cases."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final
from urllib.parse import quote

from harness.campaign.keeping import PAGE, REPORT
from harness.campaign_report.summary import Group

_BYTES: Final = 256 * 1024
"""Of a report that is shown."""


def existing(directory: Path, name: str) -> Path | None:
    """The file or directory called so, in the campaign's directory, under it, or where it says; None when it is gone.

    A campaign's directory may have been moved since the name was written: then what stands at the same place below it counts.
    """
    try:
        candidates = (
            Path(name),
            directory / name,
            directory / Path(name).name,
            directory / "findings" / Path(name).name,
        )
        return next((each for each in candidates if each.exists()), None)
    except (OSError, ValueError):
        return None


def report_of(directory: Path, name: str) -> Path | None:
    """The page of a finding, its text when there is no page, its directory when there is neither; None when it is gone."""
    found = existing(directory, name)
    if found is None:
        return None
    return next((found / file for file in (PAGE, REPORT) if (found / file).exists()), found)


def text_of(directory: Path, group: Group) -> str:
    """The text report of the first finding of a group that has one; empty when none has."""
    for case in group.kept:
        found = existing(directory, case.directory or "")
        if found is not None and (found / REPORT).is_file():
            return (found / REPORT).read_bytes()[:_BYTES].decode("utf-8", "replace")
    return ""


def link(target: Path, page: Path) -> str:
    """The address of a file, as a page at ``page`` names it."""
    return quote(os.path.relpath(target.resolve(), page.resolve().parent))
