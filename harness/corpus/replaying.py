"""What to replay: the case files of directories, and which of them belong to findings of campaigns."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.corpus.directory import case_files, is_slow
from harness.corpus.naming import SUFFIX
from reference.definition.errors import InputError
from reference.definition.formats.load import read_file

FINDING: Final = "finding.json"
"""A directory that holds it is a finding; see :mod:`harness.campaign.keeping`."""

FINDING_CASES: Final = ("found" + SUFFIX, "smallest" + SUFFIX)
"""Of the other files of a finding some are cases, but of parts of programs that say nothing alone."""


@dataclass(frozen=True, slots=True)
class Target:
    """A file to replay."""

    path: Path
    finding: Path | None = None
    """The directory of the finding it belongs to."""


@dataclass(frozen=True, slots=True)
class Targets:
    """All files to replay."""

    quick: tuple[Target, ...]
    slow: tuple[Target, ...]
    """In folders of slow cases."""


def targets(places: Sequence[Path]) -> Targets:
    """The case files of directories and of the folders below, and files that are named themselves; each once.

    Raises InputError for a place that is neither, and for one that holds no case.
    """
    quick: dict[str, Target] = {}
    slow: dict[str, Target] = {}
    for place in places:
        if not place.is_dir():
            if not (place.is_file() and place.name.endswith(SUFFIX)):
                raise InputError(f"expected a directory or a file *{SUFFIX}", source=str(place))
            quick.setdefault(_real(place), Target(place))
            continue
        files = case_files(place)
        if not files:
            raise InputError(f"expected a directory with files *{SUFFIX}, found none", source=str(place))
        for path in files:
            finding = _finding_of(path, place)
            if finding is not None and (path.parent != finding or path.name not in FINDING_CASES):
                continue
            into = slow if is_slow(path, place) else quick
            into.setdefault(_real(path), Target(path, finding))
    return Targets(tuple(quick.values()), tuple(slow.values()))


def _real(path: Path) -> str:
    """The path without links; unlike Path.resolve it gives one for a link that leads to itself, which is refused later."""
    return os.path.realpath(path)


def _finding_of(path: Path, place: Path) -> Path | None:
    """The nearest directory around the file, within the place, that is a finding."""
    for folder in path.parents:
        if (folder / FINDING).is_file():
            return folder
        if folder == place:
            return None
    return None


def engines_of_finding(finding: Path) -> tuple[str, ...]:
    """The names of the engines that differed.

    Names only: what a file says is never run. Raises InputError for a file that does not say it.
    """
    source = str(finding / FINDING)
    try:
        document = json.loads(read_file(finding / FINDING))
    except (ValueError, RecursionError) as error:
        raise InputError(f"expected JSON: {error}", source=source) from None
    if isinstance(document, dict) and "violations" in document:
        raise InputError(f"found by the laws, which no other engine decides: {finding / 'replay'} judges it again")
    names = document.get("engines") if isinstance(document, dict) else None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise InputError("expected the engines of a finding", place="engines", source=source)
    return tuple(names)
