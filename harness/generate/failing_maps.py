"""Libraries whose advice map contradicts the inputs, entered in every way in which a library can be."""

from __future__ import annotations

from harness.generate.addresses import draw_word_address
from harness.generate.calls import add_dynamic, library_for, store_target
from harness.generate.draft import Procedure, ProcedureKind
from harness.generate.failing_control import mark
from harness.generate.failing_operations import Write, contradiction
from harness.generate.forests import Cost, ForestDraft
from harness.generate.sequence import Sequence
from reference.definition.mast import External


def contradicting_library(sequence: Sequence) -> tuple[ForestDraft, int] | None:
    """A library that cannot be entered, and a block of it that is a root; None when there is no room for one."""
    forest = library_for(sequence)
    if forest is None or forest.nodes:
        return None
    node = forest.add_block(mark(sequence))
    forest.make_root(node)
    key = sequence.draft.fresh_key()
    sequence.draft.advice_map[key] = (1,)
    forest.advice_map[key] = ()
    return forest, node


def map_behind(kind: ProcedureKind) -> Write:
    """The library is entered by DYN (``inline``) or DYNCALL (``context``)."""

    def write(sequence: Sequence) -> None:
        found = contradicting_library(sequence)
        if found is None:
            contradiction(sequence)
            return
        procedure = Procedure(kind, *found)
        sequence.allow_shrink(1)
        address = draw_word_address(sequence.choices)
        store_target(sequence, procedure, address)
        sequence.prepare([address])
        add_dynamic(sequence, procedure)

    return write


def library_map(sequence: Sequence) -> None:
    """The library is entered by an external node."""
    found = contradicting_library(sequence)
    if found is None:
        contradiction(sequence)
        return
    forest, node = found
    assert forest.index is not None
    sequence.add_node(sequence.forest.add(External(forest.digest(node), (forest.index, node)), Cost()))
    sequence.state.forget()


def map_behind_circle(sequence: Sequence) -> None:
    """The external node's target is an external node besides: two things are wrong with entering it, and one is told."""
    found = contradicting_library(sequence)
    if found is None:
        contradiction(sequence)
        return
    forest, node = found
    digest = forest.digest(node)
    forest.roots.insert(0, forest.add(External(digest), Cost()))
    sequence.add_node(sequence.forest.add(External(digest), Cost()))
    sequence.state.forget()
