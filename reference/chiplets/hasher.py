"""The hasher: eight rows per RPO permutation, requests appended in execution order (spec 05, section 2)."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from reference.definition.field import Word
from reference.definition.rpo import ROUNDS, State, digest_of, permutation_states

WIDTH = 16
"""Payload columns: s0, s1, s2, h0..h11, node_index."""

CYCLE_ROWS = 8
"""Rows per permutation: the state before each of the 7 rounds, and after the last."""

Selectors = tuple[int, int, int]
"""The cells (s0, s1, s2)."""

LINEAR: Selectors = (1, 0, 0)
"""Initial row of a new computation; as a final row: absorb the next batch."""
CONTINUE: Selectors = (0, 0, 0)
"""Initial row of a later cycle of a multi-batch block."""
MP_VERIFY: Selectors = (1, 0, 1)
MR_OLD: Selectors = (1, 1, 0)
MR_NEW: Selectors = (1, 1, 1)
RETURN_HASH: Selectors = (0, 0, 0)
"""Final row: only the digest is returned."""
RETURN_STATE: Selectors = (0, 0, 1)
"""Final row: the whole state is returned."""


class Hasher:
    """The rows of all permutations so far."""

    def __init__(self) -> None:
        self._rows = array("Q")

    @property
    def next_address(self) -> int:
        """Address of the next request: 1 + the number of rows so far (spec 05, section 2.3)."""
        return 1 + len(self._rows) // WIDTH

    def permute(self, state: State) -> tuple[int, State]:
        """One permutation of 12 given elements (HPERM, LOGPRECOMPILE): its address and the state after it."""
        address = self.next_address
        return address, self._cycle(state, LINEAR, RETURN_STATE)

    def control_block(self, left: Word, right: Word, domain: int) -> int:
        """The hash of a control node's operands; ``domain`` is the node's opcode. Gives the address."""
        address = self.next_address
        self._cycle((0, domain, 0, 0, *left, *right), LINEAR, RETURN_HASH)
        return address

    def basic_block(self, batch_groups: Sequence[Sequence[int]]) -> int:
        """The hash of a block's batches, 8 groups each, all cycles at once. Gives the address of the first.

        The capacity starts at zero and is carried from batch to batch; the rate is overwritten by the groups.
        """
        address = self.next_address
        capacity: State = (0, 0, 0, 0)
        last = len(batch_groups) - 1
        for index, groups in enumerate(batch_groups):
            init = LINEAR if index == 0 else CONTINUE
            final = RETURN_HASH if index == last else LINEAR
            capacity = self._cycle((*capacity, *groups), init, final)[:4]
        return address

    def merkle_path(self, value: Word, path: Sequence[Word], index: int) -> tuple[int, Word]:
        """MPVERIFY: the address, and the root over ``value`` at leaf ``index``; ``path[0]`` is its own sibling."""
        address = self.next_address
        return address, self._path(value, path, index, MP_VERIFY)

    def merkle_update(self, old: Word, new: Word, path: Sequence[Word], index: int) -> tuple[int, Word, Word]:
        """MRUPDATE: the address of the old half, the root over ``old`` and the root over ``new``."""
        address = self.next_address
        old_root = self._path(old, path, index, MR_OLD)
        return address, old_root, self._path(new, path, index, MR_NEW)

    def table(self) -> NDArray[np.uint64]:
        """All rows, shape (8 x permutations, 16), dtype uint64: s0, s1, s2, h0..h11, node_index."""
        return np.array(self._rows, dtype=np.uint64).reshape(-1, WIDTH)

    def _path(self, value: Word, path: Sequence[Word], index: int, main: Selectors) -> Word:
        """One leg per sibling (spec 05, section 2.4). Raises ValueError for an empty path."""
        if not path:
            raise ValueError("a Merkle path has at least one sibling")
        last = len(path) - 1
        node = value
        for leg, sibling in enumerate(path):
            is_right = index >> leg & 1
            rate = (*sibling, *node) if is_right else (*node, *sibling)
            init = main if leg == 0 else (0, *main[1:])
            final = RETURN_HASH if leg == last else main
            rest = index >> (leg + 1)
            first = index if leg == 0 else rest
            node = digest_of(self._cycle((0, 0, 0, 0, *rate), init, final, first, rest))
        return node

    def _cycle(
        self, state: State, init: Selectors, final: Selectors, index_first: int = 0, index_rest: int = 0
    ) -> State:
        """Append the 8 rows of one permutation (spec 05, section 2.1) and give the state after it."""
        states = permutation_states(state)
        rows = self._rows
        rows.extend((*init, *state, index_first))
        for middle in states[1:ROUNDS]:
            rows.extend((0, init[1], init[2], *middle, index_rest))
        rows.extend((*final, *states[ROUNDS], index_rest))
        return states[ROUNDS]
