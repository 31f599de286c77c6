"""Lowering: a program and its libraries as flat tables, once per program; reused by every case that runs it."""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from parallel.hashing import NodeHashes, hash_nodes
from parallel.rows import (
    END,
    END_CALL,
    END_LOOP,
    END_SYSCALL,
    ENTER_FOREST,
    EXTERNAL,
    FINISH_EXTERNAL,
    HALT,
    REPEAT,
    RowTable,
    RowWriter,
    decoder_template,
)
from reference.definition.field import Word, as_word
from reference.definition.isa import opcode
from reference.definition.mast import (
    Block,
    Call,
    Dyn,
    Dyncall,
    External,
    Forest,
    Join,
    Loop,
    Node,
    Split,
    Syscall,
)
from reference.definition.program import Program

NO_PROCEDURE = -1
"""Target of an external node that no library provides."""
CIRCULAR = -2
"""Target of an external node whose procedure root is external again."""


@dataclass(frozen=True)
class Lowered:
    """Everything about a program that does not depend on its inputs.

    Forest 0 is the program's, the libraries follow in order. ``first_node[f]`` is the number of forest f's node 0.
    """

    program: Program
    forests: tuple[Forest, ...]
    first_node: tuple[int, ...]
    rows: RowTable
    hashes: NodeHashes
    start: tuple[int, ...]
    """pc of the first row of every node (of the pseudo row for external nodes)."""
    entry: int
    program_hash: Word
    roots: tuple[Mapping[Word, int], ...]
    """Per forest: digest -> pc of the first procedure root with it."""
    providers: Mapping[Word, int]
    """Digest -> forest that the host gives for it."""
    last_sizes: dict[str, int] = field(default_factory=dict, compare=False)
    """Entries of the executor's arrays when the program last ended: the next run begins with as many and copies nothing."""

    def forest_of_node(self, node: int) -> int:
        """The forest that holds the node with this number."""
        return bisect_right(self.first_node, node) - 1

    def local_node(self, node: int) -> int:
        """The node's id in its own forest."""
        return node - self.first_node[self.forest_of_node(node)]

    def digest(self, node: int) -> Word:
        """Digest of the node with this number."""
        return as_word(int(element) for element in self.hashes.digests[node])

    @cached_property
    def node_forest(self) -> NDArray[np.int64]:
        """Per node number: its forest."""
        sizes = [len(forest.nodes) for forest in self.forests]
        return np.repeat(np.arange(len(sizes)), sizes).astype(np.int64)

    @cached_property
    def is_root(self) -> NDArray[np.uint8]:
        """Per node number: 1 for those that DYN and DYNCALL can find by their digest."""
        flags = np.zeros(len(self.start), np.uint8)
        for roots in self.roots:
            flags[self.rows.node[list(roots.values())]] = 1
        return flags

    @cached_property
    def longest_node(self) -> int:
        """Most rows that a node has in the row table."""
        return int(np.bincount(self.rows.node).max())

    @cached_property
    def most_permutations(self) -> int:
        """Most permutations that the hash of a node takes."""
        return int(self.hashes.permutations.max())

    @cached_property
    def tables_key(self) -> bytes:
        """32 bytes that tell apart programs, library lists and kernels for which a pc means different things."""
        rows = self.rows
        digest = hashlib.sha256(np.array(self.program.kernel.procedures, "<u8").tobytes())
        digest.update(np.array([self.entry, *self.first_node], "<i8").tobytes())
        for table in (rows.kind, rows.immediate, rows.first_target, rows.second_target, rows.node, self.hashes.digests):
            digest.update(np.ascontiguousarray(table).tobytes())
        return digest.digest()


