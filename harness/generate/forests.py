"""Forests under construction: nodes are added children first, each with what one run of it costs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from reference.definition.batching import OPERATIONS_PER_GROUP
from reference.definition.field import ZERO_WORD, Word
from reference.definition.isa import PUSH, Operation, opcode
from reference.definition.mast import Block, Forest, Node, children_of, node_digest


class Cost(NamedTuple):
    """Upper bounds for one run of a node: trace rows, and elements popped from the initial advice stack.

    Rows are exact where the grammar knows which branch is taken.
    """

    rows: int = 0
    pops: int = 0

    def then(self, other: Cost) -> Cost:
        """Both, one after the other."""
        return Cost(self.rows + other.rows, self.pops + other.pops)

    def times(self, count: int) -> Cost:
        """``count`` runs."""
        return Cost(self.rows * count, self.pops * count)

    def at_most(self, other: Cost) -> Cost:
        """One of the two, not known which."""
        return Cost(max(self.rows, other.rows), max(self.pops, other.pops))


CONTROL = Cost(rows=2)
"""The start and END rows of a control node."""


def block_rows(operations: Sequence[Operation]) -> int:
    """Rows of a block of these operations, at least one: SPAN, the operations with padding, RESPANs between batches, END.

    Counted by the rules of batching alone (spec 02, section 4): most blocks are batched only when their program runs.
    """
    rows = 2 + len(operations)
    groups, in_group = 1, 0
    behind_push = False
    for code, _ in operations:
        is_push = code == PUSH
        if groups > (6 if is_push and in_group > 7 else 7) and (is_push or in_group == OPERATIONS_PER_GROUP):
            rows += _filling_noops(groups, behind_push=behind_push) + 1
            groups, in_group, behind_push = 1, 0, False
        if in_group == OPERATIONS_PER_GROUP or (is_push and in_group == OPERATIONS_PER_GROUP - 1):
            # A PUSH never ends a group: a NOOP does.
            rows += behind_push
            groups += 1
            in_group = 0
        groups += is_push
        in_group += 1
        behind_push = is_push
    return rows + _filling_noops(groups, behind_push=behind_push)


def _filling_noops(groups: int, *, behind_push: bool) -> int:
    """NOOPs at the end of a batch: behind a PUSH, and one in each group that is added up to a power of two."""
    return behind_push + (1 << (groups - 1).bit_length()) - groups


class ForestDraft:
    """One forest: the program's (``index`` None) or a library's."""

    def __init__(self, index: int | None) -> None:
        self.index = index
        self.nodes: list[Node] = []
        self.costs: list[Cost] = []
        self.roots: list[int] = []
        self.advice_map: dict[Word, tuple[int, ...]] = {}
        self._digests: dict[int, Word] = {}

    def add(self, node: Node, cost: Cost) -> int:
        """The id of the new node."""
        self.nodes.append(node)
        self.costs.append(cost)
        return len(self.nodes) - 1

    def add_block(self, operations: list[Operation], *, pops: int = 0) -> int:
        """A block of at least one operation; its rows are counted here."""
        return self.add(Block(tuple(operations)), Cost(block_rows(operations), pops))

    def add_code(self, names: str) -> int:
        """A block of operations without immediate, given by name with blanks between."""
        return self.add_block([Operation(opcode(name)) for name in names.split()])

    def make_root(self, node_id: int) -> None:
        """Make the node a procedure root, once."""
        if node_id not in self.roots:
            self.roots.append(node_id)

    def digest(self, node_id: int) -> Word:
        """The digest of a node; computed for it and what lies below it only, a permutation costs a millisecond."""
        todo = [node_id]
        while todo:
            node = self.nodes[todo[-1]]
            missing = [child for child in children_of(node) if child not in self._digests]
            if missing:
                todo.extend(missing)
                continue
            known = todo.pop()
            self._digests[known] = node_digest(
                node, [self._digests.get(child, ZERO_WORD) for child in children_of(node)]
            )
        return self._digests[node_id]

    def finish(self) -> Forest:
        """The forest."""
        return Forest(tuple(self.nodes), tuple(self.roots), dict(self.advice_map))
