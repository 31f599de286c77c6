"""Digests and hasher rows of all nodes of a program, computed once when it is lowered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parallel.jit import jit
from parallel.permutation import ROUND_CONSTANTS, permutation_states
from reference.definition.mast import (
    NODE_OPCODE,
    Block,
    Dyn,
    Dyncall,
    External,
    Forest,
    children_of,
    order_children_first,
)

ROWS_PER_PERMUTATION = 8
HASHER_WIDTH = 16
"""Selectors s0..s2, state h0..h11, node_index (spec 05, section 1)."""

_STATE_WORDS = 12 * ROWS_PER_PERMUTATION


@dataclass(frozen=True)
class NodeHashes:
    """Nodes are numbered over all forests, program first.

    digests (m, 4) uint64; first_permutation, permutations (m,) int64: the node's slice of hasher_rows; hasher_rows
    (permutations, 16, 8) uint64, column-major within a permutation so that one column of it is one cache line.
    """

    digests: NDArray[np.uint64]
    first_permutation: NDArray[np.int64]
    permutations: NDArray[np.int64]
    hasher_rows: NDArray[np.uint64]


def hash_nodes(forests: tuple[Forest, ...], first_node: tuple[int, ...]) -> NodeHashes:
    """Hash every node of the forests; ``first_node`` is the number of each forest's node 0."""
    total = sum(len(forest.nodes) for forest in forests)
    order: list[int] = []
    left = np.full(total, -1, np.int64)
    right = np.full(total, -1, np.int64)
    domain = np.zeros(total, np.uint64)
    is_stored = np.zeros(total, np.uint8)
    digests = np.zeros((total, 4), np.uint64)
    permutations = np.ones(total, np.int64)
    groups: list[tuple[int, ...]] = []
    group_start = np.zeros(total, np.int64)
    for forest, base in zip(forests, first_node, strict=True):
        order += [base + node for node in order_children_first(forest.nodes)]
        for number, node in enumerate(forest.nodes, start=base):
            match node:
                case Block():
                    group_start[number] = len(groups)
                    groups += [batch.groups for batch in node.batches]
                    permutations[number] = len(node.batches)
                case External(digest):
                    digests[number] = digest
                    permutations[number] = 0
                case Dyn() | Dyncall():
                    domain[number] = NODE_OPCODE[type(node)]
                case _:
                    domain[number] = NODE_OPCODE[type(node)]
                    for child, side in zip(children_of(node), (left, right), strict=False):
                        side[number] = base + child
        if forest.stored_digests is not None:
            nodes = slice(base, base + len(forest.nodes))
            digests[nodes] = np.array(forest.stored_digests, np.uint64)
            is_stored[nodes] = 1
    first_permutation = np.concatenate(([0], np.cumsum(permutations)[:-1])).astype(np.int64)
    states = np.zeros((int(permutations.sum()), ROWS_PER_PERMUTATION, 12), np.uint64)
    group_values = np.array(groups, np.uint64).reshape(-1, 8)
    _hash_in_order(
        np.array(order, np.int64), left, right, domain, is_stored, first_permutation, permutations,
        group_start, group_values, digests, states.reshape(-1), ROUND_CONSTANTS,
    )  # fmt: skip
    rows = np.zeros((len(states), HASHER_WIDTH, ROWS_PER_PERMUTATION), np.uint64)
    rows[:, 3:15, :] = states.transpose(0, 2, 1)
    used = permutations > 0
    rows[first_permutation[used], 0, 0] = 1  # LINEAR starts a computation, later batches CONTINUE it
    absorbs = np.ones(len(states), bool)
    absorbs[first_permutation[used] + permutations[used] - 1] = False
    rows[absorbs, 0, 7] = 1  # all but the last batch are followed by an absorption
    return NodeHashes(digests, first_permutation, permutations, rows)


@jit
def _hash_in_order(
    order: Any,
    left: Any,
    right: Any,
    domain: Any,
    is_stored: Any,
    first_permutation: Any,
    permutations: Any,
    group_start: Any,
    groups: Any,
    digests: Any,
    states: Any,
    constants: Any,
) -> Any:
    """Children first: states of every permutation, digest of every node without a stored one."""
    for position in range(order.shape[0]):
        node = order[position]
        count = permutations[node]
        if count == 0:
            continue
        start = first_permutation[node] * _STATE_WORDS
        if domain[node] == np.uint64(0):
            for batch in range(count):
                at = start + batch * _STATE_WORDS
                if batch:
                    for i in range(4):
                        states[at + i] = states[at - 12 + i]
                for i in range(8):
                    states[at + 4 + i] = groups[group_start[node] + batch, i]
                permutation_states(states, at, constants)
        else:
            states[start + 1] = domain[node]
            if left[node] >= 0:
                for i in range(4):
                    states[start + 4 + i] = digests[left[node], i]
            if right[node] >= 0:
                for i in range(4):
                    states[start + 8 + i] = digests[right[node], i]
            permutation_states(states, start, constants)
        if not is_stored[node]:
            for i in range(4):
                digests[node, i] = states[start + count * _STATE_WORDS - 12 + 4 + i]
