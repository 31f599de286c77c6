"""The executor's control rows as step text: starts, REPEAT, RESPAN, ENDs and external nodes (spec 03, section 5).

Names as in :mod:`parallel.executor_steps`; ``continuations`` holds the rows to go on with, ``callers`` what an END restores.
"""

from __future__ import annotations

CONTROL_STEPS: dict[str, str] = {
    "JOIN": """
START(0, 1)
continuations[n_frames] = pc + 1
continuations[n_frames + 1] = second_target[pc]
n_frames += 2
next_pc = first_target[pc]
""",
    "SPLIT": """
value = stack[t]
if value > ONE:
    ERROR(NOT_BINARY_VALUE_IF)
START(0, 1)
continuations[n_frames] = pc + 1
n_frames += 1
next_pc = first_target[pc] if value == ONE else second_target[pc]
LEFT
""",
    "LOOP": """
value = stack[t]
if value > ONE:
    ERROR(NOT_BINARY_VALUE_LOOP)
START(IS_LOOP | (np.int64(value) << 2), 1)
if value == ONE:
    continuations[n_frames] = pc + 1
    n_frames += 1
    next_pc = first_target[pc]
else:
    next_pc = pc + 2
LEFT
""",
    "REPEAT": """
continuations[n_frames] = pc
n_frames += 1
next_pc = first_target[pc]
LEFT
""",
    "CALL": """
SAVE_CONTEXT
START(IS_CALL, 1)
continuations[n_frames] = pc + 1
n_frames += 1
next_pc = first_target[pc]
OPEN_CONTEXT
for i in range(4):
    fn_hash[i] = digests[second_target[pc], i]
NEW_FRAME_POINTER
""",
    "SYSCALL": """
if second_target[pc] < 0:
    ERROR(SYSCALL_TARGET_NOT_IN_KERNEL)
SAVE_CONTEXT
START(IS_SYSCALL, 1)
kernel_calls[second_target[pc]] += 1
continuations[n_frames] = pc + 1
n_frames += 1
next_pc = first_target[pc]
OPEN_CONTEXT
ctx = 0
""",
    "DYN": """
address = stack[t]
WORD
if answered == 0:
    for i in range(4):
        answer[i] = memory[slot, i]
HOST
START(0, 1)
RECORD_ACCESS(ACCESS_READ | ACCESS_WORD)
continuations[n_frames] = pc + 1
n_frames += 1
DYNAMIC_TARGET
LEFT
""",
    "DYNCALL": """
address = stack[t]
WORD
if answered == 0:
    for i in range(4):
        answer[i] = memory[slot, i]
SAVE_CONTEXT
HOST
START(IS_CALL, 1)
RECORD_ACCESS(ACCESS_READ | ACCESS_WORD)
word_slot = slot
continuations[n_frames] = pc + 1
n_frames += 1
DYNAMIC_TARGET
LEFT
OPEN_CONTEXT
for i in range(4):
    fn_hash[i] = memory[word_slot, i]
NEW_FRAME_POINTER
""",
    "SPAN": "START(0, first_target[pc])",
    "RESPAN": "blocks[n_blocks - 1] += 8",
    "END": "FINISH_BLOCK\nCONTINUE",
    "END_LOOP": "FINISH_BLOCK\nif block_flags[n_blocks] & LOOP_ENTERED:\n    LEFT\nCONTINUE",
    "END_CALL": """
if depth != 16:
    ERROR(INVALID_STACK_DEPTH_ON_RETURN)
FINISH_BLOCK
n_callers -= 1
caller = callers[n_callers]
for i in range(caller.top - 15, caller.top + 1):
    stack[i] = stack[t - caller.top + i]
t = caller.top
depth = caller.depth
ctx = caller.ctx
restore = restores[n_restores]
restore.ctx = ctx
for i in range(4):
    fn_hash[i] = caller.fn_hash[i]
    restore.fn_hash[i] = fn_hash[i]
restore.depth = depth
restore.overflow_addr = pushed[t - 16] if depth > 16 else 0
n_restores += 1
CONTINUE
""",
    # An external node has no row: the clock stands still and the boundary check comes again for the row it resolves to.
    "EXTERNAL": """
if first_target[pc] == NO_PROCEDURE:
    ERROR(NO_MAST_FOREST_WITH_PROCEDURE)
if n_frames + 4 > continuations.shape[0]:
    status = NEED_ROOM
    break
if second_target[pc] >= 0:
    HOST
if first_target[pc] == CIRCULAR:
    ERROR(CIRCULAR_EXTERNAL_NODE)
continuations[n_frames] = pc + 1
continuations[n_frames + 1] = ENTER_FOREST_PC
n_frames += 2
pc = first_target[pc]
continue
""",
}
CONTROL_STEPS["END_SYSCALL"] = CONTROL_STEPS["END_CALL"]
