"""Stacks of thousands of items, and stacks whose place in an executor's memory has moved far.

An executor that keeps the stack in an array has to move it when its top comes to an end of the array. Neither the depth nor the
number of shifts that leads there is met by chance in a short program.
"""

from __future__ import annotations

from typing import Final

from harness.generate.events import IDS
from harness.generate.forests import CONTROL, Cost
from harness.generate.sequence import Sequence
from harness.generate.values import ANY
from harness.stack_buffer import BUFFER_CELLS, FIRST_TOP, VISIBLE
from reference.definition.mast import Loop

PAST_THE_END_PERCENT: Final = 12
"""Of deep stacks: a program that fills the array has 14,000 rows, as many as 70 others."""

_FILLERS: Final = ("PAD", "DUP0", "CLK", "SDEPTH")
_READERS: Final = ("hqword_to_map", "hperm_to_map", "hdword_to_map", "hdword_to_map_with_domain")
"""Events that read eight items and more, whatever these are."""
_OTHERS: Final = ("CALLER", "SWAPDW", "HPERM", "SDEPTH", "MOVUP8", "DUP15")


def write_deep_stack(sequence: Sequence) -> None:
    """Push by the hundred in a loop, now and then more than an array of fixed size holds, then take all of it off."""
    choices = sequence.choices
    if choices.flag(PAST_THE_END_PERCENT):
        items = BUFFER_CELLS - FIRST_TOP + choices.integer(-30, 60)
    else:
        items = choices.integer(20, 300)
    per_run = choices.pick((16, 64))
    times = max(1, items // per_run)
    bottom = _repeat(sequence, [choices.pick(_FILLERS)] * per_run, times, per_run)
    for _ in range(items - per_run * times):
        sequence.emit("PAD")
    sequence.emit(choices.pick(_OTHERS))
    _repeat(sequence, ["DROP"] * per_run, times, -per_run)
    sequence.settle(bottom)


def _repeat(sequence: Sequence, names: list[str], times: int, growth: int) -> int:
    """A loop that runs these operations ``times`` times and knows by the depth when to end; the depth before."""
    sequence.prepare([1])
    sequence.state.drop()
    bottom = sequence.state.depth
    end = bottom + growth * times
    inner = sequence.inner(sequence.state.copy(), times=times)
    for name in names:
        inner.emit(name)
    inner.emit("SDEPTH")
    inner.emit("PUSH", end)
    inner.emit_all("EQ NOT")
    body = inner.finish()
    cost = CONTROL.then(sequence.cost(body).times(times)).then(Cost(rows=times - 1))
    sequence.state.items = [ANY] * end
    sequence.state.memory.clear()
    sequence.add_node(sequence.forest.add(Loop(body), cost))
    return bottom


def write_worn_stack(sequence: Sequence) -> None:
    """Left shifts at depth 16 until the top comes to an end of the array, or just before or behind; then what reads deep."""
    choices = sequence.choices
    top = FIRST_TOP
    for _ in range(choices.integer(1, 2)):
        wanted = VISIBLE + choices.integer(-1, 2)
        sequence.emit("PUSH", IDS[choices.pick(_READERS)])
        for _ in range(top + 1 - wanted):
            sequence.emit_all("SWAP DROP")
        sequence.emit_all("EMIT DROP")
        # A left shift with nothing below the 16 items moves them to where they were at first.
        top = wanted - 1 if wanted > VISIBLE else wanted - 1 + FIRST_TOP - VISIBLE
