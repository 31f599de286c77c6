"""The live host: advice stack, advice map and Merkle store (spec 06, section 1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from reference.definition.case import Advice
from reference.definition.errors import ExecutionFailure
from reference.definition.field import Word, word_to_hex
from reference.host.merkle_store import MerkleStore, UnknownNodeError
from reference.host.stdlib_events import STDLIB_EVENTS
from reference.host.system_events import SYSTEM_EVENTS

if TYPE_CHECKING:
    from reference.machine import Machine


class AdviceHost:
    """The advice provider and the event handlers of the real VM.

    ``stdlib`` registers the standard library's handlers; without it only the 16 system events are known.
    """

    def __init__(self, advice: Advice, *, stdlib: bool) -> None:
        self.stack = list(reversed(advice.stack))
        """Top last."""
        self.map: dict[Word, tuple[int, ...]] = dict(advice.map)
        self.store = MerkleStore(advice.store)
        self._events = {event.id: event for event in (*SYSTEM_EVENTS, *(STDLIB_EVENTS if stdlib else ()))}

    def push(self, values: Sequence[int]) -> None:
        """Put values on the advice stack; the first one is popped first."""
        self.stack.extend(reversed(values))

    def insert(self, key: Word, values: tuple[int, ...], clk: int) -> None:
        """Store a list under a key; equal values again are no error.

        Raises ExecutionFailure ``AdviceError.MapKeyAlreadyPresent`` for different ones.
        """
        if self.map.setdefault(key, values) != values:
            detail = f"key {word_to_hex(key)}"
            raise ExecutionFailure("AdviceError.MapKeyAlreadyPresent", clk=clk, detail=detail)

    def values(self, key: Word, clk: int) -> tuple[int, ...]:
        """The list under a key.

        Raises ExecutionFailure ``AdviceError.MapKeyNotFound``.
        """
        if key not in self.map:
            raise ExecutionFailure("AdviceError.MapKeyNotFound", clk=clk, detail=f"key {word_to_hex(key)}")
        return self.map[key]

    def node(self, root: Word, depth: int, index: int, clk: int) -> Word:
        """The Merkle node at a checked index.

        Raises ExecutionFailure ``AdviceError.MerkleStoreLookupFailed...``.
        """
        try:
            return self.store.open(root, depth, index)[0]
        except UnknownNodeError as unknown:
            raise _store_failure("MerkleStoreLookupFailed", unknown, clk) from unknown

    def _pop(self, count: int, clk: int) -> list[int]:
        if len(self.stack) < count:
            detail = f"{count} elements asked for, {len(self.stack)} left"
            raise ExecutionFailure("AdviceError.StackReadFailed", clk=clk, detail=detail)
        popped = self.stack[: -count - 1 : -1]
        del self.stack[-count:]
        return popped

    def pop_element(self, clk: int) -> int:
        """The top of the advice stack."""
        return self._pop(1, clk)[0]

    def pop_word(self, clk: int) -> Word:
        """The four top elements, the top as element 0."""
        w0, w1, w2, w3 = self._pop(4, clk)
        return w0, w1, w2, w3

    def pop_dword(self, clk: int) -> tuple[int, ...]:
        """The eight top elements, top first."""
        return tuple(self._pop(8, clk))

    def merkle_path(self, root: Word, depth: int, index: int, clk: int) -> tuple[Word, ...]:
        """The siblings of a node; raises ExecutionFailure ``AdviceError.MerkleStoreLookupFailed...``."""
        try:
            return self.store.open(root, depth, index)[1]
        except UnknownNodeError as unknown:
            raise _store_failure("MerkleStoreLookupFailed", unknown, clk) from unknown

    def merkle_update(self, root: Word, depth: int, index: int, new: Word, clk: int) -> tuple[Word, ...]:
        """The siblings of a node that is replaced.

        Raises ExecutionFailure ``AdviceError.MerkleStoreUpdateFailed...``.
        """
        try:
            return self.store.update(root, depth, index, new)
        except UnknownNodeError as unknown:
            raise _store_failure("MerkleStoreUpdateFailed", unknown, clk) from unknown

    def emit(self, machine: Machine) -> None:
        """Run the handler of the event on top of the stack (spec 06, section 2).

        Raises ExecutionFailure ``EventError`` for an unknown id, else what the handler raises.
        """
        event = self._events.get(machine.stack[0])
        if event is None:
            raise ExecutionFailure("EventError", detail=f"no event handler for id {machine.stack[0]}")
        event.handle(machine, self)

    def merge_map(self, entries: Mapping[Word, tuple[int, ...]], clk: int) -> None:
        """Add all entries, or none when one contradicts.

        Raises ExecutionFailure ``AdviceError.MapKeyAlreadyPresent``.
        """
        for key, values in entries.items():
            if self.map.get(key, values) != values:
                detail = f"key {word_to_hex(key)}"
                raise ExecutionFailure("AdviceError.MapKeyAlreadyPresent", clk=clk, detail=detail)
        self.map.update(entries)

    def leftover(self) -> str | None:
        """None: advice may be left unused."""
        return None


def _store_failure(wrapper: str, unknown: UnknownNodeError, clk: int) -> ExecutionFailure:
    # The real VM prints the type of the digest, Word, as one more step of the path.
    return ExecutionFailure(f"AdviceError.{wrapper}.{unknown.name}.Word", clk=clk, detail=str(unknown))
