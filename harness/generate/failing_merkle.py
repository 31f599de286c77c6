"""Merkle openings that fail behind all checks of the index and the store: wrong nodes, and trees without a level."""

from __future__ import annotations

from harness.generate import merkle
from harness.generate.events import on_stack
from harness.generate.failing_operations import bad_leaf, opening
from harness.generate.sequence import Sequence
from harness.generate.values import draw_word


def root_itself(_sequence: Sequence, opening: merkle.Opening) -> list[int]:
    """The root opened at depth 0: the path is empty."""
    return [*on_stack(opening.root), 0, 0, *on_stack(opening.root)]


def other_root(sequence: Sequence, opening: merkle.Opening) -> list[int]:
    """Another word than the root opened at depth 0."""
    return [*on_stack(draw_word(sequence.choices)), 0, 0, *on_stack(opening.root)]


MERKLE_FAILURES = (
    ("mrupdate_leaf", "MerklePathVerificationFailed", opening("MRUPDATE", bad_leaf)),
    ("mpverify_no_level", "EmptyMerklePath", opening("MPVERIFY", root_itself)),
    ("mrupdate_no_level", "EmptyMerklePath", opening("MRUPDATE", root_itself)),
    ("mpverify_other_root", "MerklePathVerificationFailed", opening("MPVERIFY", other_root)),
    ("mrupdate_other_root", "MerklePathVerificationFailed", opening("MRUPDATE", other_root)),
)
"""Name, error and code of each."""
