"""Which forest holds the procedure with a given digest (spec 06, section 6)."""

from __future__ import annotations

from collections.abc import Iterable

from reference.definition.field import Word
from reference.definition.mast import External, Forest


class ForestStore:
    """The libraries, indexed by the digests of their procedure roots.

    Roots that are external nodes themselves are not indexed; a later library replaces an earlier one for the same digest.
    The program's own forest is not in the store.
    """

    def __init__(self, libraries: Iterable[Forest]) -> None:
        self._by_digest: dict[Word, Forest] = {}
        for forest in libraries:
            for root in forest.roots:
                if not isinstance(forest.nodes[root], External):
                    self._by_digest[forest.digests[root]] = forest

    def find(self, digest: Word) -> Forest | None:
        """The forest to run for this digest, None when no library has it."""
        return self._by_digest.get(digest)
