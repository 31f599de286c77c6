"""The compiled rebuild of one fragment: generated from the step texts.

Rows are made one at a time in a row-major tile of 64 rows, which stays in the first cache level, and leave it as whole
cache lines by 8 x 8 transposes. Tiles are aligned to absolute rows, so that lines are; where a fragment begins or ends
inside a group of 8 rows its rows are stored word by word, because the line belongs to two fragments.
"""

from __future__ import annotations

from parallel.fragment_control import CONTROL_STEPS
from parallel.fragment_macros import H0, HELPER, MACROS
from parallel.fragment_steps import block_step_codes
from parallel.recording import (
    ACCESS_READ,
    ACCESS_WORD,
    IS_CALL,
    IS_LOOP,
    IS_LOOP_BODY,
    IS_SYSCALL,
    LOOP_ENTERED,
)
from parallel.rows import END, END_CALL, END_LOOP, END_SYSCALL, ENTER_FOREST, ENTER_FOREST_PC, EXTERNAL, REPEAT, RESPAN
from parallel.source import dispatch
from reference.definition.columns import COLUMN, CORE_WIDTH
from reference.definition.isa import opcode

TILE_ROWS = 64
TILE_PITCH = 56
"""Words from one row of the tile to the next: 49 cells, and a multiple of 8."""

SCRATCH_WORDS = TILE_ROWS * TILE_PITCH + 8
INVERSES = 8192
"""Depths up to this many items beyond 16 find the inverse of depth - 16 in a table; deeper ones are inverted."""

TABLES = (
    "kind", "immediate", "first_target", "second_target", "node", "template", "digests", "hasher_rows",
    "first_permutation", "permutation_count", "inverses",
)  # fmt: skip
QUEUE_ARRAYS = (
    "snapshots", "ends", "pops", "restores", "accesses", "advice", "words", "targets", "continuation_pool",
)  # fmt: skip
PLACE = ("out", "stride", "hasher_start", "bitwise_start", "own_core", "own_rows", "first_row")
"""Where to write: see :class:`parallel.fragments.Place`."""
SCRATCH = ("counts", "touched", "tile", "stack", "pend", "pend_cell", "scratch", "item", "folded", "word")

_HEADER = '''"""Generated from parallel/fragment_steps.py by parallel/fragment_source.py; changes belong there."""

import numpy as np

from parallel.chiplet_rows import MP_VERIFY, MR_NEW, MR_OLD, bitwise_rows, merkle_rows, node_rows, permutation_rows
from parallel.circuit import circuit_rows
from parallel.extension import extension_multiply, fri_fold, horner_base, horner_extension
from parallel.field import ONE, ZERO, add, inverse_or_zero, invert_all, multiply, subtract
from parallel.jit import jit
from parallel.lines import copy_line, copy_words, transpose_to_lines
from parallel.merkle import is_path

U32_MAX = np.uint64(2**32 - 1)
U16_MAX = np.uint64(2**16 - 1)
S6 = np.uint64(6)
S32 = np.uint64(32)
S63 = np.uint64(63)
WORD_MASK = np.uint64(2**64 - 4)
FRAME_POINTER_WORD = np.uint64(2**32 - 4)
FRAME_POINTER_START = np.uint64(2**31)
COUNT_ONE = np.uint32(1)
TOUCHED = np.uint8(1)
'''

_PROLOGUE = """
snapshot = snapshots[fragment_index]
pc = snapshot.pc
clk = snapshot.clk
ctx = snapshot.ctx
depth = snapshot.depth
overflow_addr = snapshot.overflow_addr
current_addr = snapshot.current_addr
parent_addr = snapshot.parent_addr
hasher_addr = snapshot.hasher_addr
n_ends = snapshot.ends
n_pops = snapshot.pops
n_restores = snapshot.restores
n_accesses = snapshot.accesses
n_advice = snapshot.advice
n_permutations = snapshot.permutations
n_targets = snapshot.targets
n_bitwise = snapshot.bitwise
n_frames = snapshot.continuation_count
limit = carry[fragment_index]
ends_end = limit.ends
pops_end = limit.pops
restores_end = limit.restores
accesses_end = limit.accesses
advice_end = limit.advice
permutations_end = limit.permutations
targets_end = limit.targets
bitwise_end = limit.bitwise
hasher_end = limit.hasher_addr - 1
row_end = limit.clk
fn_hash = np.empty(4, np.uint64)
transcript = np.empty(4, np.uint64)
for i in range(4):
    fn_hash[i] = snapshot.fn_hash[i]
    transcript[i] = snapshot.transcript_state[i]
continuations = np.empty(max(64, n_frames + 16), np.int64)
for i in range(n_frames):
    continuations[i] = continuation_pool[snapshot.continuations + i]
t = TOP
for i in range(16):
    stack[t + i] = snapshot.stack[i]
error = 0
loop_entered = -1
"""

