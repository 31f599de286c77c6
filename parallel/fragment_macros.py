"""What the builder's steps have in common: macros (see :mod:`parallel.source`), and what a rebuild can run out of."""

from __future__ import annotations

from reference.definition.columns import COLUMN

HELPER = COLUMN["dec_h2"]
H0 = COLUMN["dec_h0"]

QUEUE_ERRORS: tuple[str, ...] = (
    "",
    "ends",
    "pops",
    "restores",
    "accesses",
    "advice",
    "permutations",
    "targets",
    "hasher rows",
    "bitwise rows",
    "continuations",
    "program ended",
    "no such procedure",
    "value out of range",
    "accesses",
    "ends",
    "permutations",
    "targets",
    "pops",
)
"""What a fragment's rebuild ran out of (1 to 10), or found inconsistent; index is the error code."""

MACROS: dict[str, str] = {
    "STOP": "error = $1\nbreak",
    "RIGHT": "t -= 1\ndepth += 1\noverflow_addr = clk",
    "LEFT": """
t += 1
if depth > 16:
    if n_pops >= pops_end:
        STOP(2)
    depth -= 1
    stack[t + 15] = pops[n_pops].value
    # What was pushed before was pushed at an earlier clk, and nothing was where nothing is left.
    if pops[n_pops].overflow_addr >= overflow_addr or (pops[n_pops].overflow_addr == 0) != (depth == 16):
        STOP(18)
    overflow_addr = pops[n_pops].overflow_addr
    n_pops += 1
else:
    stack[t + 15] = ZERO
    overflow_addr = 0
""",
    "TAKE_ACCESSES": "if n_accesses + $1 > accesses_end:\n    STOP(4)\nn_accesses += $1",
    "TAKE_ADVICE": "if n_advice + $1 > advice_end:\n    STOP(5)\nn_advice += $1",
    "PEND": """
if $1 != ZERO:
    pend[n_pend] = $1
    pend_cell[n_pend] = o + $2
    n_pend += 1
""",
    # Four 16-bit limbs of a 64-bit value: low half first.
    "LIMBS": """
for i in range(4):
    limb = (value >> np.uint64(16 * i)) & U16_MAX
    counts[limb] += COUNT_ONE
    touched[limb >> S6] = TOUCHED
    tile[o + HELPER + i] = limb
""",
    "INVERSE_OF_HIGH": "other = U32_MAX - (value >> S32)\nPEND(other, HELPER + 4)",
    "START": """
if own_rows:
    if hasher_addr - 1 + 8 * permutation_count[node[pc]] > hasher_end:
        STOP(8)
    i = hasher_start + hasher_addr - 1
    node_rows(out, stride, i, hasher_rows, first_permutation[node[pc]], permutation_count[node[pc]])
parent_addr = current_addr
current_addr = hasher_addr
hasher_addr += 8 * permutation_count[node[pc]]
""",
    "FRAME": """
if n_frames + 4 > continuations.shape[0]:
    continuations = grown(continuations)
continuations[n_frames] = $1
n_frames += 1
""",
    # $1: the flags that this kind of END has; $2: those that it may have besides.
    "FINISH_BLOCK": """
if n_ends >= ends_end:
    STOP(1)
flags = ends[n_ends].node_flags
if flags & ~(IS_LOOP_BODY | $2) != $1 or ends[n_ends].current_addr != parent_addr:
    STOP(15)
tile[o + H0 + 4] = np.uint64(flags & 1)
tile[o + H0 + 5] = np.uint64((flags >> 2) & 1)
tile[o + H0 + 6] = np.uint64((flags >> 3) & 1)
tile[o + H0 + 7] = np.uint64((flags >> 4) & 1)
current_addr = ends[n_ends].current_addr
parent_addr = ends[n_ends].parent_addr
n_ends += 1
""",
    "CONTINUE": """
n_frames, next_pc = pop_continuation(continuations, n_frames, kind)
is_body = next_pc >= 0 and kind[next_pc] == REPEAT
if is_body != (flags & IS_LOOP_BODY != 0):
    STOP(15)
if is_body and stack[t] == ZERO:
    next_pc += 1
    loop_entered = LOOP_ENTERED
""",
    "CALLEE": "depth = 16\noverflow_addr = 0",
    "PERMUTATIONS": """
if n_permutations + $1 > permutations_end:
    STOP(6)
if hasher_addr - 1 + 8 * ($1) > hasher_end:
    STOP(8)
""",
    # The access $1 places before the end of those taken: key from address $2 in context $3, and kind $4.
    "IS_ACCESS": """
entry = accesses[n_accesses - $1]
if entry.key != (np.uint64($3) << S32) | (($2) & WORD_MASK) or entry.clk != clk or entry.kind != $4:
    STOP(14)
""",
    # $1: address
    "READ_WORD": """
TAKE_ACCESSES(1)
IS_ACCESS(1, $1, ctx, WORD_READ)
for i in range(4):
    word[i] = entry.word[i]
""",
    "NEW_FRAME_POINTER": """
TAKE_ACCESSES(1)
IS_ACCESS(1, FRAME_POINTER_WORD, clk + 1, 8)
if entry.word[2] != FRAME_POINTER_START:
    STOP(14)
ctx = clk + 1
""",
    "ITEMS": "for i in range(16):\n    item[i] = stack[t + i]",
}
