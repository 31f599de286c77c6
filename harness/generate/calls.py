"""Calls of every kind: the callee is written on the spot, knowing what is certain there, or is made to run anywhere.

A procedure that may be entered from several places starts from nothing certain. Procedures of libraries, kernel and
dynamic targets are made when they are first wanted; a finished one is used again where its rows fit the budget.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from harness.generate.addresses import draw_word_address
from harness.generate.draft import Draft, Procedure, ProcedureKind
from harness.generate.forests import CONTROL, Cost, ForestDraft
from harness.generate.sequence import Sequence
from harness.generate.state import VISIBLE, State
from harness.generate.values import ANY
from reference.definition.field import Word
from reference.definition.isa import NOOP_OPERATION
from reference.definition.mast import Call, Dyn, Dyncall, External, Join, Syscall

MAX_LIBRARIES: Final = 3
MAX_KERNEL: Final = 3

Body = Callable[[Sequence], None]
"""Writes the code of a procedure."""


# ---- procedures -----------------------------------------------------------------------------------------------------


def write_body(sequence: Sequence) -> None:
    """An ordinary procedure."""
    from harness.generate.grammar import write_elements  # noqa: PLC0415  # the grammar is recursive

    write_elements(sequence)


def make_procedure(
    sequence: Sequence,
    forest: ForestDraft,
    kind: ProcedureKind,
    body: Body = write_body,
    *,
    times: int = 1,
    reusable: bool = True,
) -> Procedure:
    """A new procedure of the forest, about to be entered ``times`` times from the end of the sequence."""
    inner = sequence.inner(State(exact=kind == "context"), forest=forest, times=times)
    body(inner)
    inner.settle(VISIBLE)
    node = inner.finish()
    if isinstance(forest.nodes[node], External):
        # A root that is external itself is no target for another external node.
        tail = forest.add_block([NOOP_OPERATION])
        node = forest.add(Join(node, tail), CONTROL.then(forest.costs[node]).then(forest.costs[tail]))
    forest.make_root(node)
    procedure = Procedure(kind, forest, node)
    if reusable:
        sequence.draft.procedures.append(procedure)
    return procedure


def callable_forests(sequence: Sequence) -> list[ForestDraft]:
    """The libraries that code of this forest may name: later ones, all for the program."""
    first = 0 if sequence.forest.index is None else sequence.forest.index + 1
    return sequence.draft.libraries[first:]


def library_for(sequence: Sequence) -> ForestDraft | None:
    """A library for a new procedure: one there is, or a new last one; None when there is no room for one."""
    draft = sequence.draft
    options = callable_forests(sequence)
    if len(draft.libraries) < MAX_LIBRARIES and (not options or sequence.choices.flag(40)):
        draft.libraries.append(ForestDraft(len(draft.libraries)))
        return draft.libraries[-1]
    return sequence.choices.pick(options) if options else None


def find_procedure(sequence: Sequence, kind: ProcedureKind, *, local: bool, library: bool) -> Procedure | None:
    """A procedure to enter from here, in this forest or a library; finished or made for the purpose."""
    forests = ([sequence.forest] if local else []) + (callable_forests(sequence) if library else [])
    known = [
        each
        for each in sequence.draft.procedures
        if each.kind == kind and each.forest in forests and sequence.room(_cost(each).rows)
    ]
    if known and sequence.choices.flag(40):
        return _again(sequence, known)
    if local and not (library and sequence.choices.flag(40)):
        return make_procedure(sequence, sequence.forest, kind)
    forest = library_for(sequence)
    if forest is not None:
        return make_procedure(sequence, forest, kind)
    return make_procedure(sequence, sequence.forest, kind) if local else None


def _again(sequence: Sequence, known: list[Procedure]) -> Procedure:
    procedure = sequence.choices.pick(known)
    sequence.spend(_cost(procedure).rows)
    return procedure


def _cost(procedure: Procedure) -> Cost:
    return procedure.forest.costs[procedure.node]


def digest(procedure: Procedure) -> Word:
    """What a dynamic call finds the procedure by."""
    return procedure.forest.digest(procedure.node)


def reference_to(sequence: Sequence, procedure: Procedure) -> int:
    """A node of the sequence's forest that runs the procedure: the node itself, or an external one."""
    if procedure.forest is sequence.forest:
        return procedure.node
    assert procedure.forest.index is not None, "the program's procedures have no name for libraries"
    external = External(digest(procedure), (procedure.forest.index, procedure.node))
    return sequence.forest.add(external, _cost(procedure))