# A campaign lowers each program once per cut plan and engine option; 64 programs of a few hundred rows are about 10 MB.
@lru_cache(maxsize=64)
def lower(program: Program, libraries: tuple[Forest, ...]) -> Lowered:
    """Flat tables of a program and its libraries; size proportional to theirs.

    Raises InputError when a forest has missing children or cycles.
    """
    forests = (program.forest, *libraries)
    first_node: list[int] = []
    total = 0
    for forest in forests:
        first_node.append(total)
        total += len(forest.nodes)
    hashes = hash_nodes(forests, tuple(first_node))
    digests = [as_word(row) for row in hashes.digests.tolist()]
    writer = RowWriter()
    writer.add(HALT, 0, decoder_template(HALT, digests[program.entry]))
    writer.add(ENTER_FOREST, 0, decoder_template(HALT))
    start: list[int] = []
    for forest, base in zip(forests, first_node, strict=True):
        for local, node in enumerate(forest.nodes):
            start.append(len(writer))
            _add_node(writer, node, base + local, base, digests)
    roots = tuple(_roots(forest, base, digests, start) for forest, base in zip(forests, first_node, strict=True))
    providers: dict[Word, int] = {}
    for index, (forest, base) in enumerate(zip(libraries, first_node[1:], strict=True), start=1):
        for root in forest.roots:
            if not isinstance(forest.nodes[root], External):
                providers[digests[base + root]] = index
    kernel = {digest: index for index, digest in enumerate(program.kernel.procedures)}
    for forest, base in zip(forests, first_node, strict=True):
        for local, node in enumerate(forest.nodes):
            _set_targets(writer, node, base + local, base, start, digests, kernel, roots, providers, forests)
    rows = writer.finish()
    _mark_circular_externals(rows)
    return Lowered(
        program, forests, tuple(first_node), rows, hashes, tuple(start), start[program.entry],
        digests[program.entry], roots, providers,
    )  # fmt: skip


def _roots(forest: Forest, base: int, digests: list[Word], start: list[int]) -> Mapping[Word, int]:
    found: dict[Word, int] = {}
    for root in forest.roots:
        found.setdefault(digests[base + root], start[base + root])
    return found


def _add_node(writer: RowWriter, node: Node, number: int, base: int, digests: list[Word]) -> None:
    digest = digests[number]
    match node:
        case Block():
            writer.add_block(number, node, digest)
            return
        case External():
            writer.add(EXTERNAL, number, decoder_template(HALT))
            writer.add(FINISH_EXTERNAL, number, decoder_template(HALT), tag="end")
            return
        case Join(first, second) | Split(first, second):
            code = opcode("JOIN" if isinstance(node, Join) else "SPLIT")
            writer.add(code, number, decoder_template(code, digests[base + first], digests[base + second]))
            end = END
        case Loop(body):
            code = opcode("LOOP")
            writer.add(code, number, decoder_template(code, digests[base + body]))
            template = decoder_template(REPEAT, digests[base + body], (1, 0, 0, 0))
            writer.add(REPEAT, number, template, tag="repeat")
            end = END_LOOP
        case Call(callee) | Syscall(callee):
            code = opcode("CALL" if isinstance(node, Call) else "SYSCALL")
            writer.add(code, number, decoder_template(code, digests[base + callee]))
            end = END_CALL if isinstance(node, Call) else END_SYSCALL
        case Dyn() | Dyncall():
            code = opcode("DYN" if isinstance(node, Dyn) else "DYNCALL")
            writer.add(code, number, decoder_template(code))
            end = END if isinstance(node, Dyn) else END_CALL
    writer.add(end, number, decoder_template(END, digest), tag="end")


def _set_targets(
    writer: RowWriter,
    node: Node,
    number: int,
    base: int,
    start: list[int],
    digests: list[Word],
    kernel: Mapping[Word, int],
    roots: tuple[Mapping[Word, int], ...],
    providers: Mapping[Word, int],
    forests: tuple[Forest, ...],
) -> None:
    """Where a control row goes: pcs of its children; for SYSCALL also the kernel index of the callee (-1: none).

    For an external node: the first row of its procedure, and the forest whose advice map is to be merged (-1: none).
    """
    pc = start[number]
    match node:
        case Join(first, second) | Split(first, second):
            writer.retarget(pc, (start[base + first], start[base + second]))
        case Loop(body):
            writer.retarget(pc, (start[base + body], 0))
            writer.retarget(pc + 1, (start[base + body], 0))
        case Call(callee):
            writer.retarget(pc, (start[base + callee], base + callee))
        case Syscall(callee):
            writer.retarget(pc, (start[base + callee], kernel.get(digests[base + callee], -1)))
        case External(digest):
            provider = providers.get(digest)
            target = NO_PROCEDURE if provider is None else roots[provider][digest]
            merges = provider is not None and len(forests[provider].advice_map) > 0
            writer.retarget(pc, (target, provider if merges and provider is not None else -1))
        case _:
            pass


def _mark_circular_externals(rows: RowTable) -> None:
    """An external node whose procedure root is external again gets the target CIRCULAR."""
    external = rows.kind == EXTERNAL
    targets = rows.first_target
    circular = external & (targets >= 0) & (rows.kind[targets] == EXTERNAL)
    targets[circular] = CIRCULAR
