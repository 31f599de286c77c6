"""Programs whose root is an external node; some go on to other libraries within a few rows.

What the first resolution leaves behind is met by the next; how far the mistake gets depends on where the first fragment ends,
so several resolutions stand close together, with code between them of which each takes other rows.
"""

from __future__ import annotations

from harness.generate.calls import (
    Body,
    after_call,
    library_for,
    make_procedure,
    reference_to,
    write_body,
    write_dyn,
    write_external,
)
from harness.generate.choices import several
from harness.generate.forests import CONTROL
from harness.generate.loops import NEUTRAL_PAIRS
from harness.generate.sequence import Sequence
from reference.definition.mast import Split


def write_external_entry(sequence: Sequence, body: Body = write_body) -> None:
    """The program's root is an external node and nothing else; the code behind it is an ordinary procedure, or ``body``."""
    forest = library_for(sequence)
    assert forest is not None, "a program without libraries has room for one"
    procedure = make_procedure(sequence, forest, "inline", body)
    sequence.add_node(reference_to(sequence, procedure))
    after_call(sequence)


def write_resolved_entry(sequence: Sequence) -> None:
    """The same, and the code behind it goes on to other libraries."""
    write_external_entry(sequence, _resolve_again)


def _resolve_again(sequence: Sequence) -> None:
    several(sequence.choices, 5, 85, lambda: _step(sequence))


def _step(sequence: Sequence) -> None:
    kind = sequence.choices.pick(("code", "external", "external", "dyn", "branch"))
    if kind == "code" or not sequence.room(10):
        _write_code(sequence)
    elif kind == "external":
        write_external(sequence)
    elif kind == "dyn":
        write_dyn(sequence)
    else:
        _write_branch(sequence)


def _write_code(sequence: Sequence) -> None:
    for _ in range(sequence.choices.integer(1, 12)):
        for name in sequence.choices.pick(NEUTRAL_PAIRS):
            sequence.emit(name)
    sequence.close_block()


def _write_branch(sequence: Sequence) -> None:
    """A library or code; code that runs once more than it should takes the other way."""
    sequence.emit_all("EQZ DUP0")
    sequence.state.drop()
    sequence.state.forget()
    depth = sequence.state.depth
    sides = [write_external, _write_code]
    if sequence.choices.flag(50):
        sides.reverse()
    nodes = []
    for write in sides:
        inner = sequence.inner(sequence.state.copy(), live=False)
        write(inner)
        inner.settle(depth)
        nodes.append(inner.finish())
    cost = CONTROL.then(sequence.cost(nodes[0]).at_most(sequence.cost(nodes[1])))
    sequence.add_node(sequence.forest.add(Split(*nodes), cost))
    sequence.state.forget()
