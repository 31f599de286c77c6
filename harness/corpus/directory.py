"""A directory of case files: what is in it, and how a case comes into it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final, NamedTuple

from harness.corpus.kept import Kept, kept_document, read_kept
from harness.corpus.naming import SUFFIX, content_hash, file_name, promised_hash, write_new
from reference.definition.case import Case
from reference.definition.errors import InputError
from reference.definition.formats.case_json import read_case, write_case
from reference.definition.formats.load import read_file

SLOW_FOLDERS: Final = ("bench", "slow")
"""Folders whose cases take seconds each; they are run when that is asked for."""


class Added(NamedTuple):
    """Where a case stands in the corpus, and whether it has just come."""

    path: Path
    is_new: bool


class Entry(NamedTuple):
    """A file of the corpus."""

    path: Path
    case: Case
    is_unchanged: bool
    """Whether the content is the one that the name promises."""
    kept: Kept | None = None
    """None for a case file that was not made by a corpus."""


def present(directory: Path) -> dict[str, Path]:
    """Where each case of the directory and of the folders below stands, by :func:`identity`; empty when it is missing.

    Raises InputError for a directory that cannot be read, and for a file that holds no case.
    """
    found: dict[str, Path] = {}
    for path in case_files(directory) if directory.exists() else ():
        found.setdefault(identity(read_entry(path).case), path)
    return found


def keep(case: Case, directory: Path, kept: Kept, there: dict[str, Path] | None = None) -> Added:
    """Keep the case in the directory, which is made when it is missing.

    A case that is there already, under whatever name and for whatever reason, is not kept twice; ``there`` is what
    :func:`present` gave, and is brought up to date. Raises InputError as :func:`present` and :func:`write_entry` do.
    """
    there = present(directory) if there is None else there
    content = identity(case)
    if content in there:
        return Added(there[content], is_new=False)
    there[content] = write_entry(case, directory, kept)
    return Added(there[content], is_new=True)


def write_entry(case: Case, directory: Path, kept: Kept | None) -> Path:
    """Write the case's file and give its path.

    Raises InputError for a directory that cannot be written, and for a case that cannot be written as text.
    """
    text = write_case(case, None if kept is None else kept_document(kept))
    path = directory / file_name(case.name, text)
    write_new(path, text)
    return path


def entries(directory: Path) -> Iterator[Entry]:
    """The cases of the directory itself, by name.

    Raises InputError for a directory that is none, and for a file that holds no case.
    """
    if not directory.is_dir():
        raise InputError("expected a directory", source=str(directory))
    for path in sorted(directory.glob(f"*{SUFFIX}")):
        yield read_entry(path)


def read_entry(path: Path) -> Entry:
    """The entry in the file; InputError for one that cannot be read or holds no case."""
    data = read_file(path)
    case = read_case(data, str(path))
    return Entry(path, case, promised_hash(path.name) == content_hash(data), read_kept(data, str(path)))


def case_files(directory: Path) -> list[Path]:
    """All case files of the directory and of the folders below, by path; folders that are links are not entered.

    Raises InputError for a directory that is none.
    """
    if not directory.is_dir():
        raise InputError("expected a directory", source=str(directory))
    found: list[Path] = []
    waiting = [directory]
    while waiting:
        here = waiting.pop()
        try:
            inside = sorted(here.iterdir())
        except OSError as error:
            raise InputError(f"expected a readable directory: {error.strerror}", source=str(here)) from None
        waiting += [path for path in inside if path.is_dir() and not path.is_symlink()]
        found += [path for path in inside if path.name.endswith(SUFFIX) and not path.name.startswith(".")]
    return sorted(found)


def is_slow(path: Path, directory: Path) -> bool:
    """Whether a file below the directory is in a folder of slow cases."""
    return any(part in SLOW_FOLDERS for part in path.relative_to(directory).parts[:-1])


def identity(case: Case) -> str:
    """What makes a case itself: everything but its name and what is said about it."""
    return write_case(replace(case, name="case", about=""))
