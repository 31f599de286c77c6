"""Loops that end by a counter in memory: the counter, its LOOP, and the one whose body is a block or joins of anything."""

from __future__ import annotations

from typing import Final

from harness.generate.calls import write_body
from harness.generate.forests import CONTROL, Cost
from harness.generate.sequence import Sequence
from reference.definition.field import P
from reference.definition.mast import Loop

MAX_TIMES: Final = 5
"""Runs of an ordinary body; bodies of a few operations run up to 20 times."""


def loop_node(sequence: Sequence, body: int, times: int) -> int:
    """A LOOP whose body runs ``times`` times: one row more for each REPEAT."""
    cost = CONTROL.then(sequence.cost(body).times(times)).then(Cost(rows=max(0, times - 1)))
    return sequence.forest.add(Loop(body), cost)


def enter(sequence: Sequence, flag: int) -> None:
    """The condition on top, popped by the LOOP."""
    sequence.allow_shrink()
    if sequence.state.items[0] != flag:
        sequence.prepare([flag])
    sequence.state.drop()


def count_down(sequence: Sequence, address: int) -> None:
    """Push 1 while the counter at the address is not yet 0, after lowering it by one."""
    sequence.emit("PUSH", address)
    sequence.emit("MLOAD")
    sequence.emit("PUSH", P - 1)
    sequence.emit_all("ADD DUP0")
    sequence.emit("PUSH", address)
    sequence.emit_all("MSTORE DROP EQZ NOT")


def start_counter(sequence: Sequence, times: int) -> int:
    """Store the number of runs in a cell of its own; its address."""
    address = sequence.draft.private_address()
    sequence.prepare([address, times])
    sequence.emit_all("MSTORE DROP")
    return address


def draw_times(sequence: Sequence) -> int:
    """Runs of a loop: a few, or 20 where there is room for them."""
    most = MAX_TIMES if sequence.room(100) else 3
    return 20 if sequence.room(400) and sequence.choices.flag(10) else sequence.choices.integer(1, most)


def write_counted(sequence: Sequence) -> None:
    """The body is a block or joins of anything."""
    times = draw_times(sequence)
    sequence.allow_shrink(2)
    address = start_counter(sequence, times)
    enter(sequence, 1)
    depth = sequence.state.depth
    sequence.state.forget()
    inner = sequence.inner(sequence.state, times=times)
    write_body(inner)
    inner.settle(depth)
    count_down(inner, address)
    body = inner.finish()
    sequence.state.drop()
    sequence.state.forget()
    sequence.add_node(loop_node(sequence, body, times))