# ---- elements -------------------------------------------------------------------------------------------------------


def write_call(sequence: Sequence) -> None:
    """CALL of code written on the spot, or of a procedure."""
    if sequence.choices.flag(50):
        procedure = find_procedure(sequence, "context", local=True, library=True)
        assert procedure is not None, "a local procedure can always be made"
        add_call(sequence, reference_to(sequence, procedure))
        return
    inner = sequence.inner(State(sequence.state.items[:VISIBLE]))
    write_body(inner)
    inner.settle(VISIBLE)
    add_call(sequence, inner.finish())
    sequence.state.items[:VISIBLE] = inner.state.items


def add_call(sequence: Sequence, callee: int) -> None:
    """The CALL node; nothing is certain of the 16 items that the callee shared."""
    sequence.add_node(sequence.forest.add(Call(callee), CONTROL.then(sequence.cost(callee))))
    after_call(sequence)


def after_call(sequence: Sequence) -> None:
    """The callee shared 16 items, and it or a syscall in it may have written memory."""
    sequence.state.items[:VISIBLE] = [ANY] * VISIBLE
    sequence.state.memory.clear()


def write_external(sequence: Sequence) -> None:
    """A library's procedure in place of code; an operation of the library's size when no library can be named."""
    procedure = find_procedure(sequence, "inline", local=False, library=True)
    if procedure is None:
        write_call(sequence)
        return
    sequence.add_node(reference_to(sequence, procedure))
    after_call(sequence)


def kernel_procedure(sequence: Sequence) -> Procedure | None:
    """A procedure of the kernel that this forest can name; None when the kernel is full of others."""
    draft = sequence.draft
    forests = [sequence.forest, *callable_forests(sequence)]
    known = [each for each in draft.kernel if each.forest in forests and sequence.room(_cost(each).rows)]
    if known and (len(draft.kernel) >= MAX_KERNEL or sequence.choices.flag(50)):
        return _again(sequence, known)
    if len(draft.kernel) >= MAX_KERNEL:
        return None
    forest: ForestDraft | None = sequence.forest
    if sequence.choices.flag(50):
        forest = library_for(sequence) or sequence.forest
    assert forest is not None
    return add_to_kernel(draft, make_procedure(sequence, forest, "context", reusable=False))


def add_to_kernel(draft: Draft, procedure: Procedure) -> Procedure:
    """The procedure, now in the kernel; the one that is there already when they are the same code."""
    for other in draft.kernel:
        if digest(other) == digest(procedure):
            return procedure
    draft.kernel.append(procedure)
    return procedure


def write_syscall(sequence: Sequence) -> None:
    """SYSCALL of a kernel procedure; a CALL when none can be named."""
    procedure = kernel_procedure(sequence)
    if procedure is None:
        write_call(sequence)
        return
    add_syscall(sequence, procedure)


def add_syscall(sequence: Sequence, procedure: Procedure) -> None:
    """The SYSCALL node."""
    callee = reference_to(sequence, procedure)
    sequence.add_node(sequence.forest.add(Syscall(callee), CONTROL.then(sequence.cost(callee))))
    after_call(sequence)


def store_target(sequence: Sequence, procedure: Procedure, address: int) -> None:
    """Write the digest of a procedure to memory; some of it may stay on the stack."""
    sequence.prepare([address, *reversed(digest(procedure))])
    sequence.emit("MSTOREW")
    for _ in range(sequence.choices.pick((4, 4, 2, 0))):
        sequence.emit("DROP")


def write_dyn(sequence: Sequence) -> None:
    """DYN of a procedure of this forest or a library."""
    _write_dynamic(sequence, "inline")


def write_dyncall(sequence: Sequence) -> None:
    """DYNCALL of a procedure of this forest or a library."""
    _write_dynamic(sequence, "context")


def _write_dynamic(sequence: Sequence, kind: ProcedureKind) -> None:
    sequence.allow_shrink(1)
    procedure = find_procedure(sequence, kind, local=True, library=True)
    assert procedure is not None, "a local procedure can always be made"
    address = draw_word_address(sequence.choices)
    store_target(sequence, procedure, address)
    sequence.prepare([address])
    add_dynamic(sequence, procedure)


def add_dynamic(sequence: Sequence, procedure: Procedure) -> None:
    """The DYN or DYNCALL node; the address is on top."""
    sequence.state.drop()
    node = Dyn() if procedure.kind == "inline" else Dyncall()
    sequence.add_node(sequence.forest.add(node, CONTROL.then(_cost(procedure))))
    after_call(sequence)
