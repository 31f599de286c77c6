"""The checks of :mod:`parallel.validation` on snapshots: compiled, and safe on any bytes of the right types.

An index is compared with its bounds before it is used; nothing is written but the answer (see
:mod:`parallel.validation_answers`).
"""

from __future__ import annotations

from typing import Any

from parallel.field import P
from parallel.jit import jit
from parallel.rows import END, END_CALL, END_SYSCALL, ENTER_FOREST_PC, EXTERNAL, FINISH_EXTERNAL, REPEAT, TAGS
from parallel.validation_answers import (
    BITWISE,
    CLK,
    CONTINUATION_COUNT,
    CONTINUATIONS,
    CTX,
    CURRENT,
    DEPTH,
    ENDS,
    FN_HASH,
    HASHER,
    MAX_CTX,
    NEVER_WAITS,
    NO_ADDRESS,
    NO_COUNT,
    NO_ROW,
    NOT_ABOVE,
    NOT_ASCENDING,
    NOT_CANONICAL,
    NOT_THE_DEPTH,
    NOT_THE_POSITION,
    NOT_THE_START,
    NOT_TO_POSITION,
    OK,
    OVERFLOW,
    PARENT,
    PAST_END,
    PC,
    RANGE,
    STACK,
    TOO_MANY,
    TRANSCRIPT,
    fits_depth,
    is_block_address,
)
from reference.definition.isa import opcode

_START_TAG = TAGS.index("start")
_JOIN, _SPLIT = opcode("JOIN"), opcode("SPLIT")
_CALL, _SYSCALL, _DYN, _DYNCALL = opcode("CALL"), opcode("SYSCALL"), opcode("DYN"), opcode("DYNCALL")


@jit
def _check_chain(
    pc: Any, pool: Any, first: Any, count: Any, kind: Any, tag: Any, node: Any, first_target: Any, second_target: Any,
    forest: Any, is_root: Any, entry: Any,
) -> Any:  # fmt: skip
    """Whether a continuation stack leads from the program's entry to the node at ``pc``; returns a reason.

    Walks from the top down. ``done`` is the node that is complete when everything above has run, so it has to be the child
    that the entry below waits for; ``crossed`` says that the entry above was the way back to a forest.
    """
    rows = kind.shape[0]
    done = node[pc]
    crossed = False
    at = first + count - 1
    while at >= first:
        waiting = pool[at]
        at -= 1
        if waiting < 1 or waiting >= rows:
            return RANGE
        code = kind[waiting]
        if waiting == ENTER_FOREST_PC:
            if crossed:
                return NOT_ABOVE
            crossed = True
            continue
        if code == FINISH_EXTERNAL:
            target = first_target[waiting - 1]
            if not crossed or target < 0 or node[target] != done:
                return NOT_TO_POSITION
            crossed = False
            done = node[waiting]
            continue
        if tag[waiting] == _START_TAG:
            # The second child of a JOIN, whose END lies right below.
            if crossed or at < first:
                return NOT_ABOVE
            join = pool[at] - 1
            at -= 1
            if join < 1 or join >= rows - 1 or kind[join] != _JOIN or kind[join + 1] != END:
                return NOT_ABOVE
            if second_target[join] != waiting or node[first_target[join]] != done:
                return NOT_TO_POSITION
            done = node[join]
            continue
        if code == REPEAT:
            fits = not crossed and node[first_target[waiting]] == done
        elif code in (END, END_CALL, END_SYSCALL):
            start = waiting - 1
            opener = kind[start]
            if opener == _JOIN:
                fits = not crossed and node[second_target[start]] == done
            elif opener == _SPLIT:
                fits = not crossed and (node[first_target[start]] == done or node[second_target[start]] == done)
            elif opener in (_CALL, _SYSCALL):
                fits = not crossed and node[first_target[start]] == done
            elif opener in (_DYN, _DYNCALL):
                fits = is_root[done] != 0 and crossed == (forest[done] != forest[node[start]])
                crossed = False
            else:
                return NEVER_WAITS
        else:
            return NEVER_WAITS
        if not fits:
            return NOT_TO_POSITION
        done = node[waiting]
    if crossed or done != node[entry]:
        return NOT_TO_POSITION
    return OK


