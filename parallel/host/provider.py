"""The advice provider: a stack, a map and a Merkle store with the real VM's errors (spec 06, section 1)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property

from parallel.host.store import MerkleStore, MissingNodeError, is_node_index
from reference.definition.case import Advice
from reference.definition.errors import ExecutionFailure
from reference.definition.field import Word, word_to_hex


def _failure(name: str, clk: int, detail: str = "") -> ExecutionFailure:
    return ExecutionFailure(f"AdviceError.{name}", clk=clk, detail=detail)


class AdviceProvider:
    """Owned by one run; the map's entries never change and never leave."""

    def __init__(self, advice: Advice) -> None:
        self._advice = advice
        self._stack = list(reversed(advice.stack))  # the top is the end of the list
        self._map: dict[Word, Sequence[int]] = dict(advice.map)

    @cached_property
    def _store(self) -> MerkleStore:
        return MerkleStore(self._advice.store)  # hashing the nodes can wait until a program asks for one

    def pop(self, count: int, clk: int) -> list[int]:
        """Elements in pop order. Raises AdviceError.StackReadFailed when fewer remain."""
        stack = self._stack
        if len(stack) < count:
            raise _failure("StackReadFailed", clk, f"{len(stack)} of {count} elements left")
        if count == 1:
            return [stack.pop()]
        popped = stack[: -count - 1 : -1]
        del stack[-count:]
        return popped

    def push(self, elements: Sequence[int]) -> None:
        """Push so that elements[0] is popped first."""
        self._stack.extend(reversed(elements))

    def lookup(self, key: Word) -> Sequence[int] | None:
        """The list under a key of the map, None if there is none."""
        return self._map.get(key)

    def required(self, key: Word, clk: int) -> Sequence[int]:
        """The list under a key. Raises AdviceError.MapKeyNotFound."""
        values = self._map.get(key)
        if values is None:
            raise _failure("MapKeyNotFound", clk, word_to_hex(key))
        return values

    def insert(self, entries: Mapping[Word, Sequence[int]] | Iterable[tuple[Word, Sequence[int]]], clk: int) -> None:
        """Add entries to the map; one that is there with equal values stays.

        Raises AdviceError.MapKeyAlreadyPresent, and then adds nothing, when values differ.
        """
        incoming = dict(entries)
        for key, values in incoming.items():
            present = self._map.get(key)
            if present is not None and tuple(present) != tuple(values):
                raise _failure("MapKeyAlreadyPresent", clk, f"{word_to_hex(key)} has other values")
        for key, values in incoming.items():
            self._map.setdefault(key, tuple(values))

    def node(self, root: Word, depth: int, index: int, clk: int) -> Word:
        """A node of a tree. Raises like :meth:`path`."""
        return self._descend(root, depth, index, clk)[0]

    def path(self, root: Word, depth: int, index: int, clk: int) -> list[Word]:
        """Siblings on the way to a node, leaf level first.

        Raises AdviceError.InvalidMerkleTreeNodeIndex, AdviceError.MerkleStoreLookupFailed.RootNotInStore.Word and
        AdviceError.MerkleStoreLookupFailed.NodeIndexNotFoundInStore.Word.
        """
        return self._descend(root, depth, index, clk)[1]

    def update(self, root: Word, depth: int, index: int, value: Word, clk: int) -> list[Word]:
        """Siblings of a node that gets a new value. Raises like :meth:`path`, under MerkleStoreUpdateFailed."""
        _check_index(depth, index, clk)
        try:
            return self._store.replace(root, depth, index, value)
        except MissingNodeError as missing:
            raise _failure(f"MerkleStoreUpdateFailed.{missing.variant}", clk, str(missing)) from None

    def merge_roots(self, left: Word, right: Word) -> None:
        """Make the tree with two given subtrees known, whether or not they are."""
        self._store.add(left, right)

    def _descend(self, root: Word, depth: int, index: int, clk: int) -> tuple[Word, list[Word]]:
        _check_index(depth, index, clk)
        try:
            return self._store.descend(root, depth, index)
        except MissingNodeError as missing:
            raise _failure(f"MerkleStoreLookupFailed.{missing.variant}", clk, str(missing)) from None


def _check_index(depth: int, index: int, clk: int) -> None:
    if not is_node_index(depth, index):
        raise _failure("InvalidMerkleTreeNodeIndex", clk, f"no tree has a node {index} at depth {depth}")
