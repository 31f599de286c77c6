"""Trials kept in a file, one JSON object a line, so that a self-test that was interrupted goes on where it stopped."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Final

from harness.faults.catalogue import FAULTS
from harness.faults.fault import Check
from harness.faults.trial import Trial
from harness.shrink.size import Size
from reference.definition.case import Case
from reference.definition.errors import InputError
from reference.definition.formats.case_json import case_line, read_case

_NUMBERS: Final = ("cases", "seconds", "shrinking_seconds", "cpu_seconds", "shrinking_cpu_seconds")


def append_trial(path: Path, trial: Trial) -> None:
    """Add a trial to the file, which is made when it is not there; InputError when it cannot be written."""
    line = json.dumps(_trial_document(trial)) + "\n"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror}", source=str(path)) from None


def read_trials(path: Path) -> list[Trial]:
    """The trials in the file, none when it is not there; those of faults that the catalogue has no more are left out.

    Half a last line is what an interruption left, and is taken away so that the next trial begins a line. Raises InputError
    for anything else that is no trial.
    """
    try:
        content = path.read_bytes() if path.exists() else b""
        whole = content[: content.rfind(b"\n") + 1]
        if whole != content:
            os.truncate(path, len(whole))
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", source=str(path)) from None
    known = {fault.name for fault in FAULTS}
    lines = whole.decode("utf-8", "replace").splitlines()
    found = [_read_trial(line, path, number) for number, line in enumerate(lines, start=1)]
    return [trial for trial in found if trial.fault in known]


def _trial_document(trial: Trial) -> dict[str, Any]:
    return {
        "fault": trial.fault,
        "seed": trial.seed,
        "by": trial.by,
        **{name: getattr(trial, name) for name in _NUMBERS},
        "signature": trial.signature,
        "size": None if trial.size is None else [trial.size.operations, trial.size.nodes, trial.size.cuts],
        "found": _case_document(trial.found),
        "smallest": _case_document(trial.smallest),
    }


def _case_document(case: Case | None) -> Any:
    return None if case is None else json.loads(case_line(case))


def _read_trial(line: str, path: Path, number: int) -> Trial:
    try:
        item = json.loads(line)
        return Trial(
            item["fault"],
            item["seed"],
            None if item["by"] is None else Check(item["by"]),
            signature=item["signature"],
            found=_read_case(item["found"]),
            smallest=_read_case(item["smallest"]),
            size=None if item["size"] is None else Size(*item["size"]),
            **{name: item[name] for name in _NUMBERS},
        )
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"is no trial of a self-test ({type(error).__name__}: {error}); name another file, or delete it",
            source=str(path),
            place=f"line {number}",
        ) from None


def _read_case(document: Any) -> Case | None:
    return None if document is None else read_case(json.dumps(document))
