"""Loops, counted: never entered, once, a few times; the body is any kind of node.

A loop pops a flag before each run of its body, so the body's last act is to push the next one. Bodies that run in the
context of the loop count in a memory cell of their own; callees in other contexts count on the stack.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from harness.generate.branches import write_dead
from harness.generate.calls import (
    add_to_kernel,
    digest,
    library_for,
    make_procedure,
    reference_to,
    write_body,
)
from harness.generate.choices import pick_weighted
from harness.generate.draft import Procedure
from harness.generate.forests import CONTROL, Cost, ForestDraft
from harness.generate.sequence import Sequence
from harness.generate.state import VISIBLE
from harness.generate.values import ANY, draw_element
from reference.definition.field import P
from reference.definition.mast import Call, Dyn, Dyncall, Loop, Node, Split, Syscall

MAX_TIMES: Final = 5
"""Runs of an ordinary body; bodies of a few operations run up to 20 times."""

NEUTRAL_PAIRS: Final = (
    ("NOOP",),
    ("PAD", "DROP"),
    ("SWAP", "SWAP"),
    ("NEG", "NEG"),
    ("SWAPDW", "SWAPDW"),
    ("MOVUP5", "MOVDN5"),
    ("DUP7", "DROP"),
    ("CLK", "DROP"),
)
"""Operations that leave the stack as it was, whatever its depth."""


def write_loop(sequence: Sequence) -> None:
    """LOOP of some kind."""
    pick_weighted(sequence.choices, LOOPS)(sequence)


def _loop_node(sequence: Sequence, body: int, times: int) -> int:
    """A LOOP whose body runs ``times`` times: one row more for each REPEAT."""
    cost = CONTROL.then(sequence.cost(body).times(times)).then(Cost(rows=max(0, times - 1)))
    return sequence.forest.add(Loop(body), cost)


def _enter(sequence: Sequence, flag: int) -> None:
    """The condition on top, popped by the LOOP."""
    sequence.allow_shrink()
    if sequence.state.items[0] != flag:
        sequence.prepare([flag])
    sequence.state.drop()


def _write_never(sequence: Sequence) -> None:
    """What comes to the top where the loop is left out is 0, 1 or anything: its END must not take it."""
    if sequence.choices.flag(50):
        sequence.allow_shrink(2)
        sequence.prepare([0, sequence.choices.pick((1, 0, draw_element(sequence.choices)))])
    _enter(sequence, 0)
    sequence.add_node(_loop_node(sequence, write_dead(sequence), 0))


def _write_once(sequence: Sequence) -> None:
    _enter(sequence, 1)
    inner = sequence.inner(sequence.state)
    write_body(inner)
    inner.push(0)
    body = inner.finish()
    sequence.state.drop()
    sequence.add_node(_loop_node(sequence, body, 1))


def _write_flags(sequence: Sequence) -> None:
    """All flags lie on the stack beforehand: the depth falls with each REPEAT."""
    times = sequence.choices.integer(1, 6)
    sequence.allow_shrink()
    sequence.prepare([1] * times + [0])
    inner = sequence.inner(sequence.state.copy(), times=times)
    for _ in range(sequence.choices.integer(1, 3)):
        for name in sequence.choices.pick(NEUTRAL_PAIRS):
            inner.emit(name)
    body = inner.finish()
    for _ in range(times + 1):
        sequence.state.drop()
    sequence.add_node(_loop_node(sequence, body, times))


# ---- counted in memory ----------------------------------------------------------------------------------------------


def _count_down(sequence: Sequence, address: int) -> None:
    """Push 1 while the counter at the address is not yet 0, after lowering it by one."""
    sequence.emit("PUSH", address)
    sequence.emit("MLOAD")
    sequence.emit("PUSH", P - 1)
    sequence.emit_all("ADD DUP0")
    sequence.emit("PUSH", address)
    sequence.emit_all("MSTORE DROP EQZ NOT")


def _start_counter(sequence: Sequence, times: int) -> int:
    """Store the number of runs in a cell of its own; its address."""
    address = sequence.draft.private_address()
    sequence.prepare([address, times])
    sequence.emit_all("MSTORE DROP")
    return address


def _draw_times(sequence: Sequence) -> int:
    most = MAX_TIMES if sequence.room(100) else 3
    return 20 if sequence.room(400) and sequence.choices.flag(10) else sequence.choices.integer(1, most)


def _write_counted(sequence: Sequence) -> None:
    """The body is a block or joins of anything."""
    times = _draw_times(sequence)
    sequence.allow_shrink(2)
    address = _start_counter(sequence, times)
    _enter(sequence, 1)
    depth = sequence.state.depth
    sequence.state.forget()
    inner = sequence.inner(sequence.state, times=times)
    write_body(inner)
    inner.settle(depth)
    _count_down(inner, address)
    body = inner.finish()
    sequence.state.drop()
    sequence.state.forget()
    sequence.add_node(_loop_node(sequence, body, times))


def counted_loop(sequence: Sequence, rows: int, body_rows: int) -> None:
    """A loop of at least ``rows`` rows, whose body has about ``body_rows``; the rows of one run are known exactly."""
    sequence.allow_shrink(2)
    address = sequence.draft.private_address()
    depth = sequence.state.depth
    unknown = sequence.state.copy()
    unknown.forget()
    inner = sequence.inner(unknown, times=max(1, rows // body_rows))
    write_body(inner)
    inner.settle(depth)
    _count_down(inner, address)
    body = inner.finish()
    times = -(-rows // (sequence.cost(body).rows + 1))
    sequence.prepare([address, times])
    sequence.emit_all("MSTORE DROP")
    _enter(sequence, 1)
    sequence.state.forget()
    sequence.add_node(_loop_node(sequence, body, times))


def write_late_failure(sequence: Sequence) -> None:
    """A loop whose last run inverts 0; the runs before succeed."""
    times = sequence.choices.integer(2, 4)
    sequence.allow_shrink(2)
    address = _start_counter(sequence, times)
    _enter(sequence, 1)
    sequence.state.forget()
    inner = sequence.inner(sequence.state, times=times)
    inner.emit("PUSH", address)
    inner.emit("MLOAD")
    inner.emit("PUSH", P - 1)
    inner.emit_all("ADD INV DROP")
    _count_down(inner, address)
    body = inner.finish()
    sequence.state.drop()
    sequence.add_node(_loop_node(sequence, body, times))


def _write_split_body(sequence: Sequence) -> None:
    """The body is a SPLIT: each run leaves the next condition under the flag."""
    if sequence.draft.exact_rows:
        _write_counted(sequence)
        return
    times = _draw_times(sequence)
    sequence.allow_shrink(2)
    address = _start_counter(sequence, times)
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
        _count_down(inner, address)
        branches.append(inner.finish())
    cost = sequence.cost(branches[0]).at_most(sequence.cost(branches[1]))
    body = sequence.forest.add(Split(*branches), CONTROL.then(cost))
    sequence.state.push(ANY)
    sequence.add_node(_loop_node(sequence, body, times))


def _write_loop_body(sequence: Sequence) -> None:
    """The body is an entered LOOP, itself run once for each run of the outer one."""
    times = _draw_times(sequence)
    sequence.allow_shrink(2)
    address = _start_counter(sequence, times)
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
    _count_down(inner, address)
    inner.emit("PAD")
    node = inner.finish()
    sequence.state.drop()
    sequence.state.drop()
    sequence.state.forget()
    body = _loop_node(sequence, node, 1)
    sequence.add_node(_loop_node(sequence, body, times))


def _write_external_body(sequence: Sequence) -> None:
    """The body is a library's procedure."""
    forest = library_for(sequence)
    if forest is None:
        _write_counted(sequence)
        return
    times = _draw_times(sequence)
    sequence.allow_shrink(2)
    address = _start_counter(sequence, times)
    _enter(sequence, 1)

    def counted(inner: Sequence) -> None:
        write_body(inner)
        inner.settle(VISIBLE)
        _count_down(inner, address)
        _keep(inner, 1)

    procedure = make_procedure(sequence, forest, "inline", counted, times=times, reusable=False)
    sequence.state.forget()
    sequence.add_node(_loop_node(sequence, reference_to(sequence, procedure), times))


