"""The failing fragment by itself: its context and the rows that must come out of it, for somebody who rebuilds nothing else.

``context.bin`` is what ``parallel.saved`` reads; ``context.json`` says the same in the words of spec 07, sections 4 and 6, for
builders that read something else; ``expected.csv`` has the 49 core columns of the fragment's rows, from the reference.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from harness.corpus import write_new
from harness.localise.fragment_window import FragmentWindow
from harness.localise.queues import ExpectedQueues
from harness.localise.recorded import wrong_items
from harness.localise.rows import ProgramRows
from harness.records import boundary_json
from parallel.context_error import ContextError
from parallel.contexts import fragment_context
from parallel.executor import record
from parallel.recording import QUEUES
from parallel.saved import save
from reference.definition.columns import COLUMN_NAMES, CORE_WIDTH
from reference.definition.errors import BeyondLimits
from reference.definition.formats.case_json import write_case
from reference.definition.outcome import Completed

FOLDER: Final = "fragment"
CASE: Final = "case.json"
CONTEXT: Final = "context.bin"
CONTEXT_TEXT: Final = "context.json"
EXPECTED: Final = "expected.csv"


@dataclass(frozen=True, slots=True)
class FragmentFiles:
    """What was written, and why not more."""

    files: tuple[tuple[str, str], ...]
    """(name within the finding's directory, what is in it)."""
    has_context: bool
    """Whether ``context.bin`` is there."""
    note: str = ""


def write_fragment(window: FragmentWindow, rows: ProgramRows, directory: Path) -> FragmentFiles:
    """Write the fragment below ``directory``; InputError when that is impossible."""
    folder = directory / FOLDER
    write_new(folder / CASE, write_case(window.case))
    write_new(folder / EXPECTED, _expected_csv(window, rows))
    write_new(folder / CONTEXT_TEXT, json.dumps(_context_json(window, rows), indent=2) + "\n")
    files = [
        (f"{FOLDER}/{CASE}", f"the case at the cuts that make fragment {window.fragment}"),
        (f"{FOLDER}/{CONTEXT_TEXT}", "what the fragment begins with: boundary state and queue entries"),
        (f"{FOLDER}/{EXPECTED}", f"rows {window.first} to {window.end - 1}, core columns, as the reference has them"),
    ]
    note = _write_context(window, rows, folder / CONTEXT)
    if not note:
        files.insert(1, (f"{FOLDER}/{CONTEXT}", "the same context as the parallel engine reads it"))
    return FragmentFiles(tuple(files), not note, note)


def _write_context(window: FragmentWindow, rows: ProgramRows, path: Path) -> str:
    """Save what the parallel engine records of the fragment; why not, when that is not what it must be."""
    try:
        recording = record(window.case)
    except BeyondLimits as limit:
        return f"no {CONTEXT}: the program is beyond the parallel engine's limits ({limit.reason})"
    if not isinstance(recording.outcome, Completed):
        return f"no {CONTEXT}: the parallel engine does not complete the program"
    wrong = wrong_items(recording, rows, window.case.cut.starts(rows.count))
    if wrong:
        return f"no {CONTEXT}: what the parallel engine records is wrong itself ({wrong[0].name})"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        save(fragment_context(recording, window.fragment), path)
    except (ContextError, OSError) as error:
        return f"no {CONTEXT}: {error}"
    return ""


def _expected_csv(window: FragmentWindow, rows: ProgramRows) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("row", *COLUMN_NAMES[:CORE_WIDTH]))
    for row in range(window.first, window.end):
        writer.writerow((row, *rows.execution.core[row].tolist()))
    return text.getvalue()


def read_expected(path: Path) -> tuple[list[int], np.ndarray[Any, np.dtype[np.uint64]]]:
    """Row numbers and core cells, (49, n) uint64, of an ``expected.csv``."""
    with path.open(encoding="utf-8", newline="") as file:
        lines = list(csv.reader(file))[1:]
    cells = np.array([[int(value) for value in line[1:]] for line in lines], np.uint64).T
    return [int(line[0]) for line in lines], np.ascontiguousarray(cells)


# ---- context in words -----------------------------------------------------------------------------------------------


def _context_json(window: FragmentWindow, rows: ProgramRows) -> dict[str, Any]:
    queues = ExpectedQueues(rows)
    found: dict[str, Any] = {
        "fragment": window.fragment,
        "rows": [window.first, window.end],
        "boundary": boundary_json(rows.execution.boundary(window.first)),
        "hasher_address": rows.hasher_address(window.first),
        "queues": {},
    }
    for name in QUEUES:
        if name != "continuations":
            first, end = (int(rows.taken[name][row]) for row in (window.first, window.end))
            found["queues"][name] = _entries(queues.of(name)[first:end])
    return found


def _entries(entries: Any) -> Sequence[Any]:
    """Structured entries as objects, targets as they are, arrays as lists."""
    if isinstance(entries, list):
        return [entry._asdict() for entry in entries]
    names = entries.dtype.names
    if names is None:
        values: list[Any] = entries.tolist()
        return values
    return [{name: _plain(entry[name]) for name in names} for entry in entries]


def _plain(value: Any) -> Any:
    return value.tolist() if value.shape else int(value)
