"""Counted loops whose body is one node of another kind: split, loop, external, dyn, call, syscall, dyncall.

Bodies that run in the context of the loop count in memory; callees in other contexts count on the stack.
"""

from __future__ import annotations

from collections.abc import Callable

from harness.generate.calls import (
    add_to_kernel,
    digest,
    library_for,
    make_procedure,
    reference_to,
    write_body,
)
from harness.generate.counters import count_down, draw_times, enter, loop_node, start_counter, write_counted
from harness.generate.draft import Procedure
from harness.generate.forests import CONTROL, ForestDraft
from harness.generate.sequence import Sequence
from harness.generate.state import VISIBLE
from harness.generate.values import ANY
from reference.definition.field import P
from reference.definition.mast import Call, Dyn, Dyncall, Node, Split, Syscall


def write_split_body(sequence: Sequence) -> None:
    """The body is a SPLIT: each run leaves the next condition under the flag."""
    if sequence.draft.exact_rows:
        write_counted(sequence)
        return
    times = draw_times(sequence)
    sequence.allow_shrink(2)
    address = start_counter(sequence, times)
    first = sequence.choices.integer(0, 1)
    sequence.prepare([1, first])
    sequence.state.drop()
    sequence.state.drop()
    depth = sequence.state.depth
    sequence.state.forget()
    branches = []
    for _ in range(2):
        inner = sequence.inner(sequence.state.copy(), times=times, live=False)
        write_body(inner)
        inner.settle(depth)
        inner.emit_all(sequence.choices.pick(("DUP3 EQZ", "PAD", "PAD NOT")))
        count_down(inner, address)
        branches.append(inner.finish())
    cost = sequence.cost(branches[0]).at_most(sequence.cost(branches[1]))
    body = sequence.forest.add(Split(*branches), CONTROL.then(cost))
    sequence.state.push(ANY)
    sequence.add_node(loop_node(sequence, body, times))


def write_loop_body(sequence: Sequence) -> None:
    """The body is an entered LOOP, itself run once for each run of the outer one."""
    times = draw_times(sequence)
    sequence.allow_shrink(2)
    address = start_counter(sequence, times)
    sequence.prepare([1, 1])
    sequence.state.drop()
    sequence.state.drop()
    depth = sequence.state.depth
    sequence.state.forget()
    inner = sequence.inner(sequence.state, times=times)
    inner.spend(CONTROL.rows)
    write_body(inner)
    inner.settle(depth)
    inner.emit_all("PAD NOT")
    count_down(inner, address)
    inner.emit("PAD")
    node = inner.finish()
    sequence.state.drop()
    sequence.state.drop()
    sequence.state.forget()
    body = loop_node(sequence, node, 1)
    sequence.add_node(loop_node(sequence, body, times))


def write_external_body(sequence: Sequence) -> None:
    """The body is a library's procedure."""
    forest = library_for(sequence)
    if forest is None:
        write_counted(sequence)
        return
    times = draw_times(sequence)
    sequence.allow_shrink(2)
    address = start_counter(sequence, times)
    enter(sequence, 1)

    def counted(inner: Sequence) -> None:
        write_body(inner)
        inner.settle(VISIBLE)
        count_down(inner, address)
        _keep(inner, 1)

    procedure = make_procedure(sequence, forest, "inline", counted, times=times, reusable=False)
    sequence.state.forget()
    sequence.add_node(loop_node(sequence, reference_to(sequence, procedure), times))


def _keep(inner: Sequence, count: int) -> None:
    """Let the procedure end ``count`` items deeper than the model thinks."""
    del inner.state.items[:count]


def write_dyn_body(sequence: Sequence) -> None:
    """The body is a DYN: each run leaves the address of the target under the flag."""
    times = draw_times(sequence)
    sequence.allow_shrink(2)
    address = start_counter(sequence, times)
    target = sequence.draft.private_address()

    def counted(inner: Sequence) -> None:
        write_body(inner)
        inner.settle(VISIBLE)
        inner.emit("PUSH", target)
        count_down(inner, address)
        _keep(inner, 2)

    procedure = make_procedure(sequence, _dynamic_forest(sequence), "inline", counted, times=times, reusable=False)
    _store_word(sequence, target, digest(procedure))
    sequence.push(target)
    sequence.push(1)
    body = sequence.forest.add(Dyn(), CONTROL.then(procedure.forest.costs[procedure.node]))
    sequence.state.drop()
    sequence.state.forget()
    sequence.add_node(loop_node(sequence, body, times))


