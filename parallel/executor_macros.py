"""What the executor's steps have in common: macros (see :mod:`parallel.source`), and the errors a step can end with."""

from __future__ import annotations

# Index is the code of ERROR(...); the flag says whether the real VM reports a clk.
ERRORS: tuple[tuple[str, bool], ...] = (
    ("", False),
    ("FailedAssertion", True),
    ("DivideByZero", True),
    ("NotU32Values", False),
    ("NotBinaryValueOp", False),
    ("NotBinaryValueIf", False),
    ("NotBinaryValueLoop", False),
    ("MemoryError.AddressOutOfBounds", False),
    ("MemoryError.UnalignedWordAccess", True),
    ("SyscallTargetNotInKernel", False),
    ("InvalidStackDepthOnReturn", False),
    ("InvalidFriDomainSegment", False),
    ("InvalidFriLayerFolding.QuadExtension", False),
    ("AceChipError", False),
    ("MerklePathVerificationFailed", False),
    ("NoMastForestWithProcedure", False),
    ("CircularExternalNode.Word", False),
    ("OutputStackOverflow", False),
    ("CircuitTooLarge", False),
    ("TooManyReads", False),
)
ERROR_CODE = {name: code for code, (name, _) in enumerate(ERRORS)}

MACROS: dict[str, str] = {
    "ERROR": "error = $1\nbreak",
    # The row needs an answer of the host: leave with the row not begun, run it when the answer is there.
    "HOST": "if answered == 0:\n    status = NEED_HOST\n    break\nanswered = 0",
    "RIGHT": "pushed[t - 15] = clk\nt += 1\ndepth += 1",
    "LEFT": """
if depth > 16:
    depth -= 1
    pop = pops[n_pops]
    pop.value = stack[t - 16]
    pop.overflow_addr = pushed[t - 17] if depth > 16 else 0
    n_pops += 1
    t -= 1
else:
    for i in range(t, t - 15, -1):
        stack[i] = stack[i - 1]
    stack[t - 15] = ZERO
""",
    "SLOT": """
slot = find_slot(keys, key)
if keys[slot] != key:
    keys[slot] = key
    for i in range(4):
        memory[slot, i] = ZERO
    n_memory += 1
    if n_memory > memory_limit:
        room_clk = min(room_clk, clk + 1)
        stop = min(stop, clk + 1)
""",
    "RECORD_ACCESS": """
entry = accesses[n_accesses]
entry.key = key
entry.clk = clk
entry.kind = $1
for i in range(4):
    entry.word[i] = memory[slot, i]
n_accesses += 1
""",
    "ELEMENT": """
address = stack[t]
if address > U32_MAX:
    ERROR(ADDRESS_OUT_OF_BOUNDS)
key = (np.uint64(ctx) << S32) | (address & WORD_MASK)
element = np.int64(address & np.uint64(3))
SLOT
""",
    "WORD": """
if address > U32_MAX:
    ERROR(ADDRESS_OUT_OF_BOUNDS)
if address & np.uint64(3):
    ERROR(UNALIGNED_WORD_ACCESS)
key = (np.uint64(ctx) << S32) | address
SLOT
""",
    "BINARY": "if stack[t] > ONE:\n    ERROR(NOT_BINARY_VALUE_OP)",
    "BINARY_2": "if stack[t] > ONE or stack[t - 1] > ONE:\n    ERROR(NOT_BINARY_VALUE_OP)",
    "U32_2": "if stack[t] > U32_MAX or stack[t - 1] > U32_MAX:\n    ERROR(NOT_U32_VALUES)",
    "U32_3": "if stack[t] > U32_MAX or stack[t - 1] > U32_MAX or stack[t - 2] > U32_MAX:\n    ERROR(NOT_U32_VALUES)",
    # Enter a node: parent flags, block stack, hasher address. $1: own flags; $2: permutations of the request.
    "START": """
if n_blocks + 4 > blocks.shape[0] or n_frames + 4 > continuations.shape[0]:
    status = NEED_ROOM
    break
own = $1
if n_blocks > 0 and block_flags[n_blocks - 1] & IS_LOOP:
    own |= IS_LOOP_BODY
blocks[n_blocks] = hasher_addr
block_flags[n_blocks] = own
n_blocks += 1
hasher_addr += 8 * ($2)
""",
    "FINISH_BLOCK": """
n_blocks -= 1
end = ends[n_ends]
end.node_flags = block_flags[n_blocks]
end.current_addr = blocks[n_blocks - 1] if n_blocks > 0 else 0
end.parent_addr = blocks[n_blocks - 2] if n_blocks > 1 else 0
n_ends += 1
""",
    "CONTINUE": """
n_frames, next_pc = pop_continuation(continuations, n_frames, kind)
if next_pc >= 0 and kind[next_pc] == REPEAT:
    if stack[t] == ZERO:
        next_pc += 1
    elif stack[t] != ONE:
        ERROR(NOT_BINARY_VALUE_LOOP)
""",
    "SAVE_CONTEXT": """
if n_callers + 4 > callers.shape[0] or t + 64 > stack.shape[0]:
    status = NEED_ROOM
    break
""",
    # The callee's window stands right above the caller's; below it is what END brings back.
    "OPEN_CONTEXT": """
caller = callers[n_callers]
caller.ctx = ctx
for i in range(4):
    caller.fn_hash[i] = fn_hash[i]
caller.top = t
caller.depth = depth
n_callers += 1
for i in range(t - 15, t + 1):
    stack[i + 16] = stack[i]
t += 16
depth = 16
""",
    "NEW_FRAME_POINTER": """
ctx = clk + 1
key = (np.uint64(ctx) << S32) | FRAME_POINTER_WORD
SLOT
memory[slot, 2] = FRAME_POINTER_START
RECORD_ACCESS(2 << 2)
""",
    "PERMUTE": """
permutation_states(permutation_words, n_permutations * 96, constants)
n_permutations += 1
hasher_addr += 8
""",
    "ROOM_FOR_PERMUTATIONS": "if n_permutations + $1 > permutations.shape[0]:\n    status = NEED_ROOM\n    break",
    "DYNAMIC_TARGET": """
target = targets[n_targets]
target.pc = target_pc
target.enters_forest = enters_forest
n_targets += 1
if enters_forest:
    continuations[n_frames] = ENTER_FOREST_PC
    n_frames += 1
next_pc = target_pc
""",
}
