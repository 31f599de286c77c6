"""The host that repeats what another host told the program: the case's replies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Generic, TypeVar

from parallel.host.protocol import Host, View
from reference.definition.case import Replies
from reference.definition.errors import ExecutionFailure
from reference.definition.field import Word

Reply = TypeVar("Reply")


class _Queue(Generic[Reply]):
    """Replies of one kind, taken from the front."""

    def __init__(self, kind: str, replies: Sequence[Reply]) -> None:
        self.kind = kind
        self._replies = replies
        self._taken = 0

    @property
    def remaining(self) -> int:
        return len(self._replies) - self._taken

    def take(self, clk: int) -> Reply:
        if not self.remaining:
            raise ExecutionFailure("RepliesExhausted", clk=clk, detail=f"all {self._taken} {self.kind} are taken")
        self._taken += 1
        return self._replies[self._taken - 1]


class ScriptedHost(Host):
    """One run's host; events and advice maps do nothing, because their effects are in the replies."""

    def __init__(self, replies: Replies) -> None:
        self._elements = _Queue("elements", replies.elements)
        self._words = _Queue("words", replies.words)
        self._dwords = _Queue("dwords", replies.dwords)
        self._paths = _Queue("paths", replies.paths)

    def pop(self, count: int, clk: int) -> Sequence[int]:
        """The next element, word or double word."""
        match count:
            case 1:
                return (self._elements.take(clk),)
            case 4:
                return self._words.take(clk)
            case 8:
                return self._dwords.take(clk)
            case _:
                raise ValueError(f"no operation pops {count} elements")

    def path(self, root: Word, depth: int, index: int, clk: int) -> list[Word]:  # noqa: ARG002 - the tape decides
        """The next path, which has to be as long as the program asks; nothing is looked up."""
        siblings = self._paths.take(clk)
        if len(siblings) != depth:
            raise ExecutionFailure(
                "ReplyMismatch",
                clk=clk,
                detail=f"the program asks for a path of {depth} nodes, the reply has {len(siblings)}",
            )
        return list(siblings)

    def update(self, root: Word, depth: int, index: int, value: Word, clk: int) -> list[Word]:  # noqa: ARG002 - the tape decides
        """The next path, as for MPVERIFY."""
        return self.path(root, depth, index, clk)

    def emit(self, view: View) -> None:
        """Nothing."""

    def merge(self, entries: Mapping[Word, Sequence[int]], clk: int) -> None:
        """Nothing."""

    def leftover(self) -> str | None:
        """How many replies of which kinds are left."""
        queues = (self._elements, self._words, self._dwords, self._paths)
        return ", ".join(f"{queue.remaining} {queue.kind}" for queue in queues if queue.remaining) or None
