"""Files that are named by a word and by their content, and that are there whole or not at all."""

from __future__ import annotations

import os
import re
import tempfile
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Final

from reference.definition.errors import InputError

SUFFIX: Final = ".case.json"
HASH_DIGITS: Final = 12
"""48 bits: a corpus of a million cases has an accidental meeting with probability 0.2 %, and then it is noticed."""

_NAMED: Final = re.compile(rf"[a-z0-9][a-z0-9-]*-([0-9a-f]{{{HASH_DIGITS}}}){re.escape(SUFFIX)}")


def content_hash(data: bytes) -> str:
    """The first digits of the SHA-256."""
    return sha256(data).hexdigest()[:HASH_DIGITS]


def file_name(word: str, text: str) -> str:
    """The name of a file with this text; ``word`` is made fit for file names."""
    return f"{slug(word)}-{content_hash(text.encode())}{SUFFIX}"


def promised_hash(name: str) -> str | None:
    """The content that a file's name promises, as :func:`content_hash` gives it; None for a name that promises none."""
    found = _NAMED.fullmatch(name)
    return None if found is None else found[1]


def slug(text: str) -> str:
    """Lower-case letters, digits and single hyphens, at most 48; ``case`` when nothing is left."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:48].strip("-") or "case"


def write_new(path: Path, text: str) -> None:
    """Write a file that is there whole or not at all, whatever interrupts; InputError when it cannot be written."""
    name = ""
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
        if name:
            # What there is of it takes the room that others need on a full disk.
            with suppress(OSError):
                Path(name).unlink()
        raise InputError(f"cannot be written: {error.strerror}", source=str(path)) from None
