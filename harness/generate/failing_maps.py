"""Libraries whose advice map contradicts the inputs, entered in every way in which a library can be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from harness.generate.addresses import draw_word_address
from harness.generate.calls import add_dynamic, library_for, store_target
from harness.generate.draft import Procedure, ProcedureKind
from harness.generate.failing_control import mark
from harness.generate.failing_operations import Write, contradiction
from harness.generate.forests import Cost, ForestDraft
from harness.generate.sequence import Sequence
from reference.definition.mast import External

Entered = Callable[[Sequence, ForestDraft, int], None]
"""Writes the entry into a library, by its block that is a root."""


def contradicting(enter: Entered) -> Write:
    """A library that cannot be entered, and its entry; another contradiction when there is no room for a library."""

    def write(sequence: Sequence) -> None:
        forest = library_for(sequence)
        if forest is None or forest.nodes:
            contradiction(sequence)
            return
        node = forest.add_block(mark(sequence))
        forest.make_root(node)
        key = sequence.draft.fresh_key()
        sequence.draft.advice_map[key] = (1,)
        forest.advice_map[key] = ()
        enter(sequence, forest, node)

    return write


def map_behind(kind: ProcedureKind) -> Write:
    """The library is entered by DYN (``inline``) or DYNCALL (``context``)."""

    def enter(sequence: Sequence, forest: ForestDraft, node: int) -> None:
        procedure = Procedure(kind, forest, node)
        sequence.allow_shrink(1)
        address = draw_word_address(sequence.choices)
        store_target(sequence, procedure, address)
        sequence.prepare([address])
        add_dynamic(sequence, procedure)

    return contradicting(enter)


def _by_external(sequence: Sequence, forest: ForestDraft, node: int) -> None:
    assert forest.index is not None
    sequence.add_node(sequence.forest.add(External(forest.digest(node), (forest.index, node)), Cost()))
    sequence.state.forget()


def _by_circle(sequence: Sequence, forest: ForestDraft, node: int) -> None:
    digest = forest.digest(node)
    forest.roots.insert(0, forest.add(External(digest), Cost()))
    sequence.add_node(sequence.forest.add(External(digest), Cost()))
    sequence.state.forget()


library_map: Final = contradicting(_by_external)
"""The library is entered by an external node."""

map_behind_circle: Final = contradicting(_by_circle)
"""The external node's target is an external node besides: two things are wrong with entering it, and one is told."""
