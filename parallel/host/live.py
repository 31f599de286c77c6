"""The host that answers from an advice provider and with event handlers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from parallel.host.protocol import Host, View
from parallel.host.provider import AdviceProvider
from parallel.host.stdlib_events import STDLIB_EVENTS, event_failure
from parallel.host.system_events import SYSTEM_EVENTS, Handler
from reference.definition.case import Advice
from reference.definition.field import Word

_WITHOUT_STDLIB: Mapping[int, Handler] = SYSTEM_EVENTS
_WITH_STDLIB: Mapping[int, Handler] = {**STDLIB_EVENTS, **SYSTEM_EVENTS}


class LiveHost(Host):
    """One run's host; ``stdlib`` registers the standard library's event handlers."""

    def __init__(self, advice: Advice, *, stdlib: bool) -> None:
        self._advice = AdviceProvider(advice)
        self._handlers = _WITH_STDLIB if stdlib else _WITHOUT_STDLIB

    def pop(self, count: int, clk: int) -> Sequence[int]:
        """Off the advice stack."""
        return self._advice.pop(count, clk)

    def path(self, root: Word, depth: int, index: int, clk: int) -> list[Word]:
        """Out of the Merkle store."""
        return self._advice.path(root, depth, index, clk)

    def update(self, root: Word, depth: int, index: int, value: Word, clk: int) -> list[Word]:
        """Out of the Merkle store, which then has both trees."""
        return self._advice.update(root, depth, index, value, clk)

    def emit(self, view: View) -> None:
        """By the handler of the id."""
        event = view.item(0)
        handler = self._handlers.get(event)
        if handler is None:
            raise event_failure(f"no event handler registered for {event}")
        handler(self._advice, view)

    def merge(self, entries: Mapping[Word, Sequence[int]], clk: int) -> None:
        """Into the advice map."""
        self._advice.insert(entries, clk)

    def leftover(self) -> str | None:
        """None: what remains of the advice is of no interest."""
        return None