def _dynamic_forest(sequence: Sequence) -> ForestDraft:
    if sequence.choices.flag(40):
        return library_for(sequence) or sequence.forest
    return sequence.forest


def _store_word(sequence: Sequence, address: int, word: tuple[int, ...]) -> None:
    sequence.prepare([address, *reversed(word)])
    sequence.emit_all("MSTOREW DROP DROP DROP DROP")


# ---- counted on the stack -------------------------------------------------------------------------------------------


def _stack_counted(extra: tuple[int, ...]) -> Callable[[Sequence], None]:
    """A procedure that finds the counter on top and leaves flag, ``extra``, counter; its own work goes on between."""

    def write(inner: Sequence) -> None:
        cell = inner.draft.private_address()
        inner.emit("PUSH", cell)
        inner.emit_all("MSTORE DROP")
        write_body(inner)
        inner.settle(VISIBLE)
        inner.emit("PUSH", cell)
        inner.emit("MLOAD")
        inner.emit("PUSH", P - 1)
        inner.emit("ADD")
        for value in extra:
            inner.emit("PUSH", value)
        inner.emit(f"DUP{len(extra)}")
        inner.emit_all("EQZ NOT")
        for _ in range(inner.state.depth - VISIBLE):
            inner.emit_all("MOVUP8 DROP")

    return write


def write_call_body(sequence: Sequence) -> None:
    """The body is a CALL: each run takes an item of the caller."""
    times = draw_times(sequence)
    forest = (library_for(sequence) if sequence.choices.flag(30) else None) or sequence.forest
    procedure = make_procedure(sequence, forest, "context", _stack_counted(()), times=times, reusable=False)
    _finish_context_loop(sequence, procedure, times, Call(reference_to(sequence, procedure)))


def write_syscall_body(sequence: Sequence) -> None:
    """The body is a SYSCALL."""
    if len(sequence.draft.kernel) >= 3:
        write_call_body(sequence)
        return
    times = draw_times(sequence)
    forest = (library_for(sequence) if sequence.choices.flag(30) else None) or sequence.forest
    made = make_procedure(sequence, forest, "context", _stack_counted(()), times=times, reusable=False)
    procedure = add_to_kernel(sequence.draft, made)
    _finish_context_loop(sequence, procedure, times, Syscall(reference_to(sequence, procedure)))


def _finish_context_loop(sequence: Sequence, procedure: Procedure, times: int, node: Node) -> None:
    """LOOP of a call: the flag of each run comes from the 16 shared items, so the caller's depth falls by one a run."""
    while not sequence.state.can_shrink(times):
        sequence.push(0)
    sequence.prepare([1, times])
    body = sequence.forest.add(node, CONTROL.then(procedure.forest.costs[procedure.node]))
    for _ in range(times + 1):
        sequence.state.drop()
    sequence.state.forget()
    sequence.add_node(loop_node(sequence, body, times))


def write_dyncall_body(sequence: Sequence) -> None:
    """The body is a DYNCALL: each run takes two items of the caller, flag and address."""
    times = draw_times(sequence)
    target = sequence.draft.private_address()
    procedure = make_procedure(
        sequence, _dynamic_forest(sequence), "context", _stack_counted((target,)), times=times, reusable=False
    )
    _store_word(sequence, target, digest(procedure))
    while not sequence.state.can_shrink(2 * times):
        sequence.push(0)
    sequence.prepare([1, target, times])
    body = sequence.forest.add(Dyncall(), CONTROL.then(procedure.forest.costs[procedure.node]))
    for _ in range(2 * times + 1):
        sequence.state.drop()
    sequence.state.forget()
    sequence.add_node(loop_node(sequence, body, times))
