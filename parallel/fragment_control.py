"""The builder's control rows as step text: starts, REPEAT, RESPAN and ENDs (spec 07, section 7).

Names as in :mod:`parallel.fragment_steps`; what the executor learned from the block stack comes from the queues.
"""

from __future__ import annotations

_CALL_RETURN = """
FINISH_BLOCK({flags}, 0)
if n_restores >= restores_end:
    STOP(3)
ctx = restores[n_restores].ctx
for i in range(4):
    fn_hash[i] = restores[n_restores].fn_hash[i]
depth = restores[n_restores].depth
overflow_addr = restores[n_restores].overflow_addr
n_restores += 1
if depth < 16:
    STOP(13)
CONTINUE
"""

_DYNAMIC = """
READ_WORD(stack[t])
for i in range(4):
    tile[o + H0 + i] = word[i]
if n_targets >= targets_end:
    STOP(7)
START
FRAME(pc + 1)
next_pc = targets[n_targets].pc
if next_pc < 0 or next_pc >= kind.shape[0]:
    STOP(12)
for i in range(4):
    if digests[node[next_pc], i] != word[i]:
        error = 17
if error:
    break
if targets[n_targets].enters_forest:
    FRAME(ENTER_FOREST_PC)
n_targets += 1
LEFT
"""

CONTROL_STEPS: dict[str, str] = {
    "JOIN": "START\nFRAME(pc + 1)\nFRAME(second_target[pc])\nnext_pc = first_target[pc]",
    "SPLIT": "START\nFRAME(pc + 1)\nnext_pc = first_target[pc] if stack[t] == ONE else second_target[pc]\nLEFT",
    "LOOP": """
START
if stack[t] == ONE:
    FRAME(pc + 1)
    next_pc = first_target[pc]
else:
    next_pc = pc + 2
    loop_entered = 0
LEFT
""",
    "REPEAT": "FRAME(pc)\nnext_pc = first_target[pc]\nLEFT",
    "CALL": """
START
FRAME(pc + 1)
next_pc = first_target[pc]
CALLEE
NEW_FRAME_POINTER
for i in range(4):
    fn_hash[i] = digests[second_target[pc], i]
""",
    "SYSCALL": "START\nFRAME(pc + 1)\nnext_pc = first_target[pc]\nCALLEE\nctx = 0",
    "DYN": _DYNAMIC,
    "DYNCALL": _DYNAMIC
    + """
tile[o + H0 + 4] = np.uint64(depth)
tile[o + H0 + 5] = np.uint64(overflow_addr)
CALLEE
NEW_FRAME_POINTER
for i in range(4):
    fn_hash[i] = word[i]
""",
    "SPAN": "START",
    "RESPAN": "current_addr += 8",
    "END": "FINISH_BLOCK(0, 0)\nCONTINUE",
    # Where the fragment begins with this END, only its flag says whether the loop ran; a condition of 0 is then on top.
    "END_LOOP": """
FINISH_BLOCK(IS_LOOP, LOOP_ENTERED)
if loop_entered >= 0 and flags & LOOP_ENTERED != loop_entered:
    STOP(15)
if flags & LOOP_ENTERED:
    if stack[t] != ZERO:
        STOP(15)
    LEFT
loop_entered = -1
CONTINUE
""",
    "END_CALL": _CALL_RETURN.format(flags="IS_CALL"),
    "END_SYSCALL": _CALL_RETURN.format(flags="IS_SYSCALL"),
}