_TILE_START = """
while clk < row_end and error == 0:
    if t != TOP:
        if t < TOP:
            for i in range(15, -1, -1):
                stack[TOP + i] = stack[t + i]
        else:
            for i in range(16):
                stack[TOP + i] = stack[t + i]
        t = TOP
    tile_row = clk & ~(TILE_ROWS - 1)
    first = clk - tile_row
    last = min(TILE_ROWS, row_end - tile_row)
    n_pend = 0
    r = first
    while r < last:
        if kind[pc] == EXTERNAL:
            pc, n_frames, continuations = resolve(pc, n_frames, continuations, kind, first_target)
            if pc < 0:
                error = 12
                break
        o = r * TILE_PITCH
        tile[o] = np.uint64(clk)
        tile[o + 1] = np.uint64(ctx)
        for i in range(4):
            tile[o + 2 + i] = fn_hash[i]
        copy_words(tile, o + 6, template, pc * 24)
        copy_words(tile, o + 14, template, pc * 24 + 8)
        copy_words(tile, o + 22, template, pc * 24 + 16)
        tile[o + ADDR] = np.uint64(current_addr)
        copy_words(tile, o + ITEM_0, stack, t)
        copy_words(tile, o + ITEM_0 + 8, stack, t + 8)
        tile[o + ITEM_0 + 16] = np.uint64(depth)
        tile[o + ITEM_0 + 17] = np.uint64(overflow_addr)
        if depth - 16 < INVERSES:
            tile[o + ITEM_0 + 18] = inverses[depth - 16]
        else:
            pend[n_pend] = np.uint64(depth - 16)
            pend_cell[n_pend] = o + ITEM_0 + 18
            n_pend += 1
        next_pc = pc + 1
        code = kind[pc]
        if tile[o + IN_SPAN] == ONE:
            tile[o + H0 + 1] = np.uint64(parent_addr)
"""

_TILE_END = """
        clk += 1
        r += 1
        pc = next_pc
        if pc < 0:
            if clk != row_end:
                error = 11
            break
    if error:
        break
    invert_all(pend, n_pend, scratch)
    for i in range(n_pend):
        tile[pend_cell[i]] = pend[i]
    if own_core:
        store_tile(tile, first, last, out, tile_row - first_row, stride, scratch)
"""

_EPILOGUE = """
if error == 0 and pc >= 0 and kind[pc] == EXTERNAL:
    pc, n_frames, continuations = resolve(pc, n_frames, continuations, kind, first_target)
limit.pc = pc
limit.clk = clk
limit.ctx = ctx
limit.depth = depth
limit.overflow_addr = overflow_addr
limit.current_addr = current_addr
limit.parent_addr = parent_addr
limit.hasher_addr = hasher_addr
for i in range(4):
    limit.fn_hash[i] = fn_hash[i]
    limit.transcript_state[i] = transcript[i]
for i in range(16):
    limit.stack[i] = stack[t + i]
limit.ends = n_ends
limit.pops = n_pops
limit.restores = n_restores
limit.accesses = n_accesses
limit.advice = n_advice
limit.permutations = n_permutations
limit.targets = n_targets
limit.bitwise = n_bitwise
limit.continuation_count = n_frames
limit.continuations = continuation_hash(continuations, n_frames)
return error, clk
"""

