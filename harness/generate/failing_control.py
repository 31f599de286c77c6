"""Control flow that fails: conditions, depths, targets and libraries that are not what they should be."""

from __future__ import annotations

from collections.abc import Callable

from harness.generate.branches import write_dead
from harness.generate.calls import add_call, add_dynamic, add_syscall, add_to_kernel, library_for, make_procedure
from harness.generate.draft import Procedure
from harness.generate.events import on_stack
from harness.generate.failing_operations import Write, no_bit
from harness.generate.forests import CONTROL, Cost
from harness.generate.sequence import Sequence
from harness.generate.state import State
from harness.generate.values import draw_element
from reference.definition.field import Word
from reference.definition.isa import PUSH, Operation, opcode
from reference.definition.mast import Call, Dyn, Dyncall, External, Loop, Split, Syscall


def branch(sequence: Sequence) -> None:
    """SPLIT on a condition that is no bit."""
    sequence.allow_shrink()
    sequence.prepare([no_bit(sequence)])
    sequence.state.drop()
    sides = write_dead(sequence), write_dead(sequence)
    sequence.add_node(sequence.forest.add(Split(*sides), CONTROL))


def loop_start(sequence: Sequence) -> None:
    """LOOP on a first flag that is no bit."""
    sequence.allow_shrink()
    sequence.prepare([no_bit(sequence)])
    sequence.state.drop()
    sequence.add_node(sequence.forest.add(Loop(write_dead(sequence)), CONTROL))


def loop_end(sequence: Sequence) -> None:
    """A loop whose body leaves a flag that is no bit."""
    sequence.allow_shrink()
    sequence.prepare([1])
    sequence.state.drop()
    inner = sequence.inner(sequence.state)
    inner.push(no_bit(sequence))
    body = inner.finish()
    sequence.state.drop()
    sequence.add_node(sequence.forest.add(Loop(body), CONTROL.then(sequence.cost(body))))


def deep_callee(sequence: Sequence) -> Procedure:
    """A procedure of this forest that ends one item too deep."""
    inner = sequence.inner(State())
    inner.push(draw_element(sequence.choices))
    node = inner.finish()
    sequence.forest.make_root(node)
    return Procedure("context", sequence.forest, node)


def deep_call(sequence: Sequence) -> None:
    """CALL of a procedure that ends too deep."""
    add_call(sequence, deep_callee(sequence).node)


def deep_syscall(sequence: Sequence) -> None:
    """SYSCALL of a procedure that ends too deep."""
    procedure = deep_callee(sequence)
    add_syscall(sequence, add_to_kernel(sequence.draft, procedure))


def deep_dyncall(sequence: Sequence) -> None:
    """DYNCALL of a procedure that ends too deep."""
    procedure = deep_callee(sequence)
    store(sequence, sequence.forest.digest(procedure.node))
    add_dynamic(sequence, procedure)


def store(sequence: Sequence, word: Word) -> None:
    """Write a target to memory and leave its address on top."""
    sequence.prepare([8, *on_stack(word)])
    sequence.emit_all("MSTOREW DROP DROP DROP DROP")
    sequence.push(8)


def not_in_kernel(sequence: Sequence) -> None:
    """SYSCALL of a procedure that the kernel does not list."""
    callee = make_procedure(sequence, sequence.forest, "context", lambda inner: inner.push(sequence.draft.serial()))
    sequence.add_node(sequence.forest.add(Syscall(callee.node), CONTROL))
    sequence.state.forget()


def dynamic(node: type[Dyn] | type[Dyncall]) -> Write:
    """The target is no procedure of any forest."""

    def write(sequence: Sequence) -> None:
        sequence.allow_shrink()
        store(sequence, sequence.draft.fresh_key())
        add_lost(sequence, node)

    return write


def add_lost(sequence: Sequence, node: type[Dyn] | type[Dyncall]) -> None:
    """The node with nothing to run; its address is on top."""
    sequence.state.drop()
    sequence.add_node(sequence.forest.add(node(), CONTROL))
    sequence.state.forget()


def dynamic_address(node: type[Dyn] | type[Dyncall], address: Callable[[Sequence], int]) -> Write:
    """DYN or DYNCALL with an address that cannot hold a target."""

    def write(sequence: Sequence) -> None:
        sequence.allow_shrink()
        sequence.prepare([address(sequence)])
        add_lost(sequence, node)

    return write


def missing_external(sequence: Sequence) -> None:
    """Bare, or as callee."""
    node = sequence.forest.add(External(sequence.draft.fresh_key()), Cost())
    if sequence.choices.flag(50):
        node = sequence.forest.add(Call(node), CONTROL)
    sequence.add_node(node)
    sequence.state.forget()


def circular(sequence: Sequence) -> None:
    """A library offers a procedure and, first in its list of roots, an external node of the same digest."""
    forest = library_for(sequence)
    if forest is None:
        missing_external(sequence)
        sequence.draft.place("NoMastForestWithProcedure")
        return
    node = forest.add_block(mark(sequence))
    digest = forest.digest(node)
    forest.roots += [forest.add(External(digest), Cost()), node]
    sequence.add_node(sequence.forest.add(External(digest), Cost()))
    sequence.state.forget()


def mark(sequence: Sequence) -> list[Operation]:
    """Operations that no other block of the case has."""
    return [Operation(PUSH, sequence.draft.serial()), Operation(opcode("DROP"))]


def outputs(sequence: Sequence) -> None:
    """The program's end is too deep; everything before runs as usual."""
    sequence.draft.extra_outputs = sequence.choices.integer(1, 3)
