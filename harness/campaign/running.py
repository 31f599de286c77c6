"""The case in hand, in a file that is written before the case is run: what a worker that died was doing.

A case is its number: generation depends on the campaign's seed and profile only. What else is in the file is the cut plan
and the engines' options, which may depend on what ran before. A page that the kernel holds survives the process that wrote
it, so nothing waits for a disk.
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Final, NamedTuple

from harness.campaign.events import CaseBegun, CaseCompared, CaseGenerated, Event, PlanBegun
from harness.campaign.protocol import Setup
from harness.generate import generate_case
from reference.definition.case import Case
from reference.definition.errors import InputError
from reference.definition.formats.case_json import case_line, read_case
from reference.definition.formats.children_first import children_first

FOLDER: Final = "running"

GENERATING: Final = "generating"
"""Phase of a case of which nothing but the number is known."""
_GUIDING: Final = "guiding"
_COMPARING: Final = "comparing"


class RunningFile:
    """Written by a worker; a listener of its cases."""

    def __init__(self, path: Path) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(path, os.O_CREAT | os.O_RDWR | os.O_TRUNC | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise InputError(f"cannot be written: {error.strerror}", source=str(path)) from None
        self._path = path
        self._number = 0

    def __call__(self, event: Event) -> None:
        """Write what is begun."""
        match event:
            case CaseBegun(number):
                self._number = number
                self._write(GENERATING)
            case CaseGenerated():
                self._write(_GUIDING)
            case PlanBegun(case):
                self._write(_COMPARING, case)
            case CaseCompared():
                self.clear()

    def begin(self, number: int, case: Case) -> None:
        """The case is in hand."""
        self._number = number
        self._write(_COMPARING, case)

    def _write(self, phase: str, case: Case | None = None) -> None:
        said = {"number": self._number, "since": time.time(), "phase": phase}
        plan = "" if case is None else case_line(_carrier(case))
        self._put(f"{json.dumps(said)}\n{plan}\n".encode())

    def clear(self) -> None:
        """No case is in hand."""
        self._put(b"\n")

    def alive(self) -> None:
        """Something goes on that is not a case of a batch."""
        os.utime(self._file)

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)

    def _put(self, text: bytes) -> None:
        try:
            os.pwrite(self._file, text, 0)
            os.ftruncate(self._file, len(text))
        except OSError as error:
            raise InputError(f"cannot be written: {error.strerror}", source=str(self._path)) from None


class Running(NamedTuple):
    """What was in hand."""

    number: int
    since: float
    phase: str
    carrier: str
    """A case whose cut plan and options are those in hand; empty before there was a plan."""


def read_running(path: Path) -> Running | None:
    """What was in hand in the worker that wrote the file; None when there was nothing."""
    try:
        said, *carrier = path.read_text("utf-8").split("\n")
        document = json.loads(said) if said else None
    except (OSError, ValueError):
        return None
    if document is None:
        return None
    return Running(document["number"], document["since"], document["phase"], carrier[0] if carrier else "")


def case_in_hand(running: Running, setup: Setup) -> Case | None:
    """The case, with the cut plan in hand; None when the worker died while it generated it, as this process might."""
    if running.phase == GENERATING:
        return None
    case = children_first(generate_case(setup.seed, running.number, setup.profile).case)
    if not running.carrier:
        return case
    try:
        carrier = read_case(running.carrier)
    except InputError:
        # Killed while it wrote the plan, so no engine had seen it.
        return case
    return replace(case, **{name: getattr(carrier, name) for name in _CARRIED})


_CARRIED: Final = ("cuts", "gpu", "parallel")
"""What a campaign draws for a case besides the case."""

_NOTHING: Final = read_case(
    '{"format": "fragdiff-case/1", "name": "plan", "program": {"nodes": ["block NOOP"], "roots": [0], "entry": 0}}'
)


def _carrier(case: Case) -> Case:
    return replace(_NOTHING, **{name: getattr(case, name) for name in _CARRIED})
