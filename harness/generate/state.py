"""The model of the machine that the grammar keeps while it writes: depth, and what is certain of items and memory.

Where code runs more than once or is entered from several places, the model starts from what holds every time.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from harness.generate.values import ANY, meet

VISIBLE = 16
"""Stack items that are always there; the depth is never below."""


@dataclass
class State:
    """What is certain at one place of the program."""

    items: list[int] = field(default_factory=lambda: [ANY] * VISIBLE)
    """Top first, at least 16; see :mod:`harness.generate.values`."""
    exact: bool = True
    """The stack is exactly as deep as ``items``; otherwise the caller's items lie below and are left alone."""
    memory: dict[int, int] = field(default_factory=dict)
    """Elements of the current context's memory that are certain."""

    @property
    def depth(self) -> int:
        """The depth, or its lower bound when the state is not exact."""
        return len(self.items)

    def copy(self) -> State:
        """An independent copy."""
        return State(list(self.items), self.exact, dict(self.memory))

    def can_shrink(self, count: int = 1) -> bool:
        """May ``count`` items be taken off? At depth 16 of an exact state the machine fills up with zeros."""
        return self.exact or len(self.items) - count >= VISIBLE

    def push(self, value: int) -> None:
        """A right shift."""
        self.items.insert(0, value)

    def drop(self) -> int:
        """A left shift; the item that leaves.

        Raises AssertionError where the model cannot tell what happens.
        """
        items = self.items
        top = items.pop(0)
        if len(items) < VISIBLE:
            assert self.exact, "an item of the caller would be taken"
            items.append(0)
        return top

    def forget(self) -> None:
        """Keep the depth and nothing else."""
        self.items = [ANY] * len(self.items)
        self.memory.clear()

    def join(self, other: State) -> None:
        """Keep what is certain on both of two ways that meet here; their depths are equal."""
        assert self.depth == other.depth, "the two ways meet at different depths"
        self.items = [meet(one, two) for one, two in zip(self.items, other.items, strict=True)]
        self.memory = {at: value for at, value in self.memory.items() if other.memory.get(at) == value}
