"""What a pass works with: the best case, and a question whether a proposal is a better one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from reference.definition.case import Case

T = TypeVar("T")

Make = Callable[[Case], Case]
"""From the best case to a proposal; InputError and NoProposal mean that there is none."""


class NoProposal(Exception):  # noqa: N818 - not a mistake
    """The edit does not apply to the best case."""


class BudgetSpent(Exception):  # noqa: N818 - what happened
    """The search is over; it carries the best case so far."""


class Proposals(Protocol):
    """The search, as passes see it."""

    @property
    def best(self) -> Case:
        """The best case so far."""

    def attempt(self, make: Make) -> bool:
        """Whether the proposal became the best case; BudgetSpent."""

    def detour(self, make: Make, passes: Sequence[Pass]) -> bool:
        """Whether a proposal that need not be simpler became, by these passes, a simpler case than the best; BudgetSpent.

        The passes take no detours themselves.
        """


Pass = Callable[[Proposals], None]


def drop_items(items: Sequence[T], accept: Callable[[Sequence[T]], bool]) -> None:
    """Offer the list without ever smaller runs of its items, half of it first, down to single ones.

    ``accept`` says whether a shorter list was taken; the next offers then start from that one.
    """
    size = max(1, len(items) // 2) if items else 0
    while size:
        # From the end: what stands there depends on what comes before, not the other way round.
        end = len(items)
        while end > 0:
            shorter = [*items[: max(0, end - size)], *items[end:]]
            if accept(shorter):
                items = shorter
            end -= size
        size //= 2