def _keep(inner: Sequence, count: int) -> None:
    """Let the procedure end ``count`` items deeper than the model thinks."""
    del inner.state.items[:count]


def _write_dyn_body(sequence: Sequence) -> None:
    """The body is a DYN: each run leaves the address of the target under the flag."""
    times = _draw_times(sequence)
    sequence.allow_shrink(2)
    address = _start_counter(sequence, times)
    target = sequence.draft.private_address()

    def counted(inner: Sequence) -> None:
        write_body(inner)
        inner.settle(VISIBLE)
        inner.emit("PUSH", target)
        _count_down(inner, address)
        _keep(inner, 2)

    procedure = make_procedure(sequence, _dynamic_forest(sequence), "inline", counted, times=times, reusable=False)
    _store_word(sequence, target, digest(procedure))
    sequence.push(target)
    sequence.push(1)
    body = sequence.forest.add(Dyn(), CONTROL.then(procedure.forest.costs[procedure.node]))
    sequence.state.drop()
    sequence.state.forget()
    sequence.add_node(_loop_node(sequence, body, times))


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


def _write_call_body(sequence: Sequence) -> None:
    """The body is a CALL: each run takes an item of the caller."""
    times = _draw_times(sequence)
    forest = (library_for(sequence) if sequence.choices.flag(30) else None) or sequence.forest
    procedure = make_procedure(sequence, forest, "context", _stack_counted(()), times=times, reusable=False)
    _finish_context_loop(sequence, procedure, times, Call(reference_to(sequence, procedure)))


def _write_syscall_body(sequence: Sequence) -> None:
    """The body is a SYSCALL."""
    if len(sequence.draft.kernel) >= 3:
        _write_call_body(sequence)
        return
    times = _draw_times(sequence)
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
    sequence.add_node(_loop_node(sequence, body, times))


def _write_dyncall_body(sequence: Sequence) -> None:
    """The body is a DYNCALL: each run takes two items of the caller, flag and address."""
    times = _draw_times(sequence)
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
    sequence.add_node(_loop_node(sequence, body, times))


LOOPS: Final[tuple[tuple[int, Callable[[Sequence], None]], ...]] = (
    (3, _write_never),
    (4, _write_once),
    (4, _write_flags),
    (5, _write_counted),
    (2, _write_split_body),
    (2, _write_loop_body),
    (2, _write_external_body),
    (2, _write_dyn_body),
    (2, _write_call_body),
    (2, _write_syscall_body),
    (2, _write_dyncall_body),
)
"""With weights; the first is the simplest."""
