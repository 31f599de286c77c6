"""Whether a corpus is in order: names and contents, readable files, no case twice, what is expected still so."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from harness.corpus.directory import Entry, case_files, identity, read_entry
from harness.corpus.kept import Kept
from harness.corpus.naming import SUFFIX
from reference.definition.errors import InputError
from reference.definition.outcome import Completed


class Problem(NamedTuple):
    """What is wrong with a file."""

    path: Path
    what: str


def read_all(directory: Path) -> tuple[list[Entry], list[Problem]]:
    """The entries of the directory and of the folders below that can be read, and what is wrong with the others.

    Raises InputError for a directory that is none.
    """
    found: list[Entry] = []
    problems = list(_strangers(directory))
    for path in case_files(directory):
        if path.is_symlink():
            problems.append(Problem(path, "a link; a corpus holds files"))
            continue
        try:
            found.append(read_entry(path))
        except InputError as error:
            problems.append(Problem(path, f"{error.place}: {error.reason}" if error.place else error.reason))
    return found, problems


def file_problems(entries: Iterable[Entry]) -> Iterator[Problem]:
    """What is wrong with entries without running them."""
    first: dict[str, Path] = {}
    for entry in entries:
        if not entry.is_unchanged:
            yield Problem(entry.path, "the content is not the one that the name promises")
        if entry.kept is None:
            yield Problem(entry.path, "there is no reason for it: the member 'kept' is missing")
        elif entry.kept.expect is None:
            yield Problem(entry.path, "nothing is expected of it")
        elif _lacks_columns(entry.kept) and not entry.kept.real_vm:
            # Allowed where the machine under test could say no more.
            yield Problem(entry.path, "no columns are expected, and nothing says why")
        content = identity(entry.case)
        if content in first:
            yield Problem(entry.path, f"the same case as {first[content]}")
        first.setdefault(content, entry.path)


def _lacks_columns(kept: Kept) -> bool:
    return kept.expect is not None and isinstance(kept.expect.outcome, Completed) and kept.expect.columns is None


def _strangers(directory: Path) -> Iterator[Problem]:
    """Files that are no cases; folders are entered elsewhere."""
    if not directory.is_dir():
        raise InputError("expected a directory", source=str(directory))
    for path in sorted(directory.rglob("*")):
        if path.is_symlink() and path.is_dir():
            yield Problem(path, "a link to a folder; it is not entered")
        elif not path.is_dir() and (not path.name.endswith(SUFFIX) or path.name.startswith(".")):
            yield Problem(path, "no case file; a corpus holds nothing else")
