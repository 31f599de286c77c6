"""The corpus: cases kept as text, each in a file that is named by a word and by its content.

``<word>-<first 12 hex digits of the file's SHA-256>.case.json``, so that ``sha256sum`` verifies a file and two branches
that keep the same case keep the same file.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Final, NamedTuple

from reference.definition.case import Case
from reference.definition.errors import InputError
from reference.definition.formats.case_json import write_case
from reference.definition.formats.load import load_cases, read_file

SUFFIX: Final = ".case.json"
HASH_DIGITS: Final = 12
"""48 bits: a corpus of a million cases has an accidental meeting with probability 0.2 %, and then it is noticed."""

_NAMED: Final = re.compile(rf"[a-z0-9][a-z0-9-]*-([0-9a-f]{{{HASH_DIGITS}}}){re.escape(SUFFIX)}")


class Kept(NamedTuple):
    """Where a case stands in the corpus, and whether it has just come."""

    path: Path
    is_new: bool


class Entry(NamedTuple):
    """A file of the corpus."""

    path: Path
    case: Case
    is_unchanged: bool
    """Whether the content is the one that the name promises."""


def keep(case: Case, directory: Path, *, reason: str, source: str = "") -> Kept:
    """Keep the case in the directory, which is made when it is missing, with the reason and where it came from.

    A case that is there already, under whatever name and for whatever reason, is not kept twice. Raises InputError for
    a directory that cannot be written, and for a case that cannot be written as text.
    """
    content = identity(case)
    for entry in entries(directory) if directory.exists() else ():
        if identity(entry.case) == content:
            return Kept(entry.path, is_new=False)
    said = [case.about, reason, f"from {source}" if source else ""]
    text = write_case(replace(case, about="; ".join(part for part in said if part)))
    path = directory / file_name(case.name, text)
    write_new(path, text)
    return Kept(path, is_new=True)


def entries(directory: Path) -> Iterator[Entry]:
    """The cases of the directory, by name.

    Raises InputError for a directory that is none, and for a file that holds no case.
    """
    if not directory.is_dir():
        raise InputError("expected a directory", source=str(directory))
    for path in sorted(directory.glob(f"*{SUFFIX}")):
        (case,) = load_cases(path)
        named = _NAMED.fullmatch(path.name)
        yield Entry(path, case, named is not None and named[1] == content_hash(read_file(path)))


def identity(case: Case) -> str:
    """What makes a case itself: everything but its name and what is said about it."""
    return write_case(replace(case, name="case", about=""))


def content_hash(data: bytes) -> str:
    """The first digits of the SHA-256."""
    return sha256(data).hexdigest()[:HASH_DIGITS]


def file_name(word: str, text: str) -> str:
    """The name of a file with this text; ``word`` is made fit for file names."""
    return f"{slug(word)}-{content_hash(text.encode())}{SUFFIX}"


def slug(text: str) -> str:
    """Lower-case letters, digits and single hyphens, at most 48; ``case`` when nothing is left."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:48].strip("-") or "case"


def write_new(path: Path, text: str) -> None:
    """Write a file that is there whole or not at all, whatever interrupts; InputError when it cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror}", source=str(path)) from None
