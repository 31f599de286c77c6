"""The grammar: a sequence is a run of elements, each an operation or a construct that holds sequences of its own.

Whether to go on is decided anew before every element, so that a shrinker can end a sequence anywhere. Termination is
structural: loops are counted, calls go to finished procedures only, and all parts spend one budget of rows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from harness.generate import branches, calls, loops
from harness.generate.choices import Weighted, several
from harness.generate.draft import Draft
from harness.generate.operations import write_any_operation
from harness.generate.sequence import Sequence

Element = Callable[[Sequence], None]

CONSTRUCT_ROWS: Final = 12
"""A construct starts only if this many rows are left; with fewer it could hold next to nothing."""

FAILURE_PERCENT: Final = 12
"""Chance per element of certainly running code that the failure of the case is placed there."""

FIRST_PERCENT: Final = 97
"""Chance that a sequence is not empty."""

MAX_ELEMENTS: Final = 200
"""The budget of rows ends most sequences earlier."""

INNER_CONTINUE_PERCENT: Final = 75
"""Chance that an inner sequence goes on after an element: 4 elements on average."""


RUNS: Final = (1, 8, 9, 36, 72)
"""Lengths of a run of NOOPs: near the end of a group, half a batch, a whole one."""


def _run(sequence: Sequence) -> None:
    """A run of NOOPs moves what follows across groups and batches."""
    for _ in range(sequence.choices.pick(RUNS)):
        sequence.emit("NOOP")


def _end_block(sequence: Sequence) -> None:
    sequence.close_block()


ELEMENTS: Final[dict[str, Element]] = {
    "operation": write_any_operation,
    "end_block": _end_block,
    "run": _run,
    "split": branches.write_split,
    "loop": loops.write_loop,
    "call": calls.write_call,
    "syscall": calls.write_syscall,
    "dyn": calls.write_dyn,
    "dyncall": calls.write_dyncall,
    "external": calls.write_external,
}
"""By name; the first is the simplest."""

CONSTRUCTS: Final = tuple(name for name in ELEMENTS if name not in ("operation", "end_block", "run"))


def write_elements(sequence: Sequence, *, continue_percent: int = INNER_CONTINUE_PERCENT) -> None:
    """Append elements until the choices or the budget end it."""
    choices = sequence.choices

    def write() -> None:
        if sequence.room():
            write_element(sequence)

    if choices.flag(FIRST_PERCENT):
        choices.part(write)
        several(choices, MAX_ELEMENTS, continue_percent, write)


def write_element(sequence: Sequence) -> None:
    """Append one element of those that are possible here."""
    draft = sequence.draft
    if draft.pending is not None and sequence.live and sequence.choices.flag(FAILURE_PERCENT):
        place_failure(sequence)
        return
    deep = sequence.level >= draft.profile.max_level or not sequence.room(CONSTRUCT_ROWS)
    options = draft.elements.get(deep)
    if options is None:
        options = draft.elements[deep] = _possible(draft, without_constructs=deep)
    options.pick(sequence.choices)(sequence)


def _possible(draft: Draft, *, without_constructs: bool) -> Weighted[Element]:
    """The elements of the draft's weights; operations where nothing is left."""
    options = Weighted(
        (draft.weights.get(name, 0), element)
        for name, element in ELEMENTS.items()
        if not (without_constructs and name in CONSTRUCTS)
    )
    return options or Weighted([(1, write_any_operation)])


def place_failure(sequence: Sequence) -> None:
    """Append the failure that is pending; what follows may be anything."""
    failure = sequence.draft.pending
    assert failure is not None, "there is no failure to place"
    sequence.draft.place(failure.error)
    failure.write(sequence)
