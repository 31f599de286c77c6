"""The scripted host: recorded answers in the order in which they were asked for, one queue per kind.

It needs no advice and no event handlers: whatever an event did is visible in later answers only.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sized
from typing import TYPE_CHECKING, TypeVar

from reference.definition.case import Replies
from reference.definition.errors import ExecutionFailure
from reference.definition.field import Word

if TYPE_CHECKING:
    from reference.machine import Machine

T = TypeVar("T")


class ReplyHost:
    """Answers from a recording; its failures ``RepliesExhausted`` and ``ReplyMismatch`` are names of our own."""

    def __init__(self, replies: Replies) -> None:
        self._elements = deque(replies.elements)
        self._words = deque(replies.words)
        self._dwords = deque(replies.dwords)
        self._paths = deque(replies.paths)

    def pop_element(self, clk: int) -> int:
        """The next of ``elements``; raises ExecutionFailure ``RepliesExhausted``."""
        return _next(self._elements, "elements", clk)

    def pop_word(self, clk: int) -> Word:
        """The next of ``words``; raises ExecutionFailure ``RepliesExhausted``."""
        return _next(self._words, "words", clk)

    def pop_dword(self, clk: int) -> tuple[int, ...]:
        """The next of ``dwords``; raises ExecutionFailure ``RepliesExhausted``."""
        return _next(self._dwords, "dwords", clk)

    def merkle_path(self, _root: Word, depth: int, _index: int, clk: int) -> tuple[Word, ...]:
        """The next of ``paths``.

        Raises ExecutionFailure ``RepliesExhausted``, and ``ReplyMismatch`` for a path of another length than ``depth``.
        """
        path: tuple[Word, ...] = _next(self._paths, "paths", clk)
        if len(path) != depth:
            detail = f"the next of paths has {len(path)} nodes, the program asks for depth {depth}"
            raise ExecutionFailure("ReplyMismatch", clk=clk, detail=detail)
        return path

    def merkle_update(self, root: Word, depth: int, index: int, _new: Word, clk: int) -> tuple[Word, ...]:
        """As :meth:`merkle_path`, from the same queue."""
        return self.merkle_path(root, depth, index, clk)

    def emit(self, machine: Machine) -> None:
        """Nothing: every id is accepted."""

    def merge_map(self, entries: Mapping[Word, tuple[int, ...]], clk: int) -> None:
        """Nothing: there is no map."""

    def leftover(self) -> str | None:
        """The queues that are not empty, with their lengths; None when all are used up."""
        queues: dict[str, Sized] = {
            "elements": self._elements,
            "words": self._words,
            "dwords": self._dwords,
            "paths": self._paths,
        }
        counts = [f"{len(queue)} {name}" for name, queue in queues.items() if queue]
        return ", ".join(counts) or None


def _next(queue: deque[T], name: str, clk: int) -> T:
    if not queue:
        raise ExecutionFailure("RepliesExhausted", clk=clk, detail=f"the queue {name} is empty")
    return queue.popleft()
