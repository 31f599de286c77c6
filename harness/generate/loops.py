"""Loops: never entered, once, a few times; the body is any kind of node.

A loop pops a flag before each run of its body, so the body's last act is to push the next one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from harness.generate.branches import write_dead
from harness.generate.calls import write_body
from harness.generate.choices import pick_weighted
from harness.generate.counters import count_down, enter, loop_node, start_counter, write_counted
from harness.generate.loop_bodies import (
    write_call_body,
    write_dyn_body,
    write_dyncall_body,
    write_external_body,
    write_loop_body,
    write_split_body,
    write_syscall_body,
)
from harness.generate.sequence import Sequence
from harness.generate.values import draw_element
from reference.definition.field import P

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


def _write_never(sequence: Sequence) -> None:
    """What comes to the top where the loop is left out is 0, 1 or anything: its END must not take it."""
    if sequence.choices.flag(50):
        sequence.allow_shrink(2)
        sequence.prepare([0, sequence.choices.pick((1, 0, draw_element(sequence.choices)))])
    enter(sequence, 0)
    sequence.add_node(loop_node(sequence, write_dead(sequence), 0))


def _write_once(sequence: Sequence) -> None:
    enter(sequence, 1)
    inner = sequence.inner(sequence.state)
    write_body(inner)
    inner.push(0)
    body = inner.finish()
    sequence.state.drop()
    sequence.add_node(loop_node(sequence, body, 1))


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
    sequence.add_node(loop_node(sequence, body, times))


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
    count_down(inner, address)
    body = inner.finish()
    times = -(-rows // (sequence.cost(body).rows + 1))
    sequence.prepare([address, times])
    sequence.emit_all("MSTORE DROP")
    enter(sequence, 1)
    sequence.state.forget()
    sequence.add_node(loop_node(sequence, body, times))


def write_late_failure(sequence: Sequence) -> None:
    """A loop whose last run inverts 0; the runs before succeed."""
    times = sequence.choices.integer(2, 4)
    sequence.allow_shrink(2)
    address = start_counter(sequence, times)
    enter(sequence, 1)
    sequence.state.forget()
    inner = sequence.inner(sequence.state, times=times)
    inner.emit("PUSH", address)
    inner.emit("MLOAD")
    inner.emit("PUSH", P - 1)
    inner.emit_all("ADD INV DROP")
    count_down(inner, address)
    body = inner.finish()
    sequence.state.drop()
    sequence.add_node(loop_node(sequence, body, times))


LOOPS: Final[tuple[tuple[int, Callable[[Sequence], None]], ...]] = (
    (3, _write_never),
    (4, _write_once),
    (4, _write_flags),
    (5, write_counted),
    (2, write_split_body),
    (2, write_loop_body),
    (2, write_external_body),
    (2, write_dyn_body),
    (2, write_call_body),
    (2, write_syscall_body),
    (2, write_dyncall_body),
)
"""With weights; the first is the simplest."""
