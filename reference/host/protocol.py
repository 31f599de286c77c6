"""The questions that a program may ask its host."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from reference.definition.field import Word

if TYPE_CHECKING:
    from reference.machine import Machine


class Host(Protocol):
    """Answers of the host.

    Every method that fails raises ExecutionFailure, with ``clk`` where the error carries one.
    """

    def pop_element(self, clk: int) -> int:
        """The element for ADVPOP."""
        ...

    def pop_word(self, clk: int) -> Word:
        """The word for ADVPOPW, the element popped first as element 0."""
        ...

    def pop_dword(self, clk: int) -> tuple[int, ...]:
        """The eight elements for PIPE, in the order of popping."""
        ...

    def merkle_path(self, root: Word, depth: int, index: int, clk: int, /) -> tuple[Word, ...]:
        """The ``depth`` siblings for MPVERIFY, leaf level first; the caller has checked depth and index."""
        ...

    def merkle_update(self, root: Word, depth: int, index: int, new: Word, clk: int, /) -> tuple[Word, ...]:
        """The siblings for MRUPDATE, leaf level first; the host learns the updated tree and keeps the old one."""
        ...

    def emit(self, machine: Machine) -> None:
        """Handle the event whose id is on top of the stack; the machine is read, never changed."""
        ...

    def merge_map(self, entries: Mapping[Word, tuple[int, ...]], clk: int) -> None:
        """Add the advice map of a forest whose code is about to run, all entries or none."""
        ...

    def leftover(self) -> str | None:
        """What was prepared but never asked for, None when nothing or when nobody keeps count."""
        ...
