"""Putting corpora together: a case is where its content says, so that merging twice changes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from harness.corpus.directory import Entry, case_files, identity, read_entry, write_entry
from reference.definition.errors import InputError


class Merged(NamedTuple):
    """What became of one file."""

    source: Path
    path: Path
    """Where the case is now."""
    what: str
    """``added``, ``there already`` or ``conflict``: the same case with something else kept, which is left as it is."""


def merge(directory: Path, sources: Sequence[Path]) -> Iterator[Merged]:
    """Bring every case of the source directories into the directory, which is made when it is missing.

    A case lands in the folder in which it lay below its source. Raises InputError before anything is written for a source
    that is no directory or holds a file that is no case, and for a directory that cannot be written.
    """
    arriving = [
        (path, path.parent.relative_to(source), read_entry(path)) for source in sources for path in case_files(source)
    ]
    if not arriving:
        raise InputError("expected directories with case files", source=", ".join(map(str, sources)))
    there: dict[str, Entry] = {}
    for path in case_files(directory) if directory.exists() else ():
        entry = read_entry(path)
        there.setdefault(identity(entry.case), entry)
    for path, folder, entry in arriving:
        content = identity(entry.case)
        present = there.get(content)
        if present is None:
            written = write_entry(entry.case, directory / folder, entry.kept)
            there[content] = entry._replace(path=written)
            yield Merged(path, written, "added")
        else:
            yield Merged(path, present.path, "there already" if present.kept == entry.kept else "conflict")
