"""The executor's operations as step text (see :mod:`parallel.source`): effect and recording, no trace cells.

Names: ``stack[t]`` is the top and ``stack[t - i]`` item i; ``pushed[j]`` is the clk at which slot j left the 16-item window;
``clk``, ``ctx``, ``depth`` as in the trace; ``key`` and ``slot`` address a memory word. ``n_*`` count queue entries.
"""

from __future__ import annotations

from reference.definition.isa import opcode

_U32_RESULT = "stack[t] = value >> S32\nstack[t - 1] = value & U32_MAX"


def _moves() -> dict[str, str]:
    """DUPn, MOVUPn, MOVDNn and the word swaps."""
    steps = {f"DUP{n}": f"value = stack[t - {n}]\nRIGHT\nstack[t] = value" for n in (*range(8), 9, 11, 13, 15)}
    for n in range(2, 9):
        up = "\n".join(f"stack[t - {i}] = stack[t - {i - 1}]" for i in range(n, 0, -1))
        down = "\n".join(f"stack[t - {i}] = stack[t - {i + 1}]" for i in range(n))
        steps[f"MOVUP{n}"] = f"value = stack[t - {n}]\n{up}\nstack[t] = value"
        steps[f"MOVDN{n}"] = f"value = stack[t]\n{down}\nstack[t - {n}] = value"
    for name, width, distance in (("SWAPW", 4, 4), ("SWAPW2", 4, 8), ("SWAPW3", 4, 12), ("SWAPDW", 8, 8)):
        steps[name] = f"""
for i in range({width}):
    value = stack[t - i]
    stack[t - i] = stack[t - i - {distance}]
    stack[t - i - {distance}] = value
"""
    return steps


