"""MAST nodes and forests: what a program is made of, and the digest of every node (spec 02, sections 3, 4 and 7).

Nodes refer to one another by index in the forest; children may come after their parents. An external node stands for a
procedure of another forest and has that procedure's digest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType

from reference.definition.batching import Batch, make_batches
from reference.definition.errors import InputError
from reference.definition.field import ZERO_WORD, Word
from reference.definition.isa import Operation, opcode
from reference.definition.rpo import hash_elements, merge


@dataclass(frozen=True)
class Block:
    """A basic block; ``operations`` are the raw ones, without padding NOOPs; never empty."""

    operations: tuple[Operation, ...]

    @cached_property
    def batches(self) -> tuple[Batch, ...]:
        """The executed form."""
        return make_batches(self.operations)

    @cached_property
    def group_count(self) -> int:
        """Groups of all batches: 8 for each but the last (column dec_group_count of the SPAN row)."""
        return 8 * (len(self.batches) - 1) + self.batches[-1].group_count


@dataclass(frozen=True, slots=True)
class Join:
    """Runs ``first``, then ``second``."""

    first: int
    second: int


@dataclass(frozen=True, slots=True)
class Split:
    """Pops the condition: 1 runs ``on_true``, 0 runs ``on_false``."""

    on_true: int
    on_false: int


@dataclass(frozen=True, slots=True)
class Loop:
    """Pops the condition; while it is 1 runs ``body`` and pops again."""

    body: int


@dataclass(frozen=True, slots=True)
class Call:
    """Runs ``callee`` in a fresh context."""

    callee: int


@dataclass(frozen=True, slots=True)
class Syscall:
    """Runs the kernel procedure ``callee`` in context 0."""

    callee: int


@dataclass(frozen=True, slots=True)
class Dyn:
    """Pops an address and runs the procedure whose digest stands there."""


@dataclass(frozen=True, slots=True)
class Dyncall:
    """As Dyn, in a fresh context."""


@dataclass(frozen=True, slots=True)
class External:
    """Stands for the procedure with this digest in some library.

    ``symbol`` is (library, node) when the case file names the target as ``@LIBRARY:NODE``.
    """

    digest: Word
    symbol: tuple[int, int] | None = None


Node = Block | Join | Split | Loop | Call | Syscall | Dyn | Dyncall | External

NODE_OPCODE: Mapping[type[Node], int] = MappingProxyType(
    {
        Block: opcode("SPAN"),
        Join: opcode("JOIN"),
        Split: opcode("SPLIT"),
        Loop: opcode("LOOP"),
        Call: opcode("CALL"),
        Syscall: opcode("SYSCALL"),
        Dyn: opcode("DYN"),
        Dyncall: opcode("DYNCALL"),
    }
)
"""Opcode of the row that starts the node; for all but blocks also the domain of its digest."""

NODE_KIND: Mapping[type[Node], str] = MappingProxyType(
    {
        Block: "block",
        Join: "join",
        Split: "split",
        Loop: "loop",
        Call: "call",
        Syscall: "syscall",
        Dyn: "dyn",
        Dyncall: "dyncall",
        External: "external",
    }
)
"""Name of the node kind, as in case files."""


def children_of(node: Node) -> tuple[int, ...]:
    """Ids of the node's children in its own forest, first to run first."""
    match node:
        case Join(first, second):
            return first, second
        case Split(on_true, on_false):
            return on_true, on_false
        case Loop(body):
            return (body,)
        case Call(callee) | Syscall(callee):
            return (callee,)
        case _:
            return ()


def order_children_first(nodes: Sequence[Node]) -> list[int]:
    """All node ids, each after its children.

    Raises InputError for a child that does not exist and for a cycle, with the place ``nodes[i]``.
    """
    done = [False] * len(nodes)
    on_path = [False] * len(nodes)
    order: list[int] = []
    for start in range(len(nodes)):
        todo = [] if done[start] else [start]
        while todo:
            node_id = todo[-1]
            if done[node_id]:
                todo.pop()
            elif on_path[node_id]:
                done[node_id] = True
                order.append(node_id)
                todo.pop()
            else:
                on_path[node_id] = True
                for child in children_of(nodes[node_id]):
                    if not 0 <= child < len(nodes):
                        raise InputError(
                            f"child {child} does not exist, there are {len(nodes)} nodes", place=f"nodes[{node_id}]"
                        )
                    if on_path[child] and not done[child]:
                        raise InputError(
                            f"child {child} is also an ancestor: the nodes form a cycle", place=f"nodes[{node_id}]"
                        )
                    if not done[child]:
                        todo.append(child)
    return order


def node_digest(node: Node, child_digests: Sequence[Word]) -> Word:
    """The digest of a node whose children have these digests (spec 02, section 3)."""
    match node:
        case Block():
            return hash_elements([value for batch in node.batches for value in batch.groups])
        case External(digest):
            return digest
        case _:
            left, right = (*child_digests, ZERO_WORD, ZERO_WORD)[:2]
            return merge(left, right, NODE_OPCODE[type(node)])


@dataclass(frozen=True, slots=True)
class DebugSections:
    """What a binary forest says about its source: decorators, kept so that it can be written back byte for byte.

    They change no digest, no row and no cell (spec 02, section 6); the layout is fields 10-15 of spec 02, section 8.
    """

    data: bytes
    string_offsets: tuple[int, ...]
    strings: bytes
    decorators: tuple[tuple[int, int], ...]
    """(variant, offset into ``data``) of each decorator."""
    in_blocks: tuple[tuple[int, tuple[tuple[int, int], ...]], ...]
    """(node, ((executed operation, decorator), ...)) in stored order."""
    before_enter: tuple[tuple[int, tuple[int, ...]], ...]
    """(node, decorators) in stored order."""
    after_exit: tuple[tuple[int, tuple[int, ...]], ...]
    """(node, decorators) in stored order."""


@dataclass(frozen=True, eq=False)
class Forest:
    """Nodes, procedure roots, advice map and error messages.

    ``stored_digests`` are the digests a binary file carries; they are trusted as the real VM trusts them (spec 02,
    section 8, reader rules). None: digests are computed. Forests are compared by identity: two libraries with equal
    content are two forests.
    """

    nodes: tuple[Node, ...]
    roots: tuple[int, ...]
    advice_map: Mapping[Word, tuple[int, ...]] = field(default_factory=dict)
    error_messages: Mapping[int, str] = field(default_factory=dict)
    stored_digests: tuple[Word, ...] | None = None
    debug_sections: DebugSections | None = None
    """None: the forest has no decorators."""

    @cached_property
    def digests(self) -> tuple[Word, ...]:
        """Digest of every node; InputError for missing children and cycles."""
        if self.stored_digests is not None:
            return self.stored_digests
        digests: list[Word] = [ZERO_WORD] * len(self.nodes)
        for node_id in order_children_first(self.nodes):
            node = self.nodes[node_id]
            digests[node_id] = node_digest(node, [digests[child] for child in children_of(node)])
        return tuple(digests)

    @cached_property
    def root_by_digest(self) -> Mapping[Word, int]:
        """The first procedure root, in list order, with each digest."""
        found: dict[Word, int] = {}
        for root in self.roots:
            found.setdefault(self.digests[root], root)
        return found
