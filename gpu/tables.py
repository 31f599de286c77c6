"""The tables of a program for the kernels: one entry per static row, per node, per permutation of a node's hash.

Nothing here depends on inputs: a program's tables serve every run of it. A static row is a row that the program can show
(``parallel.lower``); its index is its ``pc``. Source: spec 10, sections 3.3 and 4.2.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from gpu.recordings import CarriedProgram
from gpu.steps import ENTRY, HELPER_OF_KIND, STEP_OF_KIND
from reference.definition.columns import COLUMN
from reference.definition.field import P
from reference.definition.mast import NODE_OPCODE, Block, External

if TYPE_CHECKING:
    from parallel.lower import Lowered

Array = NDArray[Any]

INVERSES: Final = 4096
"""Depths up to this many items beyond 16 find the inverse of depth - 16 in a table; deeper ones are inverted."""

_DECODER: Final = COLUMN["dec_addr"]
_OP_BITS: Final = COLUMN["dec_op_bit_0"] - _DECODER
_H0: Final = COLUMN["dec_h0"] - _DECODER
_IN_SPAN: Final = COLUMN["dec_in_span"] - _DECODER
_GROUP_COUNT: Final = COLUMN["dec_group_count"] - _DECODER
_OP_INDEX: Final = COLUMN["dec_op_index"] - _DECODER
_FLAGS: Final = COLUMN["dec_batch_flag_0"] - _DECODER
_START_TAG: Final = 0


@dataclass(frozen=True)
class ProgramTables:
    """Host arrays by name; n static rows, m nodes over all forests, k kernel procedures, q permutations of node hashes.

    eff u32 (n,) step words; imm u64 (n,); t1, t2 u32 (n,) targets, 2^32 - 1 for none; node u32 (n,); ctl, gc u32 (n,)
    decoder control word and group count; h u64 (8, n); digests u64 (m, 4); domain, hoff, hn u32 (m,): hash domain, first
    permutation and number of permutations of a node; hash_table u64 (q, 12, 8): states, [permutation][element][row];
    hash_sel u8 (q,): bit 0 for s0 of its first row, bit 1 for s0 of its last; procs u64 (k, 4); invt u64 (INVERSES,).
    """

    arrays: dict[str, Array]
    digests_hold: bool
    """Every node's digest is the hash of its contents; a file may store digests that are not."""

    @staticmethod
    def of(program: Lowered | CarriedProgram) -> ProgramTables:
        """The tables of a lowered program, or those that it came with."""
        return program.tables if isinstance(program, CarriedProgram) else _tables(_ByIdentity(program))


class _ByIdentity:
    """A lowered program as a cache key: lowering already gives the same object for the same program."""

    def __init__(self, lowered: Lowered) -> None:
        self.lowered = lowered

    def __hash__(self) -> int:
        return id(self.lowered)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _ByIdentity) and other.lowered is self.lowered


# As many as lowering keeps.
@lru_cache(maxsize=64)
def _tables(key: _ByIdentity) -> ProgramTables:
    lowered = key.lowered
    rows, hashes = lowered.rows, lowered.hashes
    template = rows.template
    arrays: dict[str, Array] = {
        "eff": _step_words(lowered),
        "imm": rows.immediate,
        "t1": rows.first_target.astype(np.int64).astype(np.uint32),
        "t2": rows.second_target.astype(np.int64).astype(np.uint32),
        "node": rows.node.astype(np.uint32),
        "ctl": _control_words(rows.kind, template),
        "gc": template[:, _GROUP_COUNT].astype(np.uint32),
        "h": np.ascontiguousarray(template[:, _H0 : _H0 + 8].T),
        "digests": np.ascontiguousarray(hashes.digests),
        "domain": _domains(lowered),
        "hoff": hashes.first_permutation.astype(np.uint32),
        "hn": hashes.permutations.astype(np.uint32),
        "hash_table": np.ascontiguousarray(hashes.hasher_rows[:, 3:15, :]),
        "hash_sel": (hashes.hasher_rows[:, 0, 0] | hashes.hasher_rows[:, 0, 7] << np.uint64(1)).astype(np.uint8),
        "procs": np.array(lowered.program.kernel.procedures, np.uint64).reshape(-1, 4),
        "invt": inverse_table(),
    }
    return ProgramTables(arrays, _digests_hold(lowered))


def _step_words(lowered: Lowered) -> Array:
    rows = lowered.rows
    by_kind = np.zeros(256, np.uint32)
    for kind, word in STEP_OF_KIND.items():
        by_kind[kind] = word
    words: Array = by_kind[rows.kind]
    can_be_found = (rows.tag == _START_TAG) & (lowered.is_root[rows.node] != 0)
    words[can_be_found] |= np.uint32(ENTRY)
    return words


def _control_words(kind: Array, template: Array) -> Array:
    helper = np.zeros(256, np.uint32)
    for code, index in HELPER_OF_KIND.items():
        helper[code] = index
    word = helper[kind] << np.uint32(15)
    for bit in range(7):
        word |= template[:, _OP_BITS + bit].astype(np.uint32) << np.uint32(bit)
    word |= template[:, _IN_SPAN].astype(np.uint32) << np.uint32(7)
    for flag in range(3):
        word |= template[:, _FLAGS + flag].astype(np.uint32) << np.uint32(8 + flag)
    return word | template[:, _OP_INDEX].astype(np.uint32) << np.uint32(11)


def _domains(lowered: Lowered) -> Array:
    """Capacity element 1 of the hash of every node: the opcode of control nodes, 0 for blocks (spec 02)."""
    nodes = [node for forest in lowered.forests for node in forest.nodes]
    plain = (Block, External)
    return np.array([0 if isinstance(node, plain) else NODE_OPCODE[type(node)] for node in nodes], np.uint32)


def _digests_hold(lowered: Lowered) -> bool:
    hashes = lowered.hashes
    hashed = np.flatnonzero(hashes.permutations)
    last = hashes.first_permutation[hashed] + hashes.permutations[hashed] - 1
    # Elements 4 to 7 of the last state, after the three selector columns.
    return bool((hashes.hasher_rows[last, 7:11, 7] == hashes.digests[hashed]).all())


@lru_cache(maxsize=1)
def inverse_table() -> Array:
    """(INVERSES,) uint64: the inverse of each index, 0 for 0."""
    inverses = [0, 1]
    for i in range(2, INVERSES):
        inverses.append((P - P // i) * inverses[P % i] % P)
    return np.array(inverses, np.uint64)