_FUNCTIONS = '''

@jit
def grown(old):
    """Twice as many places for continuations."""
    new = np.empty(2 * old.shape[0] + 16, np.int64)
    new[: old.shape[0]] = old
    return new


@jit
def pop_continuation(continuations, n_frames, kind):
    while n_frames > 0:
        n_frames -= 1
        pc = continuations[n_frames]
        if kind[pc] < FIRST_ROWLESS:
            return n_frames, pc
    return 0, -1


@jit
def continuation_hash(continuations, n_frames):
    """A number that tells two continuation stacks apart; compared between a fragment's end and the next one's start."""
    value = n_frames
    for i in range(n_frames):
        value = (value * 1000003) ^ continuations[i]
    return value


@jit
def resolve(pc, n_frames, continuations, kind, first_target):
    """First row of the procedure an external node stands for; -1 when there is none."""
    target = first_target[pc]
    if target < 0 or kind[target] == EXTERNAL:
        return -1, n_frames, continuations
    if n_frames + 4 > continuations.shape[0]:
        continuations = grown(continuations)
    continuations[n_frames] = pc + 1
    continuations[n_frames + 1] = ENTER_FOREST_PC
    return target, n_frames + 2, continuations


@jit
def store_tile(tile, first, last, out, row, stride, scratch):
    """Rows first .. last - 1 of the tile to the core columns; row: place of the tile's row 0 in the buffer."""
    group_start = (first + 7) & ~7
    group_end = last & ~7
    if group_start < group_end and (row & 7) == 0:
        for g in range(6):
            for r in range(group_start, group_end, 8):
                transpose_to_lines(tile, r * TILE_PITCH + g * 8, TILE_PITCH, out, g * 8 * stride + row + r, stride)
        for r in range(group_start, group_end, 8):
            for i in range(8):
                scratch[i] = tile[(r + i) * TILE_PITCH + LAST_COLUMN]
            copy_line(out, LAST_COLUMN * stride + row + r, scratch, 0)
    else:
        group_start = last
        group_end = last
    for r in range(first, min(group_start, last)):
        for column in range(CORE_WIDTH):
            out[column * stride + row + r] = tile[r * TILE_PITCH + column]
    for r in range(max(group_end, group_start), last):
        for column in range(CORE_WIDTH):
            out[column * stride + row + r] = tile[r * TILE_PITCH + column]

'''


def _constants() -> list[str]:
    values = {
        "TILE_ROWS": TILE_ROWS,
        "TILE_PITCH": TILE_PITCH,
        "TOP": 112,
        "CORE_WIDTH": CORE_WIDTH,
        "LAST_COLUMN": CORE_WIDTH - 1,
        "ADDR": COLUMN["dec_addr"],
        "ITEM_0": COLUMN["stack_0"],
        "IN_SPAN": COLUMN["dec_in_span"],
        "H0": H0,
        "HELPER": HELPER,
        "INVERSES": INVERSES,
        "EXTERNAL": EXTERNAL,
        "ENTER_FOREST_PC": ENTER_FOREST_PC,
        "FIRST_ROWLESS": ENTER_FOREST,
        "REPEAT": REPEAT,
        "IS_LOOP_BODY": IS_LOOP_BODY,
        "IS_LOOP": IS_LOOP,
        "LOOP_ENTERED": LOOP_ENTERED,
        "IS_CALL": IS_CALL,
        "IS_SYSCALL": IS_SYSCALL,
        "WORD_READ": ACCESS_READ | ACCESS_WORD,
        "WORD_WRITE": ACCESS_WORD,
    }
    return [f"{name} = {value}" for name, value in values.items()]


def _steps() -> dict[int, str]:
    ends = {"END": END, "END_LOOP": END_LOOP, "END_CALL": END_CALL, "END_SYSCALL": END_SYSCALL}
    others = {"REPEAT": REPEAT, "RESPAN": RESPAN}
    control = {ends.get(name) or others.get(name) or opcode(name): text for name, text in CONTROL_STEPS.items()}
    return {**block_step_codes(), **control}


def fragment_arguments() -> tuple[str, ...]:
    """Names of the arguments of the generated function, in order."""
    return ("fragment_index", "carry", *TABLES, *QUEUE_ARRAYS, *PLACE, *SCRATCH)


def fragment_text() -> str:
    """The generated module."""
    lines = [_HEADER, *_constants(), *_FUNCTIONS.splitlines(), "@jit"]
    lines.append(f"def fragment({', '.join(fragment_arguments())}):")
    lines += ["    " + line for line in _PROLOGUE.strip("\n").splitlines()]
    lines += ["    " + line for line in _TILE_START.strip("\n").splitlines()]
    lines += dispatch(_steps(), MACROS, "code", 3)
    lines += ["            else:", "                error = 12", "                break"]
    lines += ["    " + line for line in _TILE_END.strip("\n").splitlines()]
    lines += ["    " + line for line in _EPILOGUE.strip("\n").splitlines()]
    return "\n".join(lines) + "\n"
