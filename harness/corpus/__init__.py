"""The corpus: cases kept as text, each in a file that is named by a word and by its content.

``<word>-<first 12 hex digits of the file's SHA-256>.case.json``, so that ``sha256sum`` verifies a file and two branches
that keep the same case keep the same file. A file also holds why its case is kept, where it came from and what is
expected of it (:mod:`harness.corpus.kept`), which engines never see.
"""

from harness.corpus.directory import (
    SLOW_FOLDERS,
    Added,
    Entry,
    case_files,
    entries,
    identity,
    is_slow,
    keep,
    present,
    read_entry,
)
from harness.corpus.kept import Expectation, Kept, Kind
from harness.corpus.naming import HASH_DIGITS, SUFFIX, content_hash, file_name, promised_hash, slug, write_new

__all__ = [
    "HASH_DIGITS",
    "SLOW_FOLDERS",
    "SUFFIX",
    "Added",
    "Entry",
    "Expectation",
    "Kept",
    "Kind",
    "case_files",
    "content_hash",
    "entries",
    "file_name",
    "identity",
    "is_slow",
    "keep",
    "present",
    "promised_hash",
    "read_entry",
    "slug",
    "write_new",
]