@jit
def check_snapshots(
    snapshots: Any, pool: Any, ends: Any, totals: Any, from_start: Any, kind: Any, tag: Any, node: Any,
    first_target: Any, second_target: Any, forest: Any, is_root: Any, entry: Any,
) -> Any:  # fmt: skip
    """(fragment, field, reason) of the first snapshot that cannot be one.

    ends: what clk, hasher address, and bitwise requests are at the end of the last fragment. totals: length of ends, pops,
    restores, accesses, advice, permutations, targets, continuations. from_start: whether fragment 0 begins the program.
    """
    total = snapshots.shape[0]
    rows = kind.shape[0]
    pool_place = 0
    for f in range(total):
        now = snapshots[f]
        if now.pc < 1 or now.pc >= rows:
            return f, PC, RANGE
        code = kind[now.pc]
        if code >= EXTERNAL or now.pc == 0:
            return f, PC, NO_ROW
        # Bounds that do not need the neighbour.
        for i in range(4):
            if now.fn_hash[i] >= P:
                return f, FN_HASH, NOT_CANONICAL
            if now.transcript_state[i] >= P:
                return f, TRANSCRIPT, NOT_CANONICAL
        for i in range(16):
            if now.stack[i] >= P:
                return f, STACK, NOT_CANONICAL
        if now.clk < 0 or now.clk >= ends[0]:
            return f, CLK, RANGE
        if now.ctx < 0 or now.ctx >= MAX_CTX or now.ctx > now.clk:
            return f, CTX, RANGE
        if now.depth < 16 or now.depth > 16 + now.clk:
            return f, DEPTH, RANGE
        if not fits_depth(now.depth, now.overflow_addr, now.clk):
            return f, OVERFLOW, NOT_THE_DEPTH
        if now.hasher_addr < 1 or now.hasher_addr > ends[1] or (now.hasher_addr & 7) != 1:
            return f, HASHER, RANGE
        if not is_block_address(now.current_addr, now.hasher_addr):
            return f, CURRENT, NO_ADDRESS
        if not is_block_address(now.parent_addr, now.hasher_addr):
            return f, PARENT, NO_ADDRESS
        if now.parent_addr > 0 and now.parent_addr >= now.current_addr:
            return f, PARENT, NO_ADDRESS
        if now.bitwise < 0 or now.bitwise > ends[2]:
            return f, BITWISE, RANGE
        # Offsets: from 0 or from the snapshot before, never past the end.
        before = snapshots[max(0, f - 1)]
        if f > 0:
            if now.clk <= before.clk:
                return f, CLK, NOT_ASCENDING
            if now.hasher_addr < before.hasher_addr:
                return f, HASHER, NOT_ASCENDING
            if now.bitwise < before.bitwise:
                return f, BITWISE, NOT_ASCENDING
            if now.bitwise - before.bitwise > now.clk - before.clk:
                return f, BITWISE, TOO_MANY
        offsets = (now.ends, now.pops, now.restores, now.accesses, now.advice, now.permutations, now.targets)
        earlier = (
            before.ends, before.pops, before.restores, before.accesses, before.advice, before.permutations,
            before.targets,
        )  # fmt: skip
        for queue in range(7):
            if offsets[queue] < (earlier[queue] if f > 0 else 0):
                return f, ENDS + queue, NOT_ASCENDING
            if f == 0 and offsets[queue] != 0:
                return f, ENDS + queue, NOT_THE_START
            if offsets[queue] > totals[queue]:
                return f, ENDS + queue, PAST_END
        if now.continuations != pool_place:
            return f, CONTINUATIONS, NOT_ASCENDING
        if now.continuation_count < 0 or now.continuation_count > totals[7] - pool_place:
            return f, CONTINUATION_COUNT, PAST_END
        pool_place += now.continuation_count
        if f == total - 1 and pool_place != totals[7]:
            return f, CONTINUATION_COUNT, NO_COUNT
        reason = _check_chain(
            now.pc, pool, now.continuations, now.continuation_count, kind, tag, node, first_target, second_target,
            forest, is_root, entry,
        )  # fmt: skip
        if reason != OK:
            return f, CONTINUATIONS, reason
        if tag[now.pc] != _START_TAG and now.current_addr == 0:
            return f, CURRENT, NOT_THE_POSITION
        if f == 0 and from_start:
            if now.clk != 0:
                return f, CLK, NOT_THE_START
            if tag[now.pc] != _START_TAG:
                return f, PC, NOT_THE_START
            if now.hasher_addr != 1:
                return f, HASHER, NOT_THE_START
            if now.bitwise != 0:
                return f, BITWISE, NOT_THE_START
            for i in range(4):
                if now.fn_hash[i] != 0:
                    return f, FN_HASH, NOT_THE_START
                if now.transcript_state[i] != 0:
                    return f, TRANSCRIPT, NOT_THE_START
            # A JOIN's START or END on the stack would mean that rows came before; externals have none.
            for i in range(now.continuation_count):
                if pool[i] != ENTER_FOREST_PC and kind[pool[i]] != FINISH_EXTERNAL:
                    return f, CONTINUATIONS, NOT_THE_START
    return -1, 0, OK
