"""What the executor asks of a host, and what a host may see of the machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from reference.definition.field import Word


class View(Protocol):
    """The machine at an EMIT row: the event id is stack item 0, clk is the index of that row (spec 06, section 2)."""

    @property
    def clk(self) -> int:
        """Row of the EMIT."""

    @property
    def ctx(self) -> int:
        """Current context."""

    def item(self, position: int) -> int:
        """Stack item, 0 = top, any position; 0 beyond the depth."""

    def element(self, address: int) -> int:
        """Memory element of the current context at an address below 2^32; 0 where nothing was written."""


class Host(Protocol):
    """The channels through which a trace depends on the host. Failures are ExecutionFailure with the given names."""

    def pop(self, count: int, clk: int) -> Sequence[int]:
        """``count`` elements in pop order: 1 for ADVPOP, 4 for ADVPOPW, 8 for PIPE.

        Raises AdviceError.StackReadFailed, or RepliesExhausted from a script.
        """

    def path(self, root: Word, depth: int, index: int, clk: int) -> list[Word]:
        """``depth`` siblings for MPVERIFY, leaf level first.

        Raises AdviceError.InvalidMerkleTreeNodeIndex and AdviceError.MerkleStoreLookupFailed...; from a script
        RepliesExhausted and ReplyMismatch.
        """

    def update(self, root: Word, depth: int, index: int, value: Word, clk: int) -> list[Word]:
        """The siblings for MRUPDATE, after which the tree with ``value`` in that place is known too.

        Raises like :meth:`path`, with MerkleStoreUpdateFailed for MerkleStoreLookupFailed.
        """

    def emit(self, view: View) -> None:
        """Answer the event whose id is stack item 0.

        Raises the failures of spec 06, section 3; EventError where a handler of the standard library fails or the id is
        unknown.
        """

    def merge(self, entries: Mapping[Word, Sequence[int]], clk: int) -> None:
        """Add a forest's advice map: all entries, or none and AdviceError.MapKeyAlreadyPresent."""

    def leftover(self) -> str | None:
        """What a script holds beyond what the program took, as text; None if nothing or if there is no script."""