OPERATION_STEPS: dict[str, str] = {
    **_moves(),
    "NOOP": "pass",
    "ASSERT": "if stack[t] != ONE:\n    ERROR(FAILED_ASSERTION)\nLEFT",
    "SDEPTH": "value = np.uint64(depth)\nRIGHT\nstack[t] = value",
    "CALLER": "for i in range(4):\n    stack[t - i] = fn_hash[3 - i]",
    "CLK": "RIGHT\nstack[t] = np.uint64(clk)",
    "EMIT": "HOST",
    # field
    "ADD": "value = add(stack[t], stack[t - 1])\nLEFT\nstack[t] = value",
    "NEG": "stack[t] = subtract(ZERO, stack[t])",
    "MUL": "value = multiply(stack[t], stack[t - 1])\nLEFT\nstack[t] = value",
    "INV": "if stack[t] == ZERO:\n    ERROR(DIVIDE_BY_ZERO)\nstack[t] = inverse_or_zero(stack[t])",
    "INCR": "stack[t] = add(stack[t], ONE)",
    "NOT": "BINARY\nstack[t] = ONE - stack[t]",
    "AND": "BINARY_2\nvalue = stack[t] & stack[t - 1]\nLEFT\nstack[t] = value",
    "OR": "BINARY_2\nvalue = stack[t] | stack[t - 1]\nLEFT\nstack[t] = value",
    "EQ": "value = ONE if stack[t] == stack[t - 1] else ZERO\nLEFT\nstack[t] = value",
    "EQZ": "stack[t] = ONE if stack[t] == ZERO else ZERO",
    "EXPACC": """
value = stack[t - 3]
stack[t] = value & ONE
if value & ONE:
    stack[t - 2] = multiply(stack[t - 2], stack[t - 1])
stack[t - 1] = multiply(stack[t - 1], stack[t - 1])
stack[t - 3] = value >> ONE
""",
    "EXT2MUL": """
low, high = extension_multiply(stack[t - 3], stack[t - 2], stack[t - 1], stack[t])
stack[t - 2] = high
stack[t - 3] = low
""",
    # u32
    "U32SPLIT": f"value = stack[t]\nRIGHT\n{_U32_RESULT}",
    "U32ASSERT2": "U32_2",
    "U32ADD": f"U32_2\nvalue = stack[t] + stack[t - 1]\n{_U32_RESULT}",
    "U32ADD3": f"U32_3\nvalue = stack[t] + stack[t - 1] + stack[t - 2]\nLEFT\n{_U32_RESULT}",
    "U32SUB": "U32_2\nvalue = stack[t - 1] - stack[t]\nstack[t] = value >> S63\nstack[t - 1] = value & U32_MAX",
    "U32MUL": f"U32_2\nvalue = stack[t] * stack[t - 1]\n{_U32_RESULT}",
    "U32MADD": f"U32_3\nvalue = stack[t] * stack[t - 1] + stack[t - 2]\nLEFT\n{_U32_RESULT}",
    "U32DIV": """
U32_2
if stack[t] == ZERO:
    ERROR(DIVIDE_BY_ZERO)
value = stack[t - 1] // stack[t]
stack[t] = stack[t - 1] - value * stack[t]
stack[t - 1] = value
""",
    "U32AND": "U32_2\nvalue = stack[t] & stack[t - 1]\nn_bitwise += 1\nLEFT\nstack[t] = value",
    "U32XOR": "U32_2\nvalue = stack[t] ^ stack[t - 1]\nn_bitwise += 1\nLEFT\nstack[t] = value",
    # stack
    "PAD": "RIGHT\nstack[t] = ZERO",
    "PUSH": "RIGHT\nstack[t] = immediate[pc]",
    "DROP": "LEFT",
    "SWAP": "value = stack[t]\nstack[t] = stack[t - 1]\nstack[t - 1] = value",
    "CSWAP": """
BINARY
value = stack[t]
LEFT
if value == ONE:
    value = stack[t]
    stack[t] = stack[t - 1]
    stack[t - 1] = value
""",
    "CSWAPW": """
BINARY
value = stack[t]
LEFT
if value == ONE:
    for i in range(4):
        value = stack[t - i]
        stack[t - i] = stack[t - i - 4]
        stack[t - i - 4] = value
""",
    # input and output
    "ADVPOP": "HOST\nadvice[n_advice] = answer[0]\nn_advice += 1\nRIGHT\nstack[t] = answer[0]",
    "ADVPOPW": """
HOST
for i in range(4):
    advice[n_advice + i] = answer[i]
    stack[t - 3 + i] = answer[i]
n_advice += 4
""",
    "MLOAD": "ELEMENT\nstack[t] = memory[slot, element]\nRECORD_ACCESS(ACCESS_READ | (element << 2))",
    "MSTORE": "ELEMENT\nmemory[slot, element] = stack[t - 1]\nRECORD_ACCESS(element << 2)\nLEFT",
    "MLOADW": """
address = stack[t]
WORD
RECORD_ACCESS(ACCESS_READ | ACCESS_WORD)
LEFT
for i in range(4):
    stack[t - i] = memory[slot, 3 - i]
""",
    "MSTOREW": """
address = stack[t]
WORD
for i in range(4):
    memory[slot, i] = stack[t - 4 + i]
RECORD_ACCESS(ACCESS_WORD)
LEFT
""",
    "MSTREAM": """
address = stack[t - 12]
WORD
for i in range(4):
    answer[i] = memory[slot, i]
RECORD_ACCESS(ACCESS_READ | ACCESS_WORD)
address = address + np.uint64(4)
WORD
RECORD_ACCESS(ACCESS_READ | ACCESS_WORD)
for i in range(4):
    stack[t - i] = memory[slot, 3 - i]
    stack[t - 4 - i] = answer[3 - i]
stack[t - 12] = add(stack[t - 12], np.uint64(8))
""",
    "PIPE": """
HOST
address = stack[t - 12]
WORD
for i in range(4):
    memory[slot, i] = answer[i]
RECORD_ACCESS(ACCESS_WORD)
address = address + np.uint64(4)
WORD
for i in range(4):
    memory[slot, i] = answer[4 + i]
RECORD_ACCESS(ACCESS_WORD)
for i in range(8):
    advice[n_advice + i] = answer[i]
    stack[t - 7 + i] = answer[i]
n_advice += 8
stack[t - 12] = add(stack[t - 12], np.uint64(8))
""",
    # hashing
    "HPERM": """
ROOM_FOR_PERMUTATIONS(1)
for i in range(12):
    permutation_words[n_permutations * 96 + i] = stack[t - 11 + i]
PERMUTE
for i in range(12):
    stack[t - 11 + i] = permutation_words[n_permutations * 96 - 12 + i]
""",
    "LOGPRECOMPILE": """
ROOM_FOR_PERMUTATIONS(1)
for i in range(12):
    permutation_words[n_permutations * 96 + i] = transcript[i] if i < 4 else stack[t - 11 + i]
PERMUTE
for i in range(12):
    stack[t - 11 + i] = permutation_words[n_permutations * 96 - 12 + i]
for i in range(4):
    transcript[i] = permutation_words[n_permutations * 96 - 12 + i]
""",
    "MPVERIFY": """
ROOM_FOR_PERMUTATIONS(128)
HOST
levels = np.int64(stack[t - 4])
merkle_root(permutation_words, n_permutations, stack, t - 3, answer, levels, stack[t - 5], constants)
n_permutations += levels
hasher_addr += 8 * levels
if not same_word(permutation_words, n_permutations * 96 - 8, stack, t - 9):
    ERROR(MERKLE_PATH_VERIFICATION_FAILED)
""",
    "MRUPDATE": """
ROOM_FOR_PERMUTATIONS(128)
HOST
levels = np.int64(stack[t - 4])
merkle_root(permutation_words, n_permutations, stack, t - 3, answer, levels, stack[t - 5], constants)
n_permutations += levels
if not same_word(permutation_words, n_permutations * 96 - 8, stack, t - 9):
    ERROR(MERKLE_PATH_VERIFICATION_FAILED)
merkle_root(permutation_words, n_permutations, stack, t - 13, answer, levels, stack[t - 5], constants)
n_permutations += levels
hasher_addr += 16 * levels
for i in range(4):
    stack[t - 3 + i] = permutation_words[n_permutations * 96 - 8 + i]
""",
    # proof verification
    "FRIE2F4": """
for i in range(16):
    item[i] = stack[t - i]
if item[9] > np.uint64(3):
    ERROR(INVALID_FRI_DOMAIN_SEGMENT)
i = np.int64(item[9])
if item[7 - 2 * i] != item[12] or item[6 - 2 * i] != item[11]:
    ERROR(INVALID_FRI_LAYER_FOLDING)
fri_fold(item, folded)
LEFT
for i in range(15):
    stack[t - i] = folded[i]
""",
    "HORNERBASE": """
address = stack[t - 13]
WORD
RECORD_ACCESS(ACCESS_READ | ACCESS_WORD)
for i in range(16):
    item[i] = stack[t - i]
horner_base(item, memory[slot, 0], memory[slot, 1], folded)
stack[t - 15] = folded[2]
stack[t - 14] = folded[3]
""",
    "HORNEREXT": """
address = stack[t - 13]
WORD
RECORD_ACCESS(ACCESS_READ | ACCESS_WORD)
for i in range(16):
    item[i] = stack[t - i]
horner_extension(item, memory[slot, 0], memory[slot, 1], folded)
stack[t - 15] = folded[2]
stack[t - 14] = folded[3]
""",
    "EVALCIRCUIT": """
circuit_error, results = evaluate_circuit(keys, memory, ctx, stack[t], stack[t - 1], stack[t - 2])
if circuit_error == 1:
    ERROR(ACE_CHIP_ERROR)
if circuit_error == 2:
    ERROR(ADDRESS_OUT_OF_BOUNDS)
if circuit_error == 3:
    ERROR(UNALIGNED_WORD_ACCESS)
if circuit_error == 4:
    ERROR(CIRCUIT_TOO_LARGE)
if circuit_error == 5:
    ERROR(TOO_MANY_READS)
room_needed = circuit_rows(stack[t - 1], stack[t - 2])
if n_accesses + room_needed + 8 > accesses.shape[0] or n_ace + room_needed > ace.shape[0]:
    status = NEED_ROOM
    break
record_circuit(keys, memory, ctx, clk, stack[t], stack[t - 1], stack[t - 2], results, accesses, n_accesses, ace, n_ace)
n_accesses += room_needed
n_ace += room_needed
room_needed = 0
""",
}


def block_step_codes() -> dict[int, str]:
    """Step text of every block operation by opcode."""
    return {opcode(name): text for name, text in OPERATION_STEPS.items()}
