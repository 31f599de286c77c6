"""The known divergence that a case is kept for: one in the list, which the corpus says that the real VM shows on it."""

from __future__ import annotations

from pathlib import Path

from harness.corpus.kept import read_kept
from harness.known import known_divergences
from reference.definition.formats.load import read_file


def expected_entry(path: Path) -> str:
    """The id of the entry, empty for most files; InputError for what a corpus cannot have written."""
    kept = read_kept(read_file(path), str(path))
    # A defect without a word about the real VM is one of another release, or of another engine.
    if kept is None or not kept.real_vm:
        return ""
    return kept.defect if kept.defect in {entry.id for entry in known_divergences()} else ""
