"""Cryptographic operations (spec 01, section 8.6).

r is the address of the first hasher row that an operation causes. A Merkle path of depth 0 has no trace: the real VM
panics when it builds the chiplets (D04, D06), so it is the failure ``EmptyMerklePath`` here, a name of our own.
"""

from __future__ import annotations

from reference.definition.errors import ExecutionFailure
from reference.definition.field import Word, word_to_hex
from reference.host.merkle_store import check_node_index
from reference.machine import Helpers, Machine


def _refuse_path(value: Word, index: int, root: Word, code: int) -> ExecutionFailure:
    detail = f"value {word_to_hex(value)} at index {index}, root {word_to_hex(root)}, error code {code}"
    return ExecutionFailure("MerklePathVerificationFailed", detail=detail)


def _refuse_empty_path(value: Word, root: Word, code: int = 0) -> ExecutionFailure:
    if value != root:
        return _refuse_path(value, 0, root, code)
    return ExecutionFailure("EmptyMerklePath", detail=f"depth 0 under root {word_to_hex(root)}")


def hperm(machine: Machine, _immediate: int) -> Helpers:
    """HPERM: the RPO permutation of the 12 top items.

    Operands: state[i] = s(11-i), i = 0..11.
    Effect: s(11-i)' = RPO(state)[i]; none from 12.
    Helpers: hlp0 = r.
    Lookups: hasher(19, r, 0, state), hasher(41, r + 7, 0, out); 8 hasher rows.
    Errors: none.
    """
    stack = machine.stack
    address, out = machine.hasher.permute(tuple(stack[11::-1]))
    stack[:12] = out[::-1]
    return address, 0, 0, 0, 0, 0


def mpverify(machine: Machine, immediate: int) -> Helpers:
    """MPVERIFY(code): a node must be in a Merkle tree.

    Operands: V = W(0), depth d = s4, index i = s5, R = W(6); the immediate is the error code.
    Effect: none; none from 0.
    Helpers: hlp0 = r.
    Lookups: hasher(27, r, i, V), hasher(33, r + 8d - 1, 0, R); 8d hasher rows.
    Errors: d > 64 or i >= 2^d: AdviceError.InvalidMerkleTreeNodeIndex; path unknown:
        AdviceError.MerkleStoreLookupFailed (both with clk); wrong root: MerklePathVerificationFailed; d = 0 and V = R:
        EmptyMerklePath.
    """
    value, depth, index, root = machine.word(0), machine.stack[4], machine.stack[5], machine.word(6)
    check_node_index(depth, index, machine.clk)
    path = machine.host.merkle_path(root, depth, index, machine.clk)
    if depth == 0:
        raise _refuse_empty_path(value, root, immediate)
    address, computed = machine.hasher.merkle_path(value, path, index)
    if computed != root:
        raise _refuse_path(value, index, root, immediate)
    return address, 0, 0, 0, 0, 0


def mrupdate(machine: Machine, _immediate: int) -> Helpers:
    """MRUPDATE: replace a node of a Merkle tree.

    Operands: old node V = W(0), depth d = s4, index i = s5, old root R = W(6), new node N = W(10).
    Effect: W(0)' = root of the updated tree; none from 4.
    Helpers: hlp0 = r.
    Lookups: hasher(23, r, i, V), hasher(33, r + 8d - 1, 0, R), hasher(31, r + 8d, i, N),
        hasher(33, r + 16d - 1, 0, new root); 16d hasher rows.
    Errors: d > 64 or i >= 2^d: AdviceError.InvalidMerkleTreeNodeIndex; path unknown:
        AdviceError.MerkleStoreUpdateFailed (both with clk); wrong old root: MerklePathVerificationFailed; d = 0 and
        V = R: EmptyMerklePath.
    """
    old, depth, index = machine.word(0), machine.stack[4], machine.stack[5]
    root, new = machine.word(6), machine.word(10)
    check_node_index(depth, index, machine.clk)
    path = machine.host.merkle_update(root, depth, index, new, machine.clk)
    if depth == 0:
        raise _refuse_empty_path(old, root)
    address, computed, new_root = machine.hasher.merkle_update(old, new, path, index)
    if computed != root:
        raise _refuse_path(old, index, root, 0)
    machine.set_word(0, new_root)
    return address, 0, 0, 0, 0, 0


def logprecompile(machine: Machine, _immediate: int) -> Helpers:
    """LOGPRECOMPILE: absorb a commitment into the transcript.

    Operands: COMM = W(0), TAG = W(4), CAP = the transcript state; s8..s11 are overwritten.
    Effect: out = RPO(CAP, TAG, COMM); s(11-i)' = out[i]; the transcript state becomes out[0..3]; none from 12.
    Helpers: hlp0 = r, hlp1..4 = CAP.
    Lookups: hasher(19, r, 0, state), hasher(41, r + 7, 0, out), transcript CAP out and new CAP in; 8 hasher rows.
    Errors: none.
    """
    stack = machine.stack
    previous = machine.transcript_state
    address, out = machine.hasher.permute((*previous, *stack[7::-1]))
    stack[:12] = out[::-1]
    machine.transcript_state = (out[0], out[1], out[2], out[3])
    return address, *previous, 0
