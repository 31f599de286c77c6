"""Branches: the condition is known and one side never runs, or it is open and both sides end alike."""

from __future__ import annotations

from harness.generate.forests import CONTROL
from harness.generate.sequence import Sequence
from harness.generate.state import VISIBLE, State
from reference.definition.isa import BLOCK_OPERATIONS, Immediate, Operation
from reference.definition.mast import Split


def write_split(sequence: Sequence) -> None:
    """SPLIT with its condition."""
    sequence.allow_shrink()
    if not sequence.draft.exact_rows and sequence.choices.flag(30):
        sequence.emit(sequence.choices.pick(("DUP0", "DUP3", "DUP11", "SDEPTH", "CLK")))
        sequence.emit("EQZ")
    elif sequence.state.items[0] not in (0, 1):
        sequence.prepare([sequence.choices.integer(0, 1)])
    condition = sequence.state.drop()
    if condition in (0, 1):
        _write_known(sequence, condition)
    else:
        _write_open(sequence)


def _write_known(sequence: Sequence, condition: int) -> None:
    from harness.generate.grammar import write_elements  # noqa: PLC0415  # the grammar is recursive

    taken = sequence.inner(sequence.state)
    write_elements(taken)
    other = write_dead(sequence)
    node = taken.finish()
    on_true, on_false = (node, other) if condition else (other, node)
    _close(sequence, on_true, on_false, node)


def _close(sequence: Sequence, on_true: int, on_false: int, *runs: int) -> None:
    cost = sequence.cost(runs[0])
    for node in runs[1:]:
        cost = cost.at_most(sequence.cost(node))
    sequence.add_node(sequence.forest.add(Split(on_true, on_false), CONTROL.then(cost)))


def _write_open(sequence: Sequence) -> None:
    from harness.generate.grammar import write_elements  # noqa: PLC0415  # the grammar is recursive

    on_false = sequence.inner(sequence.state.copy(), live=False)
    write_elements(on_false)
    on_true = sequence.inner(sequence.state, live=False)
    write_elements(on_true)
    depth = max(on_true.state.depth, on_false.state.depth)
    on_true.settle(depth)
    on_false.settle(depth)
    sequence.state.join(on_false.state)
    nodes = on_true.finish(), on_false.finish()
    _close(sequence, *nodes, *nodes)


def write_dead(sequence: Sequence) -> int:
    """A node that never runs: ordinary code, or operations that would fail."""
    draft = sequence.draft
    if sequence.choices.flag(50):
        options = [info for info in BLOCK_OPERATIONS if info.immediate is not Immediate.GROUP]
        operations = [Operation(sequence.choices.pick(options).opcode)]
        while len(operations) < 12 and sequence.choices.flag(60):
            operations.append(Operation(sequence.choices.pick(options).opcode))
        return sequence.forest.add_block(operations)
    from harness.generate.grammar import write_elements  # noqa: PLC0415  # the grammar is recursive

    dead = sequence.inner(State(), live=False)
    budget = draft.budget
    write_elements(dead)
    dead.settle(VISIBLE)
    draft.budget = budget
    return dead.finish()
