"""The checks of :mod:`parallel.validation` on queue entries: compiled, and safe on any bytes of the right types.

They need sound snapshots (:mod:`parallel.validation_snapshots`); what they answer is in :mod:`parallel.validation_answers`.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from parallel.field import P
from parallel.jit import jit, jit_parallel
from parallel.recording import (
    ACCESS_READ,
    ACCESS_WORD,
    IS_CALL,
    IS_LOOP,
    IS_LOOP_BODY,
    IS_SYSCALL,
    LOOP_ENTERED,
)
from parallel.rows import EXTERNAL, TAGS
from parallel.validation_answers import (
    ACCESS_CLK,
    ACCESS_KEY,
    ACCESS_KIND,
    ACCESS_VALUES,
    ACE,
    END_CURRENT,
    END_FLAGS,
    END_PARENT,
    FOREIGN_ROW,
    MAX_CTX,
    NO_ADDRESS,
    NO_COUNT,
    NO_MATCH,
    NO_PROCEDURE,
    NO_SUCH_FLAGS,
    NO_SUCH_KIND,
    NOT_CANONICAL,
    NOT_THE_DEPTH,
    OK,
    OUT_OF_ORDER,
    POP_OVERFLOW,
    POP_VALUE,
    RANGE,
    RESTORE_CTX,
    RESTORE_DEPTH,
    RESTORE_HASH,
    RESTORE_OVERFLOW,
    TARGET_ENTERS,
    TARGET_PC,
    fits_depth,
    is_block_address,
)

_START_TAG = TAGS.index("start")
_MOST_PLAIN_ACCESSES = 2
_S32 = np.uint64(32)
_THREE = np.uint64(3)
_U32_MAX = np.uint64(2**32 - 1)


@jit
def not_canonical(values: Any) -> Any:
    """Index of the first value of a flat array that is not below the modulus, -1 when all are."""
    count = values.shape[0]
    block = 0
    while block < count:
        last = min(block + 4096, count)
        bad = False
        for i in range(block, last):
            bad |= values[i] >= P
        if bad:
            for i in range(block, last):
                if values[i] >= P:
                    return i
        block = last
    return -1


CHUNK = 2**16
"""Values per task: half a megabyte, so that a long queue is read by all threads."""


@jit_parallel
def _first_of_chunks(values: Any, found: Any) -> None:
    for chunk in numba.prange(found.shape[0]):
        first = np.int64(chunk) * CHUNK
        at = not_canonical(values[first : min(values.shape[0], first + CHUNK)])
        found[chunk] = at + first if at >= 0 else -1


def first_not_canonical(values: NDArray[np.uint64]) -> int:
    """:func:`not_canonical`, by all threads when the array is long."""
    if values.size < 4 * CHUNK:
        return int(not_canonical(values))
    found = np.empty(-(-values.size // CHUNK), np.int64)
    _first_of_chunks(values, found)
    return int(next((at for at in found if at >= 0), -1))


@jit
def _flags_fit(flags: Any) -> Any:
    own = flags & ~IS_LOOP_BODY
    return own in (0, IS_LOOP, IS_LOOP | LOOP_ENTERED, IS_CALL, IS_SYSCALL)


@jit
def check_queues(
    snapshots: Any, ends: Any, pops: Any, restores: Any, accesses: Any, targets: Any, ace: Any, clk_end: Any,
    hasher_end: Any, kind: Any, node: Any, tag: Any, is_root: Any,
) -> Any:  # fmt: skip
    """(entry, field, reason) of the first queue entry that no row can have made; needs sound snapshots."""
    rows = kind.shape[0]
    for i in range(ends.shape[0]):
        end = ends[i]
        if end.node_flags < 0 or not _flags_fit(end.node_flags):
            return i, END_FLAGS, NO_SUCH_FLAGS
        if not is_block_address(end.current_addr, hasher_end):
            return i, END_CURRENT, NO_ADDRESS
        if not is_block_address(end.parent_addr, hasher_end):
            return i, END_PARENT, NO_ADDRESS
        if end.parent_addr > 0 and end.parent_addr >= end.current_addr:
            return i, END_PARENT, NO_ADDRESS
    for i in range(pops.shape[0]):
        if pops[i].value >= P:
            return i, POP_VALUE, NOT_CANONICAL
        if pops[i].overflow_addr < 0 or pops[i].overflow_addr >= clk_end:
            return i, POP_OVERFLOW, RANGE
    for i in range(restores.shape[0]):
        back = restores[i]
        if back.ctx < 0 or back.ctx >= MAX_CTX or back.ctx > clk_end:
            return i, RESTORE_CTX, RANGE
        for j in range(4):
            if back.fn_hash[j] >= P:
                return i, RESTORE_HASH, NOT_CANONICAL
        if back.depth < 16 or back.depth > 16 + clk_end:
            return i, RESTORE_DEPTH, RANGE
        if not fits_depth(back.depth, back.overflow_addr, clk_end):
            return i, RESTORE_OVERFLOW, NOT_THE_DEPTH
    for i in range(targets.shape[0]):
        pc = targets[i].pc
        if pc < 1 or pc >= rows or tag[pc] != _START_TAG or kind[pc] > EXTERNAL or is_root[node[pc]] == 0:
            return i, TARGET_PC, NO_PROCEDURE
        if targets[i].enters_forest != 0 and targets[i].enters_forest != 1:
            return i, TARGET_ENTERS, RANGE
    return _check_accesses(snapshots, accesses, ace, clk_end)


@jit
def _check_accesses(snapshots: Any, accesses: Any, ace: Any, clk_end: Any) -> Any:
    """Accesses in the order of their rows; those of EVALCIRCUIT, the only row with more than two, with their ACE rows."""
    total = snapshots.shape[0]
    f = 0
    ace_rows = 0
    begun = 0
    for i in range(accesses.shape[0]):
        access = accesses[i]
        while f + 1 < total and snapshots[f + 1].accesses <= i:
            f += 1
        row_end = snapshots[f + 1].clk if f + 1 < total else clk_end
        if access.clk < snapshots[f].clk or access.clk >= row_end:
            return i, ACCESS_CLK, FOREIGN_ROW
        if i > 0 and access.clk < accesses[i - 1].clk:
            return i, ACCESS_CLK, OUT_OF_ORDER
        if access.kind < 0 or access.kind > 15 or (access.kind & ACCESS_WORD and access.kind > 3):
            return i, ACCESS_KIND, NO_SUCH_KIND
        # The context of an access is that of its row, or the one that a CALL of this row opens.
        if access.key & _THREE or access.key >> _S32 > np.uint64(access.clk + 1):
            return i, ACCESS_KEY, RANGE
        for j in range(4):
            if access.word[j] >= P:
                return i, ACCESS_VALUES, NOT_CANONICAL
        if i == accesses.shape[0] - 1 or accesses[i + 1].clk != access.clk:
            is_circuit = ace_rows < ace.shape[0] and ace[ace_rows, 4] == np.uint64(access.clk)
            if not is_circuit and i + 1 - begun > _MOST_PLAIN_ACCESSES:
                return i, ACE, NO_COUNT
            if is_circuit:
                for j in range(begun, i + 1):
                    if ace_rows >= ace.shape[0]:
                        return j, ACE, NO_COUNT
                    if not _is_row_of(ace[ace_rows], accesses[j]):
                        return j, ACE, NO_MATCH
                    ace_rows += 1
            begun = i + 1
    if ace_rows != ace.shape[0]:
        return accesses.shape[0], ACE, NO_COUNT
    return -1, 0, OK


@jit
def _is_row_of(cells: Any, access: Any) -> Any:
    """Whether an ACE row (16 words) shows this access: a word read or, in the second section, an instruction read."""
    for i in range(16):
        if cells[i] >= P:
            return False
    element = np.uint64(access.kind >> 2)
    if cells[0] > np.uint64(1) or not access.kind & ACCESS_READ:
        return False
    if (cells[1] == 0) != (access.kind & ACCESS_WORD != 0):
        return False
    if access.kind & ACCESS_WORD:
        for i in range(2):
            if cells[7 + i] != access.word[i] or cells[10 + i] != access.word[2 + i]:
                return False
    if cells[2] != access.key >> _S32 or cells[3] != (access.key & _U32_MAX) + element:
        return False
    return cells[4] == np.uint64(access.clk)


@jit
def check_memory(order: Any, accesses: Any) -> Any:
    """Index of the first access, in ``order`` by (context, address), that does not follow from the one before it; or -1.

    A read gives back what was there, zeros at first; a write of an element leaves the other three.
    """
    for i in range(order.shape[0]):
        access = accesses[order[i]]
        is_first = i == 0 or accesses[order[i - 1]].key != access.key
        if access.kind & ACCESS_WORD and not access.kind & ACCESS_READ:
            continue
        kept = 4 if access.kind & ACCESS_READ else access.kind >> 2
        for j in range(4):
            before = np.uint64(0) if is_first else accesses[order[i - 1]].word[j]
            if j != kept and access.word[j] != before:
                return order[i]
    return -1
