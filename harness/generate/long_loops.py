"""Long traces: a counted loop that runs as often as the budget of rows allows."""

from __future__ import annotations

from typing import Final

from harness.generate.grammar import write_elements
from harness.generate.loops import counted_loop
from harness.generate.sequence import Sequence

LEAST_ROWS: Final = 2**16
"""Below this a program is not long; so many rows the budget must have."""

MOST_BODY_ROWS: Final = 400


def write_long_loop(sequence: Sequence) -> None:
    """A loop of :data:`LEAST_ROWS` rows and more, between other code."""
    choices = sequence.choices
    write_elements(sequence)
    wanted = choices.integer(LEAST_ROWS, max(LEAST_ROWS, sequence.draft.budget))
    counted_loop(sequence, wanted, choices.integer(16, MOST_BODY_ROWS))
    write_elements(sequence)
